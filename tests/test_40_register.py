"""Co-registration: scenes are put back by the shift they have, and where nothing stands still they stay."""

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy.special import erf

from berthwatch.register import register

SHAPE = (110, 130)
ROWS, COLUMNS = np.mgrid[: SHAPE[0], : SHAPE[1]]
LAND = ROWS + 0.4 * COLUMNS > 145
"""Masked land: the mask lies on the grid, it does not move with the scene."""
TOLERANCE_PX = 0.15

Offsets = NDArray[np.float64]


def bar(y: float, x: float, angle_deg: float, length: float, width: float) -> NDArray[np.float64]:
    """A wall centred at (y, x), blurred by 0.8 px: exact at any sub-pixel position."""
    angle = np.deg2rad(angle_deg)
    along = (COLUMNS - x) * np.cos(angle) + (ROWS - y) * np.sin(angle)
    across = (ROWS - y) * np.cos(angle) - (COLUMNS - x) * np.sin(angle)

    def soft(position: NDArray[np.float64], size: float) -> NDArray[np.float64]:
        ends = erf((position + size / 2) / 0.8 / 2**0.5) - erf((position - size / 2) / 0.8 / 2**0.5)
        return np.asarray(0.5 * ends, np.float64)

    return soft(along, length) * soft(across, width)


def port(dy: float, dx: float) -> NDArray[np.float64]:
    """A breakwater with a bend, a pier and a quay in front of the land, in 0..1, moved by (dy, dx)."""
    parts = [(45, 40, 25, 50, 3), (62, 73, 60, 25, 3), (60, 22, 100, 26, 4), (88, 60, -22, 90, 5)]
    return np.minimum(sum(bar(y + dy, x + dx, angle, length, width) for y, x, angle, length, width in parts), 1)


