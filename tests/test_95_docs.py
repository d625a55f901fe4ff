"""The documentation holds: every block of code on every page and in the README is run, and the site is built.

A page's blocks share a folder and a namespace, in order. `python` is run, and compared with a `text` block right
after it; `pycon` is a doctest; each `$ ` line of `console` is run by a shell, its status and the output shown compared;
`yaml` is read by the real reader and kept under its title; `sh` lists commands, whose words are parsed by the real
command line; `math` is drawn. What cannot be run here says so in its opening line, with the reason, and is counted.
"""

import contextlib
import doctest
import importlib.util
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest

import berthwatch as bw
from berthwatch.cli import main
from berthwatch.datasets.registry import scenario
from berthwatch.datasets.simulate import simulate
from berthwatch.errors import InputError
from tests.fences import Fence, agrees, commands, fences

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
LANGUAGES = {"python", "pycon", "console", "yaml", "sh", "math", "text", "json"}
MOST_UNTESTED = 8
"""Blocks that need the network, an account or a cluster of others; more would want a better reason than that."""
ABOUT = 0.25
SLOW = {
    "README.md",
    "tutorial.md",
    *(f"howto/{name}.md" for name in ("own-port", "sentinel-1", "planet", "s3", "clusters", "tasking", "contest")),
}
"""Pages on which something is run that takes more than some seconds."""
DOCTEST = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix().removeprefix("docs/")


def pages(slow: bool) -> list[Path]:
    """Pages with something to run."""
    return [page for page in PAGES if (named(page) in SLOW) == slow and list(fences(page))]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulated port, as pages find it: a month, with files that they name, and without a run."""
    small = scenario("small-port")
    short = replace(small, end=small.start + timedelta(days=30))
    folder = simulate(short, tmp_path_factory.mktemp("docs") / "port", seed=1).parent
    berths = json.loads((folder / "berths.geojson").read_text())
    water = [each for each in berths["features"] if each["properties"].get("kind") == "control"]
    (folder / "water.geojson").write_text(json.dumps(berths | {"features": water}))
    return folder


@pytest.fixture(scope="module")
def ran(port: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with its run in `port-run`."""
    folder = tmp_path_factory.mktemp("ran") / "port"
    shutil.copytree(port, folder)
    bw.run(bw.read_port(folder / "port.yaml"), folder / "port-run")
    return folder


@pytest.fixture
def store(port: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An S3 server on loopback that holds the port's radar scenes in the bucket `scenes`."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, number = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{number}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=f"http://{host}:{number}", region_name="us-east-1")
    client.create_bucket(Bucket="scenes")
    for file in (port / "sentinel-1").iterdir():
        client.upload_file(str(file), "scenes", f"sentinel-1/{file.name}")
    yield
    server.stop()


def tolerance(fence: Fence) -> float:
    return ABOUT if "about" in fence.classes else 0.0


def console(fence: Fence, folder: Path) -> None:
    """Run each command of a block in the page's folder."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "100"}
    status = int(fence.attributes.get("status", 0))
    for command, shown in commands(fence):
        words = ["bash", "-c", command]
        done = subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        said = f"{fence.where}: {command}\n{done.stdout}{done.stderr}"
        assert done.returncode == status, said
        came = done.stdout + (done.stderr if status else "")
        assert agrees(shown, came, tolerance(fence)), said


def python(fence: Fence, namespace: dict[str, Any]) -> str:
    """Run a block; what it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(fence.text, fence.where, "exec"), namespace)
    return printed.getvalue()


def pycon(fence: Fence, namespace: dict[str, Any]) -> None:
    """Run a block of prompts and compare what it shows."""
    test = doctest.DocTestParser().get_doctest(fence.text, namespace, fence.where, fence.where, 0)
    assert test.examples, f"{fence.where}: no prompt"
    told = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=DOCTEST)
    runner.run(test, out=told.write, clear_globs=False)
    assert runner.failures == 0, told.getvalue()
    namespace |= test.globs


