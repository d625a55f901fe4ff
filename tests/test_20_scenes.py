"""A source's scenes from files: patterns, folders, duplicates, and files that cannot be read."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from berthwatch.config import Source
from berthwatch.errors import InputError
from berthwatch.scene import list_scenes


def item(scene_id: str, time: str = "2022-01-03T03:43:16Z", href: str = "./a_vv.tif") -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": scene_id,
        "geometry": None,
        "properties": {"datetime": time},
        "assets": {"vv": {"href": href, "type": "image/tiff; application=geotiff"}},
        "links": [],
    }


def write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def sar(*scenes: str) -> Source:
    return Source("s1", "sar", scenes, ("vv",), where="port.yaml:4 sources[0]")


def test_scenes_come_in_order_of_time_then_id(tmp_path: Path) -> None:
    write(tmp_path / "1.json", item("late", "2023-01-01T00:00:00Z"))
    write(tmp_path / "2.json", item("b"))
    write(tmp_path / "3.json", item("a"))
    scenes, aside = list_scenes(sar("*.json"), tmp_path)
    assert [scene.scene_id for scene in scenes] == ["a", "b", "late"]
    assert aside == []
    assert scenes[0].bands["vv"].href == str(tmp_path / "a_vv.tif")
    assert scenes[0].document == str(tmp_path / "3.json")


def test_one_pattern_may_be_given_without_a_list(tmp_path: Path) -> None:
    write(tmp_path / "1.json", item("a"))
    assert len(list_scenes(Source("s", "sar", "1.json", ("vv",)), tmp_path)[0]) == 1
    assert len(list_scenes(Source("s", "sar", f"file://{tmp_path}/1.json", ("vv",)), tmp_path)[0]) == 1


def test_a_pattern_that_matches_nothing_is_a_fault_of_the_run_file(tmp_path: Path) -> None:
    write(tmp_path / "1.json", item("a"))
    with pytest.raises(InputError) as error:
        list_scenes(sar("1.json", "sentinel/*.json", "gone.json"), tmp_path)
    assert [str(fault) for fault in error.value.faults] == [
        "port.yaml:4 sources[0] scenes: expected scenes at sentinel/*.json; got nothing there",
        "port.yaml:4 sources[0] scenes: expected scenes at gone.json; got nothing there",
    ]


def test_one_bad_document_never_stops_the_others(tmp_path: Path) -> None:
    write(tmp_path / "s/good.json", item("good"))
    write(tmp_path / "s/zone.json", item("zone", "2022-01-03T03:43:16"))
    write(tmp_path / "s/other.json", {"planet": 1})
    write(tmp_path / "s/none.json", None)
    (tmp_path / "s/broken.json").write_text('{"type": "Feature",')
    (tmp_path / "s/dangling.json").symlink_to(tmp_path / "gone.json")
    scenes, aside = list_scenes(sar("s/*.json"), tmp_path)
    assert [scene.scene_id for scene in scenes] == ["good"]
    reasons = {one.scene_id: one.reason for one in aside}
    assert set(reasons) == {"zone", "s/broken.json", "s/dangling.json", "s/none.json", "s/other.json"}
    assert reasons["zone"] == "the time '2022-01-03T03:43:16' has no zone"
    assert reasons["s/broken.json"].startswith("it is not JSON: Expecting property name")
    assert reasons["s/dangling.json"] == "it cannot be read: no such file"
    assert reasons["s/other.json"].startswith("expected a STAC item, an item collection, a catalogue or an API; got")
    assert {one.source for one in aside} == {"s1"}


def test_two_scenes_with_one_id_keep_the_first_and_name_both(tmp_path: Path) -> None:
    write(tmp_path / "1.json", item("a"))
    write(tmp_path / "2.json", item("a", "2023-01-01T00:00:00Z"))
    scenes, (aside,) = list_scenes(sar("*.json"), tmp_path)
    assert [scene.document for scene in scenes] == [str(tmp_path / "1.json")]
    assert (aside.scene_id, aside.reason) == (
        "a",
        "two scenes have this id: 1.json was taken and 2.json, which differs, was not",
    )


def test_the_same_document_twice_is_one_scene(tmp_path: Path) -> None:
    write(tmp_path / "1.json", item("a"))
    shutil.copy(tmp_path / "1.json", tmp_path / "copy.json")
    scenes, aside = list_scenes(sar("*.json", "1.json", str(tmp_path / "1.json")), tmp_path)
    assert (len(scenes), aside) == (1, [])


def test_a_folder_stands_for_the_scenes_below_it(tmp_path: Path) -> None:
    write(tmp_path / "s [old]/2022/1.json", item("a"))
    write(tmp_path / "s [old]/2022/metadata.json", {"planet": 1})
    (tmp_path / "s [old]/2022/a_vv.tif").touch()  # the item's asset, no scene by itself
    (tmp_path / "s [old]/README.md").touch()
    for pattern, others in (("s [old]", 0), ("s*", 0), ("s*/**/*", 1)):
        scenes, aside = list_scenes(sar(pattern), tmp_path)
        assert [scene.scene_id for scene in scenes] == ["a"]
        assert len(aside) == others
    assert len(list_scenes(sar("2022/*.json"), tmp_path / "s [old]")[0]) == 1


def test_two_hundred_items_are_read_in_well_under_a_second(real_data: Any) -> None:
    folder = real_data("latakia")
    list_scenes(sar("sentinel-1/*.json"), folder)
    start = time.perf_counter()
    scenes, _ = list_scenes(sar("sentinel-1/*.json"), folder)
    assert len(scenes) == 209
    assert time.perf_counter() - start < 0.7
