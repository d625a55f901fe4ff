"""The live view in a real browser: a person picks a berth, scrubs, lays change over, says what they see; it is kept."""

import asyncio
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from berthwatch.corrections import read_corrections

SCENE = "document.querySelector('#look').dataset.scene"
DRAWN = (
    "document.querySelector('#shown')?.getAttribute('aria-busy') === 'false' && !!document.querySelector('#look image')"
)


def looks(run: Path, berth_id: str) -> pd.DataFrame:
    table = pd.read_parquet(run / "occupancy.parquet")
    return table[table["berth_id"] == berth_id].sort_values(["time", "source"], ignore_index=True)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False), (1920, True)])
def test_person_scrubs_says_and_is_heard(
    run_to_correct: Path, served: str, tmp_path: Path, browser: Any, width: int, dark: bool
) -> None:
    async def work() -> None:
        async with browser(f"{served}/live", tmp_path / "profile", width, dark) as page:
            assert await page.first_paint_ms() < 1000
            await page.until(DRAWN)
            await _scrubbed(page, looks(run_to_correct, "B1"))
            await _laid_over(page)
            await _said(page, run_to_correct)
            await _narrowed(page)
            assert await page.value("document.documentElement.scrollWidth <= innerWidth")
            assert page.said == []
            assert [address for address in page.asked if not address.startswith(f"{served}/")] == []

    asyncio.run(work())


async def _scrubbed(page: Any, own: pd.DataFrame) -> None:
    """By the slider, by arrow keys on it and beside it, and by the buttons, each scene in order of time."""
    assert await page.value(SCENE) == own["scene_id"][0]
    await page.value("document.querySelector('#slider').focus()")
    await page.press("ArrowRight", 39)
    await page.until(f"{SCENE} === '{own['scene_id'][1]}' && {DRAWN}")
    await page.value("document.activeElement.blur()")
    await page.press("ArrowRight", 39)
    await page.until(f"{SCENE} === '{own['scene_id'][2]}' && {DRAWN}")
    await page.press("ArrowLeft", 37)
    await page.until(f"{SCENE} === '{own['scene_id'][1]}' && {DRAWN}")
    await page.value("document.querySelector('#on').click()")
    await page.until(f"{SCENE} === '{own['scene_id'][2]}' && {DRAWN}")
    said = await page.value("document.querySelector('#slider').getAttribute('aria-valuetext')")
    assert said.startswith(f"{own['time'][2]:%Y-%m-%d %H:%M} UTC, ")
    assert said.endswith(f"3 of {len(own)}")
    assert await page.value("document.querySelector('#back').disabled") is False


async def _laid_over(page: Any) -> None:
    """Change can be laid over and taken away, and outlines and scale stay."""
    images = "document.querySelectorAll('#look image').length"
    assert await page.value(images) == 2
    await _chosen(page, "against", "")
    await page.until(f"{images} === 1 && {DRAWN}")
    assert await page.value("document.querySelector('#look .berth-edge').getBoundingClientRect().width > 30")
    assert not await page.value("document.querySelector('.of-change').offsetHeight")
    await _chosen(page, "against", "before")
    await page.until(f"document.querySelector('#words').textContent.includes('before') && {DRAWN}")
    await _chosen(page, "against", "usual")
    await page.until(f"{images} === 2 && {DRAWN}")


async def _chosen(page: Any, name: str, value: str) -> None:
    await page.value(f"""(() => {{ const field = document.querySelector('#{name}');
        field.value = '{value}'; field.dispatchEvent(new Event('change', {{ bubbles: true }})); }})()""")


async def _said(page: Any, run: Path) -> None:
    """Accepted, then called otherwise; both are in the file, and nothing is kept without a name."""
    look = looks(run, "B1").iloc[2]
    press = "document.querySelector('#form button[value=\"{}\"]').click()"
    await page.value(press.format("accept"))
    assert await page.value("document.querySelector('#who').matches(':invalid')")
    await page.value("document.querySelector('#who').focus()")
    await page.call("Input.insertText", text="Ada <b>Lovelace</b>")
    await page.press("ArrowLeft", 37)  # moves in the field, and not through the scenes
    for verdict in ("accept", "cannot tell"):
        await page.value(press.format(verdict))
        wanted = "cannot tell" if verdict != "accept" else "occupied" if look["occupied"] else "vacant"
        await page.until(f"document.querySelector('#status').textContent.startsWith('Kept: {wanted}')")
    first, last = read_corrections(run).all
    assert (first.berth_id, first.source, first.scene_id) == ("B1", look["source"], look["scene_id"])
    assert first.verdict == ("occupied" if look["occupied"] else "vacant")
    assert (last.verdict, last.who) == ("cannot tell", "Ada <b>Lovelace</b>")
    told = await page.value("[...document.querySelectorAll('#said li')].map(each => each.textContent)")
    assert len(told) == 3
    assert told[1].startswith("Ada <b>Lovelace</b>: cannot tell, ")
    assert "next run" in told[2]
    assert await page.value(SCENE) == look["scene_id"]


async def _narrowed(page: Any) -> None:
    """Looks can be narrowed to those corrected, and to none; another berth is another series."""
    await _chosen(page, "which", "said")
    await page.until(f"document.querySelector('#place').textContent.includes('1 of 1') && {DRAWN}")
    await _chosen(page, "berth", "C1")
    await page.until("document.querySelector('#place').textContent.includes('No such look')")
    assert await page.value("[...document.querySelectorAll('#form button')].every(each => each.disabled)")
    await _chosen(page, "which", "all")
    await page.until(f"document.querySelector('#look').getAttribute('aria-label').startsWith('Berth C1') && {DRAWN}")


@pytest.mark.slow
def test_what_cannot_be_kept_is_told(run_to_correct: Path, served: str, tmp_path: Path, browser: Any) -> None:
    async def work() -> None:
        async with browser(f"{served}/live#berth=B2", tmp_path / "profile", 1280) as page:
            await page.until(DRAWN)
            assert await page.value("document.querySelector('#berth').value") == "B2"
            (run_to_correct / "corrections.jsonl").write_text("torn")
            await page.value("document.querySelector('#who').value = 'Ada'; document.querySelector('#accept').click()")
            await page.until("document.querySelector('#status').textContent.startsWith('Not kept: ')")
            assert "cut off" in await page.value("document.querySelector('#status').textContent")

    asyncio.run(work())


@pytest.mark.slow
def test_report_leads_to_the_scenes_and_back(served: str, tmp_path: Path, browser: Any) -> None:
    async def work() -> None:
        async with browser(f"{served}/", tmp_path / "profile", 1280) as page:
            await page.value("document.querySelector('header a[href=live]').click()")
            await page.until(DRAWN)
            await page.value("document.querySelector('nav a').click()")
            await page.until("document.querySelector('.visits tbody tr') && document.readyState === 'complete'")
            assert await page.value("location.pathname") == "/"
            assert page.said == []
            assert [address for address in page.asked if not address.startswith(f"{served}/")] == []

    asyncio.run(work())
