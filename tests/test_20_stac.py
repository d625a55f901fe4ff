"""STAC items become scenes: thirteen real documents of six versions, and every way an item can fail."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from berthwatch.assets import find_band
from berthwatch.config import MaskRule, Source
from berthwatch.errors import SceneError
from berthwatch.model import Geometry, Scene
from berthwatch.scene import list_scenes
from berthwatch.stac import footprint, geometry, parse_item, scene_from_item

ITEM: dict[str, Any] = {
    "type": "Feature",
    "stac_version": "1.0.0",
    "id": "a",
    "geometry": {"type": "Polygon", "coordinates": [[[35, 35], [36, 35], [36, 36], [35, 36], [35, 35]]]},
    "properties": {"datetime": "2022-01-03T03:43:16Z"},
    "assets": {"vv": {"href": "./a_vv.tif", "type": "image/tiff; application=geotiff", "roles": ["data"]}},
}


def scene(document: dict[str, Any] | None = None, *bands: str, mask: MaskRule | None = None, **changes: Any) -> Scene:
    whole = {**ITEM, **(document or {}), **changes}
    source = Source("s", "sar", "", bands or ("vv",), mask=mask)
    return scene_from_item(parse_item(whole, "/data/a.json"), whole, source)


def read_one(real_data: Any, name: str, *bands: str, mask: MaskRule | None = None) -> Scene:
    scenes, aside = list_scenes(Source("s", "optical", f"{name}.json", bands, mask=mask), real_data("stac-items"))
    assert aside == []
    return scenes[0]


def places(scene: Scene) -> dict[str, tuple[str, int]]:
    return {name: (band.href.rsplit("/", 1)[-1], band.band) for name, band in scene.bands.items()}


def test_bands_in_properties(real_data: Any) -> None:
    found = read_one(real_data, "bands-in-properties-1.1", "band1", "BAND4")
    assert places(found) == {"band1": ("analytic.tif", 1), "BAND4": ("analytic.tif", 4)}
    assert found.time == datetime(2016, 5, 3, 13, 22, 30, tzinfo=UTC)
    assert found.geometry == Geometry(sun_azimuth_deg=168.7, sun_elevation_deg=33.4, view_off_nadir_deg=1.4)


def test_landsat_collection_2(real_data: Any) -> None:
    mask = MaskRule("qa_pixel", 1, (1,))
    found = read_one(real_data, "landsat-8-c2-l2", "blue", "B5", mask=mask)
    stem = "LC08_L2SP_028030_20200114_20200824_02_T1"
    assert places(found) == {"blue": (f"{stem}_SR_B2.TIF", 1), "B5": (f"{stem}_SR_B5.TIF", 1)}
    assert found.mask is not None
    assert found.mask.href.endswith("QA_PIXEL.TIF")
    assert found.geometry.sun_elevation_deg == 22.57988462


def test_landsat_of_digital_earth_australia_beta_2(real_data: Any) -> None:
    found = read_one(real_data, "landsat-8-dea-ard", "nbart_blue", "nbart_nir")
    assert places(found)["nbart_nir"] == ("ga_ls8c_nbart_3-1-0_088080_2020-05-25_final_band05.tif", 1)
    assert found.time.microsecond == 745731
    assert found.platform == "landsat-8"


def test_an_item_collection(real_data: Any) -> None:
    source = Source("s", "optical", "landsat-itemcollection.json", ("red", "nir"))
    scenes, aside = list_scenes(source, real_data("stac-items"))
    assert (len(scenes), aside) == (9, [])
    for found in scenes:
        # The true-colour picture has a red band too, and is not what is meant.
        assert found.bands["red"].href.endswith("_B04_10m.tif")
        assert found.bands["nir"].href.endswith("_B08_10m.tif")
        assert (found.track, found.geometry.sun_azimuth_deg is not None) == ("orbit-078", True)


def test_planetscope_of_1_1(real_data: Any) -> None:
    found = read_one(real_data, "planetscope-no-epsg", "red", "green", "blue")
    assert [band.band for band in found.bands.values()] == [1, 2, 3]
    name = "20221224_152110_18_2498_3B_Visual_clip.tif"
    assert found.bands["red"].href == str(real_data("stac-items") / name)
    assert found.geometry.view_azimuth_deg == 272.9


def test_planetscope_without_band_names_is_refused_by_band(real_data: Any) -> None:
    assert places(read_one(real_data, "planetscope", "analytic"))["analytic"][1] == 1
    scenes, (aside,) = list_scenes(Source("s", "optical", "planetscope.json", ("nir",)), real_data("stac-items"))
    assert scenes == []
    assert aside.reason == ("band 'nir' is not there: the assets are thumbnail, analytic, analytic_xml, udm, visual")


def test_sentinel_1_grd(real_data: Any) -> None:
    found = read_one(real_data, "sentinel-1-grd", "vv", "vh")
    assert places(found)["vh"][0] == "s1a-iw-grd-vh-20210809t173953-20210809t174018-039156-049f13-002.tiff"
    assert found.geometry == Geometry(orbit_state="ascending", relative_orbit=59, looks=4.4)
    assert found.time == datetime(2021, 8, 9, 17, 40, 5, 653288, tzinfo=UTC)


def test_sentinel_1_rtc_by_polarization(real_data: Any) -> None:
    found = read_one(real_data, "sentinel-1-rtc", "VV", "vh")
    assert places(found) == {"VV": ("Gamma0_VV.tif", 1), "vh": ("Gamma0_VH.tif", 1)}
    assert (found.bands["VV"].nodata, found.bands["VV"].scale, found.geometry.looks) == (0.0, None, 4.3)


def test_sentinel_2_of_beta_1(real_data: Any) -> None:
    found = read_one(real_data, "sentinel-2-earthsearch-beta", "B02", "b08", mask=MaskRule("scl", 1, (6,)))
    assert places(found) == {"B02": ("B02.tif", 1), "b08": ("B08.tif", 1)}
    assert found.mask is not None
    assert found.mask.href.endswith("/SCL.tif")
    assert found.geometry == Geometry(view_off_nadir_deg=0.0)


def test_sentinel_2_of_the_planetary_computer(real_data: Any) -> None:
    found = read_one(real_data, "sentinel-2-planetary-computer-raster", "blue", "nir")
    assert found.bands["blue"].href.endswith("_B02_10m.tif")
    assert (found.bands["blue"].nodata, found.bands["blue"].offset) == (0.0, None)
    assert found.geometry.sun_elevation_deg == pytest.approx(90 - 37.9128805424161)
    assert found.geometry.sun_azimuth_deg == 170.148039164397


def test_skysat(real_data: Any) -> None:
    found = read_one(real_data, "skysat", "visual")
    assert places(found)["visual"][0].startswith("SkySat_Freeport")
    assert (found.geometry.view_off_nadir_deg, found.geometry.view_azimuth_deg) == (27.2, 121.3)


def test_umbra_with_heights_in_its_footprint(real_data: Any) -> None:
    found = read_one(real_data, "umbra-gec", "VV")
    assert places(found) == {"VV": ("2024-01-01-02-10-11_UMBRA-04_GEC.tif", 1)}
    assert found.geometry.view_incidence_deg == 35.817095598540604
    assert found.footprint is not None
    assert not found.footprint.has_z


def test_view_fields_of_the_item_not_of_an_asset(real_data: Any) -> None:
    found = read_one(real_data, "view-all-fields-1.1", "blue", "red")
    assert found.geometry == Geometry(168.8989761, 26.32596431, 0.0, 0.0, 23.4, "ascending")
    assert found.track == "ascending"


def test_sentinel_1_of_latakia_and_opera(real_data: Any) -> None:
    scenes, aside = list_scenes(Source("s", "sar", "sentinel-1/*.json", ("vv",)), real_data("latakia"))
    assert (len(scenes), aside) == (209, [])
    band = scenes[0].bands["vv"]
    assert (band.scale, band.offset, band.nodata, band.unit) == (0.01, 0.0, -32768.0, "db")
    assert Path(band.href).is_file()
    assert [found.time for found in scenes] == sorted(found.time for found in scenes)
    scenes, aside = list_scenes(Source("s", "sar", "*/*.json", ("vv", "vh")), real_data("opera-ocean"))
    assert (len(scenes), aside) == (88, [])
    assert scenes[0].bands["vh"].nodata != scenes[0].bands["vh"].nodata  # "nan"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"properties": {"datetime": "2022-01-03T03:43:16"}}, "the time '2022-01-03T03:43:16' has no zone"),
        ({"properties": {"datetime": "2022-01-03"}}, "the time '2022-01-03' has no zone"),
        ({"properties": {"datetime": "soon"}}, "the time 'soon' is not ISO 8601"),
        ({"properties": {"datetime": "9999-01-03T03:43:16Z"}}, "is not that of a satellite"),
        ({"properties": {"datetime": None}}, "it has no time"),
        ({"properties": None}, "the STAC item has no properties or no assets"),
        ({"stac_version": "0.9.0"}, "stac_version is '0.9.0'; versions 1.0.0-beta.1 to 1.1 can be read"),
        ({"id": ""}, "the STAC item's id is ''; expected a text"),
        ({"assets": {}}, "band 'vv' is not there: the assets are none"),
        ({"assets": {"vv": {"type": "image/tiff"}}}, "asset 'vv' has no href"),
        ({"assets": {"vv": {"href": "a.xml", "type": "application/xml"}}}, "asset 'vv' is application/xml, not an"),
        ({"assets": {"vv": {"href": "a.tif", "raster:bands": [{"scale": "big"}]}}}, "scale of asset 'vv' is 'big'"),
        ({"assets": {"vv": {"href": "a.tif", "raster:bands": [{"offset": "inf"}]}}}, "is 'inf', not a finite number"),
    ],
)
def test_an_item_that_cannot_be_used_says_why(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(SceneError) as error:
        scene(changes)
    assert reason in error.value.reason


def test_a_band_that_is_not_there_names_what_is() -> None:
    properties = {**ITEM["properties"], "sar:polarizations": ["VV"]}
    with pytest.raises(SceneError) as error:
        scene(None, "vv", "hh", properties=properties)
    assert error.value.reason == "band 'hh' is not there: the assets are vv; the polarizations are vv"


def test_a_mask_that_is_not_there_is_never_taken_for_clear() -> None:
    with pytest.raises(SceneError, match="mask asset 'udm2' is not there: the assets are vv"):
        scene(mask=MaskRule("udm2", 1, (1,)))


def test_the_start_is_the_time_where_there_is_no_other() -> None:
    found = scene(properties={"datetime": None, "start_datetime": "2022-01-03T05:43:16.5+02:00"})
    assert found.time == datetime(2022, 1, 3, 3, 43, 16, 500000, tzinfo=UTC)


def test_scale_offset_nodata_and_unit_of_1_1_are_inherited() -> None:
    bands = [{"name": "B1"}, {"name": "B2", "eo:common_name": "nir", "raster:scale": 2, "nodata": "-inf", "unit": "dB"}]
    asset = {"href": "https://host/a.tif", "bands": bands, "raster:scale": 0.5, "raster:offset": -0.1, "nodata": 0}
    found = scene(None, "b1", "NIR", stac_version="1.1.0", assets={"data": asset})
    one, two = found.bands["b1"], found.bands["NIR"]
    assert (one.band, one.scale, one.offset, one.nodata, one.unit) == (1, 0.5, -0.1, 0.0, None)
    assert (two.band, two.scale, two.offset, two.nodata, two.unit) == (2, 2.0, -0.1, float("-inf"), "db")


def test_an_offset_already_taken_off_is_not_taken_off_again() -> None:
    asset = {"href": "B04.tif", "raster:bands": [{"scale": 0.0001, "offset": -0.1}]}
    for applied, offset in ((True, 0.0), (False, -0.1)):
        properties = {**ITEM["properties"], "earthsearch:boa_offset_applied": applied}
        band = scene(None, "red", assets={"red": asset}, properties=properties).bands["red"]
        assert (band.scale, band.offset) == (0.0001, offset)


def test_measured_pixels_are_preferred_to_pictures_of_them() -> None:
    red = {"eo:bands": [{"name": "red"}]}
    assets = {
        "overview": {"href": "o.tif", "roles": ["overview"], **red},
        "ortho_visual": {"href": "v.tif", "roles": ["data", "visual"], **red},
        "browse": {"href": "p.png", "type": "image/png", **red},
        "analytic": {"href": "a.tif", "roles": ["data"], "eo:bands": [{"name": "blue"}, {"common_name": "red"}, "x"]},
    }
    assert scene(None, "blue", assets=assets).bands["blue"].href == "/data/a.tif"
    assert scene(None, "red", assets={**assets, "analytic": {**assets["analytic"], **red}}).bands["red"].band == 1


def test_an_asset_key_may_name_a_band_inside_it() -> None:
    asset = {"href": "a.tif", "eo:bands": [{"name": "blue"}, {"name": "red"}]}
    assert scene(None, "red", assets={"red": asset}).bands["red"].band == 2


def test_polarizations_of_an_asset_give_the_band() -> None:
    asset = {"href": "a.tif", "sar:polarizations": ["VV", "VH"]}
    assert scene(None, "vh", assets={"data": asset}).bands["vh"].band == 2
    item = parse_item({**ITEM, "properties": {"sar:polarizations": ["VV"]}, "assets": {"x": {"href": "a.tif"}}}, "/a")
    assert find_band(item, "vv").band == 1


def test_positions_of_bands_in_the_oldest_items() -> None:
    properties = {**ITEM["properties"], "eo:bands": [{"name": "blue"}, {"name": "red"}]}
    assets = {"one": {"href": "1.tif", "eo:bands": [0]}, "two": {"href": "2.tif", "eo:bands": [1, 7]}}
    assert scene(None, "red", properties=properties, assets=assets).bands["red"].href == "/data/2.tif"


def test_grazing_angle_and_nonsense_in_geometry() -> None:
    found = geometry({"umbra:grazing_angle_degrees": 50, "view:off_nadir": "high", "view:sun_azimuth": True})
    assert found == Geometry(view_incidence_deg=40.0)
    assert geometry({"sar:looks_equivalent_number": 0}).looks is None


def test_footprints_that_are_broken_or_missing() -> None:
    bow_tie = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    area = footprint({"geometry": bow_tie})
    assert area is not None
    assert area.is_valid
    assert footprint({"geometry": {"type": "Point", "coordinates": [0, 0]}}) is None
    assert footprint({"geometry": {"type": "Polygon", "coordinates": "x"}, "bbox": [0, "a", 1, 1]}) is None
    assert footprint({}) is None
