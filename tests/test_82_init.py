"""`berthwatch init`: what lies in a folder becomes a run file that runs, or one clear error and nothing on disk."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer
from shapely.geometry import Polygon, box, mapping

import berthwatch as bw
from berthwatch.errors import InputError
from berthwatch.newport import begin, spoken
from berthwatch.scene import list_scenes

WEST, NORTH, PIXEL_M, SIDE = 500_000.0, 4_000_000.0, 10.0, 64
TO_DEGREES = Transformer.from_crs("EPSG:32636", "EPSG:4326", always_xy=True).transform
DAYS = [f"2024030{day}T034316" for day in range(1, 7)]
SEA = np.random.default_rng(7).gamma(4.4, 0.01 / 4.4, (SIDE, SIDE)).astype(np.float32)


def degrees(left: float, bottom: float, right: float, top: float) -> Polygon:
    """A rectangle given in metres from the scenes' north-west corner, in EPSG:4326."""
    return Polygon([TO_DEGREES(WEST + x, NORTH + y) for x, y in box(left, bottom, right, top).exterior.coords])


BERTH = degrees(300, -330, 500, -280)


def tiff(path: Path, bands: Any = SEA, names: Iterable[str] = (), pixel_m: float = PIXEL_M, **profile: Any) -> Path:
    """A small GeoTIFF near 36 degrees north."""
    stack = np.asarray(bands)
    stack = stack[None] if stack.ndim == 2 else stack
    path.parent.mkdir(parents=True, exist_ok=True)
    says = {"crs": "EPSG:32636", "transform": Affine(pixel_m, 0, WEST, 0, -pixel_m, NORTH), **profile}
    with rasterio.open(
        path, "w", driver="GTiff", dtype=stack.dtype.name, count=len(stack), height=SIDE, width=SIDE, **says
    ) as file:
        file.write(stack)
        file.descriptions = tuple(names) or (None,) * len(stack)
    return path


def reflectance(bands: int = 4) -> np.ndarray:
    return np.random.default_rng(3).integers(200, 900, (bands, SIDE, SIDE)).astype(np.uint16)


