"""Real scenes: Latakia's moorings against labels made by eye, and open ocean, where nothing may be found."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from scipy.ndimage import gaussian_filter
from shapely.geometry import box, mapping

import berthwatch as bw
from berthwatch.grid import project

WORST_REGISTERED = ("2022-10-01", "2023-10-08", "2024-01-12", "2024-04-17")
SITES = ("T137-292318-IW1", "T137-292319-IW1", "T137-292321-IW1", "T137-292323-IW1")
PIXEL_M = 30


@pytest.fixture(scope="module")
def latakia(real_data: Any, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Occupancy of Latakia's berths and controls, with the labels where there are any (-1 left out)."""
    folder = real_data("latakia")
    out = tmp_path_factory.mktemp("latakia")
    bw.run(bw.read_port(folder / "port.yaml"), out)
    labels = pd.read_csv(folder / "labels.csv").drop(columns="time")
    labels = labels[labels["occupied"] >= 0].rename(columns={"occupied": "label"})
    berths = json.loads((folder / "berths.geojson").read_text())["features"]
    kinds = {each["properties"]["berth_id"]: each["properties"]["kind"] for each in berths}
    occupancy = pd.read_parquet(out / "occupancy.parquet")
    occupancy["kind"] = occupancy["berth_id"].map(kinds)
    return occupancy.merge(labels, on=["scene_id", "berth_id"], how="left", validate="one_to_one")


def balanced_accuracy(rows: pd.DataFrame) -> float:
    """Mean share of taken and of vacant looks called right; a look that told nothing was not called right."""
    right = rows["occupied"].eq(rows["label"] == 1).fillna(value=False).astype(bool)
    return float(np.mean([right[rows["label"] == label].mean() for label in (0, 1)]))


def test_latakia_agrees_with_the_labels(latakia: pd.DataFrame) -> None:
    labelled = latakia[latakia["label"].notna() & (latakia["kind"] == "berth")]
    assert len(labelled) > 200
    assert balanced_accuracy(labelled) >= 0.97
    dates = labelled["time"].dt.strftime("%Y-%m-%d")
    assert set(WORST_REGISTERED) <= set(dates)
    assert balanced_accuracy(labelled[~dates.isin(WORST_REGISTERED)]) >= 0.99


def test_no_control_of_latakia_is_ever_occupied(latakia: pd.DataFrame) -> None:
    controls = latakia[latakia["kind"] == "control"]
    assert len(controls) == 2 * 209
    assert not controls["occupied"].fillna(value=False).any()
    assert controls["occupied"].notna().mean() > 0.95  # nulls must not hide false alarms


def test_a_vessel_that_lies_in_latakia_for_years_does_not_become_background(latakia: pd.DataFrame) -> None:
    rows = latakia[(latakia["berth_id"] == "S1") & latakia["time"].dt.year.isin([2023, 2024])]
    assert len(rows) > 100
    assert rows["occupied"].fillna(value=False).mean() >= 0.98


