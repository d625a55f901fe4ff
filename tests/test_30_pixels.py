"""What is read of a scene: values, units, nodata, masks, resampling, and why a scene is set aside."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.warp import reproject

from berthwatch.config import MaskRule, Source
from berthwatch.errors import SceneError
from berthwatch.grid import project
from berthwatch.model import BandFile, Geometry, Scene
from berthwatch.pixels import read_scene

UTM = "EPSG:32636"
AFFINE = Affine(10, 0, 500_000, 0, -10, 4_000_000)
GRID = GeoBox((20, 30), AFFINE, UTM)
SAR = Source("s1", "sar", "", ("vv",))
OPTICAL = Source("ps", "optical", "", ("red", "nir"))


def write(path: Path, bands: NDArray[Any], transform: Affine = AFFINE, crs: str | None = UTM, **more: Any) -> Path:
    profile = {"driver": "GTiff", "count": bands.shape[0], "dtype": bands.dtype, "crs": crs, "transform": transform}
    with rasterio.open(path, "w", height=bands.shape[1], width=bands.shape[2], **profile, **more) as file:
        file.write(bands)
    return path


def scene(path: Path, names: tuple[str, ...] = ("vv",), mask: BandFile | None = None, **known: Any) -> Scene:
    facts = {"scale": None, "offset": None, "nodata": None, "unit": None} | known
    bands = {name: BandFile(str(path), band, **facts) for band, name in enumerate(names, start=1)}
    return Scene("A", datetime(2024, 1, 1, tzinfo=UTC), bands, mask, Geometry(), None, None, str(path))


def ramp(*shape: int) -> NDArray[np.float32]:
    return (1 + np.arange(np.prod(shape), dtype=np.float32)).reshape(shape)


def test_scaled_decibels_become_linear_power_and_nodata_nan(tmp_path: Path) -> None:
    stored = np.full((1, 20, 30), -1234, np.int16)
    stored[0, 0, 0] = -32768
    path = write(tmp_path / "a.tif", stored)
    read = read_scene(scene(path, scale=0.01, offset=0.0, nodata=-32768, unit="db"), SAR, GRID)
    assert read["vv"].dtype == np.float32
    assert np.isnan(read["vv"].values[0, 0])
    np.testing.assert_allclose(read["vv"].values[1:], 10**-1.234, rtol=2e-6)
    assert read["seen"].values.sum() == 20 * 30 - 1


def test_the_run_files_unit_is_believed_more_than_the_scenes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.full((1, 20, 30), 10, np.float32))
    in_db = Source("s1", "sar", "", ("vv",), units="db")
    assert read_scene(scene(path, unit="linear"), in_db, GRID)["vv"].values == pytest.approx(10.0)
    assert read_scene(scene(path), SAR, GRID)["vv"].values == pytest.approx(10.0)
    assert read_scene(scene(path), Source("s", "sar", "", ("vv",), units="linear"), GRID)["vv"].values[0, 0] == 10


def test_scale_offset_and_nodata_come_from_the_file_where_stac_is_silent(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.array([[[0, 1000], [2000, 9]]], np.uint16), nodata=9)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (1e-4,), (-0.1,)
    read = read_scene(scene(path, ("red",)), Source("s2", "optical", "", ("red",)), GeoBox((2, 2), AFFINE, UTM))
    np.testing.assert_allclose(read["red"].values, [[-0.1, 0.0], [0.1, np.nan]], atol=1e-7)


def test_only_the_window_is_read_and_what_lies_beside_the_file_is_nan(tmp_path: Path) -> None:
    values = ramp(1, 100, 100)
    path = write(tmp_path / "a.tif", values)
    inside = GeoBox((5, 7), AFFINE @ Affine.translation(40, 30), UTM)
    np.testing.assert_array_equal(read_scene(scene(path), SAR, inside)["vv"].values, values[0, 30:35, 40:47])
    over_the_edge = GeoBox((5, 7), AFFINE @ Affine.translation(-2, -3), UTM)
    read = read_scene(scene(path), SAR, over_the_edge)["vv"].values
    np.testing.assert_array_equal(read[3:, 2:], values[0, :2, :5])
    assert np.isnan(read[:3]).all()
    assert np.isnan(read[:, :2]).all()


def test_zeros_in_all_bands_are_nodata_where_no_file_says_what_is(tmp_path: Path) -> None:
    stored = np.ones((2, 20, 30), np.uint16)
    stored[:, 0] = 0
    stored[1, 5] = 0  # still water in the near infrared
    read = read_scene(scene(write(tmp_path / "a.tif", stored), ("red", "nir")), OPTICAL, GRID)
    assert np.isnan(read["nir"].values[0]).all()
    assert (read["nir"].values[5] == 0).all()
    declared = read_scene(scene(write(tmp_path / "b.tif", stored), ("red", "nir"), nodata=7), OPTICAL, GRID)
    assert (declared["nir"].values[0] == 0).all()


def test_a_mask_says_what_was_seen_and_takes_no_value_away(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", ramp(1, 20, 30))
    classes = np.full((1, 20, 30), 4, np.uint8)
    classes[0, :, :10] = 9
    mask = BandFile(str(write(tmp_path / "m.tif", classes)), 1, None, None, None, None)
    source = Source("s2", "optical", "", ("red",), mask=MaskRule("scl", 1, (4, 6)))
    read = read_scene(scene(path, ("red",), mask), source, GRID)
    assert read["seen"].dtype == np.uint8
    assert (read["seen"].values == (classes[0] == 4)).all()
    assert np.isfinite(read["red"].values).all()
    with pytest.raises(SceneError, match="no asset 'scl'"):
        read_scene(scene(path, ("red",)), source, GRID)


def test_a_scene_of_the_neighbouring_utm_zone_is_warped_as_gdal_does(tmp_path: Path) -> None:
    left, _, _, top = project(GRID.extent.geom.buffer(400), UTM, "EPSG:32635").bounds
    transform = Affine(10, 0, left, 0, -10, top)
    rng = np.random.default_rng(1)
    values = rng.gamma(4, 0.25, (1, 160, 160)).astype(np.float32)
    values[0, 60:64, 60:70] = np.nan
    path = write(tmp_path / "a.tif", values, transform, "EPSG:32635")
    expected = np.full(GRID.shape, np.nan, np.float32)
    reproject(
        values[0], expected, src_transform=transform, src_crs="EPSG:32635", dst_transform=AFFINE, dst_crs=UTM,
        src_nodata=np.nan, dst_nodata=np.nan, resampling=Resampling.bilinear, tolerance=0, XSCALE=1, YSCALE=1,
    )  # fmt: skip
    read = read_scene(scene(path), SAR, GRID)["vv"].values
    assert np.isfinite(read).any()
    np.testing.assert_array_equal(np.isnan(read), np.isnan(expected))
    np.testing.assert_allclose(read, expected, atol=1e-4)


def test_decibels_are_resampled_as_power(tmp_path: Path) -> None:
    stored = np.where(np.arange(60) % 2, 0.0, -20.0).astype(np.float32) * np.ones((1, 40, 1), np.float32)
    path = write(tmp_path / "a.tif", stored, AFFINE @ Affine.translation(-10.5, -10))
    read = read_scene(scene(path, unit="db"), SAR, GRID)["vv"].values
    np.testing.assert_allclose(read, (1 + 0.01) / 2, rtol=1e-4)


def test_overviews_are_read_when_the_grid_is_much_coarser_and_plain_decimation_never(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    values = rng.gamma(4, 0.25, (1, 512, 512)).astype(np.float32)
    coarse = GeoBox((8, 8), AFFINE @ Affine.scale(32) @ Affine.translation(4, 4), UTM)
    plain = write(tmp_path / "plain.tif", values)
    layered = write(tmp_path / "layered.tif", values)
    with rasterio.open(layered, "r+") as file:
        file.build_overviews([2, 4, 8, 16], Resampling.average)
    from_all = read_scene(scene(plain), SAR, coarse)["vv"].values
    from_overview = read_scene(scene(layered), SAR, coarse)["vv"].values
    assert from_all.std() < 0.05  # of single pixels it is 0.5
    np.testing.assert_allclose(from_overview, from_all, atol=0.05)
    assert not np.array_equal(from_overview, from_all)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("missing", "vv: no such file: .*a.tif"),
        ("truncated", "vv: cannot be read: .*a.tif: "),
        ("not a tiff", "vv: cannot be read: .*a.tif: "),
        ("elsewhere", "no overlap with the port: .*a.tif"),
        ("all nodata", "every pixel over the port is nodata: .*a.tif"),
        ("nan band", "vh: every pixel over the port is nodata or NaN: .*a.tif"),
        ("no band", "vh: no band 2 in .*a.tif, which has 1 band"),
        ("no asset", "vh: no such band in .*a.tif, which has vv"),
        ("no crs", "vv: no coordinate reference system: .*a.tif"),
    ],
)
def test_a_scene_that_cannot_be_used_says_why_and_which_file(tmp_path: Path, spoil: str, reason: str) -> None:
    path, values = tmp_path / "a.tif", ramp(2, 200, 200)
    grid = GeoBox((180, 180), AFFINE, UTM)
    if spoil == "nan band":
        values[1] = np.nan
    if spoil == "all nodata":
        values[:] = np.nan
    away = AFFINE @ Affine.translation(900, 0) if spoil == "elsewhere" else AFFINE
    write(path, values[:1] if spoil == "no band" else values, away, None if spoil == "no crs" else UTM)
    if spoil == "truncated":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if spoil == "not a tiff":
        path.write_text("Access denied")
    if spoil == "missing":
        path.unlink()
    names = ("vv",) if spoil == "no asset" else ("vv", "vh")
    with pytest.raises(SceneError, match=reason) as caught:
        read_scene(scene(path, names), Source("s1", "sar", "", ("vv", "vh")), grid)
    assert caught.value.scene_id == "A"