def geojson(path: Path, *shapes: Any, **properties: Any) -> Path:
    features = [{"type": "Feature", "properties": properties, "geometry": mapping(shape)} for shape in shapes]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with the polygon of a berth."""
    monkeypatch.chdir(tmp_path)
    geojson(tmp_path / "berth.geojson", BERTH)
    return tmp_path


def radar(folder: Path, days: Iterable[str] = DAYS) -> None:
    for day in days:
        for band in ("vv", "vh"):
            tiff(folder / f"S1A_IW_{day}_{band}.tif")


def started(*scenes: str, berth: str = "berth.geojson", out: str = "port.yaml", **options: Any) -> list[str]:
    """Begin a port, and return what is said of it, a line each."""
    begun = begin(scenes, Path(berth), Path(out), **options)
    return [f"{heading}: {line}" for heading, lines in spoken(begun) for line in lines]


def refused(*scenes: str, berth: str = "berth.geojson", **options: Any) -> str:
    """What beginning a port says is wrong; nothing may be on disk that was not there before."""
    before = sorted(Path().rglob("*"))
    with pytest.raises(InputError) as error:
        begin(scenes, Path(berth), Path("port.yaml"), **options)
    assert sorted(Path().rglob("*")) == before
    return str(error.value)


def test_radar_files_become_one_source_whose_scenes_are_all_read(here: Path) -> None:
    radar(here / "scenes")
    said = started("scenes")
    (source,) = bw.read_port("port.yaml").sources
    assert (source.name, source.kind, source.bands) == ("sentinel-1", "sar", ("vv", "vh"))
    scenes, set_aside = list_scenes(source, here)
    assert ([scene.scene_id for scene in scenes], set_aside) == ([f"S1A_IW_{day}" for day in DAYS], [])
    assert "Found: sentinel-1: 6 scenes, 2024-03-01 to 2024-03-06; radar, vv, vh, pixels of 10 m" in said
    assert any("Next: berthwatch run port.yaml" in line for line in said)


@pytest.mark.slow
def test_run_file_that_was_begun_can_be_run(here: Path) -> None:
    radar(here / "scenes")
    started("scenes")
    port = bw.read_port("port.yaml")
    result = bw.run(port, here / "port-run")
    assert (result.summary["scenes"], result.set_aside) == (6, ())
    assert (here / "port-run" / "report.html").is_file()


def test_kinds_and_pixel_sizes_are_told_apart_in_one_folder(here: Path) -> None:
    radar(here / "scenes")
    for day in DAYS:
        tiff(here / "scenes" / f"{day}_ortho_sr.tif", reflectance(), ("blue", "green", "red", "nir"), 3.0, nodata=0)
        tiff(here / "scenes" / f"{day}_ortho_udm2.tif", np.ones((SIDE, SIDE), np.uint8), ("clear",), 3.0)
        tiff(here / "scenes" / f"ss_{day}_sr.tif", reflectance(), ("blue", "green", "red", "nir"), 1.0, nodata=0)
    geojson(here / "small.geojson", degrees(5, -60, 60, -5))
    started("scenes", berth="small.geojson")
    sources = bw.read_port("port.yaml").sources
    assert sorted(source.kind for source in sources) == ["optical", "optical", "sar"]
    for source in sources:
        scenes, set_aside = list_scenes(source, here)
        assert (len(scenes), set_aside) == (6, []), source.name
    masks = {source.name: source.mask for source in sources}
    assert masks["sentinel-1"] is None
    assert masks["optical-3m"] is not None
    assert masks["optical-3m"].clear == (1,)


def test_pattern_finds_the_scenes_of_next_year_too(here: Path) -> None:
    radar(here / "scenes")
    tiff(here / "scenes" / "chart.tif", np.zeros((SIDE, SIDE), np.uint8))
    started("scenes", kind="optical")
    source = next(each for each in bw.read_port("port.yaml").sources if each.kind == "sar")
    radar(here / "scenes", ["20250101T034316"])
    scenes, set_aside = list_scenes(source, here)
    assert (len(scenes), set_aside) == (7, [])


def test_files_that_a_shell_named_one_by_one_are_put_together_again(here: Path) -> None:
    radar(here / "scenes")
    started(*(str(path) for path in sorted((here / "scenes").iterdir())))
    assert bw.read_port("port.yaml").sources[0].bands == ("vv", "vh")
    assert "scenes: scenes/*.tif" in (here / "port.yaml").read_text()


def test_companions_of_scenes_are_left_out_by_name(here: Path) -> None:
    radar(here / "scenes")
    for day in DAYS:
        tiff(here / "scenes" / f"S1A_IW_{day}_inc_map.tif")
    said = started("scenes")
    assert any(line.startswith("Left out: S1A_IW_20240301T034316_inc_map.tif and 5 more:") for line in said)
    assert len(list_scenes(bw.read_port("port.yaml").sources[0], here)[0]) == 6


def test_decibels_are_seen_from_the_numbers(here: Path) -> None:
    for day in DAYS:
        tiff(here / "scenes" / f"S1A_{day}_vv.tif", 10 * np.log10(SEA))
    started("scenes")
    assert bw.read_port("port.yaml").sources[0].units == "db"


def test_whole_numbers_that_cannot_be_decibels_are_refused(here: Path) -> None:
    for day in DAYS:
        tiff(here / "scenes" / f"S1A_{day}_vv.tif", (1000 * np.log10(SEA)).astype(np.int16))
    assert "gdal_edit.py -scale 0.01" in refused("scenes")
    for day in DAYS[:3]:
        tiff(here / "mixed" / f"S1A_{day}_vv.tif", 10 * np.log10(SEA))
        tiff(here / "mixed" / f"S1A_{day.replace('2024', '2023')}_vv.tif")
    assert "one unit, linear or decibels" in refused("mixed")


def test_what_a_scene_was_made_with_is_asked_for_where_nothing_tells(here: Path) -> None:
    for day in DAYS:
        tiff(here / "scenes" / f"{day}.tif")
    assert "--kind sar or --kind optical" in refused("scenes")
    started("scenes", kind="sar")
    (source,) = bw.read_port("port.yaml").sources
    assert (source.kind, source.bands) == ("sar", ("band1",))


def test_bands_are_asked_for_where_they_have_no_names(here: Path) -> None:
    for day in DAYS:
        tiff(here / "scenes" / f"{day}.tif", reflectance())
    assert "--bands blue,green,red,nir" in refused("scenes")
    started("scenes", bands=("blue", "green", "red", "nir"))
    assert bw.read_port("port.yaml").sources[0].bands == ("blue", "green", "red", "nir")


def test_colours_that_a_file_is_shown_in_name_its_bands_and_days_have_no_clock(here: Path) -> None:
    for day in DAYS:
        tiff(here / "scenes" / f"{day[:8]}.tif", reflectance(3), photometric="RGB")
    said = started("scenes")
    assert bw.read_port("port.yaml").sources[0].bands == ("red", "green", "blue")
    assert any("so no barrels" in line for line in said)
    assert any("taken as midnight UTC" in line for line in said)


def test_fine_optical_scenes_without_angles_can_have_no_freeboard(here: Path) -> None:
    for day in DAYS:
        tiff(here / "scenes" / f"{day}.tif", reflectance(), ("blue", "green", "red", "nir"), 3.0)
    geojson(here / "small.geojson", degrees(5, -60, 60, -5))
    said = started("scenes", berth="small.geojson")
    assert any("loads, in 6 of 6 scenes" in line for line in said)
    assert any("no polygon is a control" in line for line in said)


def item(folder: Path, day: str, **properties: Any) -> None:
    path = tiff(folder / f"{day}_data.tif", reflectance(), pixel_m=3.0)
    names = [{"name": f"B0{number}"} for number in (2, 3, 4, 8)]
    document = {
        "type": "Feature", "stac_version": "1.0.0", "id": day, "geometry": mapping(degrees(0, -192, 192, 0)),
        "properties": {"datetime": f"2024-03-0{day[7]}T01:02:03Z", **properties}, "links": [],
        "assets": {"data": {"href": f"./{path.name}", "type": "image/tiff", "roles": ["data"], "eo:bands": names}},
    }  # fmt: skip
    (folder / f"{day}.json").write_text(json.dumps(document))


def test_stac_items_tell_more_than_files_and_are_preferred(here: Path) -> None:
    angles = {"view:sun_azimuth": 150.0, "view:sun_elevation": 40.0, "view:off_nadir": 2.0}
    for day in DAYS:
        item(here, day, **angles)
    geojson(here / "small.geojson", degrees(5, -60, 60, -5))
    said = started(".", berth="small.geojson")
    (source,) = bw.read_port("port.yaml").sources
    assert (source.kind, source.bands) == ("optical", ("b02", "b03", "b04", "b08"))
    assert len(list_scenes(source, here)[0]) == 6
    assert not any("loads" in line for line in said)


def test_box_of_degrees_is_one_berth(here: Path) -> None:
    radar(here / "scenes")
    begin(["scenes"], BERTH.bounds, Path("port.yaml"), name="a name: with a colon")
    port = bw.read_port("port.yaml")
    assert [(berth.berth_id, berth.polygon.bounds) for berth in port.berths] == [("B1", pytest.approx(BERTH.bounds))]
    assert port.name == "a name: with a colon"


def test_port_of_one_polygon_is_said_to_be_no_berth(here: Path) -> None:
    radar(here / "scenes")
    large = Polygon([(32.98, 36.13), (33.02, 36.13), (33.02, 36.16), (32.98, 36.16)])
    said = started("scenes", berth=str(geojson(here / "large.geojson", large)))
    assert any("draw a polygon for each" in line for line in said)


def test_polygons_beside_the_scenes_or_crossing_themselves_are_refused(here: Path) -> None:
    radar(here / "scenes", DAYS[:2])
    far = geojson(here / "far.geojson", box(10, 50, 10.01, 50.01))
    crossed = geojson(here / "crossed.geojson", Polygon([(33, 36.14), (33.001, 36.141), (33.001, 36.14), (33, 36.141)]))
    assert "longitude 10.0050, latitude 50.0050" in refused("scenes", berth=str(far))
    assert "does not cross itself" in refused("scenes", berth=str(crossed))


def test_folders_without_scenes_are_refused(here: Path) -> None:
    for name in ("empty", "other"):
        (here / name).mkdir()
    (here / "other" / "T36SYE.jp2").touch()
    assert "nothing there" in refused("gone")
    assert "an empty folder" in refused("empty")
    assert "gdal_translate -of COG" in refused("other")


def test_scenes_that_cannot_be_used_are_refused_with_each_reason(here: Path) -> None:
    tiff(here / "timeless" / "a_vv.tif")
    tiff(here / "placeless" / "20240301T034316_vv.tif", crs=None, transform=Affine.identity())
    tiff(here / "complex" / "20240301T034316_vv.tif", SEA.astype(np.complex64))
    tiff(here / "torn" / "20240301T034316_vv.tif").write_text("no GeoTIFF")
    assert "a stamp such as 20220103T034316" in refused("timeless")
    assert "no coordinate reference system" in refused("placeless")
    assert "complex numbers" in refused("complex")
    assert "cannot be read" in refused("torn")


def test_nothing_that_is_there_is_replaced_unless_forced(here: Path) -> None:
    radar(here / "scenes", DAYS[:2])
    started("scenes")
    before = (here / "port.yaml").read_bytes(), (here / "berths.geojson").read_bytes()
    assert {"port.yaml:", "berths.geojson:"} <= set(refused("scenes").split())
    with pytest.raises(InputError, match=r"ends in \.yaml"):
        begin(["scenes"], Path("berth.geojson"), Path("port.json"))
    assert ((here / "port.yaml").read_bytes(), (here / "berths.geojson").read_bytes()) == before
    started("scenes", force=True, name="another")
    assert bw.read_port("port.yaml").name == "another"


def test_berths_already_in_their_place_are_used_as_they_are(here: Path) -> None:
    radar(here / "scenes", DAYS[:2])
    geojson(here / "berths.geojson", BERTH, berth_id="pier 4", depth="12 m")
    before = (here / "berths.geojson").read_bytes()
    started("scenes", berth="berths.geojson")
    assert (here / "berths.geojson").read_bytes() == before
    assert bw.read_port("port.yaml").berths[0].berth_id == "pier 4"


def test_command_says_what_it_found_and_exits_0_then_2(here: Path, command_line: Any) -> None:
    radar(here / "scenes", DAYS[:2])
    done = command_line("init", "scenes", "--berth", "berth.geojson")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Found:\n  sentinel-1: 2 scenes")
    assert done.stderr.startswith("look at scenes: 2 of 2")
    again = command_line("init", "scenes", "--berth", "berth.geojson", "--quiet")
    assert (again.returncode, again.stdout, len(again.stderr.splitlines())) == (2, "", 2)
