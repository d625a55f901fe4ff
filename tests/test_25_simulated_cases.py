"""The ports that others build on: the Vostochny case, ports drawn from a seed, and a second, sharper sensor."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio

import berthwatch as bw
from berthwatch.datasets import traffic
from berthwatch.datasets.fleet import draw_fleet
from berthwatch.datasets.raster import Grid
from berthwatch.datasets.registry import scenario
from berthwatch.datasets.scenarios import port_case, sharp_plan, small_port
from berthwatch.datasets.simulate import OpticalPlan, Scenario, simulate
from berthwatch.datasets.traffic import Call, draw_calls


def calls_of(case: Scenario, seed: int) -> tuple[Call, ...]:
    rng = np.random.default_rng(seed)
    fleet = draw_fleet(rng, case.traffic.fleet, case.traffic.lengths)
    return draw_calls(case.traffic, fleet, [m.berth_id for m in case.port.moorings], case.start, case.end, rng)


@pytest.fixture(scope="module")
def two_sensors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A month of a busy port, by a 3 m sensor every other day and five sub-metre scenes."""
    small = small_port()
    case = replace(
        small,
        traffic=replace(small.traffic, calls_per_vacant_day=1.0),
        end=small.start + timedelta(days=30),
        sar=None,
        optical=replace(small.optical, every_days=2.0, cloud_mean=0.2),
        sharp=replace(sharp_plan(5), grid=Grid(1.0, 420)),
    )
    return simulate(case, tmp_path_factory.mktemp("two"), seed=1)


@pytest.mark.parametrize("seed", range(6))
def test_vostochny_has_its_43_calls(seed: int) -> None:
    calls = calls_of(scenario("vostochny"), seed)
    assert len(calls) == 43
    assert f"{calls[0].arrival:%Y-%m-%d}" == "2024-03-07"
    assert f"{max(call.departure for call in calls):%Y-%m-%d}" == "2024-11-05"
    assert len({call.vessel.vessel_id for call in calls}) >= 13
    barrels = sum(call.barrels for call in calls)
    assert 1.0e6 < barrels < 1.1e6
    assert barrels / 43 > 23_256
    dwell = np.array([(call.departure - call.arrival) / timedelta(days=1) for call in calls])
    assert 1.3 < np.quantile(dwell, 0.05) < np.quantile(dwell, 0.95) < 3.0
    assert not any(call.transition == "discharged" for call in calls)


def test_vostochny_is_looked_at_by_what_there_was() -> None:
    case = scenario("vostochny")
    assert case.sar is not None
    assert case.optical is not None
    assert case.sharp is not None
    assert [track.repeat_days for track in case.sar.tracks] == [12] * 4
    assert len({track.relative_orbit for track in case.sar.tracks}) == 4
    assert case.optical.every_days == 1.0
    assert case.optical.fog_days[5:7] == (18.0, 18.0)
    assert 6 <= (case.sharp.dates or 0) <= 10
    assert case.sharp.grid.pixel_m < 1
    assert "synthetic" in case.port.name
    # Late in the morning the sun stands in the south-east: shadows fall to the side on which the hulls lie.
    shadow_deg = 150.0 + 180.0
    assert all(abs(mooring.outward_deg - shadow_deg) < 30 for mooring in case.port.moorings)


def test_a_fleet_that_cannot_carry_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "MOST_DRAWS", 5)
    case = scenario("vostochny")
    assert case.traffic.fixed is not None
    fixed = replace(case.traffic.fixed, least_barrels=1e9, most_barrels=2e9)
    with pytest.raises(ValueError, match="43 such calls"):
        calls_of(replace(case, traffic=replace(case.traffic, fixed=fixed)), 0)


def test_ports_drawn_from_seeds_differ_in_what_matters() -> None:
    cases = [port_case(seed) for seed in range(40)]
    assert cases == [port_case(seed) for seed in range(40)]
    bearings = np.array([case.port.moorings[0].outward_deg for case in cases])
    clouds = np.array([case.optical.cloud_mean for case in cases if case.optical])
    assert all(((bearings > low) & (bearings < low + 90)).any() for low in (0, 90, 180, 270))
    assert 0.15 <= clouds.min() < 0.25
    assert 0.45 < clouds.max() <= 0.55
    assert len({case.start.month for case in cases}) >= 8
    assert port_case(3, bearing_deg=10.0, cloud_mean=0.3).port.moorings[0].outward_deg == 10.0
    assert port_case(3, sharp=4).sharp == sharp_plan(4, min(port_case(3).optical.cloud_mean, 0.2))


def test_a_drawn_port_can_be_simulated(tmp_path: Path) -> None:
    case = port_case(5, days=12)
    path = simulate(replace(case, optical=OpticalPlan(Grid(3.0, 200), 4.0, 0.3)), tmp_path, seed=5)
    read = bw.read_port(path)
    assert [source.name for source in read.sources] == ["planetscope", "sentinel-1"]
    assert len(list(tmp_path.glob("sentinel-1/*.json"))) == 4


def test_each_sensor_has_its_folder_and_its_source(two_sensors: Path) -> None:
    read = bw.read_port(two_sensors)
    assert [source.name for source in read.sources] == ["planetscope", "skysat"]
    items = [json.loads(path.read_text()) for path in sorted(two_sensors.parent.glob("skysat/*.json"))]
    assert len(items) == 5
    assert len({item["properties"]["datetime"][:10] for item in items}) == 5
    for item in items:
        assert 1.5 < item["properties"]["view:incidence_angle"] <= 25
        assert item["properties"]["view:off_nadir"] < item["properties"]["view:incidence_angle"]
        with rasterio.open(two_sensors.parent / "skysat" / item["assets"]["analytic"]["href"]) as file:
            assert file.transform.a == 1.0
            assert file.shape == (420, 420)
    labels = pd.read_csv(two_sensors.parent / "labels.csv")
    assert set(labels.scene_id.str[:6]) == {"SYN_PS", "SYN_SS"}
    assert labels.clear.between(0, 1).all()


def test_another_sensor_changes_nothing_for_the_first(two_sensors: Path, tmp_path: Path) -> None:
    small = small_port()
    alone = replace(
        small,
        traffic=replace(small.traffic, calls_per_vacant_day=1.0),
        end=small.start + timedelta(days=30),
        sar=None,
        optical=replace(small.optical, every_days=2.0, cloud_mean=0.2),
    )
    simulate(alone, tmp_path, seed=1)
    for path in sorted(tmp_path.glob("planetscope/*.tif"))[:10]:
        assert path.read_bytes() == (two_sensors.parent / "planetscope" / path.name).read_bytes()


@pytest.mark.slow
def test_a_run_reads_both_sensors(two_sensors: Path, tmp_path: Path) -> None:
    port = bw.read_port(two_sensors)
    labels = pd.read_csv(two_sensors.parent / "labels.csv")
    done = bw.ingest(port, tmp_path)
    assert [(source.source, source.set_aside) for source in done.sources] == [("planetscope", ()), ("skysat", ())]
    for source in done.sources:
        looks = bw.observe(bw.open_cube(source.path), port).merge(
            labels.drop(columns="time"), on=["scene_id", "berth_id"]
        )
        clear = looks[(looks.clear > 0.95) & (looks.berth_id != "C1") & (looks.visible > 0.5)]
        assert len(clear) >= 3
        right = clear.hull_length_m.notna() == (clear.occupied == 1)
        assert right.mean() > 0.8
