"""GeoTIFFs without STAC: how files are grouped into scenes, where the time comes from, and what is refused."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from berthwatch.config import MaskRule, Source
from berthwatch.geotiff import group_files, stamp
from berthwatch.model import Scene
from berthwatch.scene import list_scenes

TIME = datetime(2022, 1, 3, 3, 43, 16, tzinfo=UTC)


def tiff(path: Path, count: int = 1, *, crs: str | None = "EPSG:32636", **says: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "width": 4, "height": 4, "count": count, "dtype": "float32", "crs": crs}
    with rasterio.open(path, "w", **profile, transform=from_origin(750000, 3930000, 10, 10)) as file:
        file.write(np.ones((count, 4, 4), dtype=np.float32))
        if "descriptions" in says:
            file.descriptions = says["descriptions"]
        if "units" in says:
            file.units = says["units"]
        if "tag" in says:
            file.update_tags(TIFFTAG_DATETIME=says["tag"])
    return path


def read(folder: Path, *bands: str, pattern: str = "*.tif", mask: MaskRule | None = None) -> list[Scene]:
    scenes, aside = list_scenes(Source("s", "sar", pattern, bands or ("vv",), mask=mask), folder)
    assert aside == []
    return scenes


def reason(folder: Path, *bands: str, pattern: str = "*.tif", mask: MaskRule | None = None) -> str:
    scenes, (aside,) = list_scenes(Source("s", "sar", pattern, bands or ("vv",), mask=mask), folder)
    assert scenes == []
    return f"{aside.scene_id}: {aside.reason}"


def test_files_of_one_name_but_for_the_band_are_one_scene(tmp_path: Path) -> None:
    for name in ("a_20220103T034316_vv", "a_20220103T034316_VH", "b_20220104T000000_vv", "b_20220104T000000_vh"):
        tiff(tmp_path / f"{name}.tif")
    one, two = read(tmp_path, "vv", "vh")
    assert (one.scene_id, two.scene_id) == ("a_20220103T034316", "b_20220104T000000")
    assert one.time == TIME
    assert [band.href.rsplit("_", 1)[-1] for band in one.bands.values()] == ["vv.tif", "VH.tif"]
    assert [band.band for band in one.bands.values()] == [1, 1]
    assert one.footprint is not None
    assert one.footprint.bounds == pytest.approx((35.76, 35.48, 35.76, 35.48), abs=0.05)
    assert (one.track, one.platform) == ("all", None)


def test_the_word_of_the_band_may_be_inside_the_name(tmp_path: Path) -> None:
    for band in ("B04", "B08"):
        tiff(tmp_path / f"T36SYE_20220103T034316_{band}_10m.tif")
    (scene,) = read(tmp_path, "b04", "b08")
    assert scene.scene_id == "T36SYE_20220103T034316_10m"


def test_a_folder_for_each_scene_names_it(tmp_path: Path) -> None:
    tiff(tmp_path / "2022-01-03" / "vv.tif")
    tiff(tmp_path / "2022-01-04" / "vv.tif")
    one, two = read(tmp_path, pattern=str(tmp_path))
    assert (one.scene_id, two.scene_id) == ("2022-01-03", "2022-01-04")
    assert one.time == datetime(2022, 1, 3, tzinfo=UTC)


def test_bands_of_one_file_are_found_by_description(tmp_path: Path) -> None:
    tiff(tmp_path / "20220103T034316.tif", 3, descriptions=("VH", None, "VV"), units=("dB", "", "dB"))
    (scene,) = read(tmp_path, "vv", "vh")
    assert [(band.band, band.unit) for band in scene.bands.values()] == [(3, "db"), (1, "db")]


def test_bands_of_one_file_without_description_are_taken_by_order(tmp_path: Path) -> None:
    tiff(tmp_path / "20220103T034316_vv_vh.tif", 2)
    (scene,) = read(tmp_path, "vv", "vh")
    assert [band.band for band in scene.bands.values()] == [1, 2]
    assert scene.bands["vv"].scale is None


def test_an_order_that_says_nothing_is_not_guessed(tmp_path: Path) -> None:
    tiff(tmp_path / "20220103T034316.tif", 3)
    assert reason(tmp_path, "vv", "vh") == (
        "20220103T034316: band 'vv' is not there: 20220103T034316.tif has 3 bands without such descriptions, "
        "and 2 are asked for, so their order says nothing"
    )


def test_a_band_that_is_not_there_is_named(tmp_path: Path) -> None:
    tiff(tmp_path / "20220103T034316_vv.tif")
    tiff(tmp_path / "20220104T034316.tif", 2, descriptions=("vv", "hv"))
    _, (one, two) = list_scenes(Source("s", "sar", "*.tif", ("vv", "vh")), tmp_path)
    assert one.reason == "band 'vh' is not there: the files are 20220103T034316_vv.tif"
    assert two.reason == "band 'vh' is not there: the files are 20220104T034316.tif"


def test_the_tag_gives_the_time(tmp_path: Path) -> None:
    tiff(tmp_path / "scene_vv.tif", tag="2022:01:03 03:43:16")
    tiff(tmp_path / "iso_vv.tif", tag="2022-01-03T05:43:16+02:00")
    assert [scene.time for scene in read(tmp_path)] == [TIME, TIME]


def test_a_tag_and_a_name_that_disagree_are_not_chosen_between(tmp_path: Path) -> None:
    tiff(tmp_path / "20220103T034316_vv.tif", tag="2024:05:05 10:00:00")
    assert "its tag TIFFTAG_DATETIME says '2024:05:05 10:00:00': one is not its time" in reason(tmp_path)


def test_a_file_without_time_crs_or_sense_is_set_aside(tmp_path: Path) -> None:
    tiff(tmp_path / "a/scene_vv.tif")
    assert reason(tmp_path / "a").startswith("scene: it has no time: neither a tag TIFFTAG_DATETIME nor a stamp")
    (tmp_path / "b").mkdir()
    (tmp_path / "b/20220103T034316_vv.tif").write_bytes(b"II*\0 nothing")
    assert "20220103T034316_vv.tif cannot be opened" in reason(tmp_path / "b")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_file_that_lies_nowhere_is_set_aside(tmp_path: Path) -> None:
    tiff(tmp_path / "20220103T034316_vv.tif", crs=None)
    assert reason(tmp_path).endswith("20220103T034316_vv.tif has no coordinate system")


def test_a_mask_is_found_by_its_word(tmp_path: Path) -> None:
    rule = MaskRule("udm2", 1, (1,))
    tiff(tmp_path / "20220103_034316_1a_3B_AnalyticMS_SR_clip.tif")
    tiff(tmp_path / "20220103_034316_1a_3B_udm2_clip.tif", 8)
    (scene,) = read(tmp_path, "nir", mask=rule)
    assert scene.mask is not None
    assert scene.mask.href.endswith("udm2_clip.tif")
    tiff(tmp_path / "b/20220105T034316_nir.tif")
    assert reason(tmp_path / "b", "nir", mask=rule).endswith(
        "mask 'udm2' is not there: no file of the scene has that name"
    )
    tiff(tmp_path / "b/20220105T034316_udm2.tif")
    assert read(tmp_path / "b", "nir", mask=rule)[0].mask is not None


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("S1A_20220103T034316_20220103T034341", TIME),
        ("2022-01-03T03:43:16Z", TIME),
        ("2022-01-03T034316.5", TIME),
        ("20220103_034316", TIME),
        ("20220103034316", TIME),
        ("2022-01-03", datetime(2022, 1, 3, tzinfo=UTC)),
        ("2021-12-31_from_20220103T034316", TIME),
        ("20221399", None),
        ("20220103T253116", None),
        ("41284", None),
    ],
)
def test_stamps_in_names(name: str, time: datetime | None) -> None:
    assert stamp(name) == time


def test_real_files_without_their_items(real_data: Any) -> None:
    scenes, aside = list_scenes(Source("s", "sar", "*/*.tif", ("vv", "vh")), real_data("opera-ocean"))
    assert (len(scenes), aside) == (88, [])
    groups = group_files(["/a/20211119T015854_vv.tif", "/b/20211119T015854_vv.tif"], Source("s", "sar", "", ("vv",)))
    assert len(groups) == 2
