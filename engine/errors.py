"""What can go wrong, and how it is said.

Bad input is a list of faults, each with where it is, what was expected and what came. A scene that
cannot be used is not an error of the run: it is set aside by name and reason, and the run goes on.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the input, in words a person can act on.

    >>> print(Fault("port.yaml:3 berths", "a GeoJSON file", "no such file: berths.geojson"))
    port.yaml:3 berths: expected a GeoJSON file; got no such file: berths.geojson
    """

    where: str
    expected: str
    came: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}; got {self.came}"


class BerthwatchError(Exception):
    """Anything this package raises on purpose."""


class InputError(BerthwatchError):
    """The input is wrong: nothing was written. The command line exits with 2.

    >>> str(InputError([Fault("a", "1", "2"), Fault("b", "3", "4")]))
    'a: expected 1; got 2\\nb: expected 3; got 4'
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class SceneError(BerthwatchError):
    """One scene cannot be used; the run sets it aside with this reason and goes on.

    >>> str(SceneError("S1A_x", "every pixel is nodata"))
    'scene S1A_x: every pixel is nodata'
    """

    def __init__(self, scene_id: str, reason: str) -> None:
        self.scene_id = scene_id
        self.reason = reason
        super().__init__(f"scene {scene_id}: {reason}")
