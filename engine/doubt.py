"""Whether what a look measured has anything to do with the vessel that lies there.

Half a dark deck is lost in the water beside it, a barge lies alongside, a wake or a jetty runs on: then size, place and
freeboard are wrong together, and none of them says who it is. How likely that is at a look follows from how unlike
all that may come its measurements are; but no look is ever free of it, so that no single one is proof.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from berthwatch.load import MISREAD_SPAN_M
from berthwatch.place import Places

MISREAD_HULLS: Final = 0.08
"""[assumed] Share of hulls of which what was measured has nothing to do with the vessel:"""
ANY_LENGTH_M: Final = 150.0
ANY_BEAM_M: Final = 30.0
"""any size in this range is then as likely as any other, any place within twice the reach, any freeboard."""


def log_doubt(
    looks: pd.DataFrame, log_hull: NDArray[np.float64], places: Places
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logarithms of the probability that a look's measurements have nothing to do with its vessel, and that they have.

    Parameters
    ----------
    looks : DataFrame
        n rows with the columns of `observations`.
    log_hull : (n,) float64
        Density of size and freeboard, in the mean over who usually comes at which load.
    places : Places
        And that of the place.

    Returns
    -------
    (n,) and (n,) float64; -inf and 0 where nothing was measured.
    """
    sized = (looks["hull_length_m"].notna() & looks["hull_beam_m"].notna()).to_numpy()
    high = (looks["freeboard_m"].notna() & looks["freeboard_sigma_m"].notna()).to_numpy()
    placed = np.isfinite(places.log_mean)
    log_any = -np.log(ANY_LENGTH_M * ANY_BEAM_M) * sized - np.log(MISREAD_SPAN_M) * high
    log_any -= np.log(4 * places.reach_m) * placed if places.reach_m else 0.0
    wrong = np.log(MISREAD_HULLS) + log_any
    right = np.log1p(-MISREAD_HULLS) + log_hull + np.nan_to_num(places.log_mean)
    measured, either = sized | high | placed, np.logaddexp(wrong, right)
    return np.where(measured, wrong - either, -np.inf), np.where(measured, right - either, 0.0)
