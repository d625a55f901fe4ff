"""Change between two images of one place: a boolean map without training, the same setting for all.

The log-ratio of two scenes is piecewise constant where nothing but whole fields, hulls and banks change, so that its
speckle is taken away by total variation (Rudin, Osher and Fatemi 1992, doi 10.1016/0167-2789(92)90242-F), as much as
the speckle is strong. Otsu's threshold gives two classes; as change is rare, the threshold is then moved to where
a pixel is as likely changed as not, given the classes' means, their shares and the spread of what is unchanged.
"""

from typing import Final, overload

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter, uniform_filter
from scipy.special import expit, polygamma
from skimage.filters import threshold_otsu
from skimage.restoration import denoise_tv_chambolle

FLOOR: Final = 0.5
FLOOR_QUANTILE: Final = 0.05
"""Half of what the darkest pixels have is added to both images: below it, ratios are of noise and of rounding. A
quantile, and not a share of the usual brightness, is the same pixel's for amplitudes and intensities."""
BLUR_PX: Final = 0.8
"""Before total variation, which takes single bright pixels for edges."""
SPECKLE_PX: Final = 5
SPECKLE_QUANTILE: Final = 0.3
"""Speckle is the spread within windows of this size, in those that hold no edge."""
LEAST_SPREAD: Final = 1e-6
ROUNDS: Final = 100
SETTLED: Final = 1e-4
LEAST_CHANGED_PX: Final = 3.0

type Image = NDArray[np.float64]


@overload
def change_pair(before: xr.DataArray, after: xr.DataArray, *, looks: float | None = None) -> xr.DataArray: ...
@overload
def change_pair(before: ArrayLike, after: ArrayLike, *, looks: float | None = None) -> NDArray[np.bool_]: ...
def change_pair(
    before: ArrayLike | xr.DataArray, after: ArrayLike | xr.DataArray, *, looks: float | None = None
) -> NDArray[np.bool_] | xr.DataArray:
    """Which pixels changed between two images of one place.

    Parameters
    ----------
    before, after : (y, x) array or DataArray
        Co-registered, on any positive scale that is proportional to brightness: intensity, amplitude, 8-bit greys;
        not decibels. NaN where there are no data. More than half of what is seen must be unchanged.
    looks : float, optional
        Equivalent looks of intensities; the images themselves tell how strong their speckle is where it is not given.

    Returns
    -------
    (y, x) bool array, or a DataArray like `before`
        False where either image has no data.

    Raises
    ------
    ValueError
        Images of different shapes, not of two dimensions, with negative or infinite values, or looks not above 0.

    >>> rng = np.random.default_rng(1)
    >>> before, after = rng.gamma(4, 25, (2, 80, 80))
    >>> after[30:50, 20:60] *= 5
    >>> found = change_pair(before, after)
    >>> bool(found[32:48, 22:58].mean() > 0.95), bool(found[:25].any())
    (True, False)
    """
    first, second = (_checked(image, name) for image, name in ((before, "before"), (after, "after")))
    if first.shape != second.shape:
        raise ValueError(f"change_pair: expected two images of one shape, got {first.shape} and {second.shape}")
    if looks is not None and not looks > 0:
        raise ValueError(f"change_pair: expected looks above 0, got {looks}")
    seen = np.isfinite(first) & np.isfinite(second)
    changed = np.zeros(first.shape, np.bool_)
    if seen.any():
        change = _despeckled(_log_ratio(first, second, seen), seen, looks)
        changed[seen] = _is_changed(change[seen])
    return before.copy(data=changed) if isinstance(before, xr.DataArray) else changed


def _checked(image: ArrayLike | xr.DataArray, name: str) -> Image:
    values = np.asarray(image, np.float64)
    if values.ndim != 2:
        raise ValueError(f"change_pair: expected an image (y, x) as `{name}`, got {values.ndim} dimensions")
    if (values < 0).any() or np.isinf(values).any():
        raise ValueError(
            f"change_pair: expected values from 0 up in `{name}`, got {np.nanmin(values):g} to {np.nanmax(values):g};"
            " decibels must be turned into intensities"
        )
    return values


