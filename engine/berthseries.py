"""Series of berths straight from a cube: what the pixels of each berth say, scene by scene, each by its share inside.

Only the chunks that berths touch are read, and what is lazy stays lazy. Pixels stand where they were delivered: scenes
that lie a pixel off (`shift_y_px`) are a pixel off here too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from berthwatch.berthweights import Berths, BerthWeights, berth_weights, grid_of_array
from berthwatch.errors import Fault, InputError
from berthwatch.georeference import GRID_MAPPING, crs_of
from berthwatch.kernels.spans import Spans, spans_of
from berthwatch.kernels.zonal import as_images, weighted_fraction, weighted_mean, weighted_variance
from berthwatch.kernels.zonal_quantile import weighted_quantile
from berthwatch.touched import reduce_touched

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_QUANTILE, _ABOVE = re.compile(f"q({_NUMBER})"), re.compile(f"above_({_NUMBER})")


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is asked for, by name: in which order, which quantiles among it, and which thresholds."""

    names: tuple[str, ...]
    quantiles: dict[str, float]
    thresholds: dict[str, float]

    @classmethod
    def of(cls, names: Sequence[str]) -> "Statistics":
        """Read the names; raises InputError for one that is none.

        >>> Statistics.of(["mean", "q50", "above_-15"]).thresholds
        {'above_-15': -15.0}
        """
        quantiles = {name: float(found[1]) / 100 for name in names if (found := _QUANTILE.fullmatch(name))}
        thresholds = {name: float(found[1]) for name in names if (found := _ABOVE.fullmatch(name))}
        known = {"mean", "var", *thresholds, *(name for name, q in quantiles.items() if 0.0 <= q <= 1.0)}
        wrong = [name for name in names if name not in known]
        if wrong or isinstance(names, str):
            expected = "a sequence of mean, var, q0 to q100, above_ and a number"
            raise InputError([Fault("statistics", expected, ", ".join(wrong) or repr(names))])
        return cls(tuple(dict.fromkeys(names)), quantiles, thresholds)


def zonal(
    cube: xr.DataArray | xr.Dataset,
    berths: Berths | BerthWeights,
    statistics: Sequence[str] = ("mean",),
    nodata: float | None = None,
) -> xr.Dataset:
    """Statistics of each berth in each scene, every pixel weighed by the exact share of it that lies in the berth.

    Parameters
    ----------
    cube : (..., y, x) DataArray, or Dataset of such
        uint8, uint16, int16, bool, float32 or float64, with a CRS; NaN is not seen. Lazy where it is on dask.
    berths : sequence of Berth, GeoDataFrame or BerthWeights
        `port.berths`, or polygons in any CRS (see `berth_weights`), or what `berth_weights` made of them before. They
        may overlap.
    statistics : sequence of str
        ``mean``; ``var``, the variance of the population; ``q50`` the median, ``q2.5`` the quantile 0.025;
        ``above_0.3`` the share of what was seen that is more than 0.3.
    nodata : float, optional
        The whole number that is not seen in an array of whole numbers.

    Returns
    -------
    xarray.Dataset
        A variable (berth, ...) float64 for each of the statistics, and `count`, how many pixels of the berth were seen,
        parts counted as parts; of a Dataset, each after the name of its variable, as `vv_mean`. `size_px` (berth) is
        how many pixels of it lie in the array. Where `count` is 0 all else is NaN.

    Raises
    ------
    InputError
        Of `berth_weights`; weights of another grid; a statistic of another name.
    ValueError
        Another dtype, or a `nodata` that is none of the array's.

    Notes
    -----
    A pixel of which a berth has a sliver is still one of the n of a quantile (`kernels.zonal_quantile`).
    A cube's mask hides no values: ``cube["nir"].where(cube["seen"] == 1)`` leaves out what it calls cloud. In other
    chunks sums are taken in another order, and their last bits may differ.

    >>> import geopandas as gpd, shapely, odc.geo.xr
    >>> images = xr.DataArray([[[1.0, 4.0]], [[2.0, np.nan]]], {"y": [25.0], "x": [5.0, 15.0]}, ("time", "y", "x"))
    >>> images = images.pad(y=(0, 1)).assign_coords(y=[25.0, 15.0]).odc.assign_crs("EPSG:32636")
    >>> berths = gpd.GeoDataFrame({"berth_id": ["B1"]}, geometry=[shapely.box(0, 20, 15, 30)], crs="EPSG:32636")
    >>> found = zonal(images, berths, ["mean", "above_1.5"])
    >>> found["mean"].values, found["above_1.5"].values.round(3), found["count"].values
    (array([[2., 2.]]), array([[0.333, 1.   ]]), array([[1.5, 1. ]]))
    """
    wanted = Statistics.of(statistics)
    weights = _checked(berths, cube) if isinstance(berths, BerthWeights) else berth_weights(cube, berths)
    return _series(cube, weights, wanted, nodata)


