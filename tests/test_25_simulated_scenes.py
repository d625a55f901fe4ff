"""What the simulator draws is where geometry says: shadows, lean, layover, measured in the pixels on fine grids."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from berthwatch.datasets.backscatter import hull_power, look_from, shadow_of
from berthwatch.datasets.fleet import draw_fleet
from berthwatch.datasets.hulls import Hull, alongside, draw_launches, moored_hull
from berthwatch.datasets.optical import render_optical
from berthwatch.datasets.ports import SyntheticPort, pier_port
from berthwatch.datasets.raster import Grid
from berthwatch.datasets.sar import Track, draw_ground, render_sar
from berthwatch.datasets.sky import PLANETSCOPE, Climate, Sky, draw_sky
from berthwatch.datasets.surfaces import Surface, draw_surfaces, lit, shaded
from berthwatch.datasets.traffic import Barge, Call

T = datetime(2024, 3, 10, 2, tzinfo=UTC)
FINE = Grid(0.5, 640)
STEADY = replace(PLANETSCOPE, jitter_px=0.0)


def one_call(**changes: object) -> Call:
    """A call at B1 of a light-painted vessel 100 m long, 15 m wide, its deck 12 m above water."""
    vessel = draw_fleet(np.random.default_rng(0), 1)[0]
    vessel = replace(vessel, length_m=100.0, beam_m=15.0, depth_m=17.0, draught_ballast_m=5.0, radar_db=14.0, paint=2)
    call = Call("B1", vessel, T, T + timedelta(days=2), 0.0, 0.0, T, T + timedelta(days=1), 0.0, 0.0, True)
    return replace(call, **changes)


def one_hull(deck_height_m: float) -> tuple[SyntheticPort, Hull]:
    """A bare hull at a quay that looks to grid north: no parts on deck, its house no higher than the deck."""
    port = pier_port("x", bearing_deg=0.0)
    hull = moored_hull(one_call(), port.moorings[0], T)
    return port, replace(hull, deck_height_m=deck_height_m, house_height_m=deck_height_m, parts=())


def sky_of(port: SyntheticPort, sun: tuple[float, float], view: tuple[float, float] = (0.001, 180.0)) -> Sky:
    """A clear sky; azimuths are given on the grid's axes."""
    turned = [azimuth_deg - port.north_deg for azimuth_deg in (sun[0], view[1])]
    return Sky(turned[0], sun[1], view[0], turned[1], cloud=0.0, haze=0.0)


def northward(port: SyntheticPort, hulls: list[Hull], sky: Sky, seed: int = 5) -> np.ndarray:
    """Red reflectance along a line north across the first hull amidships, averaged along the hull over 40 m."""
    scene = render_optical(port, FINE, STEADY, np.zeros((640, 640)), hulls, sky, np.random.default_rng(seed))
    column = round((hulls[0].outline.centroid.x - FINE.west_m) / FINE.pixel_m)
    return scene.reflectance[2, :, column - 40 : column + 40].astype(float).mean(axis=1)[::-1]


def edge_m(profile: np.ndarray, near_m: float, level: float) -> float:
    """Where a profile over y passes a level, nearest to a place, metres of local y."""
    over = profile > level
    steps = np.flatnonzero(over[1:] != over[:-1])
    crossed = steps + (level - profile[steps]) / (profile[steps + 1] - profile[steps])
    y_m = FINE.west_m + (crossed + 0.5) * FINE.pixel_m
    return float(y_m[np.argmin(abs(y_m - near_m))])


@pytest.mark.parametrize(("height_m", "elevation_deg"), [(2.0, 20.0), (2.0, 60.0), (6.0, 20.0), (6.0, 45.0)])
def test_shadow_on_open_water_is_as_long_as_the_height_says(height_m: float, elevation_deg: float) -> None:
    port, hull = one_hull(height_m)
    profile = northward(port, [hull], sky_of(port, (180.0, elevation_deg)))
    side_m, expected_m = hull.outline.bounds[3], height_m / math.tan(math.radians(elevation_deg))
    water, deck = np.median(profile[-60:]), np.median(profile[int((side_m - 5 - FINE.west_m) / 0.5)])
    shadow = profile[int((side_m + expected_m / 2 - FINE.west_m) / 0.5)]
    hull_edge_m = edge_m(profile, side_m, (deck + shadow) / 2)
    tip_m = edge_m(profile, side_m + expected_m, (water + shadow) / 2)
    assert hull_edge_m == pytest.approx(side_m, abs=0.15)
    assert tip_m - hull_edge_m == pytest.approx(expected_m, abs=0.2)


