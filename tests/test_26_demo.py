"""The demonstration's lines say what a run wrote, whatever came out."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from shapely.geometry import box

from berthwatch.datasets import demo
from berthwatch.model import Berth, SetAside
from berthwatch.tables import LEDGER_COLUMNS, OBSERVATION_COLUMNS, OCCUPANCY_COLUMNS, VISIT_COLUMNS, as_table

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


FIGURES = {"visits_estimated_low": 5, "visits_estimated": 6, "visits_estimated_high": 8, "cap_barrels": 500_000.0}
VOLUMES = {
    "barrels_low": 410_000, "barrels": 520_000, "barrels_high": 640_000,
    "barrels_estimated_low": 550_000, "barrels_estimated": 700_000, "barrels_estimated_high": 900_000,
}  # fmt: skip
SCENARIOS = {"one_third": 250_000, "half": 375_000, "60_percent": 450_000, "90_percent": 675_000}


def write_told(folder: Path, transitions: list[str], p_over_cap: list[float], summary: dict[str, Any]) -> Path:
    """A run's folder by hand: a visit for each transition, and the ledger's days."""
    time = pd.Timestamp("2024-03-08T02:00Z")
    visit = {"visit_id": "A-1", "berth_id": "A", "arrival_before": time, "departure_after": time, "observations": 1}
    loads = {"loaded": (0.05, 0.9), "discharged": (0.9, 0.05), "unchanged": (0.5, 0.5)}
    visits = [
        visit | {"transition": did, "arrival_load": loads.get(did, (None,) * 2)[0]}
        | {"departure_load": loads.get(did, (None,) * 2)[1], "ais": "dark"}
        for did in transitions
    ]  # fmt: skip
    freeboard_m = None if summary.get("barrels") is None else 3.0
    look = {"berth_id": "A", "time": time, "source": "radar", "scene_id": "s", "freeboard_m": freeboard_m}
    dates = pd.date_range("2024-03-08", periods=len(p_over_cap)).strftime("%Y-%m-%d")
    days = [{"date": date, "p_over_cap": p} for date, p in zip(dates, p_over_cap, strict=True)]
    as_table(visits, VISIT_COLUMNS).to_parquet(folder / "visits.parquet")
    as_table([look], OBSERVATION_COLUMNS).to_parquet(folder / "observations.parquet")
    as_table([look], OCCUPANCY_COLUMNS).to_parquet(folder / "occupancy.parquet")
    as_table(days, LEDGER_COLUMNS).to_csv(folder / "ledger.csv", index=False)
    (folder / "summary.json").write_text(json.dumps(FIGURES | {"scenario_barrels": SCENARIOS} | summary))
    (folder / "run.json").write_text("{}")
    return folder


def test_the_case_is_retold_with_its_hedges(tmp_path: Path) -> None:
    done = ["loaded", "loaded", "unchanged", "undetermined", "undetermined"]
    lines = demo.retell(write_told(tmp_path, done, [0.1, 0.96, 0.97], VOLUMES))
    expected = """
        Scenes: 1 of radar, 2024-03-08 to 2024-03-08.
        Visits seen: 5 at 1 berth.
        Taking into account what the gaps between scenes must have hidden, between 5 and 8 visits took place
        (90 % interval, its middle 6).
        Of the 5 visits seen, 3 could be told: 2 loaded and 1 unchanged in load; 2 of these 3 came empty and left nearly
        full. The other 2 could not be told.
        Volume that left by sea: 520,000 barrels on the visits seen (90 % interval 410,000 to 640,000); estimated with
        what the gaps must have hidden, 700,000 barrels (540,000 to 900,000). The estimate contains what was seen: the
        two are not to be added. 2 visits whose load could not be told are in both as the model expects them.
        By the estimate, the cap of 500,000 barrels for 2024, counted from 8 March 2024, was passed with 95 %
        probability by 9 March 2024."""
    assert " ".join(lines) == " ".join(expected.split())
    assert len(lines) == 6


def test_without_loads_the_case_is_not_made_up(tmp_path: Path) -> None:
    lines = demo.retell(write_told(tmp_path, ["undetermined"] * 3, [], {}))
    assert "could be told for none of the 3 visits seen" in lines[3]
    assert lines[4] == "No freeboard was measured in any look, so no load could be told and no barrels are stated."
    assert lines[5].startswith("No measurement, but the arithmetic")
    assert len(lines) == 6


def test_an_empty_port_is_retold_too(tmp_path: Path) -> None:
    lines = demo.retell(write_told(tmp_path, [], [0.0], VOLUMES))
    assert lines[1] == "Visits seen: none."
    assert lines[-1].endswith("by 8 March 2024 is under 1 %.")
