"""Whether probabilities mean what they say: of all that was given 0.9, nine in ten should have been so."""

from typing import Final

import numpy as np
import pandas as pd

from berthwatch.scoring import Score

BINS: Final = 10


def calibration_score(predicted: pd.Series, happened: pd.Series) -> Score:
    """Brier score of probabilities, and the reliability curve: how often happened what was given each probability.

    Parameters
    ----------
    predicted : Series of float64
        Probabilities. Where one is missing, the row is left out.
    happened : Series of bool
        Whether it was so; of the same length.

    Returns
    -------
    dict
        `brier` (None without data), `count`, and ten `bins` of equal width, each with `low`, `high`, `count`,
        `mean_predicted` and `observed` (None in an empty bin).

    Notes
    -----
    Brier 1950, Mon. Wea. Rev. 78(1), as the mean square of prediction less outcome (0 is perfect).

    Examples
    --------
    >>> score = calibration_score(pd.Series([0.9, 0.95, 1.0, 0.2]), pd.Series([True, True, False, False]))
    >>> round(score["brier"], 4), [(b["count"], b["observed"]) for b in score["bins"]][-1]
    (0.2631, (3, 0.6666666666666666))
    """
    stated = predicted.notna().to_numpy(np.bool_)
    p = predicted.to_numpy(np.float64, na_value=np.nan)[stated]
    so = happened.to_numpy(np.bool_)[stated]
    number = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    bins = []
    for index in range(BINS):
        own = number == index
        count = int(own.sum())
        bins.append(
            {
                "low": index / BINS,
                "high": (index + 1) / BINS,
                "count": count,
                "mean_predicted": float(p[own].mean()) if count else None,
                "observed": float(so[own].mean()) if count else None,
            }
        )
    return {"brier": float(np.mean((p - so) ** 2)) if p.size else None, "count": int(p.size), "bins": bins}
