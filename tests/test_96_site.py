"""The site: built without a warning, complete, and never asking anybody else for anything."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import berthwatch as bw
from berthwatch.cli import main
from tests.fences import fences

ROOT = Path(__file__).resolve().parent.parent
LOADED = re.compile(
    r"""<(?:script|img|link|iframe|source|video|audio|object|embed|form)\b[^>]*?"""
    r"""(?:src|href|data|srcset|action)\s*=\s*["']?(?:https?:)?//[^"'\s>]+"""
    r"""|@import[^;]*//[^;]*|url\(\s*["']?(?:https?:)?//[^)]*""",
    re.IGNORECASE,
)
"""What a browser fetches by itself when it meets it; a link that a reader may follow is none."""


def hooks() -> ModuleType:
    spec = util.spec_from_file_location("site_hooks", ROOT / "scripts" / "site_hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if util.find_spec("mkdocs") is None or util.find_spec("mkdocstrings") is None:
        pytest.skip("no mkdocs here: install the extra docs")
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(words, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_equation_is_drawn_and_can_be_read_aloud() -> None:
    drawn = hooks()
    found = [fence for page in (ROOT / "docs").rglob("*.md") for fence in fences(page) if fence.language == "math"]
    assert len(found) > 10
    for fence in found:
        figure = drawn.equation(fence.text.strip())
        assert "<path" in figure, fence.where
        assert 'aria-label="' in figure, fence.where
        assert "#ffffff" not in figure, f"{fence.where}: a white page behind it"


def test_help_of_every_command_is_on_the_page() -> None:
    page = hooks().on_page_markdown("<!-- commands -->")
    for name, verb in main.commands.items():
        assert f"## berthwatch {name}" in page
        assert all(option in page for parameter in verb.params for option in parameter.opts if option.startswith("--"))


def test_every_public_name_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "python.md").read_text()
    forgetful = page.replace("::: berthwatch.targets.cfar\n", "").replace("::: berthwatch.change\n", "")
    for text in (page, forgetful):
        listed = re.findall(r"^::: [\w.]+\.(\w+)$", hooks().on_page_markdown(text), re.MULTILINE)
        assert {name for name in dir(bw) if not name.startswith("_")} <= set(listed)
        assert len(listed) == len(set(listed))


def test_every_page_is_in_the_navigation() -> None:
    nav = (ROOT / "mkdocs.yml").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        assert f": {page.relative_to(ROOT / 'docs').as_posix()}\n" in nav


def test_fetching_would_be_noticed() -> None:
    for fetched in (
        '<script src="https://example.org/x.js">',
        "<link rel=stylesheet href=https://example.org/x.css>",
        '<img alt="" src="//example.org/x.png">',
        "@import 'https://example.org/x.css';",
        "a { background: url(https://example.org/x.png) }",
    ):
        assert LOADED.search(fetched), fetched
    assert not LOADED.search('<a href="https://example.org">')


@pytest.mark.slow
def test_site_is_built_without_a_warning_and_fetches_nothing(site: Path) -> None:
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(pages) > 15
    for page in pages:
        text = re.sub(r"<link rel=[\"']?canonical[^>]*>", "", page.read_text(encoding="utf-8"))
        assert not LOADED.findall(text), page
    scripts = "".join(file.read_text(encoding="utf-8") for file in (site / "assets" / "javascripts").glob("*.js"))
    addresses = set(re.findall(r"https://[\w.-]+", scripts))
    # the first asks of a repository that mkdocs.yml does not name, the second stands in a comment
    assert addresses <= {"https://api.github.com", "https://clipboardjs.com"}
    assert "repo_url" not in (ROOT / "mkdocs.yml").read_text()
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    assert all(f"berthwatch {name}" in commands for name in main.commands)
    assert "Raises" in (site / "reference" / "python.html").read_text(encoding="utf-8")


async def _requests(browser: Callable[..., Any], site: Path, profile: Path) -> tuple[list[str], list[str]]:
    async with browser((site / "methods.html").as_uri(), profile, 1200) as page:
        return page.asked, page.said


@pytest.mark.slow
def test_page_in_a_browser_asks_for_nothing_but_its_own_files(
    site: Path, browser: Callable[..., Any], tmp_path: Path
) -> None:
    import asyncio

    asked, said = asyncio.run(_requests(browser, site, tmp_path / "profile"))
    assert asked
    assert all(each.startswith(site.as_uri()) for each in asked), asked
    assert not [each for each in said if "exception" in each.lower()], said