def _log_ratio(before: Image, after: Image, seen: NDArray[np.bool_]) -> Image:
    """ln(after / before), 0 in the median and where not seen; a difference in gain is undone before."""
    ratio = np.zeros(before.shape)
    both = seen & (before > 0) & (after > 0)
    if not both.any():
        return ratio
    gain = float(np.exp(np.median(np.log(after[both] / before[both]))))
    one, two = before[seen], after[seen] / gain
    values = np.concatenate([one, two])
    floor = FLOOR * float(np.quantile(values[values > 0], FLOOR_QUANTILE))
    ratio[seen] = np.log((two + floor) / (one + floor))
    ratio[seen] -= np.median(ratio[seen])
    return ratio


def _speckle(ratio: Image, seen: NDArray[np.bool_]) -> float:
    """Standard deviation of the log-ratio where nothing but speckle varies."""
    mean = uniform_filter(ratio, SPECKLE_PX)
    variance = np.maximum(uniform_filter(ratio * ratio, SPECKLE_PX) - mean * mean, 0)
    whole = uniform_filter(seen.astype(np.float64), SPECKLE_PX) > 1 - 1e-6
    return float(np.sqrt(np.quantile(variance[whole if whole.any() else seen], SPECKLE_QUANTILE)))


def _despeckled(ratio: Image, seen: NDArray[np.bool_], looks: float | None) -> Image:
    # the variance of the logarithm of gamma speckle is the trigamma function of the looks, here of two images
    speckle = _speckle(ratio, seen) if looks is None else float(np.sqrt(2 * polygamma(1, looks)))
    smooth: Image = gaussian_filter(ratio, BLUR_PX)
    if speckle > LEAST_SPREAD:
        smooth = np.asarray(denoise_tv_chambolle(smooth, weight=speckle), np.float64)
    return smooth - float(np.median(smooth[seen]))


def _is_changed(change: Image) -> NDArray[np.bool_]:
    """Which of these (n,) changes are not of the class of those unchanged."""
    size = np.abs(change)
    spread = max(1.4826 * float(np.median(np.abs(change - np.median(change)))), LEAST_SPREAD)
    if float(np.ptp(size)) <= LEAST_SPREAD:
        return np.zeros(size.shape, np.bool_)
    upper = size > float(threshold_otsu(size))
    if not upper.any() or _is_all_one(size, upper, spread):
        return np.zeros(size.shape, np.bool_)
    return size > _bayes_threshold(size[~upper].mean(), size[upper].mean(), float(upper.mean()), spread)


def _bayes_threshold(usual: float, changed: float, share: float, spread: float) -> float:
    """Where two normal classes of one spread are equally likely, the rarer being the upper one."""
    apart = changed - usual
    return usual + apart / 2 + spread**2 * float(np.log((1 - share) / share)) / apart


def _is_all_one(size: Image, upper: NDArray[np.bool_], spread: float) -> bool:
    """Whether the two classes vanish into one when each pixel is shared out between them as is likely (EM)."""
    share, usual, changed = float(upper.mean()), float(size[~upper].mean()), float(size[upper].mean())
    for _ in range(ROUNDS):
        odds = (changed - usual) / spread**2 * (size - (usual + changed) / 2) + np.log(share / (1 - share))
        p = expit(odds)
        if p.sum() < LEAST_CHANGED_PX or (1 - p).sum() < LEAST_CHANGED_PX:
            return True
        before = changed
        usual, changed = float((1 - p) @ size / (1 - p).sum()), float(p @ size / p.sum())
        share = float(p.mean())
        if abs(changed - before) < SETTLED:
            break
    return _bayes_threshold(usual, changed, share, spread) >= float(size.max())
