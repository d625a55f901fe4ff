"""The page where loads were measured: seen and estimated apart, the cap, official scenarios, and a figure of it all."""

import json
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from shapely.geometry import box

import berthwatch as bw
from berthwatch.barrels import ledger
from berthwatch.config import LedgerTerms, Port, Source
from berthwatch.errors import InputError
from berthwatch.export import export
from berthwatch.inference import infer
from berthwatch.model import Berth
from berthwatch.outputs import write_json, write_table, write_visits
from berthwatch.page.account import account, doings
from berthwatch.page.chart import NARROW, WIDE, chart_of
from berthwatch.page.folder import RunFolder, read_folder
from berthwatch.page.view import headline, monthly
from berthwatch.page.visits import visit_table
from berthwatch.summary import summarise
from berthwatch.tables import OBSERVATION_COLUMNS, as_table

EMPTY_M, FULL_M, CAP = 5.4, 1.8, 100_000.0
LOADING = (None, None, EMPTY_M, 2.2, FULL_M, None, None)
DISCHARGING = (None, None, FULL_M, 3.2, EMPTY_M, None, None)
UNTOLD = (None, None, 0.0, 0.0, None, None)
"""A freeboard of 0 stands for a hull without one."""


def looks(freeboards: tuple[float | None, ...], first: str) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, freeboard_m in enumerate(freeboards):
        time = pd.Timestamp(first, tz="UTC") + pd.Timedelta(days=number)
        row = {"berth_id": "B1", "time": time, "source": "daily", "scene_id": f"s{number:03d}", "visible": 1.0}
        row |= {"change": 0.0, "reason": "no hull seen"}
        if freeboard_m is not None:
            row |= {
                "change": 70.0,
                "hull_length_m": 110.0,
                "hull_beam_m": 17.6,
                "reason": "no freeboard: shadow on quay",
            }
        if freeboard_m:
            row |= {"freeboard_m": freeboard_m, "freeboard_sigma_m": 0.3, "reason": ""}
        rows.append(row)
    return as_table(rows, OBSERVATION_COLUMNS)


def write_run(folder: Path, freeboards: tuple[float | None, ...], cap: float | None, first: str = "2024-03-07") -> Path:
    folder.mkdir()
    berth = Berth("B1", "berth", box(133.07, 42.74, 133.072, 42.741))
    fleet = pd.DataFrame(
        {
            "vessel_id": ["big"], "name": ["BIG & <CO>"], "flag": "", "watch": "", "length_m": [110.0],
            "beam_m": [17.5], "depth_m": [9.0], "draught_ballast_m": [3.6], "draught_laden_m": [7.2],
            "cargo_capacity_t": [5600.0],
        }
    )  # fmt: skip
    source = Source("daily", "optical", "*.json", ("nir",))
    terms = LedgerTerms("gasoil", None, cap)
    port = Port("P", Path("port.yaml"), (berth,), None, fleet, None, (source,), terms, "")
    seen = looks(freeboards, first)
    found = infer(seen, port)
    days = ledger(found.histories, cap)
    write_table(seen, folder / "observations.parquet")
    write_table(found.occupancy, folder / "occupancy.parquet")
    write_visits(found.visits, port, folder)
    days.to_csv(folder / "ledger.csv", index=False)
    write_json(folder / "summary.json", summarise(port, found, days, ()))
    write_json(folder / "run.json", {"port": port.name, "berths": [{"berth_id": "B1", "kind": "berth"}]})
    return folder


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("loaded") / "run", LOADING * 5 + UNTOLD, CAP)


@pytest.fixture(scope="module")
def run(loaded: Path) -> RunFolder:
    return read_folder(loaded)


def with_summary(run: RunFolder, **changes: Any) -> RunFolder:
    return RunFolder(run.observations, run.occupancy, run.visits, run.ledger, {**run.summary, **changes}, run.record)


