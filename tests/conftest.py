"""What tests share: where real scenes lie, a command line that can be called, a page in a real browser.

The browser is Chromium, driven over its own protocol through the aiohttp that berthwatch needs anyway.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

ROOT = Path(__file__).resolve().parent.parent

RealData = Callable[[str], Path]
CommandLine = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> RealData:
    """`real_data("latakia")` is the folder of a real data set; the test is skipped where it is not."""

    def find(name: str) -> Path:
        base = Path(os.environ.get("BERTHWATCH_DATA", ROOT.parent / "shared" / "data"))
        folder = base / name
        if not folder.exists():
            pytest.skip(f"no real scenes: {name} is in neither $BERTHWATCH_DATA nor ../shared/data")
        return folder

    return find


@pytest.fixture(scope="session")
def command_line() -> CommandLine:
    """`command_line("check", "port.yaml")` runs the command in a process of its own."""

    def call(*arguments: str | Path, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "berthwatch", *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, check=False)

    return call


class NavigatedError(Exception):
    """The page was left while it was asked."""


class Page:
    """One page: what it was told, and what it said on its console and asked of the network."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.number = 0
        self.said: list[str] = []
        self.asked: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol; what happens meanwhile is kept."""
        self.number += 1
        await self.socket.send_json({"id": self.number, "method": method, "params": parameters})
        async with asyncio.timeout(90):
            while True:
                message = await self.socket.receive_json()
                if message.get("id") == self.number:
                    if re.search("navigated|execution context", str(message.get("error"))):
                        raise NavigatedError(message["error"]["message"])
                    assert "error" not in message, message
                    return dict(message["result"])
                self._keep(message)

    def _keep(self, message: dict[str, Any]) -> None:
        happened, told = message.get("method"), message.get("params", {})
        if happened == "Network.requestWillBeSent" and not told["request"]["url"].startswith("data:"):
            self.asked.append(told["request"]["url"])
        if happened in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.said.append(str(told))

    async def value(self, expression: str) -> Any:
        """The value of an expression, waited for where it is a promise."""
        found = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    async def until(self, condition: str) -> None:
        """Wait for what must come true, however busy the machine is; a minute is too long.

        Asked anew from outside each time: a promise kept in the page would be lost where a link leads to another.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                while not await self._holds(condition):
                    await asyncio.sleep(0.02)
                return
        raise AssertionError(f"never: {condition}; on the page: {await self.value('document.body.innerText')}")

    async def _holds(self, condition: str) -> bool:
        """Whether a condition holds now; not yet, where the page it was asked of is just being left.

        Made a boolean in the page: an element handed out by value is an empty object, which Python takes for false.
        """
        try:
            return bool(await self.value(f"Boolean({condition})"))
        except NavigatedError:
            return False

    async def first_paint_ms(self) -> float:
        """From the start of loading."""
        seen = "new PerformanceObserver(list => done(list.getEntries()[0].startTime))"
        return float(await self.value(f"new Promise(done => {seen}.observe({{ type: 'paint', buffered: true }}))"))

    async def press(self, key: str, code: int) -> None:
        """Press and release a key."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)


@asynccontextmanager
async def opened(address: str, profile: Path, width: int, dark: bool = False) -> AsyncIterator[Page]:
    """A page of this width, loaded."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no chromium on this machine")
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", *quiet]
    process = subprocess.Popen([*command, f"--user-data-dir={profile}", "about:blank"], stderr=subprocess.DEVNULL)
    try:
        port = await asyncio.to_thread(_port, profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                (target,) = [each for each in await answer.json() if each["type"] == "page"]
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = Page(socket)
                for domain in ("Page", "Network", "Runtime", "Log"):
                    await page.call(f"{domain}.enable")
                await page.call(
                    "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
                )
                scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
                await page.call("Emulation.setEmulatedMedia", features=scheme)
                await page.call("Page.navigate", url=address)
                loaded = "new Promise(r => document.readyState === 'complete' ? r() : addEventListener('load', r))"
                await page.value(loaded)
                yield page
    finally:
        process.terminate()
        process.wait(30)


def _port(file: Path) -> int:
    for _ in range(300):
        if file.is_file() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        time.sleep(0.1)
    raise TimeoutError(f"no {file}")


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run on three weeks of a small simulated port wrote, radar and optical, for those who only read it."""
    import berthwatch as bw
    from berthwatch.datasets.registry import scenario
    from berthwatch.datasets.simulate import simulate

    small = scenario("small-port")
    run_file = simulate(replace(small, end=small.start + timedelta(days=21)), tmp_path_factory.mktemp("port"), seed=1)
    return bw.run(bw.read_port(run_file), run_file.parent / "out").out


@pytest.fixture
def run_to_correct(small_run: Path) -> Iterator[Path]:
    """The same, without any correction before and after."""
    (small_run / "corrections.jsonl").unlink(missing_ok=True)
    yield small_run
    (small_run / "corrections.jsonl").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def served(small_run: Path) -> Iterator[str]:
    """The address of a real server of that run, started as a person would, and ended so."""
    words = [sys.executable, "-m", "berthwatch", "serve", str(small_run), "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.fullmatch(r"report: (http://127\.0\.0\.1:\d+)/\n", process.stdout.readline())
    assert found, process.communicate(timeout=10)
    yield found[1]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "Traceback" not in said


@pytest.fixture(scope="session")
def browser() -> Callable[..., AbstractAsyncContextManager[Page]]:
    """`async with browser(address, profile, width, dark) as page` opens a page; skipped without Chromium."""
    return opened
