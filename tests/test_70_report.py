"""The report: true to the tables, whatever they hold, safe with other people's names, the same from the same."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from shapely.geometry import box

import berthwatch as bw
from berthwatch.barrels import ledger
from berthwatch.config import LedgerTerms, Port
from berthwatch.errors import InputError
from berthwatch.inference import infer
from berthwatch.model import Berth
from berthwatch.outputs import write_json, write_table, write_visits
from berthwatch.tables import OBSERVATION_COLUMNS, as_table

DAYS = pd.date_range("2024-03-01", periods=12, freq="2D", tz="UTC")


def write_run(folder: Path, changes: dict[str, list[float]], controls: tuple[str, ...] = ()) -> Path:
    """A run's folder made by hand: for each berth its change on each of the days."""
    folder.mkdir()
    rows: list[dict[str, Any]] = [
        {"berth_id": name, "time": day, "source": "radar", "scene_id": f"scene-{day:%m%d}", "visible": 1.0, "change": c}
        for name, series in changes.items()
        for day, c in zip(DAYS, series, strict=True)
    ]
    kinds = {name: "control" if name in controls else "berth" for name in changes}
    berths = [Berth(name, kinds[name], box(i, 0, i + 0.9, 1)) for i, name in enumerate(changes)]  # type: ignore[arg-type]
    name = "Port of <Nowhere>"
    port = Port(name, Path("port.yaml"), tuple(berths), None, None, None, (), LedgerTerms(), "")
    observations = as_table(rows, OBSERVATION_COLUMNS).assign(reason="no hull seen")
    found = infer(observations, port)
    write_table(observations, folder / "observations.parquet")
    write_table(found.occupancy, folder / "occupancy.parquet")
    write_visits(found.visits, port, folder)
    ledger(found.histories).to_csv(folder / "ledger.csv", index=False)
    write_json(folder / "summary.json", {"port": port.name})
    record = {
        "port": port.name,
        "berths": [{"berth_id": b.berth_id, "kind": b.kind, "geometry": b.polygon.__geo_interface__} for b in berths],
        "set_aside": [{"source": "radar", "scene_id": "torn", "reason": "truncated <b>file</b>"}],
    }
    write_json(folder / "run.json", record)
    return folder


TAKEN = [0.0] * 4 + [80.0, 90.0, 85.0] + [0.0] * 5


def test_report_says_how_many_visits_were_seen_and_what_could_not_be_told(tmp_path: Path) -> None:
    page = bw.report(write_run(tmp_path / "run", {"B1": TAKEN, "B2": [0.0] * 12})).read_text()
    assert "1 visit was seen at the 2 berths" in page
    assert "could not be told" in page
    assert "torn" in page


def test_report_without_a_visit_claims_none(tmp_path: Path) -> None:
    page = bw.report(write_run(tmp_path / "run", {"B1": [0.0] * 12, "C1": [0.0] * 12}, ("C1",))).read_text()
    assert "0 of 12 looks were called taken" in page
    assert "0 visits" in page or "no visit" in page.lower()


def test_open_window_is_said_in_words(tmp_path: Path) -> None:
    page = bw.report(write_run(tmp_path / "run", {"B1": [80.0] + [0.0] * 10 + [80.0]})).read_text()
    assert "there at the first look" in page
    assert "there at the last look" in page


def test_names_of_others_are_never_markup(tmp_path: Path) -> None:
    page = bw.report(write_run(tmp_path / "run", {"<script>alert(1)</script>": TAKEN})).read_text()
    assert "<script>alert" not in page
    assert "<Nowhere>" not in page
    assert "<b>file</b>" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_equal_runs_give_equal_pages_that_ask_the_network_for_nothing(tmp_path: Path) -> None:
    one, other = (bw.report(write_run(tmp_path / name, {"B1": TAKEN})).read_bytes() for name in ("one", "other"))
    assert one == other
    text = one.decode()
    assert not any(f'{attribute}="http' in text for attribute in ("src", "href", "action"))
    assert len(one) < 200_000


def test_folder_without_tables_is_refused_by_the_name_of_each_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"observations\.parquet"):
        bw.report(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_page_opens_in_a_browser_without_a_word_on_the_console(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no chromium on this machine")
    page = bw.report(write_run(tmp_path / "run", {"B1": TAKEN, "C1": [0.0] * 12}, ("C1",)))
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    command = [*words, *quiet, f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
    seen = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in seen.stderr
    assert "<svg" in seen.stdout
    assert "aria-sort" in seen.stdout or "<button" in seen.stdout
