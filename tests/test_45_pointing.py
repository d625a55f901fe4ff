"""`hull_at`: hulls in open water and at a quay within their errors; ships of five ports as a person drew them."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from skimage.measure import label, regionprops

import berthwatch as bw
from berthwatch.kernels import hullbox, reference_hullbox
from berthwatch.kernels.hullbox import Limits

PORTS = ("casablanca", "gdynia", "hedland", "honolulu", "klang")
SMALL = Limits(narrowest=2, widest=3, longest=7, end=2)


def drawn(length: float, beam: float, heading_deg: float, quay: bool, seed: int = 0) -> NDArray[np.float64]:
    """A hull around (50, 50) drawn ten times finer, blurred and with noise; a quay along its starboard side."""
    fine, turn = (np.arange(1000) - 504.5) / 10, math.radians(heading_deg)
    rows, columns = np.meshgrid(fine, fine, indexing="ij")
    along = columns * math.sin(turn) - rows * math.cos(turn)
    across = columns * math.cos(turn) + rows * math.sin(turn)
    scene = np.full(rows.shape, 300.0)
    scene[(abs(along) < length / 2) & (abs(across) < beam / 2)] = 2000.0
    if quay:
        scene[across > beam / 2 + 0.4] = 1800.0
    seen = gaussian_filter(scene, 6.0).reshape(100, 10, 100, 10).mean(axis=(1, 3))
    return np.asarray(seen * np.random.default_rng(seed).normal(1.0, 0.05, seen.shape))


@given(
    level=st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random((9, 15))),
    bright=st.floats(0.0, 3.0),
    temperature=st.floats(0.05, 1.0),
)
@settings(deadline=None, max_examples=15)
def test_boxes_are_summed_as_by_the_plain_twin(level: Any, bright: float, temperature: float) -> None:
    level[3:6, 4:11] += bright
    ours = hullbox.sum_boxes(level, SMALL, temperature)
    np.testing.assert_allclose(ours, reference_hullbox.sum_boxes(level, SMALL, temperature), rtol=1e-9)


def test_where_nothing_has_edges_no_box_counts() -> None:
    for sums in (hullbox.sum_boxes, reference_hullbox.sum_boxes):
        assert sums(np.ones((9, 15)), SMALL, 0.1).tolist() == [-math.inf, *[0.0] * 7]


@pytest.mark.parametrize("quay", [False, True])
@pytest.mark.parametrize(("length", "beam", "heading"), [(25.0, 4.5, 20.0), (14.0, 3.0, 107.0), (36.0, 6.0, 151.0)])
def test_hull_is_measured_within_its_errors(length: float, beam: float, heading: float, quay: bool) -> None:
    for seed in range(3):
        found = bw.hull_at(drawn(length, beam, heading, quay, seed), 50 + seed - 1, 51)
        assert found is not None
        assert abs(found.length_px - length) < min(2.5 * found.length_sigma_px, 2.0)
        assert abs(found.beam_px - beam) < min(2.5 * found.beam_sigma_px, 1.5)
        assert abs((found.heading_deg - heading + 90) % 180 - 90) < 3.0
        assert math.hypot(found.row - 49.95, found.column - 49.95) < 1.5


def test_open_water_agrees_with_moments() -> None:
    """scikit-image's moments of what lies over half the hull's level; no moments help beside a quay."""
    image = drawn(28.0, 5.0, 62.0, quay=False)
    (region,) = (each for each in regionprops(label(image > 1150.0)) if each.area > 20)
    found = bw.hull_at(xr.DataArray(image, dims=("y", "x")), *region.centroid)
    assert found is not None
    # a filled rectangle's moments are those of an ellipse 2 / sqrt(3) longer
    assert abs(found.length_px - region.axis_major_length * math.sqrt(3) / 2) < 1.0
    assert abs(found.heading_deg - (180 - math.degrees(region.orientation)) % 180) < 2.0


def test_errors_grow_where_the_ends_are_soft() -> None:
    image = drawn(28.0, 5.0, 90.0, quay=False)
    soft = image.copy()
    soft[47:53, 58:66] = np.linspace(2000.0, 300.0, 8)
    sharp_hull, soft_hull = bw.hull_at(image, 50, 50), bw.hull_at(soft, 50, 50)
    assert sharp_hull is not None
    assert soft_hull is not None
    assert soft_hull.length_sigma_px > sharp_hull.length_sigma_px


@pytest.mark.parametrize("image", [np.full((60, 60), 5.0), np.full((60, 60), np.nan), np.zeros((60, 60))])
def test_where_there_is_no_hull_none_is_told(image: Any) -> None:
    assert bw.hull_at(image, 30, 30) is None


def test_a_hull_does_not_end_where_sight_does() -> None:
    image = drawn(28.0, 5.0, 90.0, quay=False)
    assert bw.hull_at(image, 50, 50) is not None
    for row, column in ((50, 46), (50, 48), (49, 50)):
        assert bw.hull_at(image[:, :56], row, column) is None
    image[:, 56:] = np.nan
    for row, column in ((50, 46), (50, 48), (49, 50)):
        assert bw.hull_at(image, row, column) is None


def test_where_the_hull_lies_in_a_large_image_is_told_in_its_pixels() -> None:
    image = drawn(28.0, 5.0, 62.0, quay=False)
    wide = np.full((500, 700), 300.0)
    wide[350:450, 520:620] = image
    near, far = bw.hull_at(image, 50, 50), bw.hull_at(xr.DataArray(wide, dims=("y", "x")), 400, 570)
    assert near is not None
    assert far is not None
    assert (far.row - 350, far.column - 520) == pytest.approx((near.row, near.column), abs=0.1)
    assert far.length_px == pytest.approx(near.length_px, abs=0.2)


def test_open_land_has_no_edges() -> None:
    image = np.full((200, 200), 900.0)
    image[:, :95] = 100.0
    assert bw.hull_at(image, 100, 100) is None


@pytest.mark.parametrize(
    ("image", "row", "message"),
    [(np.ones(5), 0.0, "two dimensions, got 1"), (np.ones((5, 5)), 5.0, r"the image of \(5, 5\), got \(5.0, 0.0\)")],
)
def test_wrong_arguments_are_named(image: Any, row: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bw.hull_at(image, row, 0.0)


def labelled(folder: Path) -> list[tuple[NDArray[np.intp], float, float]]:
    """Pixels, length along the main axis and heading of each polygon (column-major run lengths) over 8 pixels."""
    out = []
    for each in json.loads((folder / "vessels_coco.json").read_text())["annotations"]:
        runs, (height, width) = each["segmentation"]["counts"], each["segmentation"]["size"]
        mask = np.repeat(np.arange(len(runs)) % 2, runs).reshape(width, height).T
        pixels = np.argwhere(mask)
        axis = np.linalg.eigh(np.cov(pixels.T))[1][:, 1]
        length = float(np.ptp(pixels @ axis)) + 1
        if length > 8:
            out.append((pixels, length, math.degrees(math.atan2(axis[1], -axis[0])) % 180))
    return out


def test_ships_of_five_ports_as_a_person_drew_them(real_data: Any) -> None:
    """Pointed at within 1.5 pixels of the middle. Polygons hold every pixel a hull touches: one more than half levels.

    1.55 pixels (1.0 is aimed at) and 2 degrees were seen at the median, 66 % within a deviation and 93 % within two.
    """
    length, sigmas, heading = [], [], []
    rng = np.random.default_rng(1)
    for port in PORTS:
        folder = real_data("sentinel-2-ships") / port
        with rasterio.open(next(folder.glob("*_B08.tif"))) as file:
            image = file.read(1)
        for pixels, wanted, wanted_deg in labelled(folder):
            found = bw.hull_at(image, *(pixels.mean(axis=0) + rng.uniform(-1.5, 1.5, 2)))
            if found is not None:
                length.append(found.length_px + 1 - wanted)
                sigmas.append(length[-1] / found.length_sigma_px)
                heading.append(abs((found.heading_deg - wanted_deg + 90) % 180 - 90))
    print(
        len(length),
        np.median(np.abs(length)),
        np.median(heading),
        np.mean(np.abs(sigmas) < 1),
        np.mean(np.abs(sigmas) < 2),
    )
    assert len(length) >= 72
    assert np.median(np.abs(length)) < 1.7
    assert np.median(heading) < 3.0
    assert np.mean(np.abs(sigmas) < 2) > 0.8
