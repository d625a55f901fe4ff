"""What a run writes: columns and types as they are promised, whole or not at all, and the same from the same."""

import csv
import hashlib
import json
import math
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shapely.geometry import shape

import berthwatch as bw
from berthwatch import outputs
from berthwatch.datasets.registry import scenario
from berthwatch.datasets.simulate import simulate
from berthwatch.outputs import STAGING, output_hashes, staged, still_there, write_json
from berthwatch.provenance import RECORD

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TIME, TEXT, NUMBER = pa.timestamp("ns", "UTC"), "text", pa.float64()

# As the design promises them, written out here so that a change of the code's own list is noticed.
OBSERVATIONS = {
    "berth_id": TEXT, "time": TIME, "source": TEXT, "scene_id": TEXT, "visible": NUMBER, "change": NUMBER,
    "hull_length_m": NUMBER, "hull_beam_m": NUMBER, "hull_heading_deg": NUMBER,
    "freeboard_m": NUMBER, "freeboard_sigma_m": NUMBER, "reason": TEXT,
}  # fmt: skip
OCCUPANCY = {
    "berth_id": TEXT, "time": TIME, "source": TEXT, "scene_id": TEXT, "visible": NUMBER,
    "p_occupied": NUMBER, "occupied": pa.bool_(),
}  # fmt: skip
VISITS = {
    "visit_id": TEXT, "berth_id": TEXT,
    "arrival_after": TIME, "arrival_before": TIME, "departure_after": TIME, "departure_before": TIME,
    "observations": pa.int64(),
    "arrival_load": NUMBER, "arrival_load_low": NUMBER, "arrival_load_high": NUMBER,
    "departure_load": NUMBER, "departure_load_low": NUMBER, "departure_load_high": NUMBER,
    "transition": TEXT, "transition_probability": NUMBER,
    "vessel_id": TEXT, "vessel_name": TEXT, "vessel_probability": NUMBER,
    "length_m": NUMBER, "beam_m": NUMBER, "barrels": NUMBER, "barrels_low": NUMBER, "barrels_high": NUMBER,
    "ais": TEXT, "scenes": pa.list_(pa.string()),
}  # fmt: skip
LEDGER = "date,seen_low,seen,seen_high,estimated_low,estimated,estimated_high,p_over_cap"
TIMES = ("arrival_after", "arrival_before", "departure_after", "departure_before")


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two months of radar over a small port."""
    small = scenario("small-port")
    short = replace(small, optical=None, end=small.start + timedelta(days=60))
    return simulate(short, tmp_path_factory.mktemp("port"), seed=1)


@pytest.fixture(scope="module")
def out(run_file: Path) -> Path:
    """What a run on it wrote."""
    return bw.run(bw.read_port(run_file), run_file.parent / "out").out


def columns_of(path: Path) -> dict[str, Any]:
    """A parquet file's columns and types, either width of text being text."""
    schema = pq.read_schema(path)
    texts = (pa.string(), pa.large_string())
    return {field.name: TEXT if field.type in texts else field.type for field in schema}


@pytest.mark.parametrize(("name", "columns"), [("observations", OBSERVATIONS), ("occupancy", OCCUPANCY)])
def test_tables_have_the_promised_columns_and_types(out: Path, name: str, columns: dict[str, Any]) -> None:
    assert columns_of(out / f"{name}.parquet") == columns
    assert list(columns_of(out / f"{name}.parquet")) == list(columns)


def test_every_berth_has_a_row_for_every_scene(out: Path, run_file: Path) -> None:
    scenes = len(list((run_file.parent / "sentinel-1").glob("*.json")))
    for name in ("observations", "occupancy"):
        table = pd.read_parquet(out / f"{name}.parquet")
        assert len(table) == 3 * scenes
        assert not table.duplicated(["berth_id", "source", "scene_id"]).any()
        assert table["time"].is_monotonic_increasing
        assert table["visible"].between(0, 1).all()
    assert table["occupied"].isna().equals(table["visible"] == 0)


