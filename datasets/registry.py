"""What there is to try the package on without data of one's own: each name, what it is, its licence."""

from collections.abc import Callable
from dataclasses import dataclass

from berthwatch.datasets.scenarios import demo_port, empty_port, small_port, vostochny
from berthwatch.datasets.simulate import Scenario


@dataclass(frozen=True, slots=True)
class Entry:
    """One simulated port: what it is for, under which licence its output may be used, and how to make it."""

    what: str
    licence: str
    scenario: Callable[[], Scenario]


REGISTRY = {
    "small-port": Entry("synthetic port, four months, 40 radar and 30 optical scenes", "CC0-1.0", small_port),
    "demo-port": Entry("synthetic oil pier, half a year, radar and daily optical", "CC0-1.0", demo_port),
    "vostochny": Entry(
        "the case of 2024: 43 calls at a synthetic oil pier, with synthetic tankers", "CC0-1.0", vostochny
    ),
    "empty-port": Entry("the small port without traffic, for false alarms", "CC0-1.0", empty_port),
}


def scenario(name: str) -> Scenario:
    """The scenario of that name.

    >>> scenario("small-port").port.name
    'synthetic small port'
    >>> scenario("vostok")
    Traceback (most recent call last):
    ValueError: expected one of demo-port, empty-port, small-port, vostochny; got 'vostok'
    """
    if name not in REGISTRY:
        raise ValueError(f"expected one of {', '.join(sorted(REGISTRY))}; got {name!r}")
    return REGISTRY[name].scenario()
