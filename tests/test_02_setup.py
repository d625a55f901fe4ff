"""`make setup` finds a Python by running each candidate."""

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SYSTEM = "/usr/bin:/bin"


@pytest.fixture
def find_python(root: Path, tmp_path: Path):
    """Call the script with folders of pretended Pythons in front of the system's."""

    def call(*folders: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        path = ":".join([*map(str, folders), SYSTEM])
        given = {"PATH": path, "HOME": str(tmp_path / "nobody")} | environment
        script = ["sh", str(root / "scripts" / "find_python.sh")]
        return subprocess.run(script, env=given, capture_output=True, text=True, check=False)

    return call


def pretend(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return folder


def test_shim_that_exits_127_is_passed_over(find_python, tmp_path: Path) -> None:
    shims = pretend(tmp_path / "shims", "python3.12", "echo no such version >&2; exit 127")
    real = pretend(tmp_path / "real", "python3.12", f'exec "{os.path.realpath(sys.executable)}" "$@"')
    result = find_python(shims, real)
    assert result.returncode == 0, result.stderr
    version = subprocess.run([result.stdout.strip(), "--version"], capture_output=True, text=True, check=True).stdout
    assert version.startswith(("Python 3.12", "Python 3.13"))


def test_python_named_by_hand_is_taken(find_python) -> None:
    result = find_python(PYTHON=os.path.realpath(sys.executable))
    assert result.stdout.strip() == os.path.realpath(sys.executable)


def test_python_of_pyenv_is_found(find_python, tmp_path: Path) -> None:
    if find_python().returncode == 0:
        pytest.skip("the system's own Python is found first")
    (tmp_path / "pyenv/versions/3.12.1").mkdir(parents=True)
    pretend(tmp_path / "pyenv/versions/3.12.1/bin", "python3", f'exec "{os.path.realpath(sys.executable)}" "$@"')
    assert find_python(PYENV_ROOT=str(tmp_path / "pyenv")).stdout.strip() == os.path.realpath(sys.executable)


def test_no_fitting_python_says_what_to_install(find_python) -> None:
    if find_python().returncode == 0:
        pytest.skip("the system's own Python fits")
    result = find_python()
    assert result.returncode == 1
    assert "no Python 3.12 or 3.13 found" in result.stderr or "python3-venv" in result.stderr


def test_lock_names_all_that_its_packages_ask_for(root: Path) -> None:
    """It is installed as it stands, so that nothing else would tell of a package left out."""
    lines = re.findall(r"^(\S+==.+?) *\\$", (root / "requirements.lock").read_text(), re.MULTILINE)
    locked = {canonicalize_name(each.name): each for each in map(Requirement, lines)}
    here = [name for name, each in locked.items() if each.marker is None or each.marker.evaluate()]
    asked = {
        (name, canonicalize_name(each.name))
        for name in here
        for each in map(Requirement, metadata.requires(name) or ())
        if each.marker is None or each.marker.evaluate({"extra": ""})
    }
    assert len(asked) > len(here) > 100
    assert [pair for pair in sorted(asked) if pair[1] not in here] == []
