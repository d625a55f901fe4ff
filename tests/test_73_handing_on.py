"""Handing a run on: its hashes worked out anew, and the evidence of one visit as a folder."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr

import berthwatch as bw
from berthwatch.cube import write_shifts
from berthwatch.datasets.registry import scenario
from berthwatch.datasets.simulate import simulate
from berthwatch.dossier import MANIFEST, dossier
from berthwatch.errors import InputError
from berthwatch.verify import verify

CommandLine = Callable[..., Any]


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    small = scenario("small-port")
    short = replace(small, optical=None, end=small.start + timedelta(days=30))
    made = simulate(short, tmp_path_factory.mktemp("port"), seed=1)
    bw.run(bw.read_port(made), made.parent / "out")
    return made


@pytest.fixture
def port(run_file: Path, tmp_path: Path) -> Path:
    """A run file of one's own, with its scenes and its run in `out`."""
    shutil.copytree(run_file.parent, tmp_path / "port")
    return tmp_path / "port" / run_file.name


def test_run_that_nobody_touched_agrees_with_its_record(port: Path, command_line: CommandLine) -> None:
    done = command_line("verify", port.parent / "out", port)
    assert done.returncode == 0, done.stderr
    outputs = len(json.loads((port.parent / "out" / "run.json").read_text())["outputs"])
    scenes = len(list((port.parent / "sentinel-1").glob("*.json")))
    assert f"outputs: {outputs} of {outputs} as recorded" in done.stdout
    assert f"scenes: {scenes} of {scenes} as recorded" in done.stdout
    alone = command_line("verify", port.parent / "out")
    assert alone.returncode == 0
    assert "not looked at, for no run file was named" in alone.stdout


def test_every_file_that_differs_is_named_and_the_status_is_1(port: Path, command_line: CommandLine) -> None:
    out = port.parent / "out"
    (out / "ledger.csv").write_text((out / "ledger.csv").read_text().replace("0", "1", 1))
    (out / "visits.csv").unlink()
    scene = min((port.parent / "sentinel-1").glob("*.tif"))
    scene.write_bytes(scene.read_bytes() + b"\0")
    port.write_text(port.read_text() + "# looked at\n")
    done = command_line("verify", out, port)
    assert done.returncode == 1
    faults = done.stderr.splitlines()
    assert len(faults) == 4
    for name in ("ledger.csv", "visits.csv", port.name, "scene SYN_S1A"):
        assert sum(name in line for line in faults) == 1
    assert hashlib.sha256((out / "ledger.csv").read_bytes()).hexdigest() in done.stderr


def test_cube_that_was_added_to_since_is_noticed(port: Path) -> None:
    out = port.parent / "out"
    cube = bw.open_cube(out / "cube" / "sentinel-1")
    moved = {name: ("scene", cube[name].values + 1) for name in ("shift_y_px", "shift_x_px", "shift_quality")}
    shifts = xr.Dataset(moved, {"scene_id": ("scene", cube["scene_id"].values)})
    write_shifts(out / "cube" / "sentinel-1", shifts)
    _, differs = verify(out)
    assert [fault.where for fault in differs] == [str(out / "cube" / "sentinel-1")]


def test_folder_without_a_record_is_wrong_input(tmp_path: Path, command_line: CommandLine) -> None:
    done = command_line("verify", tmp_path)
    assert done.returncode == 2
    assert "the record of a run that ended" in done.stderr


def test_evidence_holds_the_looks_their_pixels_and_the_hash_of_each_file(port: Path, tmp_path: Path) -> None:
    out = port.parent / "out"
    visit = pd.read_parquet(out / "visits.parquet").iloc[0]
    folder = dossier(out, visit.visit_id, tmp_path / "proof")
    listed = dict(line.split("  ")[::-1] for line in (folder / MANIFEST).read_text().splitlines())
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(listed) == files - {MANIFEST}
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest for name, digest in listed.items())
    looks = pd.read_csv(folder / "looks.csv")
    assert set(visit.scenes) <= set(looks["scene_id"])
    assert (looks["berth_id"] == visit.berth_id).all()
    cube = bw.open_cube(out / "cube" / "sentinel-1")
    for path in (folder / "pixels").iterdir():
        with rasterio.open(path) as file:
            scene = cube.isel(time=int(np.flatnonzero(cube["scene_id"].values == file.tags()["scene_id"])[0]))
            own = scene["vv"].sel(x=file.xy(0, 0)[0], y=file.xy(0, 0)[1]).values
            assert file.read(1)[0, 0] == own
            assert file.descriptions == ("vv", "vh")
    page = (folder / "evidence.html").read_text()
    assert visit.visit_id in page
    assert looks["sha256"].iloc[0] in page
    again = dossier(out, visit.visit_id, tmp_path / "again")
    assert (again / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes()


def test_evidence_of_no_visit_or_over_a_folder_is_refused(port: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a visit of this run"):
        dossier(port.parent / "out", "B9-20240101T000000", tmp_path / "proof")
    assert not (tmp_path / "proof").exists()
    visit = pd.read_parquet(port.parent / "out" / "visits.parquet")["visit_id"].iloc[0]
    with pytest.raises(InputError, match="a name that is free"):
        dossier(port.parent / "out", visit, tmp_path)
    assert not list(tmp_path.glob("*.unfinished"))
