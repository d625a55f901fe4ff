"""Polygons as people have them: any format and projection in, berths out, or one error that says what to do."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from shapely.geometry import LineString, MultiPolygon, Polygon, box, mapping, shape

from berthwatch.errors import InputError
from berthwatch.model import Geometry, Scene
from berthwatch.polygons import check_within, features_of_bbox, longest_side_m, read_features

BERTH = box(35.757, 35.525, 35.762, 35.531)


def file_of(path: Path, *shapes: Any, **columns: list[Any]) -> Path:
    gpd.GeoDataFrame(columns, geometry=list(shapes), crs="EPSG:4326").to_file(path)
    return path


def scene(footprint: Polygon | None) -> Scene:
    return Scene("a", datetime(2024, 3, 7, tzinfo=UTC), {}, None, Geometry(), None, footprint, "a.json")


@pytest.mark.parametrize("name", ["berths.geojson", "berths.gpkg", "berths.shp", "berths.fgb"])
def test_every_format_gives_the_same_berths(tmp_path: Path, name: str) -> None:
    (found,) = read_features(file_of(tmp_path / name, BERTH, berth_id=["pier 4"]))
    assert found["properties"] == {"berth_id": "pier 4", "kind": "berth"}
    assert shape(found["geometry"]).equals_exact(BERTH.reverse(), 1e-8) or shape(found["geometry"]).equals(BERTH)


def test_ids_are_counted_for_berths_and_controls_apart(tmp_path: Path) -> None:
    kinds = ["berth", "control", None]
    found = read_features(file_of(tmp_path / "a.gpkg", BERTH, BERTH, BERTH, kind=kinds))
    assert [each["properties"]["berth_id"] for each in found] == ["B1", "C1", "B2"]


def test_projected_polygons_become_degrees_and_keep_their_names(tmp_path: Path) -> None:
    names = {"name": ["north", "far water"], "kind": [None, "control"], "depth": [12.0, 14.0]}
    table = gpd.GeoDataFrame(names, geometry=[BERTH, BERTH], crs="EPSG:4326").to_crs("EPSG:3857")
    table.to_file(tmp_path / "port.gpkg")
    found = read_features(tmp_path / "port.gpkg")
    assert [each["properties"] for each in found] == [
        {"berth_id": "B1", "name": "north", "kind": "berth"},
        {"berth_id": "C1", "name": "far water", "kind": "control"},
    ]
    assert shape(found[0]["geometry"]).symmetric_difference(BERTH).area < 1e-5 * BERTH.area


def test_box_must_enclose_an_area() -> None:
    (found,) = features_of_bbox(BERTH.bounds)
    assert shape(found["geometry"]).bounds == pytest.approx(BERTH.bounds)
    for edges in ((3.0, 2.0, 1.0, 4.0), (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 1.0, 95.0)):
        with pytest.raises(InputError, match="west less than east"):
            features_of_bbox(edges)


def test_what_is_no_polygon_is_named(tmp_path: Path) -> None:
    features = [
        {"type": "Feature", "properties": {}, "geometry": each}
        for each in (mapping(LineString(BERTH.exterior.coords)), None, mapping(BERTH))
    ]
    path = tmp_path / "mixed.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    with pytest.raises(InputError) as error:
        read_features(path)
    assert [fault.where for fault in error.value.faults] == ["mixed.geojson features[0]", "mixed.geojson features[1]"]
    assert [fault.came for fault in error.value.faults] == ["a LineString", "no geometry"]


def test_files_that_hold_no_berths_are_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "words.txt").write_text("no polygons")
    layer = gpd.GeoDataFrame(geometry=[BERTH], crs="EPSG:4326")
    for name in ("one", "two"):
        layer.to_file(tmp_path / "layers.gpkg", layer=name)
    layer.iloc[:0].to_file(tmp_path / "empty.gpkg")
    layer.to_file(tmp_path / "nowhere.shp")
    (tmp_path / "nowhere.prj").unlink()
    for name, said in {
        "gone.geojson": "no such file",
        "table.csv": "no geometry",
        "words.txt": "that GDAL reads",
        "layers.gpkg": "2 layers (one, two)",
        "empty.gpkg": "an empty layer",
        "nowhere.shp": "a coordinate system",
    }.items():
        with pytest.raises(InputError) as error:
            read_features(tmp_path / name)
        assert said in str(error.value), name


def test_berths_are_held_against_the_scenes() -> None:
    there = scene(box(35.7, 35.4, 35.8, 35.6))
    check_within([("B1", BERTH)], [there])
    check_within([("B1", box(1, 2, 3, 4))], [there, scene(None)])  # an item need not say where it lies
    with pytest.raises(InputError, match=r"berth far: .* got one at longitude 2\.0000, latitude 3\.0000"):
        check_within([("B1", BERTH), ("far", box(1, 2, 3, 4))], [there])


def test_swapped_coordinates_are_recognised() -> None:
    there = scene(box(133.0, 42.7, 133.1, 42.8))
    with pytest.raises(InputError, match="longitude and latitude were not swapped"):
        check_within([("B1", box(42.74, 133.05, 42.75, 133.06))], [there])


def test_length_of_a_berth_is_that_of_its_longer_side() -> None:
    assert longest_side_m(BERTH) == pytest.approx(668, rel=0.01)
    assert longest_side_m(MultiPolygon([BERTH])) == pytest.approx(668, rel=0.01)
