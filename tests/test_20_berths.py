"""Berths and reference water: which polygons are taken, and what is said of each that is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from berthwatch.berths import read_berths, read_water
from berthwatch.errors import InputError

SQUARE = [[35.0, 35.0], [35.01, 35.0], [35.01, 35.01], [35.0, 35.01], [35.0, 35.0]]
BOW_TIE = [[35.0, 35.0], [35.01, 35.01], [35.01, 35.0], [35.0, 35.01], [35.0, 35.0]]


def polygon(ring: object) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [ring]}


def feature(geometry: object, **properties: object) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def write(folder: Path, *features: object, **members: object) -> Path:
    path = folder / "berths.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **members}))
    return path


def faults(path: Path) -> list[str]:
    with pytest.raises(InputError) as error:
        read_berths(path)
    return [str(fault) for fault in error.value.faults]


def test_berths_and_controls_are_read_in_order(tmp_path: Path) -> None:
    multi = {"type": "MultiPolygon", "coordinates": [[SQUARE]]}
    path = write(
        tmp_path,
        feature(polygon(SQUARE), berth_id=12, name="Oil pier"),
        feature(multi, berth_id=13.0, kind="control"),
        feature(polygon(SQUARE), berth_id=" N1 ", kind="berth"),
        crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}},
    )
    assert [(berth.berth_id, berth.kind) for berth in read_berths(path)] == [
        ("12", "berth"),
        ("13", "control"),
        ("N1", "berth"),
    ]


def test_heights_are_dropped(tmp_path: Path) -> None:
    ring = [[*point, 7.0] for point in SQUARE]
    (berth,) = read_berths(write(tmp_path, feature(polygon(ring), berth_id="a")))
    assert not berth.polygon.has_z
    assert berth.polygon.bounds == (35.0, 35.0, 35.01, 35.01)


def test_no_berths_are_refused(tmp_path: Path) -> None:
    assert faults(write(tmp_path)) == ["berths.geojson: expected at least one berth; got none"]


def test_an_empty_polygon_is_refused(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        feature({"type": "Polygon", "coordinates": []}, berth_id="S1"),
        feature({"type": "MultiPolygon", "coordinates": [[[]]]}, berth_id="S2"),
        feature(None, berth_id="S3"),
    )
    assert faults(path) == [
        "berths.geojson features[0] (berth S1): expected a polygon with an area; got an empty polygon",
        "berths.geojson features[1] (berth S2): expected a polygon with an area; got an empty polygon",
        "berths.geojson features[2] (berth S3): expected a polygon; got no geometry",
    ]


def test_a_self_crossing_polygon_is_refused_with_the_place(tmp_path: Path) -> None:
    (fault,) = faults(write(tmp_path, feature(polygon(BOW_TIE), berth_id="S1")))
    assert fault == (
        "berths.geojson features[0] (berth S1): expected a polygon that does not cross itself; "
        "got self-intersection at longitude 35.005, latitude 35.005"
    )


def test_duplicate_berth_ids_are_refused_as_text(tmp_path: Path) -> None:
    path = write(tmp_path, feature(polygon(SQUARE), berth_id=1), feature(polygon(SQUARE), berth_id="1"))
    assert faults(path) == ["berths.geojson features[1] berth_id: expected each berth_id once; got '1' a second time"]


def test_another_coordinate_system_is_refused(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32636"}}
    assert faults(write(tmp_path, feature(polygon(SQUARE), berth_id=1), crs=crs)) == [
        "berths.geojson crs: expected longitude and latitude (EPSG:4326); got urn:ogc:def:crs:EPSG::32636"
    ]


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        (polygon([[x + 750000, y + 3930000] for x, y in SQUARE]), "which looks like projected metres"),
        (polygon([[y, x + 98] for x, y in SQUARE]), "perhaps longitude and latitude are swapped"),
        ({"type": "Point", "coordinates": [35, 35]}, "expected a Polygon or MultiPolygon; got Point"),
        ("somewhere", "expected a Polygon or MultiPolygon; got None"),
        (polygon([[35.0, 35.0], [35.01, 35.0]]), "coordinates that make none"),
        (polygon([[35.0, "x"], [35.01, 35.0], [35, 36], [35, 35]]), "coordinates that make none"),
        (polygon([[35.0, 35.0]] * 4), "does not cross itself"),
        (
            polygon([SQUARE[0], [35.0, float("nan")], *SQUARE[1:]]),
            "got one that is not finite",
        ),
    ],
)
def test_what_is_no_polygon_in_degrees_is_refused(tmp_path: Path, geometry: object, message: str) -> None:
    (fault,) = faults(write(tmp_path, feature(geometry, berth_id="S1")))
    assert fault.startswith("berths.geojson features[0] (berth S1)")
    assert message in fault


def test_missing_ids_and_unknown_kinds_are_refused_together(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        feature(polygon(SQUARE), berthid="S1", kind="quay"),
        feature(polygon(SQUARE), berth_id=True),
        feature(polygon(SQUARE), berth_id=" "),
        {"type": "Feature", "geometry": polygon(SQUARE), "properties": None},
    )
    found = faults(path)
    assert "features[0]: expected a property berth_id, a text or a number (it has 'berthid'); got None" in found[0]
    assert "features[0] kind: expected berth or control; got 'quay'" in found[1]
    assert len(found) == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected GeoJSON; got what is not JSON"),
        ("[]", "expected a GeoJSON FeatureCollection; got a JSON list"),
        ('{"type": "Topology"}', "got type 'Topology'"),
        ('{"type": "FeatureCollection", "features": [3]}', "features[0]: expected a GeoJSON Feature; got 3"),
    ],
)
def test_what_is_no_geojson_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "berths.geojson"
    path.write_text(text)
    assert message in faults(path)[0]


def test_reference_water_is_joined(tmp_path: Path) -> None:
    east = [[x + 1, y] for x, y in SQUARE]
    water = read_water(write(tmp_path, feature(polygon(SQUARE)), feature(polygon(east))))
    assert water.geom_type == "MultiPolygon"
    assert water.bounds == (35.0, 35.0, 36.01, 35.01)


def test_reference_water_may_be_a_bare_feature(tmp_path: Path) -> None:
    path = tmp_path / "water.geojson"
    path.write_text(json.dumps(feature(polygon(SQUARE))))
    assert read_water(path).bounds == (35.0, 35.0, 35.01, 35.01)


def test_bad_reference_water_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="self-intersection at longitude"):
        read_water(write(tmp_path, feature(polygon(BOW_TIE))))
    with pytest.raises(InputError, match="expected at least one polygon of water; got none"):
        read_water(write(tmp_path))
