"""Many ports in one go, with real runs: one that fails stops no other, and a second time nothing is done again."""

import json
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from berthwatch.cli import main
from berthwatch.datasets.registry import scenario
from berthwatch.datasets.simulate import simulate
from berthwatch.errors import InputError
from berthwatch.manyports import folder_names


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`good`, `torn` with a truncated scene, and `wrong` whose berths are missing."""
    folder = tmp_path_factory.mktemp("ports")
    small = replace(scenario("small-port"), optical=None)
    simulate(replace(small, end=small.start + timedelta(days=30)), folder / "good", seed=1)
    for name in ("torn", "wrong"):
        shutil.copytree(folder / "good", folder / name)
    scene = min((folder / "torn").glob("*/*.tif"))
    scene.write_bytes(scene.read_bytes()[:500])
    (folder / "wrong" / "berths.geojson").unlink()
    return folder


def batch(ports: Path, names: tuple[str, ...], out: Path) -> Result:
    files = [str(ports / name / "port.yaml") for name in names]
    return CliRunner().invoke(main, ["batch", *files, "--out", str(out)])


def test_a_port_that_fails_stops_no_other(ports: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    (out / "blocked").mkdir(parents=True)
    (out / "blocked" / "run.json").write_text("no record")
    shutil.copytree(ports / "good", ports / "blocked")
    result = batch(ports, ("wrong", "torn", "good", "blocked"), out)
    assert result.exit_code == 2
    table = pd.read_csv(out / "ports.csv").set_index("port")
    assert table["status"].to_dict() == {
        "wrong": "input wrong",
        "torn": "scenes set aside",
        "good": "done",
        "blocked": "input wrong",
    }
    assert "berths.geojson" in table.loc["wrong", "said"]
    assert table.loc["torn", "said"] == "1 scene set aside"
    assert re.search(r"torn: set aside: scene \S+ of sentinel-1: \S", result.stderr)
    for name in ("torn", "good"):
        assert (out / name / "report.html").is_file()
        assert table.loc[name, "scenes"] == json.loads((out / name / "summary.json").read_text())["scenes"]
    assert not (out / "wrong").exists()
    assert [row["port"] for row in json.loads((out / "ports.json").read_text())] == list(table.index)


def test_a_second_time_nothing_is_done_again(ports: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    first = batch(ports, ("good", "torn"), out)
    assert first.exit_code == 3
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.glob("*/*") if path.is_file()}
    summaries = {path: path.read_bytes() for path in out.glob("ports.*")}
    assert len(summaries) == 2
    assert batch(ports, ("good", "torn"), out).exit_code == 3
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before} == before
    assert {path: path.read_bytes() for path in out.glob("ports.*")} == summaries


def test_a_port_that_breaks_is_told_and_the_status_is_1(
    ports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the disk\nis gone")

    monkeypatch.setattr("berthwatch.manyports.run", broken)
    result = batch(ports, ("good", "wrong"), tmp_path / "runs")
    assert result.exit_code == 1
    said = pd.read_csv(tmp_path / "runs" / "ports.csv").set_index("port")["said"]
    assert said["good"] == "RuntimeError: the disk is gone"
    assert "berths.geojson" in said["wrong"]


def test_two_ports_that_would_share_a_folder_are_refused_before_anything_is_run() -> None:
    with pytest.raises(InputError, match=r"a name of its own for its folder; got 'x', as a/x/port\.yaml has"):
        folder_names([Path("a/x/port.yaml"), Path("b/x/port.yaml")])
    with pytest.raises(InputError, match=r"'y', as y\.yaml has"):
        folder_names([Path("y.yaml"), Path("y/port.yaml"), Path("z/port.yaml")])
