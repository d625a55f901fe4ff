"""The evidence of visits on the page: pictures where the hulls are, hashes of the very files, a table that finds."""

import asyncio
import base64
import hashlib
import json
import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from matplotlib.figure import Figure
from numpy.typing import NDArray
from shapely.geometry import box, shape

import berthwatch as bw
from berthwatch.datasets.registry import scenario
from berthwatch.datasets.simulate import simulate
from berthwatch.errors import InputError
from berthwatch.page import chips as pictures
from berthwatch.page.across import across
from berthwatch.page.chips import BUDGET, Chip, chips_of, encoded
from berthwatch.page.evidence import Evidence, evidence_of
from berthwatch.page.folder import read_folder
from berthwatch.sightline import Angles


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run on six weeks of a small port wrote, from radar whose scenes lie pixels apart."""
    small = scenario("small-port")
    short = replace(small, optical=None, end=small.start + timedelta(days=45))
    run_file = simulate(short, tmp_path_factory.mktemp("port"), seed=1)
    return bw.run(bw.read_port(run_file), run_file.parent / "out").out


@pytest.fixture(scope="module")
def proofs(out: Path) -> list[Evidence]:
    return evidence_of(read_folder(out), out / "cube")


def ship(sun_deg: float = 135.0, height_m: float = 4.0) -> Chip:
    """A hull of 90 m by 15 m that heads north, in pixels of 1 m; the sun is at 45 degrees, the shadow to the west."""
    rows, columns = np.indices((120, 120)) + 0.5
    east, north = columns - 60, 60 - rows
    image = np.full((120, 120), 0.05, np.float32)
    image[(np.abs(north) < 45) & (east < -7.5) & (east > -7.5 - height_m)] = 0.02
    image[(np.abs(north) < 45) & (np.abs(east) < 7.5)] = 0.2
    axes = np.array([[1.0, 0.0], [0.0, -1.0]])
    angles = Angles(sun_deg, 45.0, 0.0, 0.0)
    return Chip(image, "nir", "optical", axes, (sun_deg, 45.0), angles, box(40, 10, 80, 110), box(52.5, 15, 67.5, 105))


def test_every_visit_shows_the_looks_around_it(out: Path, proofs: list[Evidence]) -> None:
    visits = pd.read_parquet(out / "visits.parquet")
    assert [proof.visit_id for proof in proofs] == visits["visit_id"].tolist()
    assert len(proofs) > 2
    for proof, visit in zip(proofs, visits.itertuples(), strict=True):
        pictured = {look.place: look for look in proof.looks if look.overlay}
        ends = {"on arrival", "on departure", "on arrival and on departure"}
        assert ends & set(pictured)
        assert ("before" in pictured) == (not pd.isna(visit.arrival_after))
        assert ("after" in pictured) == (not pd.isna(visit.departure_before))
        assert all(look.told.startswith("taken") for place, look in pictured.items() if place in ends)
        counted = {look.scene_id for look in proof.looks if look.place == "counted to it" or look.place in ends}
        assert counted == set(visit.scenes)


def test_hashes_are_those_of_the_files_read(out: Path, proofs: list[Evidence]) -> None:
    look = next(look for look in proofs[0].looks if look.place.startswith("on arrival"))
    (item,) = [path for path in (out.parent / "sentinel-1").glob("*.json") if path.stem == look.scene_id]
    assets = json.loads(item.read_text())["assets"]
    files = sorted(item.parent / href for href in {assets[name]["href"] for name in ("vv", "vh")})
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    assert look.sha256 == (digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest())


def test_outlines_lie_over_what_is_bright_whatever_the_shift(out: Path) -> None:
    run = read_folder(out)
    assert run.hulls is not None
    hulls = {(row.source, row.scene_id, row.berth_id): row.geometry for row in run.hulls.itertuples()}
    berths = {each["berth_id"]: shape(each["geometry"]) for each in run.record["berths"]}
    chips = chips_of(out / "cube", hulls, berths, hulls)
    assert set(chips) == set(hulls)
    shifts = [abs(scene["shift_x_px"]) for source in run.record["sources"] for scene in source["scenes"]]
    assert max(shifts) > 1.5
    for chip in chips.values():
        rows, columns = np.indices(chip.image.shape) + 0.5
        inside = shapely.contains_xy(chip.hull, columns, rows)
        beside = shapely.contains_xy(chip.berth, columns, rows) & ~shapely.contains_xy(
            chip.hull.buffer(2), columns, rows
        )
        assert np.median(chip.image[inside]) > 3 * np.median(chip.image[beside])


def test_hulls_table_has_an_outline_in_the_berth_for_every_hull_seen(out: Path) -> None:
    hulls = gpd.read_parquet(out / "hulls.parquet")
    assert hulls.crs.to_epsg() == 4326
    seen = pd.read_parquet(out / "observations.parquet").query("hull_heading_deg.notna()")
    keys = ["time", "source", "scene_id", "berth_id"]
    assert hulls[keys].to_numpy().tolist() == seen[keys].to_numpy().tolist()
    berths = gpd.read_file(out / "berths.geojson").set_index("berth_id").geometry
    assert all(row.geometry.intersects(berths[row.berth_id]) for row in hulls.itertuples())


def test_chips_of_a_visit_can_be_drawn_as_the_page_shows_them(out: Path, proofs: list[Evidence]) -> None:
    proof = max(proofs, key=lambda each: len(each.looks))
    shown = [look for look in proof.looks if look.overlay and look.due]
    drawn = bw.plot.chips(out, proof.visit_id, Figure().subplots(1, len(shown) + 1))
    assert [ax.get_title() for ax in drawn] == [f"{look.place.capitalize()}, {look.time} UTC" for look in shown]
    for ax, look in zip(drawn, shown, strict=True):
        assert look.overlay is not None
        outlines = {line.get_label() for line in ax.lines}
        assert ("bright part taken for a hull" in outlines) == bool(look.overlay.hull)
        assert "berth" in outlines
        assert " ".join(ax.get_xlabel().split()) == " ".join(look.told.split())
    with pytest.raises(InputError, match="axes for"):
        bw.plot.chips(out, proof.visit_id, Figure().add_subplot())
    with pytest.raises(InputError, match=f"such as {proofs[0].visit_id}"):
        bw.plot.chips(out, "no-such-visit")


def test_chips_without_their_cubes_are_refused(out: Path, proofs: list[Evidence], tmp_path: Path) -> None:
    for path in out.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="the cubes with the pixels"):
        bw.plot.chips(tmp_path, proofs[0].visit_id)


def test_figures_of_a_folder_name_its_berths_and_say_that_radar_gives_no_volume(out: Path) -> None:
    kinds = read_folder(out).kinds()
    ax = bw.plot.timeline(out, Figure().add_subplot())
    rows = [text.get_text() for text in ax.get_yticklabels()]
    assert sorted(rows) == sorted(name if kind == "berth" else f"{name} (control)" for name, kind in kinds.items())
    assert "no volume is stated" in bw.plot.ledger(out, ax=Figure().add_subplot()).texts[0].get_text()


def test_page_made_again_from_the_folder_is_the_same(out: Path) -> None:
    before = (out / "report.html").read_bytes()
    assert bw.report(out).read_bytes() == before
    assert before.count(b"data:image/jpeg") > 5


def test_without_cubes_or_outlines_the_page_says_what_is_missing(out: Path, tmp_path: Path) -> None:
    for path in out.iterdir():
        if path.is_file() and path.name not in ("hulls.parquet", "report.html"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    page = bw.report(tmp_path).read_text()
    assert "their pixels are not at hand" in page
    assert "data:image/jpeg" not in page


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_pictures_of_one_berth_share_a_scale_and_stay_true_to_the_pixels() -> None:
    dim = replace(ship(), image=ship().image / 2)
    keys = [("s", "a", "B1"), ("s", "b", "B1")]
    decoded = [_decoded(text) for text in encoded(dict(zip(keys, (ship(), dim), strict=True))).values()]
    assert decoded[0].shape == ship().image.shape
    assert decoded[0][60, 60] > 1.3 * decoded[1][60, 60]
    assert decoded[0][60, 60] > decoded[0][5, 5] > 0


def _decoded(text: str) -> NDArray[np.uint8]:
    with rasterio.MemoryFile(base64.b64decode(text)) as memory, memory.open() as file:
        image: NDArray[np.uint8] = file.read(1)
    return image


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_pictures_of_many_visits_stay_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).random((60, 60), np.float32)
    many = {("s", f"{number:03d}", "B1"): replace(ship(), image=noise) for number in range(20)}
    whole = sum(map(len, encoded(many).values()))
    assert whole < BUDGET
    monkeypatch.setattr(pictures, "BUDGET", 0.7 * whole)
    coarser = encoded(many)
    assert len(coarser) == 20
    assert sum(map(len, coarser.values())) <= 0.7 * whole
    monkeypatch.setattr(pictures, "BUDGET", 0.1 * whole)
    assert list(encoded(many)) == list(many)[: len(encoded(many))]
    assert 0 < sum(map(len, encoded(many).values())) <= 0.1 * whole


@pytest.mark.parametrize("height_m", [3.0, 6.0])
def test_profile_marks_where_the_shadow_of_that_freeboard_ends(height_m: float) -> None:
    # the sun stands in the east: a metre of height shows as a metre of shadow to the west
    found = across(ship(90.0, height_m), 0.0, (90.0, 15.0), height_m, 0.5)
    assert found is not None
    metre = (found.deck[1] - found.deck[0]) / 15.0
    assert found.tip[1] - found.deck[1] == pytest.approx(height_m * metre, abs=0.2)
    assert found.tip[2] - found.tip[0] == pytest.approx(metre, abs=0.2)
    drawn = [tuple(map(float, pair.split())) for pair in found.line[1:].split("L")]
    in_shadow = [y for x, y in drawn if found.deck[1] + metre < x < found.tip[1] - metre / 2]
    water = [y for x, y in drawn if x > found.tip[2] + 3 * metre]
    assert min(in_shadow) > max(water)  # down is dark


def test_no_profile_is_drawn_without_sun_outline_or_size() -> None:
    assert across(replace(ship(), angles=None), 0.0, (90.0, 15.0), 4.0, 0.5) is None
    assert across(replace(ship(), hull=None), 0.0, (90.0, 15.0), 4.0, 0.5) is None
    assert across(ship(), 0.0, (math.nan, 15.0), 4.0, 0.5) is None


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, True), (1920, False)])
def test_table_sorts_filters_and_opens_evidence_by_keyboard(
    out: Path, tmp_path: Path, browser: Any, width: int, dark: bool
) -> None:
    async def work() -> None:
        async with browser((out / "report.html").resolve().as_uri(), tmp_path / "profile", width, dark) as page:
            assert await page.value("document.documentElement.scrollWidth <= innerWidth")
            assert await page.first_paint_ms() < 1000
            await _sorted_and_filtered(page)
            await _evidence_opened(page)
            assert page.said == []
            assert [address for address in page.asked if not address.endswith("/report.html")] == []

    asyncio.run(work())


async def _sorted_and_filtered(page: Any) -> None:
    await page.value("document.querySelectorAll('.visits thead button')[1].focus()")
    for wanted in ("ascending", "descending"):
        await page.press("Enter", 13)
        berths = await page.value("[...document.querySelectorAll('.visits tbody tr')].map(r => r.cells[1].textContent)")
        assert berths == sorted(berths, reverse=wanted == "descending")
        assert await page.value("document.querySelectorAll('.visits th')[1].ariaSort") == wanted
    took_ms = await page.value("""(() => {
        const field = document.querySelector('[data-filter]'), begun = performance.now();
        field.value = 'B1';
        field.dispatchEvent(new Event('input', { bubbles: true }));
        document.body.offsetHeight;
        return performance.now() - begun;
    })()""")
    assert took_ms < 50
    rows = "[...document.querySelectorAll('.visits tbody tr')].filter(r => r.offsetHeight)"
    shown = await page.value(f"{rows}.map(r => r.cells[1].textContent)")
    assert shown
    assert len(shown) < len(berths)
    assert set(shown) == {"B1"}
    said = await page.value("document.querySelector('[role=status]').textContent")
    assert said == f"{len(shown)} of {len(berths)} visits shown."


async def _evidence_opened(page: Any) -> None:
    assert await page.value("document.querySelectorAll('.proof[open]').length") == 0
    link = "[...document.querySelectorAll('.visits tbody a')].find(a => a.offsetHeight)"
    wanted = await page.value(f"{link}.focus(); {link}.textContent")
    await page.press("Enter", 13)
    await page.value("new Promise(r => setTimeout(r, 300))")
    assert await page.value("document.activeElement.id") == f"visit-{wanted}"
    assert await page.value("document.querySelector('.proof[open] image').getBoundingClientRect().width > 100")
    await page.value("document.querySelector('.proof[open] .chip button').focus()")
    await page.press("Enter", 13)
    assert await page.value("document.querySelector('dialog').open")
    await page.press("Escape", 27)
    assert not await page.value("document.querySelector('dialog').open")
    assert await page.value("document.activeElement.textContent") == "Enlarge"
