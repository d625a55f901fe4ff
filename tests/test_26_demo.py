"""The demonstration's five lines say what the tables of a run hold."""

from pathlib import Path

import pandas as pd
import pytest
from shapely.geometry import box

from berthwatch.datasets import demo
from berthwatch.model import Berth, SetAside

BERTHS = (
    Berth("A", "berth", box(0, 0, 1, 1)),
    Berth("B", "berth", box(1, 0, 2, 1)),
    Berth("C", "control", box(5, 0, 6, 1)),
)


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    times = pd.to_datetime(["2024-03-01T02:00Z", "2024-03-05T02:00Z"])
    looks = [
        (name, time, "radar", f"scene-{number}", occupied)
        for number, (time, column) in enumerate(zip(times, [(False, False, False), (True, None, False)], strict=True))
        for name, occupied in zip("ABC", column, strict=True)
    ]
    occupancy = pd.DataFrame(looks, columns=["berth_id", "time", "source", "scene_id", "occupied"])
    occupancy["occupied"] = occupancy.occupied.astype("boolean")
    occupancy.to_parquet(tmp_path / "occupancy.parquet")
    occupancy.drop(columns="occupied").to_parquet(tmp_path / "observations.parquet")
    pd.DataFrame({"visit_id": ["A-1"], "berth_id": ["A"]}).to_parquet(tmp_path / "visits.parquet")
    return tmp_path


def test_five_lines(tables: Path) -> None:
    assert demo.describe(tables, BERTHS, [SetAside("x", "radar", "every pixel is nodata")]) == [
        "Scenes: 2 of radar, 2024-03-01 to 2024-03-05.",
        "Berths: 2, with 1 visits at 1 of them.",
        "Last looks: 1 of 2 berths taken (A on 2024-03-05).",
        "Controls, where nothing moors: called taken in 0 of 2 looks.",
        "Could not tell: 1 of 4 looks at a berth; 1 scenes set aside (every pixel is nodata).",
    ]


def test_nothing_taken_no_controls_nothing_set_aside(tables: Path) -> None:
    occupancy = pd.read_parquet(tables / "occupancy.parquet")
    kept = occupancy[occupancy.berth_id != "C"].assign(occupied=pd.array([False] * 4, dtype="boolean"))
    kept.to_parquet(tables / "occupancy.parquet")
    lines = demo.describe(tables, BERTHS[:2], [])
    assert lines[2] == "Last looks: none of the 2 berths was taken."
    assert lines[3] == "Controls: none, so the rate of false alarms is not known."
    assert lines[4] == "Could not tell: 0 of 4 looks at a berth; no scene set aside."


def test_real_scenes_are_found_where_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERTHWATCH_DATA", str(tmp_path))
    assert demo.find_latakia() is None
    (tmp_path / "latakia").mkdir()
    (tmp_path / "latakia" / "port.yaml").touch()
    assert demo.find_latakia() == tmp_path / "latakia" / "port.yaml"