def sar_scene(dy: float, dx: float, seed: int, structure: float = 40.0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    image = 0.01 * (1 + structure * port(dy, dx)) * rng.gamma(4.4, 1 / 4.4, SHAPE)
    return np.where(LAND, np.nan, image)


def optical_scene(dy: float, dx: float, seed: int) -> NDArray[np.float64]:
    return 0.03 + 0.2 * port(dy, dx) + np.random.default_rng(seed).normal(0, 0.005, SHAPE)


def cube_of(images: list[NDArray[np.float64]], tracks: list[str], kind: str = "sar") -> xr.Dataset:
    stack = np.stack(images).astype(np.float32)
    time = np.datetime64("2024-01-01", "ns") + np.arange(len(images)) * np.timedelta64(6, "D")
    return xr.Dataset(
        {"vv" if kind == "sar" else "nir": (("time", "y", "x"), stack), "seen": (("time", "y", "x"), seen_of(stack))},
        coords={
            "time": time,
            "scene_id": ("time", [f"scene-{index:02d}" for index in range(len(images))]),
            "track": ("time", tracks),
        },
        attrs={"kind": kind, "source": "test"},
    )


def seen_of(stack: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.isfinite(stack).astype(np.uint8)


def shifts(found: xr.Dataset) -> Offsets:
    return np.stack([found["shift_y_px"].values, found["shift_x_px"].values], axis=1).astype(float)


def disagreement(found: xr.Dataset, offsets: Offsets) -> Offsets:
    """How far each scene comes to lie from the median of all once it is moved."""
    placed = shifts(found) + offsets
    return placed - np.median(placed, axis=0)


def jittered(centres: dict[str, tuple[float, float]], each: int) -> tuple[list[str], Offsets]:
    rng = np.random.default_rng(11)
    tracks = [name for name in centres for _ in range(each)]
    return tracks, np.array([centres[name] for name in tracks]) + rng.uniform(-0.6, 0.6, (len(tracks), 2))


@pytest.fixture(scope="module")
def three_tracks() -> tuple[xr.Dataset, xr.Dataset, Offsets]:
    tracks, offsets = jittered({"orbit-007": (0, 0), "orbit-087": (5.3, -6.2), "orbit-116": (-2.4, 1.8)}, 8)
    mixed = np.random.default_rng(2).permutation(len(tracks))
    tracks, offsets = [tracks[index] for index in mixed], offsets[mixed]
    cube = cube_of([sar_scene(dy, dx, seed) for seed, (dy, dx) in enumerate(offsets)], tracks)
    return cube, register(cube, 10.0), offsets


def test_tracks_up_to_8_pixels_apart_are_put_on_each_other(
    three_tracks: tuple[xr.Dataset, xr.Dataset, Offsets],
) -> None:
    _, found, offsets = three_tracks
    assert (found["shift_quality"] > 0.6).all()
    assert np.abs(disagreement(found, offsets)).max() < TOLERANCE_PX


def test_common_frame_is_the_median_position_of_all_scenes(
    three_tracks: tuple[xr.Dataset, xr.Dataset, Offsets],
) -> None:
    _, found, offsets = three_tracks
    assert np.abs(np.median(shifts(found), axis=0)).max() < 1e-4
    expected = np.median(offsets, axis=0) - offsets
    assert np.abs(np.median(shifts(found) - expected, axis=0)).max() < TOLERANCE_PX


def test_order_of_scenes_does_not_matter(three_tracks: tuple[xr.Dataset, xr.Dataset, Offsets]) -> None:
    cube, found, _ = three_tracks
    order = np.random.default_rng(4).permutation(cube.sizes["time"])
    again = register(cube.isel(time=order), 10.0)
    assert again["scene_id"].values.tolist() == cube["scene_id"].values[order].tolist()
    np.testing.assert_array_equal(shifts(again), shifts(found)[order])


def test_a_track_that_steps_by_7_pixels_half_way_is_followed() -> None:
    _, offsets = jittered({"before": (0, 0), "after": (7.0, -3.0)}, 8)
    cube = cube_of([sar_scene(dy, dx, seed) for seed, (dy, dx) in enumerate(offsets)], ["orbit-007"] * 16)
    found = register(cube, 10.0)
    assert (found["shift_quality"] > 0).all()
    assert np.abs(disagreement(found, offsets)).max() < TOLERANCE_PX


def test_open_water_is_refused_and_not_moved() -> None:
    rng = np.random.default_rng(0)
    found = register(cube_of([0.01 * rng.gamma(4.4, 1 / 4.4, SHAPE) for _ in range(10)], ["orbit-007"] * 10), 10.0)
    assert (found["shift_quality"] == 0).all()
    assert (shifts(found) == 0).all()


def test_masked_land_alone_is_not_matched() -> None:
    found = register(cube_of([sar_scene(0, 0, seed, structure=0) for seed in range(10)], ["orbit-007"] * 10), 10.0)
    assert (found["shift_quality"] == 0).all()
    assert (shifts(found) == 0).all()


@pytest.mark.parametrize("spoil", ["storm", "nodata"])
def test_a_refused_scene_takes_the_shift_of_its_track(spoil: str) -> None:
    tracks, offsets = jittered({"orbit-007": (0, 0), "orbit-087": (4.5, -5.0)}, 8)
    images = [sar_scene(dy, dx, seed) for seed, (dy, dx) in enumerate(offsets)]
    images[10] = np.full(SHAPE, np.nan) if spoil == "nodata" else sar_scene(0, 0, 10, structure=0) * 50
    found = register(cube_of(images, tracks), 10.0)
    assert found["shift_quality"].values[10] == 0
    others = [8, 9, *range(11, 16)]
    np.testing.assert_allclose(shifts(found)[10], np.median(shifts(found)[others], axis=0), atol=1e-4)
    assert np.abs(np.delete(disagreement(found, offsets), 10, axis=0)).max() < TOLERANCE_PX


def test_clouds_that_the_mask_hides_do_not_move_an_optical_scene() -> None:
    _, offsets = jittered({"all": (0, 0)}, 10)
    images = [optical_scene(dy, dx, seed) for seed, (dy, dx) in enumerate(offsets)]
    clear = cube_of(images, ["all"] * 10, "optical")
    clouded = clear.copy(deep=True)
    for scene in (2, 5, 8):
        cloud = np.hypot(ROWS - 30 - scene, COLUMNS - 50 + 5 * scene) < 22
        clouded["nir"].values[scene][cloud] = 0.7
        clouded["seen"].values[scene][cloud] = 0
    before, after = register(clear, 3.0), register(clouded, 3.0)
    assert np.abs(disagreement(after, offsets)).max() < TOLERANCE_PX
    assert np.abs(shifts(after) - shifts(before)).max() < TOLERANCE_PX


def test_a_vessel_that_comes_and_goes_does_not_move_the_port() -> None:
    _, offsets = jittered({"all": (0, 0)}, 12)
    images = [sar_scene(dy, dx, seed) for seed, (dy, dx) in enumerate(offsets)]
    for scene in (1, 4, 5, 9):
        images[scene] = images[scene] + 0.8 * bar(70 + scene, 30, -22, 18, 3)
    found = register(cube_of(images, ["orbit-007"] * 12), 10.0)
    assert np.abs(disagreement(found, offsets)).max() < TOLERANCE_PX
