"""The cube: what is added, once and wholly, whatever dies or runs beside; and what readers are given."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr
import zarr
from affine import Affine
from shapely.geometry import box, mapping

import berthwatch as bw
from berthwatch import appending, ingestion, layout
from berthwatch.cube import snapshot_id, write_shifts
from berthwatch.errors import InputError
from berthwatch.grid import project
from berthwatch.store import MAIN, locked, open_repository
from berthwatch.transaction import abandoned

UTM = "EPSG:32636"
SIZE = (150, 140)


def put_scene(folder: Path, day: int, spoil: str = "") -> str:
    """Write a scene of two bands with its STAC item."""
    name = f"S1_{day:03d}"
    values = np.random.default_rng(day).gamma(4, 0.01, (2, *SIZE)).astype(np.float32)
    if spoil == "nodata":
        values[:] = np.nan
    path = folder / f"{name}.tif"
    transform = Affine(10, 0, 500_000, 0, -10, 4_000_000)
    profile = {"driver": "GTiff", "count": 2, "dtype": "float32", "crs": UTM, "transform": transform, "nodata": np.nan}
    with rasterio.open(path, "w", height=SIZE[0], width=SIZE[1], **profile) as file:
        file.write(values)
    if spoil == "truncated":
        path.write_bytes(path.read_bytes()[:90_000])
    time = str(np.datetime64("2024-01-01T03:00:00") + np.timedelta64(day, "D")) + "Z"
    bands = [{"name": "vv", "data_type": "float32"}, {"name": "vh", "data_type": "float32"}]
    item = {
        "type": "Feature", "stac_version": "1.1.0", "id": name, "links": [], "geometry": None,
        "properties": {"datetime": time, "platform": "sentinel-1a", "sat:relative_orbit": 87 + day % 2},
        "assets": {"data": {"href": f"./{path.name}", "type": "image/tiff; application=geotiff", "bands": bands}},
    }  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(item))
    return name


def put_port(folder: Path, days: range | list[int], bands: str = "[vv, vh]", berth_x: int = 500_600) -> Path:
    """Write a run file over scenes in `scenes/`."""
    (folder / "scenes").mkdir(parents=True, exist_ok=True)
    for day in days:
        put_scene(folder / "scenes", day)
    shape = project(box(berth_x, 3_999_300, berth_x + 200, 3_999_350), UTM, "EPSG:4326")
    feature = {"type": "Feature", "geometry": mapping(shape), "properties": {"berth_id": "B1"}}
    (folder / "berths.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    source = f"{{name: s1, kind: sar, scenes: scenes/*.json, bands: {bands}}}"
    path = folder / "port.yaml"
    path.write_text(f"name: P\nberths: berths.geojson\nsources:\n  - {source}\n")
    return path


def bits(cube: xr.Dataset) -> dict[str, Any]:
    """All that a cube holds, to be compared to the bit."""
    compared = {str(name): cube[name].values for name in [*cube.data_vars, *cube.coords]}
    return {name: (array.shape, array.dtype.str, array.tobytes()) for name, array in compared.items()}


def cube_of(out: Path) -> xr.Dataset:
    return bw.open_cube(out / "cube" / "s1")


def run_child(code: str, *arguments: Path) -> "subprocess.Popen[bytes]":
    start = "import sys, os, signal, berthwatch as bw; from berthwatch import appending, ingestion, layout\n"
    end = "\nbw.ingest(bw.read_port(sys.argv[1]), sys.argv[2])"
    return subprocess.Popen([sys.executable, "-c", start + code + end, *map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A port of forty scenes."""
    path = tmp_path_factory.mktemp("port")
    put_port(path, range(40))
    return path


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> Path:
    """The folder of a run on it that nothing disturbed."""
    bw.ingest(bw.read_port(folder / "port.yaml"), folder / "out")
    return folder / "out"


def test_the_cube_holds_every_scene_as_it_was_delivered(folder: Path, undisturbed: Path) -> None:
    cube = cube_of(undisturbed)
    assert cube.sizes == {"time": 40, "y": 150, "x": 140}
    assert list(cube.data_vars) == ["vv", "vh", "seen"]
    assert (cube.attrs["kind"], cube.attrs["source"]) == ("sar", "s1")
    with rasterio.open(folder / "scenes" / "S1_033.tif") as file:
        np.testing.assert_array_equal(cube["vh"].values[33], file.read(2))
    assert cube["time"].values[33] == np.datetime64("2024-02-03T03:00:00", "ns")
    assert cube["track"].values[:2].tolist() == ["orbit-087", "orbit-088"]
    assert np.isnan(cube["sun_azimuth_deg"].values).all()
    assert (cube["shift_quality"].values == 0).all()  # speckle alone: no shift is believed
    assert (cube["seen"].values == 1).all()
    printed = subprocess.run(
        ["sha256sum", folder / "scenes" / "S1_033.tif"], capture_output=True, text=True, check=True
    )
    assert cube["sha256"].values[33] == printed.stdout.split()[0]