def put_port(folder: Path, scenes: Path, berths: dict[str, Any], band: str = "vv") -> Path:
    """A run file over a site's scenes, with berths in metres on the scenes' grid."""
    with rasterio.open(next(iter(sorted(scenes.glob("*.tif"))))) as file:
        crs = str(file.crs)
    features = [
        {"type": "Feature", "geometry": mapping(project(shape, crs, "EPSG:4326")), "properties": {"berth_id": name}}
        for name, shape in berths.items()
    ]
    (folder / "berths.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    source = {"name": "rtc", "kind": "sar", "scenes": f"{scenes}/*.json", "bands": [band]}
    run_file = {"name": "ocean", "berths": "berths.geojson", "sources": [source]}
    path = folder / "port.yaml"
    path.write_text(json.dumps(run_file))  # JSON is YAML
    return path


def lattice(scenes: Path) -> dict[str, Any]:
    """Berths of 300 by 90 m, along and across, all over the scenes and not aligned with their pixels."""
    with rasterio.open(next(iter(sorted(scenes.glob("*.tif"))))) as file:
        left, bottom, right, top = file.bounds
    berths = {}
    for row, y in enumerate(np.arange(bottom + 307, top - 307, 517)):
        for column, x in enumerate(np.arange(left + 307, right - 307, 517)):
            half_x, half_y = (150, 45) if (row + column) % 2 else (45, 150)
            berths[f"{row}-{column}"] = box(x - half_x, y - half_y, x + half_x, y + half_y)
    return berths


@pytest.fixture(scope="module")
def ocean(real_data: Any, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Occupancy of berths drawn all over four sites of open ocean."""
    tables = []
    for site in SITES:
        scenes = real_data("opera-ocean") / site
        folder = tmp_path_factory.mktemp(site)
        bw.run(bw.read_port(put_port(folder, scenes, lattice(scenes))), folder / "out")
        tables.append(pd.read_parquet(folder / "out" / "occupancy.parquet").assign(site=site))
    return pd.concat(tables, ignore_index=True)


@pytest.mark.slow
def test_open_ocean_is_vacant_and_known_to_be(ocean: pd.DataFrame) -> None:
    assert len(ocean) > 2000
    assert ocean["occupied"].fillna(value=False).mean() <= 1e-3
    assert ocean["occupied"].notna().mean() >= 0.9


def moor(scenes: Path, copies: Path, taken: range) -> tuple[Any, set[str]]:
    """Copy a site's scenes with a hull of 4 by 1 pixels, 12 dB over its water, in the scenes with these numbers.

    Returns the hull's berth and the ids of the scenes in which it lies there.
    """
    copies.mkdir()
    taken_ids = set()
    for number, document in enumerate(sorted(scenes.glob("*.json"))):
        item = json.loads(document.read_text())
        source = scenes / item["assets"]["vv"]["href"]
        with rasterio.open(source) as file:
            values, profile, transform = file.read(1), file.profile, file.transform
        row, column = values.shape[0] // 2, values.shape[1] // 2
        if number in taken:
            hull = np.zeros(values.shape)
            hull[row, column : column + 4] = 1
            water = float(np.nanmedian(values))
            values = (values + 10**1.2 * water * gaussian_filter(hull, 0.5)).astype(np.float32)
            taken_ids.add(item["id"])
        with rasterio.open(copies / source.name, "w", **profile) as file:
            file.write(values, 1)
        item["assets"] = {"vv": item["assets"]["vv"]}
        (copies / document.name).write_text(json.dumps(item))
    left, top = transform @ (column - 2, row - 1)
    right, bottom = transform @ (column + 6, row + 2)
    return box(left, bottom, right, top), taken_ids


@pytest.mark.slow
@pytest.mark.parametrize("taken", [range(6, 14), range(22), range(0, 22, 3)], ids=["a stay", "always", "now and then"])
def test_a_hull_on_the_same_ocean_is_found(real_data: Any, tmp_path: Path, taken: range) -> None:
    found, false_alarms = [], 0
    for site in SITES:
        folder = tmp_path / site
        folder.mkdir()
        berth, taken_ids = moor(real_data("opera-ocean") / site, folder / "scenes", taken)
        assert len(taken_ids) == len(taken)
        others = {name: shape for name, shape in lattice(folder / "scenes").items() if not shape.intersects(berth)}
        berths = {"taken": berth} | dict(list(others.items())[::5])
        bw.run(bw.read_port(put_port(folder, folder / "scenes", berths)), folder / "out")
        occupancy = pd.read_parquet(folder / "out" / "occupancy.parquet")
        occupied = occupancy["occupied"].fillna(value=False).astype(bool)
        hull = (occupancy["berth_id"] == "taken") & occupancy["scene_id"].isin(taken_ids)
        found += occupied[hull].tolist()
        false_alarms += occupied[~hull].sum()
    assert len(found) == len(SITES) * len(taken)
    assert np.mean(found) >= 0.9
    assert false_alarms == 0