def test_visits_are_geoparquet_in_degrees(out: Path) -> None:
    found = columns_of(out / "visits.parquet")
    geometry = found.pop("geometry")
    assert geometry == pa.binary()
    assert found == VISITS
    assert list(found) == list(VISITS)
    told = json.loads(pq.read_schema(out / "visits.parquet").metadata[b"geo"])
    assert told["primary_column"] == "geometry"
    table = gpd.read_parquet(out / "visits.parquet")
    assert table.crs.to_epsg() == 4326
    assert len(table) > 3
    berths = gpd.read_file(out / "berths.geojson").set_index("berth_id").geometry
    assert all(row.geometry.equals_exact(berths[row.berth_id], 1e-9) for row in table.itertuples())


def test_visits_as_geojson_are_features_with_iso_times(out: Path) -> None:
    document = json.loads((out / "visits.geojson").read_text(), parse_constant=pytest.fail)
    assert document["type"] == "FeatureCollection"
    assert "crs" not in document or "4326" in str(document["crs"]) or "CRS84" in str(document["crs"])
    table = gpd.read_parquet(out / "visits.parquet")
    assert [each["properties"]["visit_id"] for each in document["features"]] == table["visit_id"].tolist()
    for each in document["features"]:
        assert each["type"] == "Feature"
        assert list(each["properties"]) == list(VISITS)
        assert shape(each["geometry"]).is_valid
        stamps = [each["properties"][name] for name in TIMES]
        assert all(stamp is None or STAMP.fullmatch(stamp) for stamp in stamps)
        assert isinstance(each["properties"]["scenes"], list)