@pytest.mark.parametrize("zenith_deg", [5.0, 15.0, 25.0])
def test_a_deck_leans_away_from_the_satellite_and_covers_its_shadow(zenith_deg: float) -> None:
    port, hull = one_hull(6.0)
    sky = sky_of(port, (180.0, 30.0), (zenith_deg, 180.0))
    profile = northward(port, [hull], sky)
    side_m, lean_m = hull.outline.bounds[3], 6.0 * math.tan(math.radians(zenith_deg))
    tip_m = side_m + 6.0 / math.tan(math.radians(30.0))
    deck, shadow = profile[int((side_m - 5 - FINE.west_m) / 0.5)], profile[int((tip_m - 2 - FINE.west_m) / 0.5)]
    assert edge_m(profile, side_m + lean_m, (deck + shadow) / 2) == pytest.approx(side_m + lean_m, abs=0.15)
    assert edge_m(profile, tip_m, (np.median(profile[-60:]) + shadow) / 2) == pytest.approx(tip_m, abs=0.2)


def test_the_side_that_faces_the_satellite_is_seen_as_wide_as_it_is_high() -> None:
    port, hull = one_hull(6.0)
    side_m, width_m = hull.outline.bounds[3], 6.0 * math.tan(math.radians(25.0))
    # Sun along the quay: no shadow of the hull on the water north of it. Satellite in the north.
    profile = northward(port, [hull], sky_of(port, (90.0, 45.0), (25.0, 0.0)))
    deck = profile[int((side_m - width_m - 3 - FINE.west_m) / 0.5)]
    face, water = profile[int((side_m - width_m / 2 - FINE.west_m) / 0.5)], np.median(profile[-60:])
    assert edge_m(profile, side_m - width_m, (deck + face) / 2) == pytest.approx(side_m - width_m, abs=0.2)
    assert edge_m(profile, side_m, (face + water) / 2) == pytest.approx(side_m, abs=0.3)


def test_a_vessel_shades_the_lower_deck_beside_it() -> None:
    port = pier_port("x", bearing_deg=0.0)
    barge = Barge(40.0, 9.0, 1.0, 0.0, T, T + timedelta(days=1))
    hull, beside = alongside(port, [one_call(barge=barge)], T + timedelta(hours=2))
    hull = replace(hull, deck_height_m=4.0, house_height_m=4.0, parts=())
    profile = northward(port, [hull, replace(beside, house_height_m=1.0)], sky_of(port, (180.0, 30.0)))
    tip_m = hull.outline.bounds[3] + 3.0 / math.tan(math.radians(30.0))
    low_m, high_m = beside.outline.bounds[1], beside.outline.bounds[3]
    assert low_m < tip_m < high_m
    dark, bright = (profile[int((y - FINE.west_m) / 0.5)] for y in ((low_m + tip_m) / 2, (tip_m + high_m) / 2))
    assert dark < 0.6 * bright
    assert edge_m(profile, tip_m, (dark + bright) / 2) == pytest.approx(tip_m, abs=0.2)
    assert len(alongside(port, [one_call(barge=barge)], T + timedelta(days=1.5))) == 1


def test_the_house_throws_the_longest_shadow() -> None:
    port = pier_port("x", bearing_deg=0.0)
    hull = moored_hull(one_call(), port.moorings[0], T)
    sky = sky_of(port, (180.0, 40.0))
    scene = render_optical(port, FINE, STEADY, np.zeros((640, 640)), [hull], sky, np.random.default_rng(5))
    column = round((hull.house.centroid.x - FINE.west_m) / FINE.pixel_m)
    profile = scene.reflectance[2, :, column - 5 : column + 6].astype(float).mean(axis=1)[::-1]
    tip_m = hull.house.bounds[3] + hull.house_height_m / math.tan(math.radians(40.0))
    water, shadow = np.median(profile[-20:]), profile[int((tip_m - 3 - FINE.west_m) / 0.5)]
    assert edge_m(profile, tip_m, (water + shadow) / 2) == pytest.approx(tip_m, abs=0.3)


def test_shadows_on_water_differ_by_band_and_day() -> None:
    depths = []
    for seed in range(300):
        table = draw_surfaces(np.random.default_rng(seed))
        depths.append(1 - table[shaded(Surface.WATER), :4] / table[lit(Surface.WATER), :4])
    depth = np.array(depths)
    assert depth.min() >= 0.25 - 1e-9
    assert depth.max() <= 0.70 + 1e-9
    assert depth.mean(axis=1).std() > 0.05
    assert (depth.std(axis=1) > 0.01).all()