def _series(
    cube: xr.DataArray | xr.Dataset, weights: BerthWeights, wanted: Statistics, nodata: float | None
) -> xr.Dataset:
    spans = spans_of(weights.indptr, weights.indices, weights.weights)
    if isinstance(cube, xr.DataArray):
        found = _of_array(cube, weights, spans, wanted, nodata)
    else:
        dims = set(grid_of_array(cube)[1])
        found = {
            f"{name}_{statistic}": series
            for name, array in cube.data_vars.items()
            if dims <= set(array.dims)
            for statistic, series in _of_array(array, weights, spans, wanted, nodata).items()
        }
    return xr.Dataset({**found, "size_px": ("berth", spans.whole)}).assign_coords(berth=list(weights.berth_ids))


def _checked(weights: BerthWeights, cube: xr.DataArray | xr.Dataset) -> BerthWeights:
    grid = grid_of_array(cube)[0]
    if grid != weights.grid:
        expected = f"those of the array's grid, {_in_short(grid)}"
        raise InputError([Fault("weights", expected, f"those of {_in_short(weights.grid)}")])
    return weights


def _in_short(grid: GeoBox) -> str:
    corner = f"({grid.transform.c:.10g}, {grid.transform.f:.10g})"
    return f"{grid.shape[0]} x {grid.shape[1]} pixels from {corner} in {crs_of(grid).proj.name}"


def _of_array(
    array: xr.DataArray, weights: BerthWeights, spans: Spans, wanted: Statistics, nodata: float | None
) -> dict[str, xr.DataArray]:
    """Each statistic and the count of one variable, (berth, ...)."""
    _, dims = grid_of_array(array)
    images = array.transpose(..., *dims)
    if images.dtype == np.bool_:
        images = images.astype(np.uint8)
    # what the kernels refuse is refused now, and not once it is computed
    as_images(np.empty((0, weights.grid.shape[0] * weights.grid.shape[1]), images.dtype), spans, nodata)
    reduce = partial(_reduced, wanted=wanted, nodata=nodata)
    names = (*wanted.names, "count")
    if images.chunks is None:
        leading = images.shape[:-2]
        found: Any = reduce(images.values.reshape(int(np.prod(leading)), -1), spans)
        found = found.reshape(len(names), *leading, spans.zones)
    else:
        found = reduce_touched(images.data, weights, reduce, len(names))
    like = images.isel(dict.fromkeys(dims, 0), drop=True).drop_vars(GRID_MAPPING, errors="ignore")
    return {
        name: xr.DataArray(found[place], like.coords, (*like.dims, "berth")).transpose("berth", ...)
        for place, name in enumerate(names)
    }


def _reduced(values: NDArray[Any], spans: Spans, wanted: Statistics, nodata: float | None) -> NDArray[np.float64]:
    """(statistic, image, zone), the weight that was seen last of all."""
    found: dict[str, NDArray[np.float64]] = {}
    if "var" in wanted.names:
        found["mean"], found["var"], found["count"] = weighted_variance(values, spans, nodata)
    elif "mean" in wanted.names:
        found["mean"], found["count"] = weighted_mean(values, spans, nodata)
    for name, threshold in wanted.thresholds.items():
        found[name], found["count"] = weighted_fraction(values, spans, threshold, nodata)
    if wanted.quantiles or "count" not in found:
        each, found["count"] = weighted_quantile(values, spans, list(wanted.quantiles.values()), nodata)
        found |= zip(wanted.quantiles, each, strict=True)
    return np.stack([found[name] for name in (*wanted.names, "count")])
