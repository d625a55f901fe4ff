"""What a run that died leaves behind is taken away, and nothing else; not while somebody runs."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import berthwatch as bw
from berthwatch.errors import InputError
from berthwatch.litter import gc
from berthwatch.outputs import STAGING
from berthwatch.store import lock_at, locked, open_repository
from berthwatch.transaction import abandoned
from tests.test_30_cube import KILL, bits, cube_of, put_port, run_child


def files_of(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


@pytest.fixture
def died(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A folder with scenes, in which a run that would have added more was killed; and the bits that readers see."""
    out = tmp_path / "out"
    bw.ingest(bw.read_port(put_port(tmp_path, range(3))), out)
    before = bits(cube_of(out))
    child = run_child(KILL + "layout.write_scenes = kill", put_port(tmp_path, range(6)), out)
    assert child.wait(120) == -signal.SIGKILL
    (out / STAGING).mkdir()
    (out / STAGING / "visits.parquet").write_bytes(b"half")
    return out, before


def test_litter_is_taken_away_and_what_readers_see_stays(died: tuple[Path, dict[str, Any]]) -> None:
    out, before = died
    held = files_of(out / "cube")
    outputs, cube = gc(out)
    assert (outputs.where, outputs.files, outputs.freed_bytes) == ("outputs", 1, 4)
    assert (cube.where, cube.branches) == ("cube of s1", 1)
    assert cube.files > 0
    assert files_of(out / "cube") < held
    assert not (out / STAGING).exists()
    assert abandoned(open_repository(out / "cube" / "s1")) == []
    assert bits(cube_of(out)) == before
    assert gc(out) == ()


def test_the_verb_says_what_it_took_away(died: tuple[Path, dict[str, Any]], command_line: Callable[..., Any]) -> None:
    first, second = command_line("gc", died[0]), command_line("gc", died[0])
    assert first.stdout.startswith("outputs: files taken away: 1 (0.0 MB)\ncube of s1: files taken away: ")
    assert first.stdout.endswith(" MB), of runs that died: 1\n")
    assert (second.returncode, second.stdout) == (0, "nothing to take away\n")


@pytest.mark.parametrize("place", [lock_at, lambda out: out / "cube" / "s1"], ids=["outputs", "cube"])
def test_nothing_is_taken_away_while_somebody_runs(
    died: tuple[Path, dict[str, Any]], place: Callable[[Path], Path]
) -> None:
    held = files_of(died[0])
    with locked(place(died[0])), pytest.raises(InputError, match="a run that has not ended"):
        gc(died[0])
    assert files_of(died[0]) >= held


def test_a_folder_without_a_cube_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the folder of a run"):
        gc(tmp_path)