def test_fog_comes_as_often_as_the_month_says_and_hides_all() -> None:
    rng = np.random.default_rng(0)
    climate = Climate(0.4, fog_days=(0.0,) * 5 + (18.0,) * 2 + (0.0,) * 5)
    june, march = datetime(2024, 6, 15, 2, tzinfo=UTC), datetime(2024, 3, 15, 2, tzinfo=UTC)
    foggy = [draw_sky(june, 133.0, 42.7, climate, PLANETSCOPE, rng).fog > 0 for _ in range(2000)]
    assert np.mean(foggy) == pytest.approx(18 / 30.5, abs=0.04)
    assert not any(draw_sky(march, 133.0, 42.7, climate, PLANETSCOPE, rng).fog > 0 for _ in range(200))
    port, hull = one_hull(6.0)
    sky = replace(sky_of(port, (180.0, 40.0)), fog=0.8)
    assert render_optical(port, FINE, STEADY, np.zeros((640, 640)), [hull], sky, rng).hidden.all()


def test_launches_keep_to_open_water() -> None:
    port = pier_port("x")
    craft = [launch for seed in range(300) for launch in draw_launches(port, 390.0, np.random.default_rng(seed))]
    assert len(craft) > 80
    assert all(launch.outline.distance(shape) > 20 for launch in craft for shape in (*port.land, *port.pier))
    near = [launch for launch in craft if any(launch.outline.intersects(m.polygon) for m in port.moorings)]
    assert len(near) < 0.02 * len(craft)


def test_sun_below_the_horizon_is_refused() -> None:
    port, hull = one_hull(6.0)
    with pytest.raises(ValueError, match="above the horizon"):
        render_optical(
            port, FINE, STEADY, np.zeros((640, 640)), [hull], Sky(0, -1, 0, 0, 0, 0), np.random.default_rng(0)
        )


@pytest.mark.parametrize("incidence_deg", [31.0, 43.0])
def test_layover_and_radar_shadow_are_as_long_as_the_height_says(incidence_deg: float) -> None:
    _, hull = one_hull(8.0)
    # The flight is to the west and the look to the right of it: the radar stands in the south.
    look, slope = look_from(270.0, incidence_deg), math.tan(math.radians(incidence_deg))
    power = hull_power(FINE, replace(hull, house=hull.outline), look, 0.0, 4)
    rows = 160.0 - 0.5 * np.flatnonzero(power.max(axis=1) > 0)
    south_m, north_m = hull.outline.bounds[1], hull.outline.bounds[3]
    assert rows.min() == pytest.approx(south_m - 8.0 / slope, abs=0.6)
    hidden = 160.0 - 0.5 * np.flatnonzero(shadow_of(FINE, hull, look, 4).max(axis=1) > 0.5)
    assert hidden.max() == pytest.approx(north_m + 8.0 * slope, abs=0.6)


def test_the_corner_of_side_and_water_returns_at_the_waterline_whatever_the_height() -> None:
    look, places = look_from(270.0, 38.0), []
    for height_m in (2.0, 8.0):
        _, hull = one_hull(height_m)
        corner = hull_power(FINE, hull, look, 1.0, 4) - hull_power(FINE, hull, look, 0.0, 4)
        places.append(float(np.average(160.0 - 0.5 * (np.arange(640) + 0.5), weights=corner.sum(axis=1))))
        assert corner.sum() > 0
    assert places == pytest.approx([hull.outline.bounds[1]] * 2, abs=1.0)


def test_very_bright_hulls_throw_a_cross() -> None:
    port = pier_port("x")
    hull = moored_hull(one_call(), port.moorings[0], T)
    track = Track(1, "ascending", T, 347.0, 38.0, 0.0, 0.0)
    grid = Grid(10.0, 96)
    ground = draw_ground(grid, [track], np.random.default_rng(0))[1]
    dim, bright = (
        render_sar(port, grid, track, ground, [replace(hull, radar_db=level)], 1e4, np.random.default_rng(1))["vv"]
        for level in (0.0, 18.0)
    )
    far = [300.0 * math.sin(math.radians(347)), 300.0 * math.cos(math.radians(347))]
    centre = hull.house.centroid
    row, column = int((480 - centre.y - far[1]) / 10), int((480 + centre.x + far[0]) / 10)
    patch = np.s_[row - 4 : row + 5, column - 4 : column + 5]
    assert bright[patch].max() > 1.5 * dim[patch].max()
