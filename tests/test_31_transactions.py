"""What was kept of a run that died is gone on from; what ends a run early is said in one line, and nothing is lost."""

import errno
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr

import berthwatch as bw
from berthwatch import appending, clocks, ingestion
from berthwatch.cube import write_shifts
from berthwatch.errors import BerthwatchError, InputError
from berthwatch.layout import SHIFTS
from berthwatch.litter import gc
from berthwatch.outputs import STAGING
from berthwatch.store import open_repository, snapshot_id
from berthwatch.transaction import abandoned
from tests.test_30_cube import KILL, SECOND_GROUP, SIZE, bits, cube_of, put_port, run_child


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The scenes that are read from now on, in this process."""
    seen: list[str] = []
    real = appending.read_pixels

    def read(scene: Any, *more: Any) -> Any:
        seen.append(scene.scene_id)
        return real(scene, *more)

    monkeypatch.setattr(appending, "read_pixels", read)
    return seen


@pytest.fixture
def died(tmp_path: Path) -> Path:
    """The run file of forty scenes, of which a run kept thirty-two before it was killed; its folder is `out`."""
    port = put_port(tmp_path, range(40))
    assert run_child(KILL + SECOND_GROUP, port, tmp_path / "out").wait(120) == -signal.SIGKILL
    return port


def as_if_undisturbed(port: Path) -> bool:
    bw.ingest(bw.read_port(port), port.parent / "undisturbed")
    return bits(cube_of(port.parent / "out")) == bits(cube_of(port.parent / "undisturbed"))


def test_what_a_run_kept_before_it_died_is_not_read_again(died: Path, reads: list[str]) -> None:
    with pytest.raises(InputError, match="an empty one: no ingest has ended yet"):
        cube_of(died.parent / "out")
    new = bw.ingest(bw.read_port(died), died.parent / "out").sources[0].new
    assert reads == [f"S1_{day:03d}" for day in range(32, 40)]
    assert new == tuple(f"S1_{day:03d}" for day in range(40))
    assert as_if_undisturbed(died)


def change_a_file(folder: Path) -> None:
    with rasterio.open(folder / "scenes" / "S1_002.tif", "r+") as file:
        file.write(np.ones((2, *SIZE), np.float32))


def take_a_scene_away(folder: Path) -> None:
    (folder / "scenes" / "S1_002.json").unlink()


def move_the_berth(folder: Path) -> None:
    put_port(folder, [], berth_x=500_700)


def ask_for_one_band(folder: Path) -> None:
    put_port(folder, [], bands="[vv]")


@pytest.mark.parametrize("meanwhile", [change_a_file, take_a_scene_away, move_the_berth, ask_for_one_band])
def test_what_a_run_now_would_not_have_kept_is_dropped(
    died: Path, reads: list[str], meanwhile: Callable[[Path], None]
) -> None:
    meanwhile(died.parent)
    bw.ingest(bw.read_port(died), died.parent / "out")
    assert len(reads) >= 39
    assert as_if_undisturbed(died)
    assert abandoned(open_repository(died.parent / "out" / "cube" / "s1")) == []


def test_a_run_that_others_overtook_is_not_gone_on_from(died: Path, reads: list[str]) -> None:
    out = died.parent / "out"
    (branch,) = abandoned(open_repository(out / "cube" / "s1"))
    bw.ingest(bw.read_port(died), out)
    repository = open_repository(out / "cube" / "s1")
    first = list(repository.ancestry(branch="main"))[-1].id
    repository.create_branch(branch, first)
    put_port(died.parent, [40])
    assert bw.ingest(bw.read_port(died), out).sources[0].new == ("S1_040",)
    assert abandoned(repository) == []


def test_pixels_and_shifts_are_seen_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    port = bw.read_port(put_port(tmp_path, range(3)))
    with monkeypatch.context() as patched:
        patched.setattr(ingestion, "write_shifts", interrupt)
        with pytest.raises(KeyboardInterrupt):
            bw.ingest(port, tmp_path / "out")
    with pytest.raises(InputError, match="an empty one: no ingest has ended yet"):
        cube_of(tmp_path / "out")
    bw.ingest(port, tmp_path / "out")
    assert np.isfinite(cube_of(tmp_path / "out")["shift_quality"].values).all()


def test_shifts_that_lack_are_measured_though_no_scene_is_new(tmp_path: Path) -> None:
    port = bw.read_port(put_port(tmp_path, range(3)))
    bw.ingest(port, tmp_path / "out")
    lacking = dict.fromkeys(SHIFTS, ("time", np.array([np.nan], np.float32)))
    write_shifts(tmp_path / "out" / "cube" / "s1", xr.Dataset(lacking, {"scene_id": ("time", ["S1_001"])}))
    assert np.isnan(cube_of(tmp_path / "out")["shift_quality"].values).any()
    assert bw.ingest(port, tmp_path / "out").sources[0].new == ()
    assert np.isfinite(cube_of(tmp_path / "out")["shift_quality"].values).all()


@pytest.mark.parametrize("off", [timedelta(hours=-2), timedelta(hours=2)], ids=["set back", "ahead"])
def test_a_wrong_clock_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off: timedelta
) -> None:
    out = tmp_path / "out"
    bw.ingest(bw.read_port(put_port(tmp_path, [1])), out)
    before = snapshot_id(out / "cube" / "s1")
    port = bw.read_port(put_port(tmp_path, [2]))
    with monkeypatch.context() as patched:
        patched.setattr(clocks, "now", lambda: datetime.now(UTC) + off)
        with pytest.raises(BerthwatchError, match=r"this machine's clock .* expected them within nine minutes"):
            bw.ingest(port, out)
        with pytest.raises(BerthwatchError, match="this machine's clock"):
            bw.ingest(port, tmp_path / "another")
        with pytest.raises(BerthwatchError, match="this machine's clock"):
            gc(out)
    assert snapshot_id(out / "cube" / "s1") == before
    assert bw.ingest(port, out).sources[0].new == ("S1_002",)
    assert bw.ingest(port, tmp_path / "another").sources[0].new == ("S1_001", "S1_002")


def test_a_clock_set_back_with_the_file_systems_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    bw.ingest(bw.read_port(put_port(tmp_path, [1])), out)
    port = bw.read_port(put_port(tmp_path, [2]))
    with monkeypatch.context() as patched:
        patched.setattr(clocks, "now", lambda: datetime.now(UTC) - timedelta(minutes=5))
        with pytest.raises(BerthwatchError, match=r"cube/s1 was last changed at .* expected a later time"):
            bw.ingest(port, out)
    assert bw.ingest(port, out).sources[0].new == ("S1_002",)


def test_a_little_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    bw.ingest(bw.read_port(put_port(tmp_path, [1])), out)
    waited: list[float] = []
    monkeypatch.setattr(clocks, "now", lambda: datetime.now(UTC) - timedelta(seconds=20))
    monkeypatch.setattr(clocks.time, "sleep", waited.append)
    bw.ingest(bw.read_port(put_port(tmp_path, [2])), out)
    assert 0 < max(waited) <= 20


@contextmanager
def no_room() -> Iterator[None]:
    """Let no file grow beyond 2 kB, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_no_room_for_the_cube_is_one_error_and_nothing_is_lost(tmp_path: Path) -> None:
    out = tmp_path / "out"
    bw.ingest(bw.read_port(put_port(tmp_path, [1])), out)
    before = bits(cube_of(out))
    port = bw.read_port(put_port(tmp_path, [2, 3]))
    told = f"cube/s1: .*{os.strerror(errno.EFBIG)}.*; what readers see is as it was"
    with no_room(), pytest.raises(BerthwatchError, match=told):
        bw.ingest(port, out)
    assert bits(cube_of(out)) == before
    assert bw.ingest(port, out).sources[0].new == ("S1_002", "S1_003")


def test_no_room_for_the_results_is_one_error_and_those_before_stay(tmp_path: Path) -> None:
    out = tmp_path / "out"
    bw.run(bw.read_port(put_port(tmp_path, [1])), out)
    before = (out / "report.html").read_bytes()
    port = bw.read_port(put_port(tmp_path, [2]))
    bw.ingest(port, out)
    told = f"{out}: {os.strerror(errno.EFBIG)}, while results were written; run again once there is room"
    with no_room(), pytest.raises(BerthwatchError, match=told):
        bw.run(port, out)
    assert (out / "report.html").read_bytes() == before
    assert not (out / STAGING).exists()
    assert bw.run(port, out).changed
