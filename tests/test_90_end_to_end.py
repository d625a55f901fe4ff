"""The whole way, from a run file to its results, on a simulated port whose truth is known."""

import hashlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import berthwatch as bw
from berthwatch.cli import main
from berthwatch.datasets.registry import scenario
from berthwatch.datasets.simulate import simulate
from berthwatch.outputs import STAGING

RECORD, REPORT = "run.json", "report.html"

Command = Callable[..., Result]


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    """Call the command line in this process."""
    handlers, level = logging.root.handlers[:], logging.root.level

    def call(*words: object) -> Result:
        return CliRunner().invoke(main, [str(word) for word in words])

    yield call
    logging.captureWarnings(capture=False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    logging.getLogger("berthwatch").setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four months of radar and optical scenes over two berths and a control."""
    return simulate(scenario("small-port"), tmp_path_factory.mktemp("small-port"), seed=1)


@pytest.fixture(scope="module")
def first_run(port: Path, command: Command) -> Result:
    """A run on it, through the command line."""
    return command("run", port, "--out", port.parent / "out")


@pytest.fixture(scope="module")
def radar_port(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month of radar alone."""
    small = scenario("small-port")
    short = replace(small, optical=None, end=small.start + timedelta(days=30))
    return simulate(short, tmp_path_factory.mktemp("radar-port"), seed=2)


@pytest.fixture(scope="module")
def undisturbed(radar_port: Path) -> dict[str, bytes]:
    """What a run on it writes that nothing disturbs."""
    return results(bw.run(bw.read_port(radar_port), radar_port.parent / "out").out)


def results(out: Path) -> dict[str, bytes]:
    """Every file a run wrote beside its cubes, without snapshots' random names and the hash of what has them."""
    found = {path.name: path.read_bytes() for path in sorted(out.iterdir()) if path.is_file()}
    record = json.loads(found[RECORD])
    for snapshot in record["snapshots"].values():
        for name in (RECORD, REPORT):
            found[name] = found[name].replace(snapshot.encode(), b"SNAPSHOT")
    found[RECORD] = found[RECORD].replace(record["outputs"][REPORT].encode(), b"HASH")
    return found


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def judged(port: Path) -> pd.DataFrame:
    occupancy = pd.read_parquet(port.parent / "out" / "occupancy.parquet")
    labels = pd.read_csv(port.parent / "labels.csv").drop(columns="time").rename(columns={"occupied": "label"})
    return occupancy.merge(labels, on=["scene_id", "berth_id"], validate="one_to_one")


def test_the_command_runs_and_says_where_the_report_is(first_run: Result, port: Path) -> None:
    assert first_run.exit_code == 0, first_run.output
    assert first_run.stdout.splitlines()[-1] == f"report: {port.parent / 'out' / REPORT}"
    assert "scenes: 70" in first_run.stdout
    assert (port.parent / "out" / REPORT).stat().st_size > 10_000


def test_radar_looks_are_all_right(first_run: Result, port: Path) -> None:
    looks = judged(port)
    radar = looks[looks["source"] == "sentinel-1"]
    assert radar["occupied"].notna().mean() > 0.95
    decided = radar.dropna(subset="occupied")
    assert (decided["label"] == 1).sum() >= 20
    assert (decided["occupied"].astype(int) == decided["label"]).all()


def test_optical_looks_are_right_where_they_are_decided(first_run: Result, port: Path) -> None:
    looks = judged(port)
    optical = looks[looks["source"] == "planetscope"].dropna(subset="occupied")
    assert len(optical) >= 30
    assert (optical["occupied"].astype(int) == optical["label"]).mean() >= 0.95


def test_windows_hold_the_true_arrivals_and_departures(first_run: Result, port: Path) -> None:
    visits = pd.read_parquet(port.parent / "out" / "visits.parquet")
    truth = pd.read_csv(port.parent / "truth.csv", parse_dates=["arrival", "departure"])
    far = pd.Timestamp("2100-01-01", tz="UTC"), pd.Timestamp("1900-01-01", tz="UTC")
    for visit in visits.itertuples():
        calls = truth[truth["berth_id"] == visit.berth_id]
        there = calls[(calls["arrival"] <= visit.departure_after) & (calls["departure"] >= visit.arrival_before)]
        assert len(there), visit.visit_id
        after = far[1] if pd.isna(visit.arrival_after) else visit.arrival_after
        before = far[0] if pd.isna(visit.departure_before) else visit.departure_before
        assert there["arrival"].max() >= after, visit.visit_id
        assert pd.isna(visit.departure_before) or there["departure"].min() <= before, visit.visit_id


def test_a_second_run_that_finds_nothing_new_changes_nothing(first_run: Result, port: Path) -> None:
    out = port.parent / "out"
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.rglob("*") if path.is_file()}
    began = time.perf_counter()
    result = bw.run(bw.read_port(port), out)
    assert time.perf_counter() - began < 5
    assert not result.changed
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.rglob("*") if path.is_file()}
    assert {path.name for path in before.keys() | after.keys() if before.get(path) != after.get(path)} == set()