def test_readers_get_lazy_arrays_in_the_stores_chunks_with_a_crs(undisturbed: Path) -> None:
    cube = cube_of(undisturbed)
    assert cube["vv"].chunks == ((32, 8), (128, 22), (128, 12))
    assert cube.rio.crs.to_epsg() == 32636
    assert cube["vv"].rio.transform() == Affine(10, 0, 500_000, 0, -10, 4_000_000)


def test_a_second_ingest_changes_nothing(folder: Path, undisturbed: Path) -> None:
    before = snapshot_id(undisturbed / "cube" / "s1")
    again = bw.ingest(bw.read_port(folder / "port.yaml"), undisturbed)
    assert again.sources[0].new == ()
    assert again.set_aside == ()
    assert again.sources[0].snapshot == before == snapshot_id(undisturbed / "cube" / "s1")


def test_scenes_come_in_any_order_and_are_read_in_order_of_time(
    folder: Path, undisturbed: Path, tmp_path: Path
) -> None:
    for days in (range(20, 39), range(20), range(39, 40)):
        port = put_port(tmp_path, days)
        new = bw.ingest(bw.read_port(port), tmp_path / "out").sources[0].new
        assert new == tuple(f"S1_{day:03d}" for day in days)
    cube, expected = cube_of(tmp_path / "out"), cube_of(undisturbed)
    assert cube["scene_id"].values.tolist() == expected["scene_id"].values.tolist()
    for name in ("vv", "vh", "seen", "time", "track", "sha256"):
        np.testing.assert_array_equal(cube[name].values, expected[name].values)


def test_parts_of_the_grid_and_groups_of_scenes_do_not_show(
    folder: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appending, "TASK_BYTES", 1)
    monkeypatch.setattr(appending, "GROUP", 32)
    bw.ingest(bw.read_port(folder / "port.yaml"), tmp_path)
    assert bits(cube_of(tmp_path)) == bits(cube_of(undisturbed))


def test_worker_processes_write_the_same_bits(folder: Path, undisturbed: Path, tmp_path: Path) -> None:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster,
        Client(cluster) as client,
    ):
        bw.ingest(bw.read_port(folder / "port.yaml"), tmp_path, client=client)
    assert bits(cube_of(tmp_path)) == bits(cube_of(undisturbed))


KILL = "kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
SECOND_GROUP = """
appending.GROUP = 32
real = layout.write_scenes
layout.write_scenes = lambda *each: real(*each) if each[1] == 0 else kill()
"""
MOMENTS = {
    "while reading": "appending.write_region = kill",
    "before the commit": "layout.write_scenes = kill",
    "between two commits": SECOND_GROUP,
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_killed_ingest_leaves_nothing_and_the_next_ends_with_the_same_bits(
    folder: Path, undisturbed: Path, tmp_path: Path, moment: str
) -> None:
    child = run_child(KILL + moment, folder / "port.yaml", tmp_path)
    assert child.wait(120) == -signal.SIGKILL
    with pytest.raises(InputError, match="an empty one: no ingest has ended yet"):
        cube_of(tmp_path)
    bw.ingest(bw.read_port(folder / "port.yaml"), tmp_path)
    assert bits(cube_of(tmp_path)) == bits(cube_of(undisturbed))
    assert abandoned(open_repository(tmp_path / "cube" / "s1")) == []


def test_scenes_of_remote_files_are_known_by_the_pixels_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appending, "local_files", lambda *_: ())
    bw.ingest(bw.read_port(put_port(tmp_path, [1, 2])), tmp_path / "out")
    marks = cube_of(tmp_path / "out")["sha256"].values.tolist()
    assert all(mark.startswith("pixels:") for mark in marks)
    assert len(set(marks)) == 2


def test_two_processes_at_once_add_each_scene_once(folder: Path, undisturbed: Path, tmp_path: Path) -> None:
    children = [run_child("", folder / "port.yaml", tmp_path) for _ in range(2)]
    assert [child.wait(180) for child in children] == [0, 0]
    assert bits(cube_of(tmp_path)) == bits(cube_of(undisturbed))


