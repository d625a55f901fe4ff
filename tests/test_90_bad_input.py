"""Bad input, through the command line: the message, the exit status, and that nothing was half-written.

A port of two berths and a control with four radar scenes; each test spoils one thing. Faults of the input exit
with 2 and leave nothing. A bad scene is set aside, exits with 3, and the results are those without it.
"""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner, Result
from shapely.geometry import box, mapping

from berthwatch.cli import main
from berthwatch.grid import project

UTM = "EPSG:32636"
LEFT, TOP, PIXEL_M, SIZE = 500_000, 4_000_000, 10, 64
NAMES = ("S1_0", "S1_1", "S1_2", "S1_3")
BERTHS = {"B1": (200, 300, 320, 340), "B2": (200, 400, 320, 440), "C1": (450, 300, 570, 340)}
"""Left, top, right and bottom of each, in metres from the scenes' corner."""

Document = dict[str, Any]


def put_scene(folder: Path, number: int, values: np.ndarray | None = None, nodata: float | None = np.nan) -> None:
    """A scene of water and a pier, with a vessel at B1 in the second and third, and its STAC item."""
    name = NAMES[number]
    if values is None:
        rng = np.random.default_rng(number)
        level = np.full((SIZE, SIZE), 0.01)
        level[20:60, 34:37] = 0.3
        if number in (1, 2):
            level[31:33, 21:31] = 0.5
        values = (level * rng.gamma(8, 1 / 8, level.shape)).astype(np.float32)
    transform = Affine(PIXEL_M, 0, LEFT, 0, -PIXEL_M, TOP)
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": UTM, "transform": transform, "nodata": nodata}
    with rasterio.open(folder / f"{name}.tif", "w", height=SIZE, width=SIZE, **profile) as file:
        file.write(values, 1)
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "links": [], "geometry": None,
        "properties": {"datetime": f"2024-05-{number + 1:02d}T03:00:00Z", "sat:relative_orbit": 14},
        "assets": {"vv": {"href": f"./{name}.tif", "type": "image/tiff; application=geotiff"}},
    }  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(item))


def berth(name: str) -> Document:
    left, top, right, bottom = BERTHS[name]
    shape = project(box(LEFT + left, TOP - bottom, LEFT + right, TOP - top), UTM, "EPSG:4326")
    kind = "control" if name == "C1" else "berth"
    return {"type": "Feature", "geometry": mapping(shape), "properties": {"berth_id": name, "kind": kind}}


