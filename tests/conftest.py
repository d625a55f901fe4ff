"""What tests share: where real scenes lie, and a command line that can be called."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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