def test_nobody_adds_scenes_while_shifts_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shifts measured without the scenes of a run beside it would replace those measured with them, for good."""

    def register(seen: xr.Dataset, *more: Any) -> xr.Dataset:
        with pytest.raises(InputError, match="a run that has not ended"), locked(tmp_path / "cube" / "s1", wait=False):
            pass
        return measured(seen, *more)

    measured = ingestion.register
    monkeypatch.setattr(ingestion, "register", register)
    bw.ingest(bw.read_port(put_port(tmp_path, [1, 2])), tmp_path)
    assert np.isfinite(cube_of(tmp_path)["shift_quality"].values).all()


def test_bad_scenes_are_set_aside_leave_no_hole_and_are_tried_again(tmp_path: Path) -> None:
    port = put_port(tmp_path, [1, 4])
    put_scene(tmp_path / "scenes", 2, "truncated")
    put_scene(tmp_path / "scenes", 3, "nodata")
    result = bw.ingest(bw.read_port(port), tmp_path / "out")
    assert result.sources[0].new == ("S1_001", "S1_004")
    reasons = {each.scene_id: each.reason for each in result.set_aside}
    assert reasons["S1_002"].startswith("v")
    assert "cannot be read" in reasons["S1_002"]
    assert "every pixel over the port is nodata" in reasons["S1_003"]
    put_scene(tmp_path / "scenes", 2)
    again = bw.ingest(bw.read_port(port), tmp_path / "out")
    assert again.sources[0].new == ("S1_002",)
    assert [each.scene_id for each in again.set_aside] == ["S1_003"]
    assert cube_of(tmp_path / "out")["scene_id"].values.tolist() == ["S1_001", "S1_002", "S1_004"]
    assert np.isfinite(cube_of(tmp_path / "out")["vv"].values).all()


def test_only_bad_scenes_are_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    port = put_port(tmp_path, [])
    put_scene(tmp_path / "scenes", 2)
    (tmp_path / "scenes" / "S1_002.tif").write_text("Access denied")
    with pytest.raises(InputError, match="a scene that can be read; got 1 that cannot; the first, S1_002"):
        bw.ingest(bw.read_port(port), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_changed_is_told_and_what_was_read_is_kept(tmp_path: Path) -> None:
    port = put_port(tmp_path, [1, 2])
    bw.ingest(bw.read_port(port), tmp_path / "out")
    before = bits(cube_of(tmp_path / "out"))
    os.utime(tmp_path / "scenes" / "S1_001.tif")  # touched, not changed
    with rasterio.open(tmp_path / "scenes" / "S1_002.tif", "r+") as file:
        file.write(np.ones((2, *SIZE), np.float32))
    result = bw.ingest(bw.read_port(port), tmp_path / "out")
    assert [each.scene_id for each in result.set_aside] == ["S1_002"]
    assert result.set_aside[0].reason.startswith("differs from the stored one, which is kept: SHA-256 ")
    assert bits(cube_of(tmp_path / "out")) == before


def test_a_cube_is_not_made_to_serve_another_run_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    bw.ingest(bw.read_port(put_port(tmp_path, [1])), out)
    with pytest.raises(InputError, match=r"bands \['vv', 'vh'\], as the cube .* use a new output folder"):
        bw.ingest(bw.read_port(put_port(tmp_path, [], bands="[vv]")), out)
    with pytest.raises(InputError, match=r"berth B1: .* another grid: use a new output folder"):
        bw.ingest(bw.read_port(put_port(tmp_path, [], berth_x=509_000)), out)
    assert cube_of(out).sizes["time"] == 1


def test_shifts_are_kept_by_scene_and_committed_only_when_they_changed(tmp_path: Path) -> None:
    bw.ingest(bw.read_port(put_port(tmp_path, [1, 2, 3])), tmp_path / "out")
    path = tmp_path / "out" / "cube" / "s1"
    values = np.array([1.5, -2.0], np.float32)
    shifts = xr.Dataset(
        dict.fromkeys(layout.SHIFTS, ("time", values)), coords={"scene_id": ("time", ["S1_003", "S1_001"])}
    )
    first = write_shifts(path, shifts)
    assert bw.open_cube(path)["shift_x_px"].values.tolist() == [-2.0, 0.0, 1.5]
    assert write_shifts(path, shifts) == first == snapshot_id(path)


def test_a_cube_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    port = put_port(tmp_path, [1])
    bw.ingest(bw.read_port(port), tmp_path / "out")
    session = open_repository(tmp_path / "out" / "cube" / "s1").writable_session(MAIN)
    zarr.open_group(session.store, mode="r+").attrs["format"] = layout.FORMAT + 1
    session.commit("from the future")
    for use in (lambda: cube_of(tmp_path / "out"), lambda: bw.ingest(bw.read_port(port), tmp_path / "out")):
        with pytest.raises(InputError, match="a cube of format 1 or before; got format 2"):
            use()


def test_no_cube_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a cube's Icechunk repository; got none there"):
        bw.open_cube(tmp_path / "nothing")