def test_another_fleet_in_the_same_file_is_noticed(first_run: Result, port: Path, tmp_path: Path) -> None:
    copy = tmp_path / "port"
    shutil.copytree(port.parent, copy)
    before = json.loads((copy / "out" / RECORD).read_text())
    assert set(before["files_sha256"]) == {"berths", "fleet", "ais"}
    assert before["files_sha256"]["fleet"] == hashlib.sha256((copy / "fleet.csv").read_bytes()).hexdigest()
    assert before["ledger"]["product"] == bw.read_port(port).ledger.product
    lines = (copy / "fleet.csv").read_text().splitlines(keepends=True)
    (copy / "fleet.csv").write_text("".join(lines[:-1]))
    assert bw.run(bw.read_port(copy / "port.yaml"), copy / "out").changed
    after = json.loads((copy / "out" / RECORD).read_text())
    assert after["counts"]["fleet"] != before["counts"]["fleet"]


def test_scenes_that_come_later_give_the_same_results_as_all_at_once(
    first_run: Result, port: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "port"
    shutil.copytree(port.parent, copy, ignore=shutil.ignore_patterns("out"))
    items = [*copy.glob("*/*.json")]
    last = sorted(items, key=lambda path: str(json.loads(path.read_text())["properties"]["datetime"]))[-10:]
    held_back = {path: path.read_text() for path in last}
    for path in held_back:
        path.unlink()
    early = bw.run(bw.read_port(copy / "port.yaml"), copy / "out")
    assert early.summary["scenes"] == 60
    for path, text in held_back.items():
        path.write_text(text)
    late = bw.run(bw.read_port(copy / "port.yaml"), copy / "out")
    assert late.changed
    assert late.summary["scenes"] == 70
    assert differing(results(copy / "out"), results(port.parent / "out")) <= {RECORD}


def test_visits_keep_their_ids_when_scenes_come_later(
    radar_port: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    copy = tmp_path / "port"
    shutil.copytree(radar_port.parent, copy, ignore=shutil.ignore_patterns("out"))
    items = sorted(copy.glob("*/*.json"), key=lambda path: str(json.loads(path.read_text())["properties"]["datetime"]))
    for path in items[-3:]:
        path.unlink()
    early = bw.run(bw.read_port(copy / "port.yaml"), copy / "out")
    ids = set(pd.read_parquet(early.out / "visits.parquet")["visit_id"])
    all_ids = set(pd.read_parquet(radar_port.parent / "out" / "visits.parquet")["visit_id"])
    assert ids
    # later looks may show that what seemed one visit was two, or the reverse: all others keep their names
    assert len(ids - all_ids) <= 1


def test_a_truncated_scene_is_named_and_the_others_are_used(radar_port: Path, command: Command, tmp_path: Path) -> None:
    copy = tmp_path / "port"
    shutil.copytree(radar_port.parent, copy, ignore=shutil.ignore_patterns("out"))
    cut = sorted((copy / "sentinel-1").glob("*_vv.tif"))[3]
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    name = cut.name.removesuffix("_vv.tif")
    result = command("run", copy / "port.yaml", "--out", copy / "out")
    assert result.exit_code == 3, result.output
    assert f"set aside: scene {name} of sentinel-1:" in result.stderr
    (source,) = json.loads((copy / "out" / RECORD).read_text())["sources"]
    assert [scene["scene_id"] for scene in source["set_aside"]] == [name]
    used = {scene["scene_id"] for scene in source["scenes"]}
    assert used == {path.stem for path in (copy / "sentinel-1").glob("*.json")} - {name}
    assert set(pd.read_parquet(copy / "out" / "occupancy.parquet")["scene_id"]) == used
    assert json.loads((copy / "out" / "summary.json").read_text())["scenes_set_aside"] == 1


KILL = "kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
MOMENTS = {
    "once scenes are read": "ingestion.register = kill",
    "once shifts are measured": "ingestion.write_shifts = kill",
    "once shifts are kept": "pipeline._observe_all = kill",
    "before the results are moved": "pipeline.output_hashes = kill",
    "while the results are moved": """
real, moved = outputs.os.replace, []
def replace(old, new):
    kill() if len(moved) == 4 else moved.append(new)
    real(old, new)
outputs.os = type("Os", (), {"replace": staticmethod(replace)})
""",
}


def start(code: str, port: Path, out: Path) -> "subprocess.Popen[bytes]":
    begin = "import sys, os, signal, berthwatch as bw\nfrom berthwatch import ingestion, outputs, pipeline\n"
    end = "\nbw.run(bw.read_port(sys.argv[1]), sys.argv[2])"
    words = [sys.executable, "-c", begin + code + end, str(port), str(out)]
    return subprocess.Popen(words, stderr=subprocess.DEVNULL)


def test_a_run_killed_at_any_step_is_run_again_and_ends_the_same(
    radar_port: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    children = {}
    for moment, code in MOMENTS.items():
        children[moment] = start(KILL + code, radar_port, tmp_path / moment)
    for moment, child in children.items():
        assert child.wait(240) == -signal.SIGKILL, moment
    assert not (tmp_path / "before the results are moved" / REPORT).exists()
    for moment in MOMENTS:
        out = tmp_path / moment
        assert not (out / RECORD).exists(), moment
        bw.run(bw.read_port(radar_port), out)
        assert differing(results(out), undisturbed) == set(), moment
        assert not (out / STAGING).exists(), moment


def test_a_kill_while_new_results_replace_old_ones_is_noticed(
    radar_port: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    copy, out = tmp_path / "port", tmp_path / "out"
    shutil.copytree(radar_port.parent, copy, ignore=shutil.ignore_patterns("out"))
    last = max((copy / "sentinel-1").glob("*.json"))
    text = last.read_text()
    last.unlink()
    bw.run(bw.read_port(copy / "port.yaml"), out)
    last.write_text(text)
    child = start(KILL + MOMENTS["while the results are moved"], copy / "port.yaml", out)
    assert child.wait(240) == -signal.SIGKILL
    again = bw.run(bw.read_port(copy / "port.yaml"), out)
    assert again.changed
    assert differing(results(out), undisturbed) <= {RECORD}  # it names where the scenes lay


@pytest.mark.slow
def test_two_runs_at_once_in_one_folder_end_as_one(
    radar_port: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    children = [start("", radar_port, tmp_path / "out") for _ in range(2)]
    assert [child.wait(240) for child in children] == [0, 0]
    assert differing(results(tmp_path / "out"), undisturbed) == set()


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_the_same(
    radar_port: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    rng = np.random.default_rng()
    for _ in range(4):
        child = start("", radar_port, tmp_path / "out")
        delay = rng.uniform(2, 15)
        try:
            child.wait(delay)
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
    bw.run(bw.read_port(radar_port), tmp_path / "out")
    assert differing(results(tmp_path / "out"), undisturbed) == set()


@pytest.mark.slow
def test_worker_processes_give_the_same_results(
    radar_port: Path, undisturbed: dict[str, bytes], command: Command, tmp_path: Path
) -> None:
    result = command("run", radar_port, "--out", tmp_path / "out", "--workers", 1)
    assert result.exit_code == 0, result.output
    assert differing(results(tmp_path / "out"), undisturbed) == set()
