"""`cfar`: false alarms as many as asked, on gamma clutter, on correlated pixels and on the open ocean; ships found."""

import re
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import convolve, uniform_filter

import berthwatch as bw

KINDS: tuple[Any, ...] = ("cell-averaging", "greatest-of", "smallest-of", "ordered-statistic")
SITES = ("T137-292318-IW1", "T137-292319-IW1", "T137-292321-IW1", "T137-292323-IW1")
RATE = 1e-3


def sea(looks: float, shape: tuple[int, int] = (120, 140), seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).gamma(looks, 0.01 / looks, shape)


def with_ship() -> NDArray[np.float64]:
    image = sea(4.4)
    image[60:64, 70:78] = 0.3
    return image


@pytest.mark.parametrize("kind", KINDS)
def test_a_ship_is_found_and_land_is_not(kind: Any) -> None:
    image, land = with_ship(), np.zeros((120, 140), np.uint8)
    image[:, 100:], land[:, 100:] = 5.0, 1
    image[10, 10] = np.nan
    found = bw.cfar(image, kind, mask=land, stride=3 if kind == "ordered-statistic" else 1)
    assert found.dtype == np.bool_
    assert np.argwhere(found).tolist() == [[y, x] for y in range(60, 64) for x in range(70, 78)]


def test_a_data_array_keeps_its_coordinates_and_whole_numbers_are_taken() -> None:
    image = xr.DataArray(with_ship() * 1e4, dims=("y", "x"), coords={"y": np.arange(120.0)})
    found = bw.cfar(image.astype(np.uint16), looks=4.4)
    assert found.dims == ("y", "x")
    np.testing.assert_array_equal(found["y"], image["y"])
    assert found.to_numpy().sum() == 32


def test_nothing_seen_is_nothing_found() -> None:
    assert not bw.cfar(np.full((50, 50), np.nan)).any()


@pytest.mark.parametrize("kind", KINDS)
def test_correlated_cells_ask_for_a_higher_multiple(kind: Any) -> None:
    lags = np.outer([0.5, 1.0, 0.5], [0.5, 1.0, 0.5])
    plain = bw.cfar(sea(1.0), kind, looks=1.0, guard=1, window=7, false_alarm_rate=1e-2)
    correlated = bw.cfar(sea(1.0), kind, looks=1.0, guard=1, window=7, false_alarm_rate=1e-2, correlation=lags)
    assert not (correlated & ~plain).any()
    assert correlated.sum() < plain.sum()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"kind": "mean"},
            "expected one of cell-averaging, greatest-of, smallest-of, ordered-statistic as kind, got mean",
        ),
        ({"stride": 2}, "expected stride 1 for cell-averaging, got 2"),
        ({"window": 40}, "outer and guard must be odd"),
        ({"looks": 0.0}, "looks and pixels per cell must be positive"),
        ({"kind": "ordered-statistic", "stride": 30}, "outer must be larger than guard: 1, 1"),
    ],
)
def test_wrong_arguments_are_named(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        bw.cfar(sea(4.4), **arguments)


SMOOTH = np.array([0.5, 1.0, 0.5]) / np.sqrt(1.5)
FIELD = np.convolve(SMOOTH, SMOOTH)
LAGS = np.outer(FIELD, FIELD) ** 2


def speckle(half_looks: int, size: int, seed: int) -> NDArray[np.float64]:
    """Sums of squares of smoothed normal fields: gamma exactly, of half_looks / 2 looks, correlated as LAGS has it."""
    rng, kernel = np.random.default_rng(seed), np.outer(SMOOTH, SMOOTH)
    out = np.zeros((size, size))
    for _ in range(half_looks):
        out += convolve(rng.normal(size=(size + 2, size + 2)), kernel)[1:-1, 1:-1] ** 2
    return out / half_looks


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1e-2, 1e-3])
@pytest.mark.parametrize("half_looks", [2, 9])
@pytest.mark.parametrize("kind", KINDS)
def test_false_alarms_on_correlated_pixels_are_as_many_as_asked(kind: Any, half_looks: int, rate: float) -> None:
    """Single images of this size scatter by 9 % at 1e-3; ranks and smaller halves lie 7 % below what was asked."""
    alarms, size = 0, 0
    for seed in range(100, 140):
        image, looks = speckle(half_looks, 400, seed), half_looks / 2
        found = bw.cfar(image, kind, looks=looks, guard=7, window=15, false_alarm_rate=rate, correlation=LAGS)
        alarms, size = alarms + int(found.sum()), size + found.size
    assert abs(alarms / size / rate - 1.0) < 0.1


def ocean(folder: Any) -> list[NDArray[np.float32]]:
    images = []
    for path in sorted(folder.glob("*_vv.tif")):
        with rasterio.open(path) as file:
            images.append(file.read(1))
    return images


def correlation_of(image: NDArray[np.float32], reach: int = 2) -> NDArray[np.float64]:
    """Of neighbouring pixels, once what varies over 21 pixels is taken away."""
    flat = image / uniform_filter(image, 21) - 1.0
    rows, columns = (slice(reach, size - reach) for size in flat.shape)
    steps = range(-reach, reach + 1)
    lags = np.array(
        [[np.nanmean(flat[rows, columns] * np.roll(flat, (i, j), (0, 1))[rows, columns]) for j in steps] for i in steps]
    )
    return lags / lags[reach, reach]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_false_alarms_on_the_open_ocean(real_data: Any, kind: Any) -> None:
    """Real water's tail is fatter than gamma's: twice the rate asked for was seen at the median (0.5 to 4 times)."""
    seen = []
    for site in SITES:
        for image in ocean(real_data("opera-ocean") / site)[::3]:
            lags = correlation_of(image)
            stride = 3 if kind == "ordered-statistic" else 1
            found = bw.cfar(image, kind, false_alarm_rate=RATE, correlation=lags, stride=stride)
            seen.append(found[np.isfinite(image)].mean() / RATE)
    times = np.array(seen)
    assert times.size >= 20
    assert 0.3 < np.median(times) < 3.0