def test_visits_as_csv_say_the_same(out: Path) -> None:
    with (out / "visits.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table = gpd.read_parquet(out / "visits.parquet")
    assert list(rows[0]) == list(VISITS)
    for row, visit in zip(rows, table.to_dict("records"), strict=True):
        assert row["visit_id"] == visit["visit_id"]
        assert row["scenes"].split(";") == list(visit["scenes"])
        for name in TIMES:
            stamp = "" if pd.isna(visit[name]) else f"{visit[name]:%Y-%m-%dT%H:%M:%SZ}"
            assert row[name] == stamp
        assert float(row["length_m"] or math.nan) == pytest.approx(visit["length_m"], nan_ok=True)


def test_the_ledger_has_a_row_for_every_day_and_claims_no_volume(out: Path) -> None:
    lines = (out / "ledger.csv").read_text().splitlines()
    assert lines[0] == LEDGER
    times = pd.read_parquet(out / "observations.parquet")["time"]
    days = pd.date_range(times.min().normalize(), times.max().normalize())
    assert [line.split(",")[0] for line in lines[1:]] == days.strftime("%Y-%m-%d").tolist()
    assert all(line.split(",", 1)[1] == "," * 6 for line in lines[1:])


def test_the_summary_counts_what_the_tables_hold(out: Path) -> None:
    summary = json.loads((out / "summary.json").read_text(), parse_constant=pytest.fail)
    occupancy = pd.read_parquet(out / "occupancy.parquet")
    controls = occupancy["berth_id"] == "C1"
    assert (summary["berths"], summary["controls"]) == (2, 1)
    assert summary["scenes"] == occupancy["scene_id"].nunique()
    assert summary["looks"] == (~controls).sum()
    assert summary["looks_that_told_nothing"] == occupancy.loc[~controls, "occupied"].isna().sum()
    assert summary["control_looks_occupied"] == occupancy.loc[controls, "occupied"].sum()
    assert summary["visits_seen"] == summary["visits_undetermined"] == len(gpd.read_parquet(out / "visits.parquet"))
    assert summary["barrels"] is None
    assert STAMP.fullmatch(summary["first_scene"])


def test_the_record_names_every_scene_with_its_hash_and_every_output(out: Path, run_file: Path) -> None:
    record = json.loads((out / RECORD).read_text(), parse_constant=pytest.fail)
    assert record["run_file_sha256"] == hashlib.sha256(run_file.read_bytes()).hexdigest()
    files = {path.name for path in out.iterdir() if path.is_file()}
    assert set(record["outputs"]) == files - {RECORD}
    for name, digest in record["outputs"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest, name
    (source,) = record["sources"]
    items = sorted((run_file.parent / "sentinel-1").glob("*.json"))
    assert sorted(scene["scene_id"] for scene in source["scenes"]) == sorted(path.stem for path in items)
    assert all(re.fullmatch("[0-9a-f]{64}", scene["sha256"]) for scene in source["scenes"])
    assert record["snapshots"] == {"sentinel-1": source["snapshot"]}
    assert record["versions"]["berthwatch"] == bw.__version__
    assert "seeds" in record


def test_the_files_are_those_promised(out: Path) -> None:
    promised = {"observations.parquet", "occupancy.parquet", "visits.parquet", "visits.geojson", "visits.csv"}
    promised |= {"hulls.parquet", "ledger.csv", "summary.json", "report.html", "run.json"}
    assert {path.name for path in out.iterdir()} == promised | {"berths.geojson", "cube"}


def test_the_same_inputs_give_the_same_bytes(out: Path, run_file: Path, tmp_path: Path) -> None:
    other = bw.run(bw.read_port(run_file), tmp_path / "again").out
    names = {path.name for path in out.iterdir() if path.is_file()} - {RECORD, "report.html"}
    assert {name for name in names if (out / name).read_bytes() != (other / name).read_bytes()} == set()
    pages = []
    for folder in (out, other):
        page = (folder / "report.html").read_text()
        for snapshot in json.loads((folder / RECORD).read_text())["snapshots"].values():
            page = page.replace(snapshot, "SNAPSHOT")  # a name Icechunk draws at random
        pages.append(page)
    assert pages[0] == pages[1]


def put(folder: Path, files: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def held(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_what_fails_while_writing_leaves_the_results_before_and_no_litter(tmp_path: Path) -> None:
    old = {"a.csv": "old", RECORD: "{}"}
    put(tmp_path, old)

    def write_until_the_disk_is_full() -> None:
        with staged(tmp_path) as folder:
            put(folder, {"a.csv": "new", "b.csv": "new"})
            raise RuntimeError("disk full")

    with pytest.raises(RuntimeError, match="disk full"):
        write_until_the_disk_is_full()
    assert held(tmp_path) == old


def test_what_a_killed_run_left_is_cleared_and_never_moved_in(tmp_path: Path) -> None:
    put(tmp_path / STAGING, {"litter.csv": "half"})
    with staged(tmp_path) as folder:
        put(folder, {"a.csv": "new"})
    assert held(tmp_path) == {"a.csv": "new"}


def test_the_record_is_moved_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = []
    real = outputs.os.replace
    monkeypatch.setattr(outputs.os, "replace", lambda old, new: (moved.append(Path(new).name), real(old, new)))
    with staged(tmp_path / "new" / "folder") as folder:
        put(folder, {RECORD: "{}", "z.csv": "1", "a.csv": "2"})
    assert moved == ["a.csv", "z.csv", RECORD]
    assert set(held(tmp_path / "new" / "folder")) == set(moved)


def test_outputs_that_changed_or_went_are_noticed(tmp_path: Path) -> None:
    put(tmp_path, {"a.csv": "1", "b.csv": "2", RECORD: "{}"})
    hashes = output_hashes(tmp_path)
    assert list(hashes) == ["a.csv", "b.csv"]
    assert still_there(tmp_path, hashes)
    (tmp_path / "a.csv").write_text("3")
    assert not still_there(tmp_path, hashes)
    (tmp_path / "a.csv").unlink()
    assert not still_there(tmp_path, hashes)


def test_json_never_holds_what_is_no_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": pd.Series([1.5])[0], "a": None})
    assert (tmp_path / "a.json").read_text() == '{\n "a": null,\n "b": 1.5\n}\n'
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"a": math.nan})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": None, "b": 1.5}


def test_a_table_someone_removed_or_changed_is_written_again(out: Path, run_file: Path) -> None:
    before = (out / "occupancy.parquet").read_bytes()
    (out / "occupancy.parquet").unlink()
    (out / "ledger.csv").write_text("tampered")
    result = bw.run(bw.read_port(run_file), out)
    assert result.changed
    assert (out / "occupancy.parquet").read_bytes() == before
    assert (out / "ledger.csv").read_text().startswith(LEDGER)
