"""The simulator tells the truth about what it draws: by values measured in the pixels, not by its own formulas."""

import csv
import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.features import geometry_mask
from shapely.geometry import Polygon, box

from berthwatch.datasets.fleet import draw_fleet
from berthwatch.datasets.ports import anchor, pier_port
from berthwatch.datasets.raster import Grid, smooth_noise
from berthwatch.datasets.sar import Track, draw_ground, gamma_from_normal, render_sar
from berthwatch.datasets.scenarios import empty_port, small_port
from berthwatch.datasets.simulate import Scenario, simulate
from berthwatch.datasets.sky import sun_position
from berthwatch.datasets.traffic import Traffic, draw_calls

T = datetime(2024, 3, 10, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(small_port(), tmp_path_factory.mktemp("small"), seed=1).parent


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(empty_port(), tmp_path_factory.mktemp("empty"), seed=1).parent


def shortened(scenario: Scenario) -> Scenario:
    return replace(scenario, end=scenario.start + timedelta(days=15))


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def berths(folder: Path) -> dict[str, Polygon]:
    to_utm = Transformer.from_crs(4326, 32653, always_xy=True).transform
    features = json.loads((folder / "berths.geojson").read_text())["features"]
    rings = {f["properties"]["berth_id"]: f["geometry"]["coordinates"][0] for f in features}
    return {name: Polygon([to_utm(lon, lat) for lon, lat in ring]) for name, ring in rings.items()}


def read(path: Path) -> tuple[np.ndarray, rasterio.Affine]:
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == 32653
        return file.read(), file.transform


def inside(polygon: Polygon, pixels: np.ndarray, to_metres: rasterio.Affine) -> np.ndarray:
    return pixels[geometry_mask([polygon], pixels.shape, to_metres, invert=True)]


def items(folder: Path) -> Iterator[dict]:
    for path in sorted(folder.glob("*.json")):
        yield json.loads(path.read_text())


def test_same_seed_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    scenario = shortened(small_port())
    once, again, other = (simulate(scenario, tmp_path / str(k), seed).parent for k, seed in enumerate([3, 3, 4]))
    assert digests(once) == digests(again)
    changed = {name for name, digest in digests(other).items() if digests(once).get(name) != digest}
    assert all(name in changed for name in digests(other) if name.endswith(("_vv.tif", "_sr.tif")))


def test_a_longer_series_leaves_earlier_radar_scenes_as_they_are(tmp_path: Path) -> None:
    # The traffic of a longer span may differ; where there is none, nothing else may change.
    scenario = replace(shortened(empty_port()), optical=None)
    short = digests(simulate(scenario, tmp_path / "short", 3).parent)
    longer = replace(scenario, end=scenario.end + timedelta(days=12))
    long = digests(simulate(longer, tmp_path / "long", 3).parent)
    tifs = [name for name in short if name.endswith(".tif")]
    assert tifs
    assert all(short[name] == long[name] for name in tifs)


def test_the_small_port_has_what_it_says(small: Path) -> None:
    assert len(list(items(small / "sentinel-1"))) == 40
    assert len(list(items(small / "planetscope"))) == 30
    assert len(rows(small / "labels.csv")) == 70 * 3
    assert set(berths(small)) == {"B1", "B2", "C1"}


def test_radar_scenes_read_back(small: Path) -> None:
    for item in items(small / "sentinel-1"):
        assert item["properties"]["datetime"].endswith("Z")
        for name in ("vv", "vh"):
            pixels, to_metres = read(small / "sentinel-1" / item["assets"][name]["href"])
            assert pixels.shape == (1, 96, 96)
            assert pixels.dtype == np.float32
            assert (to_metres.a, to_metres.e) == (10.0, -10.0)
            assert np.isfinite(pixels).all()
            assert (pixels > 0).all()
            assert 1e-4 < np.median(pixels) < 1


def test_optical_scenes_read_back(small: Path) -> None:
    for item in items(small / "planetscope"):
        pixels, to_metres = read(small / "planetscope" / item["assets"]["analytic"]["href"])
        mask, _ = read(small / "planetscope" / item["assets"]["mask"]["href"])
        assert pixels.shape == (4, 200, 200)
        assert pixels.dtype == np.uint16
        assert to_metres.a == 3.0
        assert pixels.min() >= 1
        assert pixels.max() < 12000
        assert set(np.unique(mask)) <= {0, 1}
        assert 15 < item["properties"]["view:sun_elevation"] < 72


def test_calls_are_true_to_their_schedule(small: Path) -> None:
    stays = [(row["berth_id"], row["arrival"], row["departure"]) for row in rows(small / "truth.csv")]
    assert len(stays) > 10
    for name in ("B1", "B2"):
        mine = sorted(stay[1:] for stay in stays if stay[0] == name)
        assert all(before[1] < after[0] for before, after in pairwise(mine))
    for row in rows(small / "labels.csv"):
        there = any(name == row["berth_id"] and a <= row["time"] < d for name, a, d in stays)
        assert int(row["occupied"]) == there


def test_rates_and_dwells_are_those_asked_for() -> None:
    traffic = Traffic(calls_per_vacant_day=0.5, dwell_median_days=2.0, dwell_log_sigma=0.3)
    fleet = draw_fleet(np.random.default_rng(1), 12)
    calls = draw_calls(traffic, fleet, ["B1"], T, T + timedelta(days=4000), np.random.default_rng(0))
    dwell = np.array([(call.departure - call.arrival) / timedelta(days=1) for call in calls])
    waits = [(after.arrival - before.departure) / timedelta(days=1) for before, after in pairwise(calls)]
    assert np.median(dwell) == pytest.approx(2.0, rel=0.05)
    assert np.mean(waits) == pytest.approx(2.0, rel=0.1)


def test_truth_agrees_with_bright_radar_pixels(small: Path) -> None:
    # The tracks lie up to 2.6 pixels off: compare a berth with itself, track by track.
    polygons = berths(small)
    track = {item["id"]: item["properties"]["sat:relative_orbit"] for item in items(small / "sentinel-1")}
    levels: dict[tuple, list[float]] = {}
    for row in rows(small / "labels.csv"):
        if row["scene_id"] in track and row["berth_id"] != "C1":
            pixels, to_metres = read(small / "sentinel-1" / f"{row['scene_id']}_vv.tif")
            level = 10 * math.log10(inside(polygons[row["berth_id"]], pixels[0], to_metres).mean())
            levels.setdefault((track[row["scene_id"]], row["berth_id"], row["occupied"]), []).append(level)
    pairs = [(levels[key], levels[(*key[:2], "0")]) for key in levels if key[2] == "1" and (*key[:2], "0") in levels]
    assert len(pairs) >= 6
    assert all(np.median(taken) > np.median(vacant) + 3 for taken, vacant in pairs)


def test_no_traffic_leaves_no_hull(empty: Path) -> None:
    assert rows(empty / "truth.csv") == []
    assert {row["occupied"] for row in rows(empty / "labels.csv")} == {"0"}
    polygons = berths(empty)
    clear = [item for item in items(empty / "planetscope") if item["properties"]["eo:cloud_cover"] < 1]
    assert len(clear) >= 3
    for item in clear:
        pixels, to_metres = read(empty / "planetscope" / item["assets"]["analytic"]["href"])
        # A few metres off the quay, where neither its edge nor a jitter of the geolocation reaches.
        for name in ("B1", "B2", "C1"):
            assert inside(polygons[name].buffer(-8), pixels[3], to_metres).max() < 900


def test_clear_is_the_share_that_no_cloud_hides(empty: Path) -> None:
    polygons, shares = berths(empty), []
    labels = [row for row in rows(empty / "labels.csv") if "_PS_" in row["scene_id"]]
    for row in labels:
        pixels, to_metres = read(empty / "planetscope" / f"{row['scene_id']}_sr.tif")
        # Half of a cloud and half of water; away from the quay, which is as bright.
        clear = inside(polygons[row["berth_id"]].buffer(-8), pixels[0], to_metres) < 3400
        shares.append((clear.mean(), float(row["clear"])))
    seen, said = np.array(shares).T
    assert np.abs(seen - said).max() < 0.2
    assert np.abs(seen - said).mean() < 0.02
    assert (said == 1).any()
    assert (said == 0).any()
    assert {row["clear"] for row in rows(empty / "labels.csv") if "_S1A_" in row["scene_id"]} == {"1.0"}


def test_speckle_has_the_looks_asked_for() -> None:
    port = replace(pier_port("x"), land=(), pier=(), moorings=())
    track = Track(1, "ascending", T, 347.0, 38.0, 0.0, 0.0)
    grid = Grid(10.0, 256)
    ground = draw_ground(grid, [track], np.random.default_rng(0))[1]
    scene = render_sar(port, grid, track, ground, [], 4.4, np.random.default_rng(1))["vv"]
    # In small windows the swell is flat and only speckle is left.
    windows = scene.reshape(16, 16, 16, 16).swapaxes(1, 2).reshape(256, 256)
    looks = np.median(windows.mean(axis=1) ** 2 / windows.var(axis=1, ddof=1))
    assert looks == pytest.approx(4.4, rel=0.12)


def test_speckle_follows_the_gamma_distribution() -> None:
    stats = pytest.importorskip("scipy.stats")
    draws = gamma_from_normal(np.random.default_rng(0).standard_normal(20_000), 4.4)
    assert stats.kstest(draws, stats.gamma(4.4, scale=1 / 4.4).cdf).pvalue > 0.01


def test_speckle_is_correlated_between_neighbours() -> None:
    noise = smooth_noise(np.random.default_rng(0), 256, 0.45)
    assert 0.2 < np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1] < 0.4


