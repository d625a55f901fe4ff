"""Freeboard: heights of drawn hulls come back within their sigma, and each case without one has its reason."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from berthwatch.freeboard import Freeboard, measure_freeboard
from berthwatch.hullside import CLEAR, HIDDEN, STRUCTURE, Lie, Picture
from berthwatch.sightline import Angles, angles_of, incidence_deg, sightline

WATER, DECK, DARK = np.array([0.05, 0.03]), np.array([0.22, 0.30]), np.array([0.02, 0.012])
LENGTH_M, BEAM_M, HEADING_DEG = 96.0, 15.0, 75.0
BLUR_PX = 0.6


def drawn(height_m: float, angles: Angles, pixel_m: float, seed: int, off_m: float = 0.0) -> tuple[Picture, Lie]:
    """A box of a hull with the shadow of its deck on the water to the north of it, as a sensor sees it."""
    rng, size, finer = np.random.default_rng(seed), round(240 / pixel_m), 6
    cells = (np.arange(size * finer) + 0.5) / finer - size / 2
    east, north = np.meshgrid(cells * pixel_m, -cells * pixel_m + off_m)
    turn = math.radians(HEADING_DEG)
    along = east * math.sin(turn) + north * math.cos(turn)
    port = -(east * math.cos(turn) - north * math.sin(turn))
    line = sightline((HEADING_DEG - 90) % 360, angles)
    inside = np.abs(along) < LENGTH_M / 2
    edge = BEAM_M / 2 + height_m * line.lean
    shaded = inside & (port > 0) & (port < edge + height_m * line.tip)
    deck = inside & (port > -BEAM_M / 2 + height_m * line.lean) & (port < edge)
    fine = np.where(deck[..., None], DECK, np.where(shaded[..., None], DARK, WATER))
    bands = fine.reshape(size, finer, size, finer, 2).mean(axis=(1, 3))
    bands = gaussian_filter(np.moveaxis(bands, 2, 0), (0, BLUR_PX, BLUR_PX)) + rng.normal(0.0, 0.0015, (2, size, size))
    shows = np.full((size, size), CLEAR, np.uint8)
    axes = np.array([[pixel_m, 0.0], [0.0, -pixel_m]])
    row = (size - 1) / 2 + off_m / pixel_m
    return Picture(bands, shows, axes, pixel_m, 1), Lie(row, (size - 1) / 2, HEADING_DEG, LENGTH_M, BEAM_M)


def sun(elevation_deg: float, azimuth_deg: float = 165.0) -> Angles:
    return Angles(azimuth_deg, elevation_deg, 100.0, 3.0)


@pytest.mark.parametrize("elevation_deg", [25.0, 40.0, 52.0])
@pytest.mark.parametrize("height_m", [1.8, 4.6])
def test_a_height_comes_back_within_its_sigma(elevation_deg: float, height_m: float) -> None:
    scores = []
    for seed in range(4):
        found = measure_freeboard(*drawn(height_m, sun(elevation_deg), 3.0, seed, 0.7 * seed), sun(elevation_deg))
        if isinstance(found, Freeboard):
            scores.append((found.freeboard_m - height_m) / found.sigma_m)
    assert len(scores) >= 2
    assert np.sqrt(np.mean(np.square(scores))) < 2.0


def test_fine_pixels_tell_it_to_a_third_of_a_metre() -> None:
    found = measure_freeboard(*drawn(3.1, sun(40.0), 1.0, 5), sun(40.0))
    assert isinstance(found, Freeboard)
    assert found.freeboard_m == pytest.approx(3.1, abs=0.35)
    assert found.sigma_m < 0.35


def test_moving_the_picture_by_a_part_of_a_pixel_changes_less_than_sigma() -> None:
    found = [measure_freeboard(*drawn(4.0, sun(30.0), 3.0, 7, off), sun(30.0)) for off in (0.0, 1.0)]
    one, other = found
    assert isinstance(one, Freeboard)
    assert isinstance(other, Freeboard)
    assert abs(one.freeboard_m - other.freeboard_m) < 1.5 * one.sigma_m


def test_where_the_shadow_falls_on_the_quay_there_is_none() -> None:
    picture, lie = drawn(4.0, sun(35.0), 3.0, 1)
    picture.shows[: round(lie.row) - 1] = STRUCTURE
    assert measure_freeboard(picture, lie, sun(35.0)) == "the shadow falls on the quay"


def test_where_cloud_lies_over_the_shadow_there_is_none() -> None:
    picture, lie = drawn(4.0, sun(35.0), 3.0, 1)
    picture.shows[: round(lie.row) - 1] = HIDDEN
    assert measure_freeboard(picture, lie, sun(35.0)) == "part of the shadow is under cloud or without data"


def test_a_sun_that_stands_along_the_hull_tells_nothing() -> None:
    along = sun(35.0, HEADING_DEG)
    assert measure_freeboard(*drawn(4.0, along, 3.0, 1), along) == "the sun stands along the hull"


def test_missing_angles_and_night_are_named() -> None:
    nan = math.nan
    assert angles_of(nan, 40.0, 3.0, nan, 100.0) == "no sun or view angles"
    assert angles_of(150.0, 0.0, 3.0, nan, 100.0) == "the sun is below the horizon"
    assert angles_of(150.0, 40.0, nan, nan, 100.0) == "no sun or view angles"
    told = angles_of(150.0, 40.0, nan, 20.0, 100.0)
    assert isinstance(told, Angles)
    assert told.view_zenith_deg == pytest.approx(incidence_deg(20.0))


@pytest.mark.parametrize(
    ("view", "reach"),
    [((0.0, 0.0), 8.6603), ((20.0, 0.0), 6.8404), ((20.0, 180.0), 10.4801)],
)
def test_top_to_shadow_tip_equals_the_test_vectors(view: tuple[float, float], reach: float) -> None:
    """physics: h = 5, e = 30, the view turned from the sun by 0 or 180 degrees, the side square to both."""
    zenith_deg, turned_deg = view
    found = sightline(180.0, Angles(0.0, 30.0, turned_deg, zenith_deg))
    assert 5 * (found.shadow - found.lean) == pytest.approx(reach, abs=1e-4)


def test_an_oblique_side_equals_the_test_vector() -> None:
    """physics: h 5, e 45, sun 140, view 25 from 95, hull along 60: N = 3.5867."""
    found = sightline(60.0 - 90.0, Angles(140.0, 45.0, 95.0, 25.0))
    assert abs(5 * (found.shadow - found.lean)) == pytest.approx(3.5867, abs=1e-4)
