"""What a run holds, in forms that other software opens: plain Zarr v3, Cloud Optimized GeoTIFF, GeoPackage, SVG.

Each file or folder appears whole, under its name, once it is complete.
"""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import zarr
from zarr.storage import LocalStore

from berthwatch import layout
from berthwatch.cube import open_cube
from berthwatch.errors import Fault, InputError
from berthwatch.georeference import crs_of, grid_of
from berthwatch.page import picture
from berthwatch.plan import check_format
from berthwatch.store import MAIN, open_repository

type Format = Literal["zarr", "cog", "gpkg", "svg"]


def export(run_dir: str | Path, out: str | Path, formats: Iterable[Format]) -> tuple[Path, ...]:
    """Write a run's cubes or tables in other formats.

    Parameters
    ----------
    run_dir : str or Path
        What `run` wrote.
    out : str or Path
        A folder; for one GeoPackage or picture alone, also a file name that ends in ``.gpkg`` or ``.svg``.
    formats : iterable of {"zarr", "cog", "gpkg", "svg"}
        ``zarr``: each cube as `<source>.zarr`, sorted by time. ``cog``: a float32 file per scene and band, in a folder
        per source. ``gpkg``: the layers `visits` and, where the run kept them, `berths`. ``svg``: the ledger's figure.

    Returns
    -------
    tuple of Path
        The files and folders written.

    Raises
    ------
    InputError
        Nothing there to export, no volume to draw, or a Zarr folder already there.
    """
    run_dir, out = Path(run_dir), Path(out)
    written: list[Path] = []
    for each in formats:
        if each in ("gpkg", "svg"):
            target = out if out.suffix == f".{each}" else out / f"{run_dir.name}.{each}"
            written.append(_tables_to_gpkg(run_dir, target) if each == "gpkg" else _ledger_to_svg(run_dir, target))
            continue
        for cube in _cubes(run_dir):
            written += [_cube_to_zarr(cube, out / f"{cube.name}.zarr")] if each == "zarr" else _cube_to_cogs(cube, out)
    return tuple(written)


def _cubes(run_dir: Path) -> list[Path]:
    folder = run_dir / "cube"
    found = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not found:
        raise InputError([Fault(str(run_dir), "the folder of a run, with cubes", "none in cube/")])
    return found


def _cube_to_zarr(cube: Path, target: Path) -> Path:
    if target.exists():
        raise InputError([Fault(str(target), "a name that is free", "a folder that is there already")])
    group = zarr.open_group(open_repository(cube).readonly_session(MAIN).store, mode="r")
    attributes = dict(group.attrs)
    check_format(attributes, cube)
    bands = layout.bands_of(group)
    order = np.lexsort((layout.column(group, "scene_id"), layout.column(group, "time")))
    with _whole(target) as path:
        layout.create(LocalStore(path), layout.stored_grid(group), bands, attributes, order.size)
        copy = zarr.open_group(LocalStore(path), mode="r+")
        for name in layout.SCENE_VARIABLES:
            layout.array_of(copy, name)[:] = np.asarray(layout.array_of(group, name)[:])[order]
        for name in (*bands, "seen"):
            source, array = layout.array_of(group, name), layout.array_of(copy, name)
            for times, rows in _blocks(array):
                array[times, rows] = source.oindex[order[times], rows]
    return target


def _blocks(array: "zarr.Array[Any]") -> Iterator[tuple[slice, slice]]:
    """Times and rows of an array, a row of chunks at a time."""
    (scenes, height, _), (deep, tall, _) = array.shape, array.chunks
    for start in range(0, scenes, deep):
        for top in range(0, height, tall):
            yield slice(start, min(start + deep, scenes)), slice(top, min(top + tall, height))


def _cube_to_cogs(path: Path, out: Path) -> list[Path]:
    import rasterio

    cube = open_cube(path)
    grid = grid_of(cube.attrs)
    profile = {
        "driver": "COG", "dtype": "float32", "count": 1, "height": grid.shape[0], "width": grid.shape[1],
        "crs": crs_of(grid).to_wkt(), "transform": grid.affine, "nodata": np.nan,
        "compress": "DEFLATE", "predictor": "YES",
    }  # fmt: skip
    written = []
    for name in (str(name) for name in cube.data_vars if name != "seen"):
        for start in range(0, cube.sizes["time"], layout.CHUNK[0]):
            block = cube[name].isel(time=slice(start, start + layout.CHUNK[0])).compute()
            for image in block:
                scene_id, time = str(image["scene_id"].item()), image["time"].values.astype("datetime64[s]").item()
                target = out / path.name / f"{_file_name(scene_id)}_{name}.tif"
                with _whole(target) as temporary, rasterio.open(temporary, "w", **profile) as file:
                    file.write(image.values, 1)
                    file.set_band_description(1, name)
                    file.update_tags(TIFFTAG_DATETIME=f"{time:%Y:%m:%d %H:%M:%S}", scene_id=scene_id)
                written.append(target)
    return written


def _tables_to_gpkg(run_dir: Path, target: Path) -> Path:
    import geopandas as gpd

    visits, berths = run_dir / "visits.parquet", run_dir / "berths.geojson"
    if not visits.is_file():
        raise InputError([Fault(str(run_dir), "the folder of a run, with visits.parquet", "none there")])
    table = gpd.read_parquet(visits)
    for name in table.columns:
        # A GeoPackage has no lists.
        if any(isinstance(value, list | np.ndarray) for value in table[name]):
            table[name] = [",".join(map(str, value)) for value in table[name]]
    with _whole(target) as temporary:
        table.to_file(temporary, layer="visits", driver="GPKG", engine="pyogrio")
        if berths.is_file():
            gpd.read_file(berths, engine="pyogrio").to_file(temporary, layer="berths", driver="GPKG", engine="pyogrio")
    return target


def _ledger_to_svg(run_dir: Path, target: Path) -> Path:
    drawn = picture(run_dir)
    with _whole(target) as temporary:
        temporary.write_text(drawn, encoding="utf-8", newline="\n")
    return target


def _file_name(scene_id: str) -> str:
    """A scene's id as a file's name.

    >>> _file_name("S1A/2022:01")
    'S1A_2022_01'
    """
    return re.sub(r"[^\w.+-]", "_", scene_id)


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A name beside `target` to write to; what was written takes the target's name if all went well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{os.getpid()}-{target.name}")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)
