"""`berthwatch init` on STAC: items tell more than files, a broken one stops nothing, and each look counts once."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from shapely.geometry import box, mapping

import berthwatch as bw
from berthwatch import cli
from berthwatch.newport import begin, spoken
from berthwatch.scene import list_scenes

AROUND = box(32.999, 36.12, 33.03, 36.15)
BERTH = (33.0005, 36.1435, 33.0015, 36.1440)
SIDE, PIXEL_M = 128, 3.0
ANGLES = {"view:sun_azimuth": 150.0, "view:sun_elevation": 40.0, "view:off_nadir": 2.0}


def image(path: Path, bands: int, **names: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(3).integers(200, 900, (bands, SIDE, SIDE)).astype(np.uint16)
    place = {"crs": "EPSG:32636", "transform": Affine(PIXEL_M, 0, 500_000, 0, -PIXEL_M, 4_000_000)}
    with rasterio.open(
        path, "w", driver="GTiff", dtype="uint16", count=bands, height=SIDE, width=SIDE, **place
    ) as file:
        file.write(pixels)
        file.descriptions = names.get("described", (None,) * bands)
    return path.name


def item(folder: Path, name: str, properties: dict[str, Any], mask: str = "", **changes: Any) -> dict[str, Any]:
    """An item of four bands, and a mask asset of this key; written to its own file."""
    colours = [{"name": f"B0{number}"} for number in (2, 3, 4, 8)]
    assets = {"data": {"href": f"./{image(folder / f'{name}.tif', 4)}", "roles": ["data"], "eo:bands": colours}}
    if mask:
        assets[mask] = {"href": f"./{image(folder / f'{name}_{mask}.tif', 1)}", "type": "image/tiff"}
    assets["broken_mask"] = {"roles": ["cloud"]}
    document = {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "geometry": mapping(AROUND), "links": [],
        "properties": {"datetime": "2024-03-07T01:02:03Z", **properties}, "assets": assets, **changes,
    }  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(document))
    return document


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def started(*scenes: str, **options: Any) -> list[str]:
    begun = begin(scenes, BERTH, Path("port.yaml"), **options)
    return [f"{heading}: {line}" for heading, lines in spoken(begun) for line in lines]


def test_published_mask_is_used_with_the_values_that_mean_seen(here: Path) -> None:
    for number in range(3):
        item(here / "scenes", f"scene{number}", {"constellation": "sentinel-2", **ANGLES}, mask="scl")
    said = started("scenes")
    (source,) = bw.read_port("port.yaml").sources
    assert source.name == "sentinel-2"
    assert source.mask is not None
    assert (source.mask.asset, 6 in source.mask.clear, 9 in source.mask.clear) == ("scl", True, False)
    assert "a mask" in said[0]
    assert not any("loads" in line for line in said)


def test_items_beside_other_documents_are_found_by_a_catalogue_and_by_a_folder(here: Path) -> None:
    for number in range(2):
        item(here / "scenes", f"scene{number}", {"platform": "PSScene", **ANGLES})
    (here / "scenes" / "notes.json").write_text('{"type": "notes"}')
    links = [{"rel": "item", "href": f"./scenes/scene{number}.json"} for number in range(2)]
    catalogue = {"type": "Catalog", "stac_version": "1.0.0", "id": "all", "description": "all", "links": links}
    (here / "catalog.json").write_text(json.dumps(catalogue))
    started("catalog.json")
    assert "scenes: catalog.json" in (here / "port.yaml").read_text()
    (source,) = bw.read_port("port.yaml").sources
    assert (source.name, len(list_scenes(source, here)[0])) == ("planetscope", 2)
    said = started("scenes", force=True)
    assert "scenes: scenes" in (here / "port.yaml").read_text()
    assert not any(line.startswith("Left out") for line in said)


def test_what_is_broken_is_left_out_by_name_and_the_rest_is_used(here: Path) -> None:
    item(here / "scenes", "good", ANGLES)
    item(here / "scenes", "old", ANGLES, stac_version="0.6.0")
    item(here / "scenes", "bare", ANGLES, assets={"notes": {"href": "a.txt", "type": "text/plain"}})
    item(here / "scenes", "timeless", {"datetime": None, **ANGLES})
    (here / "scenes" / "torn.json").write_text('{"type": ')
    left = {line.split(": ")[1]: line for line in started("scenes") if line.startswith("Left out")}
    assert set(left) == {"old", "bare", "torn.json", "timeless", "bare and 1 more"}
    assert "no band is known" in left["bare"]
    assert "a run of optical-3m would set it aside: it has no time" in left["timeless"]
    assert "--bands blue,green,red,nir" in left["bare and 1 more"]  # files of items that could not be used
    (source,) = bw.read_port("port.yaml").sources
    assert [scene.scene_id for scene in list_scenes(source, here)[0]] == ["good"]


def test_polarizations_of_items_make_a_radar_source_with_the_unit_they_state(here: Path) -> None:
    for number in range(2):
        document = item(here / "scenes", f"s{number}", {"sar:polarizations": ["VV"], "sat:relative_orbit": 87})
        document["assets"]["data"] |= {"raster:bands": [{"unit": "linear"}], "eo:bands": []}
        (here / "scenes" / f"s{number}.json").write_text(json.dumps(document))
    said = started("scenes")
    (source,) = bw.read_port("port.yaml").sources
    assert (source.name, source.kind, source.bands, source.units) == ("sar-3m", "sar", ("vv",), None)
    assert not any("power or amplitude" in line or "orbits" in line for line in said)


def test_products_of_one_acquisition_count_once_wherever_they_lie(here: Path) -> None:
    for stamp in ("20240301T010203", "20240302T010203"):
        image(here / "visual" / f"{stamp}_visual.tif", 3, described=("red", "green", "blue"))
        image(here / "analytic" / f"{stamp}_analytic.tif", 4, described=("blue", "green", "red", "nir"))
    said = started("visual", "analytic")
    (source,) = bw.read_port("port.yaml").sources
    assert (source.bands, len(list_scenes(source, here)[0])) == (("blue", "green", "red", "nir"), 2)
    assert any("visual and 1 more: another product of the same acquisition is used" in line for line in said)


def test_command_needs_one_place_and_tells_in_sections(here: Path) -> None:
    item(here / "scenes", "good", ANGLES)
    edges = [str(edge) for edge in BERTH]
    done = CliRunner().invoke(cli.main, ["init", "scenes", "--bbox", *edges])
    assert done.exit_code == 0, done.output
    assert [line for line in done.stdout.splitlines() if not line.startswith(" ")] == [
        "Found:", "Could not find out:", "Wrote:", "Next:"
    ]  # fmt: skip
    for places in ([], ["--bbox", *edges, "--berth", "berths.geojson"]):
        refused = CliRunner().invoke(cli.main, ["init", "scenes", *places])
        assert refused.exit_code == 2
        assert "either with --berth FILE or with --bbox" in refused.stderr


@pytest.mark.parametrize(
    ("there", "called", "named"),
    [
        ("/usr/bin/berthwatch", "/usr/bin/berthwatch", "berthwatch"),
        (None, ".venv/bin/berthwatch", ".venv/bin/berthwatch"),
        (None, "engine/__main__.py", "python -m berthwatch"),
    ],
)
def test_next_command_can_be_copied_as_it_stands(
    here: Path, monkeypatch: pytest.MonkeyPatch, there: str | None, called: str, named: str
) -> None:
    item(here / "scenes", "good", ANGLES)
    monkeypatch.setattr("berthwatch.firststeps.shutil.which", lambda name: there)
    monkeypatch.setattr("sys.argv", [called])
    done = CliRunner().invoke(cli.main, ["init", "scenes", "--bbox", *map(str, BERTH)])
    assert done.stdout.splitlines()[-1] == f"  {named} run port.yaml --out port-run"
