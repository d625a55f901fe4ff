"""The examples in docstrings hold. Run here, since pytest would import the folders under their own names."""

import doctest
import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import berthwatch


def modules() -> Iterator[str]:
    yield "berthwatch"
    # datasets and kernels lie outside engine/, so a walk over the package does not meet them.
    for package in ("berthwatch", "berthwatch.kernels", "berthwatch.datasets"):
        path = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(path, f"{package}."):
            if not module.name.endswith("__main__"):
                yield module.name


@pytest.mark.parametrize("name", sorted(set(modules())))
def test_examples_hold(name: str, tmp_path, monkeypatch) -> None:
    module = importlib.import_module(name)
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


@pytest.mark.parametrize("name", berthwatch.__all__)
def test_public_name_is_there_and_is_no_module(name: str) -> None:
    value = getattr(berthwatch, name)
    assert isinstance(value, str) or callable(value)
