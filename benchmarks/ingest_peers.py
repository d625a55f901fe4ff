"""One way to turn a port's scenes into a time-chunked, compressed cube, in a process of its own: ours and others'.

Every way lays the scenes on the grid that ours chose, bilinearly where they must be resampled, as float32 with NaN for
nodata, in the chunks and with the codec of ours. `python -m benchmarks.ingest_peers WAY RUN_FILE OUT` prints seconds
and peak memory; the seconds begin when everything is imported and the items are listed.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from odc.geo.geobox import GeoBox
from zarr.codecs import BloscCodec

import berthwatch as bw
from benchmarks.fresh import peak_mb
from benchmarks.ingest_scenes import BANDS
from berthwatch.georeference import crs_of
from berthwatch.grid import header
from berthwatch.layout import CHUNK
from berthwatch.plan import plan_ingest

CODEC = BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle")
THREADS = 2

type Items = Sequence[dict[str, Any]]


class Until:
    """Notes the time and the peak memory when a run's first step, the reading and writing of scenes, has ended."""

    def __init__(self) -> None:
        self.ended: tuple[float, float] | None = None

    def step(self, name: str, total: int) -> None:
        """Nothing to note."""

    def advance(self, n: int = 1) -> None:
        """Nothing to note."""

    def done(self) -> None:
        """Note both, once: what follows is co-registration, which no peer does."""
        self.ended = self.ended or (time.perf_counter(), peak_mb())


def in_arrays(grid: GeoBox, scenes: int, out: Path) -> dict[str, zarr.Array[Any]]:
    """Empty arrays of a cube in plain Zarr."""
    group = zarr.open_group(out, mode="w")
    return {
        band: group.create_array(
            band, shape=(scenes, *grid.shape), chunks=CHUNK, dtype="float32", fill_value=np.nan, compressors=CODEC
        )
        for band in BANDS
    }


def plain_loop(items: Items, grid: GeoBox, out: Path) -> None:
    """Rasterio alone: thirty-two scenes at a time, two threads, warped by GDAL where they lie elsewhere."""
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT

    def read(item: dict[str, Any]) -> Any:
        with (
            rasterio.open(item["assets"]["data"]["href"]) as file,
            WarpedVRT(
                file, crs=crs_of(grid).to_wkt(), transform=grid.affine, height=grid.shape[0], width=grid.shape[1],
                resampling=Resampling.bilinear,
            ) as laid,
        ):  # fmt: skip
            same = file.crs == laid.crs and file.transform == laid.transform and file.shape == laid.shape
            stored = (file if same else laid).read()
        values = stored.astype(np.float32)
        values[stored == 0] = np.nan
        return values

    arrays = in_arrays(grid, len(items), out)
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(items), CHUNK[0]):
            stack = np.stack(list(pool.map(read, items[start : start + CHUNK[0]])), axis=1)
            for band, block in zip(BANDS, stack, strict=True):
                arrays[band][start : start + block.shape[0]] = block


def odc_eager(items: Items, grid: GeoBox, out: Path) -> None:
    """odc-stac without dask: its own pool of threads, all scenes in memory."""
    _write(_odc(items, grid, {}, None), out)


def odc_dask(items: Items, grid: GeoBox, out: Path) -> None:
    """odc-stac with dask, chunked as the cube is."""
    _write(_odc(items, grid, {}, {"time": 1, "y": 512, "x": 512}), out)


def _odc(items: Items, grid: GeoBox, options: dict[str, Any], chunks: Any) -> Any:
    import odc.stac
    import pystac

    return odc.stac.load(
        [pystac.Item.from_dict(item) for item in items], bands=list(BANDS), geobox=grid, chunks=chunks,
        dtype="float32", nodata=float("nan"), resampling="bilinear", pool=THREADS, **options,
    )  # fmt: skip


