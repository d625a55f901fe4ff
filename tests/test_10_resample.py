"""Laying an image on another grid equals its plain twin, and GDAL to the last digit where every pixel has a knot."""

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.warp import reproject

from berthwatch import warp
from berthwatch.kernels import reference_resample
from berthwatch.kernels.resample import knots, resample_bilinear

LEFT, TOP = 250_000, 4_000_000
GRID = GeoBox((90, 70), Affine(10, 0, LEFT, 0, -10, TOP), "EPSG:32636")
NEIGHBOUR = rasterio.CRS.from_epsg(32635)
images = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6),
    elements=st.floats(-100, 100, width=32) | st.just(float("nan")),
)


@settings(deadline=None)  # the first call compiles
@given(images, st.tuples(st.integers(1, 7), st.integers(1, 7)), st.integers(1, 4), st.integers(0, 2**32), st.booleans())
def test_resampling_equals_its_twin(
    image: npt.NDArray[np.float32], shape: tuple[int, int], step: int, seed: int, whole: bool
) -> None:
    rng = np.random.default_rng(seed)
    places = rng.uniform(-1, 7, (2, knots(shape[0], step), knots(shape[1], step)))
    rows, columns = np.floor(places * 2) / 2 if whole else places
    out = np.zeros(shape, np.float32)
    resample_bilinear(image, rows, columns, step, out)
    wanted = reference_resample.resample_bilinear(image, rows, columns, step, shape)
    if whole and step in (1, 2, 4):  # exact in binary: whole and half pixels are told apart in the same way
        np.testing.assert_array_equal(np.isnan(out), np.isnan(wanted))
    both = ~np.isnan(out) & ~np.isnan(wanted)
    np.testing.assert_allclose(out[both], wanted[both], rtol=1e-4, atol=1e-3)


def scene() -> tuple[npt.NDArray[np.float32], Affine]:
    """Speckle with a hole in the zone beside the grid's, which its image turns by some degrees."""
    image = np.random.default_rng(1).gamma(4, 0.25, (200, 200)).astype(np.float32)
    image[60:64, 60:70] = np.nan
    x, y = rasterio.warp.transform(GRID.crs.to_wkt(), NEIGHBOUR, [LEFT + 350], [TOP - 450])
    return image, Affine(10, 0, round(x[0]) - 1003, 0, -10, round(y[0]) + 1003)


def by_gdal(image: npt.NDArray[np.float32], transform: Affine) -> npt.NDArray[np.float32]:
    """GDAL's own bilinear warp of four neighbours, every pixel projected for itself."""
    out = np.full(GRID.shape, np.nan, np.float32)
    reproject(
        image, out, src_transform=transform, src_crs=NEIGHBOUR, dst_transform=GRID.affine, dst_crs=GRID.crs.to_wkt(),
        src_nodata=np.nan, dst_nodata=np.nan, resampling=Resampling.bilinear, tolerance=0, XSCALE=1, YSCALE=1,
    )  # fmt: skip
    return out


def test_a_plan_with_every_pixel_warps_as_gdal_does_to_the_last_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warp, "STEPS", (1,))
    image, transform = scene()
    out = np.zeros(GRID.shape, np.float32)
    warp.put(image, transform, NEIGHBOUR, out, GRID, Resampling.bilinear)
    assert np.isnan(out).any()
    np.testing.assert_allclose(out, by_gdal(image, transform), rtol=2e-7)


def test_a_plan_with_few_knots_is_off_by_less_than_a_thousandth_of_a_pixel() -> None:
    image, transform = scene()
    out = np.zeros(GRID.shape, np.float32)
    warp.put(image, transform, NEIGHBOUR, out, GRID, Resampling.bilinear)
    rows, columns = np.mgrid[0:200, 0:200].astype(np.float32)
    for places in (rows, columns):  # an image of positions shows how far off a position is
        warp.put(places, transform, NEIGHBOUR, out, GRID, Resampling.bilinear)
        np.testing.assert_allclose(out, by_gdal(places, transform), atol=warp.PLAN_TOLERANCE_PX)


def test_what_a_projection_does_not_reach_has_no_value() -> None:
    grid = GeoBox((8, 8), Affine(45, 0, -180, 0, -22.5, 90), "EPSG:4326")
    image = np.ones((400, 400), np.float32)
    polar = rasterio.CRS.from_string("+proj=ortho +lat_0=40 +lon_0=30 +datum=WGS84")
    out = np.zeros(grid.shape, np.float32)
    warp.put(image, Affine(35_000, 0, -7e6, 0, -35_000, 7e6), polar, out, grid, Resampling.bilinear)
    assert (out[np.isfinite(out)] == 1).all()
    assert 0 < np.isnan(out).sum() < out.size


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"step": 0}, "step must be at least 1"),
        ({"out": np.zeros((2, 2))}, "out must be contiguous float32"),
        ({"rows": [[0.0]]}, "rows must have shape"),
        ({"columns": [[np.nan] * 2] * 2}, "columns must not hold NaN"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], reason: str) -> None:
    places = [[0.5, 0.5], [0.5, 0.5]]
    words = {"image": np.ones((3, 3), np.float32), "rows": places, "columns": places, "step": 16}
    with pytest.raises(ValueError, match=reason):
        resample_bilinear(**{**words, "out": np.zeros((2, 2), np.float32), **change})  # type: ignore[arg-type]
