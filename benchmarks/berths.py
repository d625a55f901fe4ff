"""Berths' series straight from a cube on disk: the layout of our cubes beside chunks of whole images.

Eighty berths in rows of eight along ten quays, means over 100 scenes of 2048 x 2048 pixels, by `zonal` on dask's
threads. The cube keeps 32 scenes of 128 x 128 pixels to a chunk, the other one scene of 512 x 512, in the same codec;
both lie in the system's file cache. The limit is to decode the chunks that berths touch and nothing else.
"""

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr
import zarr
from affine import Affine
from odc.geo.geobox import GeoBox
from zarr.storage import LocalStore

import berthwatch as bw
from benchmarks.table import Row, against, main
from benchmarks.turns import seconds_in_turn
from berthwatch import layout
from berthwatch.berthweights import BerthWeights

QUAYS, PER_QUAY = 10, 8
SPACING_PX, LENGTH_PX, WIDTH_PX = 30.0, 26.0, 6.0
PIXEL_M = 10.0
IMAGE_CHUNK = (1, 512, 512)
THREADS, TURNS = 2, 3
ASKED = 3.0


def measure(small: bool) -> list[Row]:
    dates, side = (40, 1024) if small else (100, 2048)
    grid = GeoBox((side, side), Affine(PIXEL_M, 0, 500_000, 0, -PIXEL_M, 4_000_000), "EPSG:32636")
    berths = along_quays(grid)
    with tempfile.TemporaryDirectory() as scratch:
        stores = {name: Path(scratch) / name for name in ("cube", "images")}
        _write(stores["cube"], stores["images"], grid, dates)
        arrays = {name: _opened(store) for name, store in stores.items()}
        weights = bw.berth_weights(arrays["cube"], berths)
        runs: dict[str, Callable[[], Any]] = {name: partial(_means, array, weights) for name, array in arrays.items()}
        runs |= {f"{name}, decoding": _decoding(store, weights) for name, store in stores.items()}
        found = {name: run() for name, run in runs.items()}
        xr.testing.assert_allclose(found["cube"], found["images"], rtol=1e-9)
        taken = seconds_in_turn(runs, TURNS)
    case = f"means of {len(berths)} berths, {dates} scenes"
    own = Row(case, "time-chunked cube", taken["cube"], "s", limit_fraction=taken["cube, decoding"] / taken["cube"])
    other = Row(case, "image chunks", taken["images"], "s", limit_fraction=taken["images, decoding"] / taken["images"])
    ratio = Row(case, "ratio to image chunks", taken["images"] / taken["cube"], "times")
    return [
        against(own, "image chunks", taken["images"], less_is_better=True),
        other,
        against(ratio, "asked for", ASKED, less_is_better=False),
    ]


def _means(array: xr.DataArray, weights: BerthWeights) -> xr.DataArray:
    return bw.zonal(array, weights)["mean"].compute(scheduler="threads", num_workers=THREADS)


def along_quays(grid: GeoBox) -> gpd.GeoDataFrame:
    """Berths side by side along quays that lie anywhere and any way."""
    rng = np.random.default_rng(0)
    middles = rng.uniform(0.1 * grid.shape[0], 0.9 * grid.shape[0], (QUAYS, 2))
    shapes = []
    for middle, angle in zip(middles, rng.uniform(0, np.pi, QUAYS), strict=True):
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        for place in range(PER_QUAY):
            left = (place - PER_QUAY / 2) * SPACING_PX
            corners = shapely.get_coordinates(shapely.box(left, 0, left + LENGTH_PX, WIDTH_PX)) @ turn + middle
            shapes.append(shapely.Polygon([grid.transform @ corner for corner in corners.tolist()]))
    return gpd.GeoDataFrame(geometry=shapes, crs=str(grid.crs))


def _write(cube: Path, images: Path, grid: GeoBox, dates: int) -> None:
    """The same speckle in both layouts."""
    rng = np.random.default_rng(0)
    layout.create(LocalStore(cube), grid, ["vv"], {}, dates)
    deep = layout.array_of(zarr.open_group(LocalStore(cube), mode="r+"), "vv")
    group = zarr.create_group(LocalStore(images), attributes=dict(zarr.open_group(LocalStore(cube)).attrs))
    flat = group.create_array(
        "vv", shape=deep.shape, chunks=IMAGE_CHUNK, dtype="float32", compressors=deep.compressors,
        dimension_names=("time", "y", "x"), attributes=dict(deep.attrs),
    )  # fmt: skip
    for start in range(0, dates, layout.CHUNK[0]):
        block = rng.standard_gamma(4.4, (min(layout.CHUNK[0], dates - start), *grid.shape), np.float32)
        deep[start : start + len(block)] = block
        flat[start : start + len(block)] = block


def _opened(store: Path) -> xr.DataArray:
    # the image layout has no coordinates of its own: both get the cube's
    cube = xr.open_zarr(
        LocalStore(store.parent / "cube"),
        consolidated=False,
        chunks={},
        decode_coords="all",
        drop_variables=layout.SCENE_VARIABLES,
    )
    lazy = xr.open_zarr(LocalStore(store), consolidated=False, chunks={}, drop_variables=layout.SCENE_VARIABLES)
    array: xr.DataArray = lazy["vv"].drop_vars(list(lazy["vv"].coords))
    return array.assign_coords({name: cube[name] for name in ("y", "x", "spatial_ref")})


def _decoding(store: Path, weights: BerthWeights) -> Callable[[], None]:
    """Decode all chunks that berths touch, on as many threads, and forget them."""
    array = layout.array_of(zarr.open_group(LocalStore(store), mode="r"), "vv")
    deep, tall, wide = array.chunks
    rows, columns = np.divmod(weights.indices, array.shape[2])
    blocks = sorted({*zip((rows // tall).tolist(), (columns // wide).tolist(), strict=True)})
    parts = [(start, row, column) for start in range(0, array.shape[0], deep) for row, column in blocks]

    def decode(part: tuple[int, int, int]) -> None:
        start, row, column = part
        array[start : start + deep, row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]

    def run() -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(decode, parts))

    return run


if __name__ == "__main__":
    main("berths", measure)