def test_headline_says_what_the_tables_hold(run: RunFolder) -> None:
    text = " ".join(headline(run))
    assert "6 visits were seen at the one berth of P" in text
    assert f"between {run.summary['visits_estimated_low']} and {run.summary['visits_estimated_high']} visits" in text
    assert "5 could be told: 5 loaded; 5 of these 5 came empty and left nearly full. The other 1 could not" in text
    assert "1 visit whose load could not be told is in both" in text
    passed = pd.Timestamp(run.summary["over_cap_on"])
    cap = "the cap of 100,000 barrels for 2024, counted from 7 March 2024, was passed with 95 % probability by"
    assert f"{cap} {passed.day}" in text


def test_bounds_on_the_page_hold_those_of_the_summary_and_no_sum_of_both_is_named(run: RunFolder) -> None:
    (sentence,) = [text for text in account(run) if text.startswith("Volume")]
    told = [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d{3}", sentence)]
    names = [f"{name}{end}" for name in ("barrels", "barrels_estimated") for end in ("", "_low", "_high")]
    assert len(told) == len(names)
    for value, name in zip(told, names, strict=True):
        assert value == pytest.approx(run.summary[name], rel=0.1)
        assert not name.endswith("low") or value <= run.summary[name]
        assert not name.endswith("high") or value >= run.summary[name]
    assert "not to be added" in sentence


def test_a_cap_that_was_not_passed_gets_a_probability_and_none_no_word(run: RunFolder, tmp_path: Path) -> None:
    days = run.ledger.assign(p_over_cap=0.4)
    short = RunFolder(run.observations, run.occupancy, run.visits, days, run.summary, run.record)
    assert any("probability that the cap" in text and "is 40 %" in text for text in account(short))
    free = read_folder(write_run(tmp_path / "free", LOADING * 4, None))
    assert not any("cap" in text for text in account(free))
    page = bw.report(tmp_path / "free").read_text()
    assert 'class="cap"' not in page
    assert 'class="band estimated"' in page


def test_discharges_are_not_told_as_exports(tmp_path: Path) -> None:
    found = read_folder(write_run(tmp_path / "run", DISCHARGING * 4, CAP))
    assert doings(found) == "Of the 4 visits seen, 4 could be told: 4 discharged."
    names, rows = visit_table(found)
    assert all(row[names.index("Barrels out")].text.startswith("−") for row in rows)


def test_without_freeboard_the_page_says_why_and_names_scenarios_for_what_they_are(tmp_path: Path) -> None:
    page = bw.report(write_run(tmp_path / "run", UNTOLD * 3, CAP)).read_text()
    assert "No freeboard was measured in any look" in page
    assert "No measurement, but the arithmetic by which officials have argued" in page
    assert '<h2 id="ledger">' not in page
    assert "Load on arrival" not in page
    with pytest.raises(InputError, match="volumes"):
        export(tmp_path / "run", tmp_path / "l.svg", ("svg",))
    assert not (tmp_path / "l.svg").exists()


def test_visits_show_load_vessel_and_barrels_with_their_bounds(run: RunFolder) -> None:
    names, rows = visit_table(run)
    first = {name: cell.text for name, cell in zip(names, rows[0], strict=True)}
    assert re.fullmatch(r"\d+ %\n\(0 to \d+ %\)", first["Load on arrival"])
    assert re.fullmatch(r"loaded\nprobability (over )?9\d %", first["Did"])
    assert first["Vessel"].startswith("BIG & <CO>\nprobability ")
    assert re.fullmatch(r"[\d,]+\n\([\d,]+ to [\d,]+\)", first["Barrels out"])
    last = {name: cell.text for name, cell in zip(names, rows[-1], strict=True)}
    assert last["Did"] == "could not be told"
    assert last["Load on leaving"] == "not told"
    assert last["Barrels out"] == "not stated"


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_figure_keeps_its_parts_inside_and_labels_apart(run: RunFolder, size: tuple[int, int]) -> None:
    chart = chart_of(run, size)
    assert chart is not None
    left, right, top, bottom = chart.edges
    assert {curve.name for curve in chart.curves} == {"seen", "estimated"}
    for curve in chart.curves:
        numbers = [float(text) for text in re.findall(r"-?[\d.]+", curve.line + curve.band)]
        assert all(left <= x <= right for x in numbers[::2])
        assert all(top <= y <= bottom for y in numbers[1::2])
    assert chart.cap_y is not None
    assert top < chart.cap_y < bottom
    assert chart.passed is not None
    assert [label.text.split(":")[0] for label in chart.scenarios] == ["a third", "a half", "60 %", "90 %"]
    places = [label.text_y for label in chart.scenarios]
    assert all(above <= below - 14.9 for below, above in pairwise(places))
    assert all(x + 34 + 5 * len(words) <= size[0] for _, x, _, words in chart.key)


def test_figure_of_two_years_begins_anew_and_has_no_scenarios(tmp_path: Path) -> None:
    two = read_folder(write_run(tmp_path / "run", LOADING * 3, CAP, "2024-12-20"))
    chart = chart_of(two, WIDE)
    assert chart is not None
    assert all(curve.line.count("M") == 2 for curve in chart.curves)
    assert chart.scenarios == ()
    text = " ".join(account(two))
    assert "barrels for 2024, counted from 20 December 2024," in text
    assert "barrels for 2025," in text
    assert [row[0] for row in monthly(two)] == ["31 December 2024", "9 January 2025"]


def test_scenarios_that_nearly_agree_stay_readable(run: RunFolder) -> None:
    close = dict.fromkeys(("one_third", "half", "60_percent", "90_percent"), 1000.0)
    chart = chart_of(with_summary(run, scenario_barrels=close), NARROW)
    assert chart is not None
    places = [label.text_y for label in chart.scenarios]
    assert len(set(places)) == 4
    assert max(places) < chart.edges[3]


def test_picture_stands_alone_and_is_well_formed(loaded: Path, tmp_path: Path) -> None:
    (path,) = export(loaded, tmp_path / "ledger.svg", ("svg",))
    root = ET.fromstring(path.read_text())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "cap of 100,000 barrels" in root.attrib["aria-label"]
    (again,) = export(loaded, tmp_path / "folder", ("svg",))
    assert again.read_bytes() == path.read_bytes()


def test_page_shows_transitions_by_shape_and_is_made_of_the_same_bytes_twice(loaded: Path) -> None:
    page = bw.report(loaded)
    text = page.read_text()
    assert text.count('class="mark loaded"') == 1 + 5
    assert text.count('class="mark undetermined"') == 1 + 1
    assert 'class="mark discharged"' not in text, "the key explains what is shown"
    assert "BIG &amp; &lt;CO&gt;" in text
    assert bw.report(loaded).read_text() == text


def test_a_summary_without_the_new_keys_still_gives_a_page(loaded: Path, tmp_path: Path) -> None:
    old = shutil.copytree(loaded, tmp_path / "old")
    (old / "summary.json").write_text(json.dumps({"port": "P"}))
    page = bw.report(old).read_text()
    assert "The summary of this run states no barrels." in page


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_figure_and_text_fit_the_screen(loaded: Path, tmp_path: Path, width: int) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no chromium on this machine")
    page = bw.report(shutil.copytree(loaded, tmp_path / "run"))
    probe = """<script>const wide = document.documentElement.scrollWidth > innerWidth;
    const shown = [...document.querySelectorAll("svg.ledger")].filter((one) => one.getBoundingClientRect().width);
    const over = shown.flatMap((one) => [...one.querySelectorAll("text")].filter((text) =>
      text.getBoundingClientRect().right > one.getBoundingClientRect().right + 1));
    document.title = `fit ${!wide} ${shown.length} ${over.length}`;</script></body>"""
    # The page's own policy lets no other script run, so the probe is put into a copy without it.
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text()).replace("</body>", probe)
    page.write_text(text)
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900", "--no-first-run"]
    quiet = ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}"]
    seen = subprocess.run(
        [*command, *quiet, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    assert "<title>fit true 1 0</title>" in seen.stdout
