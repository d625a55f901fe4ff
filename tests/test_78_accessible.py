"""Pages for everybody: axe-core finds nothing serious, and a year of one port paints and filters at once."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import berthwatch as bw
from berthwatch.datasets.registry import scenario
from berthwatch.datasets.simulate import simulate

pytestmark = pytest.mark.slow
SCREENS = [(390, False), (390, True), (1280, False), (1280, True), (1920, False)]
FOUND = """axe.run(document, { resultTypes: ["violations"] }).then(found => ({
    ran: found.passes.length,
    wrong: found.violations.map(each => [each.impact, each.id, each.nodes[0].html, each.nodes[0].failureSummary]),
}))"""
OPENED = "[...document.querySelectorAll('details')].slice(0, 6).forEach(each => { each.open = true; })"
FILTERED = """(() => {
    const field = document.querySelector('[data-filter]'), begun = performance.now();
    field.value = 'WORD';
    field.dispatchEvent(new Event('input', { bubbles: true }));
    document.body.offsetHeight;
    return performance.now() - begun;
})()"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, which a package for Selenium brings along; nothing else of that package is used."""
    found = find_spec("axe_selenium_python")
    assert found, "the extra `test` brings axe-core"
    assert found.submodule_search_locations
    return (Path(found.submodule_search_locations[0]) / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run on a simulated year of a small port wrote."""
    small = scenario("small-port")
    run_file = simulate(replace(small, end=small.start + timedelta(days=366)), tmp_path_factory.mktemp("year"), seed=1)
    out = bw.run(bw.read_port(run_file), run_file.parent / "out").out
    assert len(pd.read_parquet(out / "visits.parquet")) >= 60
    return out


async def wrong(page: Any, axe: str) -> list[str]:
    """What axe-core finds that is serious or critical. All rules are run, best practices too."""
    await page.value(axe + "; 0")
    found = await page.value(FOUND)
    assert found["ran"] > 3
    return [str(each) for each in found["wrong"] if each[0] in ("serious", "critical")]


@pytest.mark.parametrize(("width", "dark"), SCREENS)
def test_report_has_no_serious_fault_on_any_screen(
    year: Path, axe: str, tmp_path: Path, browser: Any, width: int, dark: bool
) -> None:
    async def work() -> None:
        async with browser((year / "report.html").resolve().as_uri(), tmp_path / "profile", width, dark) as page:
            assert await wrong(page, axe) == []
            await page.value(
                "[...document.querySelectorAll('details')].slice(0, 6).forEach(each => { each.open = true; })"
            )
            assert await wrong(page, axe) == []
            assert page.said == []
            assert [address for address in page.asked if not address.endswith("/report.html")] == []

    asyncio.run(work())


@pytest.mark.parametrize(("width", "dark"), SCREENS)
def test_live_view_has_no_serious_fault_on_any_screen(
    run_to_correct: Path, served: str, axe: str, tmp_path: Path, browser: Any, width: int, dark: bool
) -> None:
    async def work() -> None:
        async with browser(f"{served}/live", tmp_path / "profile", width, dark) as page:
            await page.until("document.querySelector('#look image')")
            assert await wrong(page, axe) == []
            await page.value("document.querySelector('#who').value = 'Ada'; document.querySelector('#accept').click()")
            await page.until("document.querySelector('#status').textContent.startsWith('Kept')")
            assert await wrong(page, axe) == []
            assert page.said == []

    asyncio.run(work())


def test_a_page_with_faults_would_be_found_out(axe: str, tmp_path: Path, browser: Any) -> None:
    faulty = tmp_path / "faulty.html"
    faulty.write_text("<!doctype html><img src='data:,'><button></button><p style='color:#ddd'>pale</p>")

    async def work() -> None:
        async with browser(faulty.as_uri(), tmp_path / "profile", 1280) as page:
            found = " ".join(await wrong(page, axe))
            assert all(rule in found for rule in ("image-alt", "button-name", "color-contrast", "html-has-lang"))

    asyncio.run(work())


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_a_year_of_a_port_paints_and_filters_at_once(year: Path, tmp_path: Path, browser: Any, width: int) -> None:
    async def work() -> None:
        async with browser((year / "report.html").resolve().as_uri(), tmp_path / "profile", width) as page:
            assert await page.first_paint_ms() < 1000
            assert await page.value("document.querySelectorAll('.visits tbody tr').length") >= 60
            assert await page.value("document.documentElement.scrollWidth <= innerWidth")
            # the quickest of several: other work on the machine only ever adds to it
            words = ("b1", "b2", "loaded", "b1 2024")
            took_ms = [await page.value(FILTERED.replace("WORD", word)) for word in words]
            assert min(took_ms) < 50

    asyncio.run(work())
    assert (year / "report.html").stat().st_size < 3_000_000
