"""Change between two optical images of one place by all their bands at once, indifferent to gains, offsets and haze.

The differences that count are those of combinations of bands, chosen so that what did not change correlates most.
"""

from typing import overload

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from berthwatch.kernels.irmad import Alteration
from berthwatch.kernels.irmad import irmad as irmad_of_images


@overload
def irmad(
    before: xr.DataArray,
    after: xr.DataArray,
    *,
    iterations: int = ...,
    penalty: float = ...,
    nodata: float | None = ...,
    as_published: bool = ...,
) -> xr.Dataset: ...
@overload
def irmad(
    before: ArrayLike,
    after: ArrayLike,
    *,
    iterations: int = ...,
    penalty: float = ...,
    nodata: float | None = ...,
    as_published: bool = ...,
) -> Alteration: ...
def irmad(
    before: ArrayLike | xr.DataArray,
    after: ArrayLike | xr.DataArray,
    *,
    iterations: int = 50,
    penalty: float = 0.0,
    nodata: float | None = None,
    as_published: bool = False,
) -> Alteration | xr.Dataset:
    """Iteratively reweighted multivariate alteration detection (Nielsen 2007, doi 10.1109/TIP.2006.888195).

    Of a whole port, not of a berth alone: its statistics are those of what did not change.

    Parameters
    ----------
    before, after : (band, y, x) array or DataArray
        Co-registered, the same bands in the same order, on any scale; dask arrays are computed. NaN where there are
        no data. Float32 stays as it is, every other dtype is turned into float64.
    iterations
        At most so many; 1 is the plain MAD transformation.
    penalty
        0 to below 1: the share of the unit matrix mixed into each image's covariances, for bands that are nearly
        dependent; the result then depends on the bands' scale.
    nodata
        The number that stands for no data in either image; a pixel with it in any band is left out.
    as_published
        Leave out the correction without which the weights make far more of what did not change look changed than `p`
        says (`kernels.irmad`).

    Returns
    -------
    kernels.irmad.Alteration, or an xarray.Dataset of float64 where `before` is a DataArray
        `variates` (band, y, x), the best correlated pair's first; `z` (y, x), chi-square with as many degrees of
        freedom as bands where nothing changed; `p` (y, x), its upper tail: the p-value of no change. NaN where either
        image has no data. `correlations` (band), canonical; `iterations` done; `converged`: whether the correlations
        moved by no more than 0.001 at the last. In a Dataset the band dimension of `variates` and `correlations` is
        `variate`, and the last two are attributes.

    Raises
    ------
    ValueError
        Images that are not of one shape (band, y, x); no more than twice as many pixels seen as there are bands; a band
        that is constant, or depends on others; images that are each other's linear transformation; iterations or
        penalty out of what is said above.

    >>> rng = np.random.default_rng(1)
    >>> before = rng.normal(size=(3, 60, 60))
    >>> after = 2 * before + 5 + 0.1 * rng.normal(size=before.shape)
    >>> after[:, 10:15, 20:30] += 3
    >>> found = irmad(before, after)
    >>> bool((found.p[10:15, 20:30] < 1e-6).all()), int((found.p < 1e-6).sum())
    (True, 50)
    """
    first, second = (_values(image, name, nodata) for image, name in ((before, "before"), (after, "after")))
    if first.shape != second.shape:
        raise ValueError(f"irmad: expected two images of one shape, got {first.shape} and {second.shape}")
    found = irmad_of_images(first, second, iterations, penalty, as_published=as_published)
    return _labelled(found, before) if isinstance(before, xr.DataArray) else found


def _values(image: ArrayLike | xr.DataArray, name: str, nodata: float | None) -> NDArray[np.floating]:
    values = np.asarray(image)
    if values.ndim != 3:
        raise ValueError(f"irmad: expected an image (band, y, x) as `{name}`, got {values.ndim} dimensions")
    floats = values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)
    return floats if nodata is None else np.where(values == nodata, np.nan, floats)


def _labelled(found: Alteration, like: xr.DataArray) -> xr.Dataset:
    place = like.isel({like.dims[0]: 0}, drop=True)
    fields = {name: place.copy(data=getattr(found, name)).rename(name) for name in ("z", "p")}
    variates = xr.DataArray(found.variates, dims=("variate", *place.dims))
    correlations = xr.DataArray(found.correlations, dims="variate")
    said = {"iterations": found.iterations, "converged": found.converged}
    return xr.Dataset({"variates": variates, "correlations": correlations, **fields}, attrs=said)
