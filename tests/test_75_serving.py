"""The live view: what it tells is the run's, and what a person says of a look is kept."""

import base64
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from numpy.typing import NDArray
from shapely import contains_xy
from shapely.geometry import Polygon
from starlette.testclient import TestClient

from berthwatch.corrections import FILE, Said, add_correction, read_corrections
from berthwatch.serving import INTO_LIVE, application
from tests.live import OURS, look_of, words


@pytest.fixture
def run(run_to_correct: Path) -> Path:
    return run_to_correct


@pytest.fixture
def client(run: Path) -> TestClient:
    return TestClient(application(run, OURS), base_url="http://localhost:8000")


def decoded(text: str) -> NDArray[np.uint8]:
    with rasterio.MemoryFile(base64.b64decode(text)) as memory, memory.open() as file:
        image: NDArray[np.uint8] = file.read()
    return image


def test_report_is_that_of_the_run_with_one_line_that_leads_to_the_scenes(client: TestClient, run: Path) -> None:
    answer = client.get("/")
    assert answer.text.replace(f"\n{INTO_LIVE}", "") == (run / "report.html").read_text()
    assert answer.text.count(INTO_LIVE) == 1
    page = client.get("/live").text
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", page)


def test_looks_are_those_of_the_tables(client: TestClient, run: Path) -> None:
    table = pd.read_parquet(run / "occupancy.parquet")
    places = {each["berth_id"]: each for each in client.get("/api/berths").json()}
    assert {name: each["looks"] for name, each in places.items()} == table["berth_id"].value_counts().to_dict()
    assert places["C1"]["kind"] == "control"
    for name in places:
        looks = client.get("/api/looks", params={"berth": name}).json()
        own = table[table["berth_id"] == name].sort_values(["time", "source"])
        assert [each["scene_id"] for each in looks] == own["scene_id"].tolist()
        states = (
            own["occupied"]
            .map({True: "taken", False: "vacant"})
            .astype(object)
            .where(own["occupied"].notna(), "untold")
        )
        assert [each["state"] for each in looks] == states.tolist()


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("source", ["planetscope", "sentinel-1"])
def test_change_is_laid_over_the_hull_and_not_over_the_water(client: TestClient, source: str) -> None:
    look = look_of(client, "taken", source)
    asked = {"berth": "B1", "source": source, "scene": look["scene_id"]}
    found = client.get("/api/picture", params=asked).json()
    image, change = decoded(found["overlay"]["data"]), decoded(found["change"])
    width, height = found["overlay"]["size"]
    assert image.shape == (1, height, width)
    assert change.shape == (4, height, width)
    rows, columns = np.indices((height, width)) + 0.5
    hull = contains_xy(outline(found["overlay"]["hull"]), columns, rows)
    berth = contains_xy(
        outline(found["overlay"]["berth"]).difference(outline(found["overlay"]["hull"]).buffer(4)), columns, rows
    )
    brighter = (change[3] > 0) & (change[0] > change[2])
    assert brighter[hull].mean() > 0.8
    assert brighter[berth].mean() < 0.35  # radar spills over, and speckles
    before = client.get("/api/picture", params=asked | {"against": "before"}).json()
    assert before["overlay"] == found["overlay"]
    assert before["change_words"] != found["change_words"]


def outline(path: str) -> Polygon:
    rings = [[tuple(map(float, pair.split())) for pair in ring[1:].split("L")] for ring in path.rstrip("Z").split("Z")]
    return max(map(Polygon, rings), key=lambda ring: ring.area)


def test_first_scene_of_a_track_has_none_before_it(client: TestClient) -> None:
    first = next(
        each for each in client.get("/api/looks", params={"berth": "B1"}).json() if each["source"] == "planetscope"
    )
    asked = {"berth": "B1", "source": "planetscope", "scene": first["scene_id"], "against": "before"}
    found = client.get("/api/picture", params=asked).json()
    assert found["change"] is None
    assert "no scene before" in found["change_words"]


def test_correction_is_kept_with_who_and_when_and_shown(client: TestClient, run: Path) -> None:
    look = look_of(client, "taken")
    for verdict in ("vacant", "withdrawn"):
        answer = client.post("/api/corrections", json=words(look, verdict=verdict, note="a crane"))
        assert answer.status_code == 201
    (first, last) = read_corrections(run).all
    assert answer.json() == client.get("/api/corrections").json()[1]
    assert (first.who, first.verdict, first.note, last.verdict) == ("Ada", "vacant", "a crane", "withdrawn")
    assert abs(pd.Timestamp(first.when) - pd.Timestamp.now("UTC")) < pd.Timedelta(minutes=5)
    now = look_of(client, "taken")
    assert [each["verdict"] for each in now["said"]] == ["vacant", "withdrawn"]
    assert not now["waiting"]  # as the run says, again
    client.post("/api/corrections", json=words(look))
    assert look_of(client, "taken")["waiting"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"berth_id": "B9"}, {"source": "sentinel-1"}, {"source": "../out"}, {"scene_id": "gone"},
        {"berth_id": "../../etc"},
    ],
)  # fmt: skip
def test_unknown_look_is_not_found_and_nothing_is_written(client: TestClient, run: Path, wrong: dict[str, str]) -> None:
    assert client.post("/api/corrections", json=words(look_of(client, "taken"), **wrong)).status_code == 404
    assert not (run / FILE).exists()


def test_torn_corrections_are_told_and_not_added_to(client: TestClient, run: Path) -> None:
    look = look_of(client, "taken")
    add_correction(run, Said("B1", look["source"], look["scene_id"], "vacant", "Ada"))
    torn = (run / FILE).read_bytes()[:-7]
    (run / FILE).write_bytes(torn)
    for answer in (client.get("/api/corrections"), client.post("/api/corrections", json=words(look))):
        assert answer.status_code == 409
        assert "cut off" in answer.json()["detail"]
    assert (run / FILE).read_bytes() == torn


def test_a_run_that_was_made_anew_is_read_anew(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    client = TestClient(application(copy, OURS), base_url="http://localhost")
    before = client.get("/api/looks", params={"berth": "B1"}).json()
    table = pd.read_parquet(copy / "occupancy.parquet")
    table.assign(p_occupied=0.25).to_parquet(copy / "occupancy.parquet", index=False)
    (copy / "run.json").write_text((copy / "run.json").read_text() + " ")
    after = client.get("/api/looks", params={"berth": "B1"}).json()
    assert {each["p_occupied"] for each in after} <= {0.25, None}
    assert before != after