def yaml(fence: Fence, folder: Path) -> None:
    """Keep a run file under its title and read it, as `berthwatch check` would before it looks at scenes."""
    file = folder / fence.attributes.get("title", "block.yaml")
    file.write_text(fence.text)
    if "invalid" in fence.classes:
        with pytest.raises(InputError):
            bw.read_port(file)
    else:
        assert bw.read_port(file).sources


def synopsis(fence: Fence) -> None:
    """Each line is a command whose words the real command line, or the Makefile, understands."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in fence.text.splitlines():
        program, *words = shlex.split(line, comments=True)
        if program == "make":
            assert set(words) <= targets, f"{fence.where}: {line}"
            continue
        assert Path(program).name == "berthwatch", f"{fence.where}: {line}"
        verb = main.get_command(click.Context(main), words[0])
        assert verb is not None, f"{fence.where}: {line}"
        # paths that must exist are not asked for here: the words are a pattern
        loose = [_anywhere(each) for each in verb.params]
        click.Command(verb.name, params=loose).make_context(verb.name, words[1:])


def _anywhere(parameter: click.Parameter) -> click.Parameter:
    if isinstance(parameter.type, click.Path):
        parameter.type = click.Path(path_type=Path)
    return parameter


@contextlib.contextmanager
def nothing_left_running(folder: Path) -> Iterator[None]:
    """End what a page started and kept the number of, also where it fails half way."""
    try:
        yield
    finally:
        for file in folder.glob("*.pid"):
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(file.read_text()), signal.SIGTERM)


def run_page(page: Path, folder: Path) -> None:
    """Run all blocks of a page in a folder."""
    namespace: dict[str, Any] = {"__name__": "__page__", "PAGE": str(page)}
    printed = None
    for fence in fences(page):
        if fence.untested:
            continue
        needed = fence.attributes.get("needs")
        if needed and importlib.util.find_spec(needed) is None:
            pytest.skip(f"{fence.where}: {needed} is not installed; what stands above it was run")
        if fence.language == "python":
            printed = python(fence, namespace)
            continue
        if fence.language == "text" and printed is not None:
            assert agrees(fence.text, printed, tolerance(fence)), f"{fence.where}:\n{printed}"
        elif fence.language == "pycon":
            pycon(fence, namespace)
        elif fence.language == "console":
            console(fence, folder)
        elif fence.language == "yaml":
            yaml(fence, folder)
        elif fence.language == "sh":
            synopsis(fence)
        printed = None


@pytest.mark.parametrize("page", pages(slow=False), ids=named)
def test_page_that_takes_seconds(page: Path, port: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "page"
    shutil.copytree(port, folder)
    monkeypatch.chdir(folder)
    run_page(page, folder)


@pytest.mark.slow
@pytest.mark.parametrize("page", pages(slow=True), ids=named)
def test_page_that_runs_ports(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "page"
    if named(page) == "tutorial.md":
        folder.mkdir()  # a newcomer has nothing
    else:
        shutil.copytree(request.getfixturevalue("ran" if "contest" in page.name else "port"), folder)
    if named(page) == "howto/s3.md":
        request.getfixturevalue("store")
    monkeypatch.chdir(folder)
    with nothing_left_running(folder):
        run_page(page, folder)


def test_output_shown_is_compared_as_its_examples_say() -> None:
    assert doctest.testmod(sys.modules[agrees.__module__]).attempted > 0
    assert doctest.testmod(sys.modules[agrees.__module__]).failed == 0
    assert not agrees("visits: 37 of 40", "visits: 20 of 41", 0.25)
    assert not agrees("visits: 37", "calls: 37", 0.25)


def test_blocks_are_of_known_languages_and_few_are_not_run() -> None:
    untested = []
    for page in PAGES:
        for fence in fences(page):
            assert fence.language in LANGUAGES, f"{fence.where}: {fence.language!r}"
            assert fence.language != "json" or fence.untested, fence.where
            if fence.untested:
                assert fence.attributes.get("reason"), f"{fence.where}: say why"
                assert "not tested here" in page.read_text().lower(), (
                    f"{fence.where}: the page does not say it in words"
                )
                untested.append(f"{fence.where}: {fence.attributes['reason']}")
    assert len(untested) <= MOST_UNTESTED, "\n".join(untested)