@pytest.fixture
def port(tmp_path: Path) -> Path:
    """The run file of a port that is in order."""
    (tmp_path / "scenes").mkdir()
    for number in range(len(NAMES)):
        put_scene(tmp_path / "scenes", number)
    features = [berth(name) for name in BERTHS]
    (tmp_path / "berths.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    path = tmp_path / "port.yaml"
    source = "{name: s1, kind: sar, scenes: scenes/*.json, bands: [vv], units: linear}"
    path.write_text(f"name: P\nberths: berths.geojson\nsources:\n  - {source}\n")
    return path


Command = Callable[..., Result]


@pytest.fixture
def run() -> Iterator[Command]:
    """Call `berthwatch run` in this process."""
    handlers, level = logging.root.handlers[:], logging.root.level

    def call(port: Path, out: Path | None = None) -> Result:
        return CliRunner().invoke(main, ["run", str(port), "--out", str(out or port.parent / "out")])

    yield call
    logging.captureWarnings(capture=False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    logging.getLogger("berthwatch").setLevel(logging.NOTSET)


def refused(result: Result, port: Path) -> str:
    """Stderr of a run that was refused, having shown that it wrote nothing."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert not (port.parent / "out").exists()
    assert all(line.startswith("error: ") for line in result.stderr.splitlines())
    return result.stderr


def set_aside(result: Result, port: Path, name: str) -> str:
    """Why a scene was set aside, having shown that the others were used and that the results are whole."""
    assert result.exit_code == 3, result.output
    out = port.parent / "out"
    record = json.loads((out / "run.json").read_text())
    told = {scene["scene_id"]: scene["reason"] for scene in record["sources"][0]["set_aside"]}
    assert list(told) == [name]
    assert f"set aside: scene {name} of s1: {told[name]}" in result.stderr
    assert (out / "report.html").exists()
    assert not (out / ".unfinished").exists()
    used = set(pd.read_parquet(out / "observations.parquet")["scene_id"])
    assert used >= set(NAMES) - {name}
    return str(told[name])


def change_berths(port: Path, change: Callable[[Document], object]) -> None:
    path = port.parent / "berths.geojson"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def change_item(port: Path, name: str, change: Callable[[Document], object]) -> None:
    path = port.parent / "scenes" / f"{name}.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_a_port_in_order_runs_and_a_vessel_is_seen(port: Path, run: Command) -> None:
    result = run(port)
    assert result.exit_code == 0, result.output
    visits = pd.read_parquet(port.parent / "out" / "visits.parquet", columns=["berth_id", "scenes"])
    assert visits["berth_id"].tolist() == ["B1"]
    assert visits["scenes"].iloc[0].tolist() == ["S1_1", "S1_2"]


def test_a_missing_run_file(port: Path, run: Command) -> None:
    assert "none.yaml: expected a run file; got no such file" in refused(run(port.parent / "none.yaml"), port)


def test_a_missing_berths_file(port: Path, run: Command) -> None:
    (port.parent / "berths.geojson").unlink()
    assert "port.yaml:2 berths: expected a file; got no such file: berths.geojson" in refused(run(port), port)


def test_a_broken_tiff(port: Path, run: Command) -> None:
    (port.parent / "scenes" / "S1_2.tif").write_text("<html>Access denied</html>")
    assert "S1_2.tif" in set_aside(run(port), port, "S1_2")


def test_a_truncated_tiff(port: Path, run: Command) -> None:
    path = port.parent / "scenes" / "S1_2.tif"
    path.write_bytes(path.read_bytes()[:9000])
    assert "cannot be read" in set_aside(run(port), port, "S1_2")


def test_nothing_but_broken_tiffs(port: Path, run: Command) -> None:
    for name in NAMES:
        (port.parent / "scenes" / f"{name}.tif").write_text("")
    told = refused(run(port), port)
    assert "expected a scene that can be read; got 4 that cannot" in told
    assert "S1_0" in told


def test_an_empty_polygon(port: Path, run: Command) -> None:
    change_berths(port, lambda document: document["features"][1]["geometry"].update(coordinates=[]))
    told = refused(run(port), port)
    assert "features[1] (berth B2): expected a polygon with an area; got an empty polygon" in told


def test_a_self_crossing_berth(port: Path, run: Command) -> None:
    def cross(document: Document) -> None:
        ring = document["features"][0]["geometry"]["coordinates"][0]
        ring[1], ring[2] = ring[2], ring[1]

    change_berths(port, cross)
    told = refused(run(port), port)
    assert "(berth B1): expected a polygon that does not cross itself; got self-intersection at longitude" in told


def test_duplicate_berth_ids(port: Path, run: Command) -> None:
    change_berths(port, lambda document: document["features"][1]["properties"].update(berth_id="B1"))
    told = refused(run(port), port)
    assert "features[1] berth_id: expected each berth_id once; got 'B1' a second time" in told


def test_a_berth_outside_every_scene(port: Path, run: Command) -> None:
    far = mapping(box(34.0, 35.0, 34.001, 35.001))
    change_berths(port, lambda document: document["features"][1].update(geometry=far))
    told = refused(run(port), port)
    assert "B2" in told
    assert "B1" not in told


@pytest.mark.parametrize("declared", [True, False])
def test_berths_in_another_coordinate_system(port: Path, run: Command, declared: bool) -> None:
    def reproject(document: Document) -> None:
        left, top, right, bottom = BERTHS["B1"]
        metres = mapping(box(LEFT + left, TOP - bottom, LEFT + right, TOP - top))
        document["features"][0]["geometry"] = metres
        if declared:
            document["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32636"}}

    change_berths(port, reproject)
    told = refused(run(port), port)
    assert "expected longitude and latitude" in told
    assert "EPSG::32636" in told if declared else "which looks like projected metres" in told


def test_a_scene_that_lies_elsewhere(port: Path, run: Command) -> None:
    with rasterio.open(port.parent / "scenes" / "S1_2.tif", "r+") as file:
        file.crs = "EPSG:32610"
    assert set_aside(run(port), port, "S1_2")


@pytest.mark.parametrize(("value", "nodata"), [(np.nan, np.nan), (0.0, 0.0), (0.0, None)])
def test_a_scene_without_any_data(port: Path, run: Command, value: float, nodata: float | None) -> None:
    put_scene(port.parent / "scenes", 2, np.full((SIZE, SIZE), value, np.float32), nodata)
    assert "every pixel over the port is nodata" in set_aside(run(port), port, "S1_2")


def test_a_scene_of_zeros_that_are_said_to_be_data_shows_nothing(port: Path, run: Command) -> None:
    put_scene(port.parent / "scenes", 2, np.zeros((SIZE, SIZE), np.float32))
    result = run(port)
    assert result.exit_code in (0, 3), result.output
    occupancy = pd.read_parquet(port.parent / "out" / "occupancy.parquet")
    assert occupancy.loc[occupancy["scene_id"] == "S1_2", "occupied"].isna().all()
    assert occupancy.loc[(occupancy["scene_id"] == "S1_1") & (occupancy["berth_id"] == "B1"), "occupied"].all()


def test_a_band_filled_with_nan_beside_one_that_is_not(port: Path, run: Command) -> None:
    scenes = port.parent / "scenes"
    for name in NAMES:
        (scenes / f"{name}_vh.tif").write_bytes((scenes / f"{name}.tif").read_bytes())
        change_item(port, name, lambda item: item["assets"].update(vh={"href": f"./{item['id']}_vh.tif"}))
    with rasterio.open(scenes / "S1_2_vh.tif", "r+") as file:
        file.write(np.full((SIZE, SIZE), np.nan, np.float32), 1)
    port.write_text(port.read_text().replace("[vv]", "[vv, vh]"))
    assert "vh" in set_aside(run(port), port, "S1_2")


def test_two_scenes_with_one_id(port: Path, run: Command) -> None:
    change_item(port, "S1_3", lambda item: item.update(id="S1_2"))
    result = run(port)
    assert result.exit_code == 3, result.output
    assert "set aside: scene S1_2 of s1: two scenes have this id: scenes/S1_2.json was taken" in result.stderr
    used = pd.read_parquet(port.parent / "out" / "observations.parquet")["scene_id"]
    assert used.value_counts().to_dict() == dict.fromkeys(NAMES[:3], len(BERTHS))


def test_a_time_without_a_zone(port: Path, run: Command) -> None:
    change_item(port, "S1_2", lambda item: item["properties"].update(datetime="2024-05-03T03:00:00"))
    reason = set_aside(run(port), port, "S1_2")
    assert "2024-05-03T03:00:00" in reason
    assert "zone" in reason


def test_a_band_that_is_not_there(port: Path, run: Command) -> None:
    change_item(port, "S1_2", lambda item: item.update(assets={"hh": item["assets"]["vv"]}))
    reason = set_aside(run(port), port, "S1_2")
    assert "vv" in reason
    assert "hh" in reason


def test_a_band_that_is_nowhere(port: Path, run: Command) -> None:
    port.write_text(port.read_text().replace("[vv]", "[nir]"))
    assert "nir" in refused(run(port), port)


def test_an_unknown_key(port: Path, run: Command) -> None:
    port.write_text(port.read_text() + "fleets: fleet.csv\n")
    told = refused(run(port), port)
    assert told == "error: port.yaml:5 fleets: expected a known key (did you mean 'fleet'?); got 'fleets'\n"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_an_output_folder_of_another_run_file_is_left_alone(port: Path, run: Command) -> None:
    assert run(port).exit_code == 0
    before = contents(port.parent / "out")
    other = port.with_name("other.yaml")
    other.write_text(port.read_text().replace("name: P", "name: Q"))
    result = run(other)
    assert result.exit_code == 2
    assert "expected a new folder, or one written by other.yaml (Q); got the run of port.yaml (P)" in result.stderr
    assert contents(port.parent / "out") == before


def test_faults_of_a_later_run_leave_the_results_of_the_one_before(port: Path, run: Command) -> None:
    assert run(port).exit_code == 0
    before = contents(port.parent / "out")
    change_berths(port, lambda document: document["features"][1]["geometry"].update(coordinates=[]))
    assert run(port).exit_code == 2
    assert contents(port.parent / "out") == before