def test_a_track_is_displaced_by_its_shift() -> None:
    port = replace(pier_port("x"), land=(box(-90, -90, 0, 0),), pier=(), moorings=())
    grid = Grid(10.0, 96)
    centres = []
    for shift_y_px, shift_x_px in ((0.0, 0.0), (3.0, -2.0)):
        track = Track(1, "ascending", T, 347.0, 38.0, shift_y_px, shift_x_px)
        ground = draw_ground(grid, [track], np.random.default_rng(0))[1]
        scene = render_sar(port, grid, track, ground, [], 1e4, np.random.default_rng(1))["vv"]
        weight = np.where(scene > 0.05, 1.0, 0.0)
        centres.append(np.array([(weight * axis).sum() / weight.sum() for axis in np.indices(scene.shape)]))
    np.testing.assert_allclose(centres[1] - centres[0], [3.0, -2.0], atol=0.5)


def test_the_sun_agrees_with_the_almanac() -> None:
    # Noon elevations at 42.74 N: 23.8 in December, 70.7 in June.
    days = ((datetime(2024, 12, 21, 3, 6, tzinfo=UTC), 23.8), (datetime(2024, 6, 21, 3, 10, tzinfo=UTC), 70.7))
    for time, elevation_deg in days:
        assert sun_position(time, 133.07, 42.74)[1] == pytest.approx(elevation_deg, abs=0.1)
    assert sun_position(T, 133.07, 42.74)[0] < 180


def test_the_anchor_is_near_the_case() -> None:
    easting_m, northing_m, _ = anchor()
    lon, lat = Transformer.from_crs(32653, 4326, always_xy=True).transform(easting_m, northing_m)
    assert (lon, lat) == pytest.approx((133.07, 42.74), abs=0.001)
