"""The evidence of one visit as a folder that can be handed on: page, tables, pixels, and the SHA-256 of every file."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
import xarray as xr
from affine import Affine
from shapely.geometry import shape

from berthwatch.cube import open_cube
from berthwatch.errors import Fault, InputError
from berthwatch.fingerprint import sha256
from berthwatch.georeference import crs_of, grid_of
from berthwatch.outputs import output_hashes
from berthwatch.page import visit_page
from berthwatch.page.chips import window_of_berth
from berthwatch.page.evidence import looks_of
from berthwatch.page.folder import RunFolder, read_folder
from berthwatch.provenance import RECORD

MANIFEST = "SHA256SUMS"


def dossier(run: str | Path, visit_id: str, out: str | Path) -> Path:
    """Write the evidence of one visit to a folder, which appears whole or not at all.

    It holds `evidence.html`; `visit.csv`; `looks.csv`, every look within the visit's windows with the hash of its
    scene's files; `hulls.geojson`; `run.json`; `pixels/`, around the berth, all bands of each of those looks as
    float32 GeoTIFF, not shifted; and `SHA256SUMS`, which `sha256sum --check` reads.

    Parameters
    ----------
    run : str or Path
        The run's folder, with its cubes.
    visit_id : str
    out : str or Path
        A folder that is not there yet.

    Raises
    ------
    InputError
        No such run or visit, or a folder that is there already.
    """
    run, out = Path(run), Path(out)
    folder = read_folder(run)
    visits = folder.visits[folder.visits["visit_id"] == visit_id]
    faults = [] if len(visits) else [Fault(str(run), "a visit of this run", visit_id)]
    faults += [Fault(f"--out {out}", "a name that is free", "one that is there already")] if out.exists() else []
    if faults:
        raise InputError(faults)
    looks = looks_of(folder, visits.index[0])
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    try:
        (unfinished / "evidence.html").write_text(
            visit_page(folder, visits, run / "cube"), encoding="utf-8", newline="\n"
        )
        visits.assign(scenes=[";".join(each) for each in visits["scenes"]]).to_csv(
            unfinished / "visit.csv", index=False, lineterminator="\n"
        )
        looks.to_csv(unfinished / "looks.csv", index=False, lineterminator="\n")
        shutil.copyfile(run / RECORD, unfinished / RECORD)
        _hulls(folder, looks, unfinished / "hulls.geojson")
        _pixels(folder, run / "cube", looks, unfinished / "pixels")
        _manifest(unfinished)
        unfinished.rename(out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return out


def _hulls(folder: RunFolder, looks: pd.DataFrame, path: Path) -> None:
    if folder.hulls is None:
        return
    own = folder.hulls["scene_id"].isin(looks["scene_id"]) & folder.hulls["berth_id"].isin(looks["berth_id"])
    hulls = folder.hulls[own]
    text = hulls.assign(time=hulls["time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")).to_json(drop_id=True)
    path.write_text(text, encoding="utf-8")


def _pixels(folder: RunFolder, cubes: Path, looks: pd.DataFrame, out: Path) -> None:
    """The window around the berth of every look whose cube is there."""
    out.mkdir()
    places = {str(each["berth_id"]): shape(each["geometry"]) for each in folder.record["berths"]}
    for source, own in looks.groupby("source"):
        if not (cubes / str(source)).is_dir():
            continue
        cube = open_cube(cubes / str(source))
        rows, columns = window_of_berth(places[str(own["berth_id"].iloc[0])], grid_of(cube.attrs))
        for look in own.itertuples():
            at = np.flatnonzero(cube["scene_id"].values == look.scene_id)
            if at.size:
                name = re.sub(r"[^\w.+-]", "_", f"{look.time:%Y%m%dT%H%M%S}_{source}_{look.scene_id}")
                _write(cube.isel(time=int(at[0]), y=rows, x=columns), cube, (rows, columns), out / f"{name}.tif")


def _write(scene: xr.Dataset, cube: xr.Dataset, window: tuple[slice, slice], path: Path) -> None:
    grid = grid_of(cube.attrs)
    names = [str(name) for name in scene.data_vars if name != "seen"]
    pixels = scene[names].compute(scheduler="synchronous")
    transform = grid.affine @ Affine.translation(window[1].start, window[0].start)
    profile = {
        "driver": "GTiff", "dtype": "float32", "count": len(names), "height": pixels.sizes["y"],
        "width": pixels.sizes["x"], "crs": crs_of(grid).to_wkt(), "transform": transform, "nodata": np.nan,
        "compress": "DEFLATE",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        for band, name in enumerate(names, 1):
            file.write(pixels[name].values, band)
            file.set_band_description(band, name)
        tags = {name: str(scene[name].item()) for name in ("scene_id", "sha256", "shift_y_px", "shift_x_px")}
        file.update_tags(**tags)


def _manifest(folder: Path) -> None:
    """Every file with its SHA-256, as `sha256sum` writes it."""
    hashes = output_hashes(folder) | {RECORD: sha256(folder / RECORD)}
    hashes |= {f"pixels/{name}": digest for name, digest in output_hashes(folder / "pixels").items()}
    lines = [f"{digest}  {name}\n" for name, digest in sorted(hashes.items())]
    (folder / MANIFEST).write_text("".join(lines), encoding="utf-8", newline="\n")