def stackstac(items: Items, grid: GeoBox, out: Path) -> None:
    """Hand it one asset a band, through GDAL's `vrt://`, because it reads the first band of a file only."""
    from importlib import import_module

    from rasterio.enums import Resampling

    peer = import_module("stackstac")

    flat = []
    for item in items:
        href = item["assets"]["data"]["href"]
        assets = {band: {"href": f"vrt://{href}?bands={number}"} for number, band in enumerate(BANDS, start=1)}
        flat.append(item | {"assets": assets})
    box = grid.boundingbox
    stack = peer.stack(
        flat, assets=list(BANDS), epsg=crs_of(grid).epsg, resolution=grid.affine.a, snap_bounds=False, chunksize=512,
        bounds=(box.left, box.bottom, box.right, box.top), dtype="float32", fill_value=np.float32(np.nan),
        rescale=False, properties=False, band_coords=False, resampling=Resampling.bilinear,
    )  # fmt: skip
    _write(stack.to_dataset(dim="band"), out)


def rioxarray_concat(items: Items, grid: GeoBox, out: Path) -> None:
    """Rioxarray and xarray.concat: scenes opened lazily, warped one by one where they lie elsewhere."""
    import rioxarray
    import xarray as xr
    from rasterio.enums import Resampling

    scenes = []
    for item in items:
        scene: Any = rioxarray.open_rasterio(item["assets"]["data"]["href"], masked=True, chunks={"y": 512, "x": 512})
        if scene.rio.crs != crs_of(grid).to_wkt() or scene.rio.transform() != grid.affine:
            scene = scene.rio.reproject(
                crs_of(grid).to_wkt(), transform=grid.affine, shape=tuple(grid.shape), resampling=Resampling.bilinear
            )
        scenes.append(scene.assign_coords(x=np.arange(grid.shape[1]), y=np.arange(grid.shape[0])))
    stack = xr.concat(scenes, "time").astype(np.float32)
    _write(xr.Dataset({band: stack.isel(band=number, drop=True) for number, band in enumerate(BANDS)}), out)


def _write(cube: Any, out: Path) -> None:
    import dask

    cube = cube.drop_vars([name for name in cube.coords if name not in cube.dims])
    cube.attrs.clear()
    if cube.chunks:
        cube = cube.chunk(dict(zip(("time", "y", "x"), CHUNK, strict=True)))
    for name in cube.variables:
        cube[name].encoding.clear()
        cube[name].attrs.clear()
    encoding = {band: {"compressors": [CODEC], "chunks": CHUNK, "fill_value": np.nan} for band in BANDS}
    with dask.config.set(scheduler="threads", num_workers=THREADS):
        cube.to_zarr(out, encoding=encoding, consolidated=False, zarr_format=3)


PEERS: dict[str, Callable[[Items, GeoBox, Path], None]] = {
    "rasterio loop": plain_loop,
    "odc-stac eager": odc_eager,
    "odc-stac dask": odc_dask,
    "stackstac": stackstac,
    "rioxarray concat": rioxarray_concat,
}


def listed(run_file: Path) -> Iterator[dict[str, Any]]:
    """A port's STAC items in order of time."""
    for path in sorted((run_file.parent / "items").glob("*.json")):
        yield json.loads(path.read_text())


def main() -> None:
    """Do it once, and print the figures as one line of JSON."""
    way, run_file, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    warnings.simplefilter("ignore")
    port = bw.read_port(run_file)
    if way == "berthwatch":
        ingest = bw.ingest  # imports what it needs
        until = Until()
        begun = time.perf_counter()
        ingest(port, out, progress=until)
        assert until.ended is not None
        print(json.dumps({"seconds": until.ended[0] - begun, "peak_mb": until.ended[1]}))
        return
    plan = plan_ingest(port, out.parent)[0]
    assert plan.grid is not None
    # A peer makes a cube of whole scenes: of a port's window it does not know.
    scene = header(plan.scenes[0], plan.source)
    grid = scene if plan.grid.geobox.extent.area < scene.extent.area / 2 else plan.grid.geobox
    items = list(listed(run_file))
    begun = time.perf_counter()
    PEERS[way](items, grid, out)
    print(json.dumps({"seconds": time.perf_counter() - begun, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
