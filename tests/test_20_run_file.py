"""The run file: what it may say, and how each mistake in it is told by key and line."""

import hashlib
import json
from pathlib import Path

import pytest

from berthwatch.config import LedgerTerms, MaskRule, read_port
from berthwatch.errors import InputError

SQUARE = [[[35.0, 35.0], [35.01, 35.0], [35.01, 35.01], [35.0, 35.01], [35.0, 35.0]]]

GOOD = """\
name: Vostochny oil terminal
berths: berths.geojson
reference_water: water.geojson
fleet: fleet.csv
ais: ais.csv
sources:
  - name: planetscope
    kind: optical
    scenes: planetscope/*.json
    bands: [blue, nir]
    resolution: 3
    mask: {asset: mask, clear: [1]}
  - name: sentinel-1
    kind: sar
    scenes: [s3://bucket/*.json, https://host/stac]
    bands: [vv]
    units: db
    looks: 4.4
ledger:
  product: gasoil
  cap_barrels: 500000
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    feature = {"type": "Feature", "properties": {"berth_id": 1}, "geometry": {"type": "Polygon", "coordinates": SQUARE}}
    (tmp_path / "berths.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    (tmp_path / "water.geojson").write_text(json.dumps(feature["geometry"]))
    (tmp_path / "fleet.csv").write_text("vessel_id,name\n1,Un Hung\n")
    (tmp_path / "ais.csv").write_text("vessel_id,time,lon,lat\n1,2024-03-07T00:00:00Z,133,42\n")
    return tmp_path


def faults(folder: Path, text: str) -> list[str]:
    (folder / "port.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        read_port(folder / "port.yaml")
    return [str(fault) for fault in error.value.faults]


def test_everything_a_run_file_may_say_is_read(folder: Path) -> None:
    path = folder / "port.yaml"
    path.write_text(GOOD)
    port = read_port(path)
    assert port.name == "Vostochny oil terminal"
    assert [berth.berth_id for berth in port.berths] == ["1"]
    assert port.bounds == (35.0, 35.0, 35.01, 35.01)
    assert port.reference_water is not None
    assert port.fleet is not None
    assert port.ais is not None
    optical, sar = port.sources
    assert optical.scenes == (str(folder / "planetscope/*.json"),)
    assert (optical.resolution_m, optical.mask, optical.units) == (3.0, MaskRule("mask", 1, (1,)), None)
    assert sar.scenes == ("s3://bucket/*.json", "https://host/stac")
    assert (sar.units, sar.looks, sar.where) == ("db", 4.4, "port.yaml:13 sources[1]")
    assert port.ledger == LedgerTerms("gasoil", None, 500000.0)
    assert port.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_is_optional_may_be_left_out(folder: Path) -> None:
    (folder / "port.yaml").write_text(
        "name: A\nberths: berths.geojson\nsources: [{name: s, kind: sar, scenes: x, bands: [vv]}]\n"
    )
    port = read_port(folder / "port.yaml")
    assert (port.reference_water, port.fleet, port.ais, port.ledger) == (None, None, None, LedgerTerms())


def test_a_run_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nope\.yaml: expected a run file; got no such file"):
        read_port(tmp_path / "nope.yaml")
    with pytest.raises(InputError, match="expected a run file; got a folder"):
        read_port(tmp_path)


def test_an_unknown_key_is_named_with_its_line_and_the_nearest(folder: Path) -> None:
    assert faults(folder, GOOD.replace("bands: [vv]", "band: [vv]")) == [
        "port.yaml:13 sources[1].bands: expected this key; got nothing",
        "port.yaml:16 sources[1].band: expected a known key (did you mean 'bands'?); got 'band'",
    ]
    assert faults(folder, GOOD + "colour: red\n") == [
        "port.yaml:22 colour: expected one of name, berths, reference_water, fleet, ais, sources, ledger; got 'colour'"
    ]


def test_all_faults_are_told_at_once_even_those_of_the_files_it_names(folder: Path) -> None:
    (folder / "fleet.csv").write_text("vessel_id,length_m\n1,-5\n")
    text = GOOD.replace("kind: sar", "kind: radar").replace("water.geojson", "sea.geojson").replace("4.4", "-1")
    assert faults(folder, text) == [
        "port.yaml:14 sources[1].kind: expected 'optical' or 'sar'; got 'radar'",
        "port.yaml:18 sources[1].looks: expected a number greater than 0; got -1",
        "port.yaml:3 reference_water: expected a file; got no such file: sea.geojson",
        "fleet.csv:2 (vessel 1) length_m: expected more than zero, or a blank; got -5",
    ]


@pytest.mark.parametrize(
    ("change", "to", "message"),
    [
        ("name: sentinel-1", "name: PlanetScope", "port.yaml:13 sources[1].name: expected each source name once"),
        ("name: sentinel-1", "name: ../x", "expected a name fit for a folder"),
        ("name: sentinel-1", "name: 'a.'", "expected a name fit for a folder"),
        ("bands: [vv]", "bands: []", "port.yaml:16 sources[1].bands: expected a list with at least one entry; got []"),
        ("bands: [vv]", "bands: vv", "port.yaml:16 sources[1].bands: expected a list; got 'vv'"),
        ("bands: [vv]", "bands: [vv, VV]", "sources[1].bands[1]: expected each band once; got 'VV' a second time"),
        ("resolution: 3", "resolution: yes", "port.yaml:11 sources[0].resolution: expected a number; got True"),
        ("resolution: 3", "units: db", "port.yaml:11 sources[0].units: expected this key in sar sources only"),
        ("resolution: 3", "resolution: .inf", "sources[0].resolution: expected a finite number; got inf"),
        ("clear: [1]", "clear: [1.5]", "sources[0].mask.clear[0]: expected a whole number; got 1.5"),
        ("clear: [1]", "clear: [1], band: 0", "sources[0].mask.band: expected a number of at least 1; got 0"),
        ("looks: 4.4", "bands: [vh]", "port.yaml:18 sources[1].bands: expected each key once; got it a second time"),
        ("name: Vostochny oil terminal", "name: 2024", "port.yaml:1 name: expected a text; got 2024"),
        ("name: Vostochny oil terminal", "name: ''", "port.yaml:1 name: expected a text that is not empty; got ''"),
        ("  cap_barrels: 500000", "  cap: 5", "port.yaml:21 ledger.cap: expected"),
        ("product: gasoil", "product: bitumen", "port.yaml:20 ledger.product: expected one of gasoil, gas oil, diesel"),
    ],
)
def test_a_value_that_cannot_be_is_named(folder: Path, change: str, to: str, message: str) -> None:
    assert message in "\n".join(faults(folder, GOOD.replace(change, to)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "port.yaml:1: expected keys with values, as in `name: Vostochny`; got nothing"),
        ("- a\n- b\n", "got a list"),
        ("just words", "got one value"),
        ("name: [a\nberths: b", "port.yaml:2: expected YAML; got a mistake"),
        ("name: 2024-02-31", "expected YAML; got a mistake: day"),
        ("name: !!python/object:os.system x", "could not determine a constructor"),
        ("1: x", "port.yaml:1"),
        ("a: &x [*x]", "port.yaml"),
    ],
)
def test_what_is_no_run_file_is_said(folder: Path, text: str, message: str) -> None:
    assert message in "\n".join(faults(folder, text))


def test_a_run_file_in_another_encoding_is_refused(folder: Path) -> None:
    (folder / "port.yaml").write_bytes("name: Владивосток".encode("cp1251"))
    with pytest.raises(InputError, match="expected a run file in UTF-8"):
        read_port(folder / "port.yaml")


def test_the_real_run_file_reads(real_data) -> None:
    port = read_port(real_data("latakia") / "port.yaml")
    assert [(berth.berth_id, berth.kind) for berth in port.berths][:1] == [("S1", "berth")]
    assert sum(berth.kind == "control" for berth in port.berths) == 2
    assert port.sources[0].bands == ("vv",)
