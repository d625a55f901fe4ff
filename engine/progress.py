"""How far a run has come, told to whoever waits: bars on a terminal, lines without one, JSON, or nothing.

A run is a row of steps, each a known number of equal pieces. Beginning a step ends the one before.
"""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

TELL_EVERY_S = 10.0

Tell = Callable[[str, int, int, float], None]


class Progress(Protocol):
    """What a step of the run calls while it works."""

    def step(self, name: str, total: int) -> None:
        """Begin the step `name` of `total` pieces."""

    def advance(self, n: int = 1) -> None:
        """Count `n` more pieces of the step as done."""

    def done(self) -> None:
        """End the step; nothing happens where none is open."""


class Silent:
    """Says nothing: `--quiet`, and the default from Python.

    >>> Silent().step("read scenes", 3)
    """

    def step(self, name: str, total: int) -> None:
        """Ignore it."""

    def advance(self, n: int = 1) -> None:
        """Ignore it."""

    def done(self) -> None:
        """Ignore it."""


class Told:
    """Tells a step's count when it ends, and every ten seconds while it lasts.

    `tell` gets the step's name, how many pieces are made, of how many, and the seconds since it began.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._name: str | None = None
        self._made = self._total = 0
        self._begun_s = self._told_s = 0.0

    def step(self, name: str, total: int) -> None:
        """Begin a step."""
        self.done()
        self._name, self._made, self._total = name, 0, total
        self._begun_s = self._told_s = time.monotonic()

    def advance(self, n: int = 1) -> None:
        """Count on, and tell it when ten seconds went by in silence."""
        self._made += n
        now_s = time.monotonic()
        if self._name is not None and self._made < self._total and now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            self._tell(self._name, self._made, self._total, now_s - self._begun_s)

    def done(self) -> None:
        """Tell how much the step did, and how long it took."""
        if self._name is not None:
            self._tell(self._name, self._made, self._total, time.monotonic() - self._begun_s)
            self._name = None


def time_left(made: int, total: int, elapsed_s: float) -> str:
    """How long the rest takes if it goes on as it did; nothing where that is not known, or soon over.

    >>> time_left(10, 40, 20.0), time_left(10, 100, 60.0), time_left(0, 40, 20.0)
    ('about 60 s left', 'about 9 min left', '')
    """
    left_s = elapsed_s * (total - made) / made if made else 0.0
    if left_s < 1:
        return ""
    return f"about {left_s / 60:.0f} min left" if left_s >= 90 else f"about {left_s:.0f} s left"


def plain_lines(stream: TextIO) -> Told:
    """Progress as lines of text, for a terminal that is none: a file, a pipe, a batch queue.

    >>> import sys
    >>> lines = plain_lines(sys.stdout)
    >>> lines.step("read scenes", 2)
    >>> lines.advance(2)
    >>> lines.done()
    read scenes: 2 of 2, 0 s
    """

    def tell(name: str, made: int, total: int, elapsed_s: float) -> None:
        told = [f"{made} of {total}", f"{elapsed_s:.0f} s", time_left(made, total, elapsed_s)]
        print(f"{name}: {', '.join(filter(None, told))}", file=stream, flush=True)

    return Told(tell)


def log_records() -> Told:
    """Progress as records of the logger `berthwatch.progress`, with the fields step, made, total, seconds.

    >>> log_records().step("read scenes", 2)
    """
    log = logging.getLogger("berthwatch.progress")

    def tell(name: str, made: int, total: int, elapsed_s: float) -> None:
        fields = {"step": name, "made": made, "total": total, "seconds": round(elapsed_s, 3)}
        log.info("%s: %d of %d", name, made, total, extra=fields)

    return Told(tell)


class Bars:
    """A bar for each step on a terminal; the bars stay, so that the row of steps can be read afterwards."""

    def __init__(self, console: "Console") -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._rich = RichProgress(*columns, TextColumn("{task.fields[left]}"), console=console)
        self._task: TaskID | None = None
        self._made = self._total = 0
        self._begun_s = 0.0

    def step(self, name: str, total: int) -> None:
        """Draw a new bar."""
        self.done()
        self._rich.start()
        self._task = self._rich.add_task(name, total=total, left="")
        self._made, self._total, self._begun_s = 0, total, time.monotonic()

    def advance(self, n: int = 1) -> None:
        """Lengthen the bar."""
        if self._task is not None:
            self._made += n
            left = time_left(self._made, self._total, time.monotonic() - self._begun_s)
            self._rich.update(self._task, advance=n, left=left)

    def done(self) -> None:
        """Stop drawing; the next step starts again below."""
        if self._task is not None:
            self._rich.stop()
            self._rich.remove_task(self._task)
            self._task = None
