"""How far a run has come, and what went wrong, on a terminal and without one."""

import io
import logging
from types import SimpleNamespace

import pytest
from rich.console import Console

from berthwatch.logs import ConsoleHandler, PlainFormatter
from berthwatch.progress import Bars, Silent, plain_lines


def test_bars_end_full_and_records_appear_above_them() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    bars, handler = Bars(console), ConsoleHandler(console)
    handler.setFormatter(PlainFormatter())
    bars.step("read scenes", 2)
    handler.emit(logging.makeLogRecord({"msg": "no [AIS] given", "levelno": logging.WARNING, "levelname": "WARNING"}))
    bars.advance(2)
    bars.step("observe", 1)
    bars.done()
    bars.advance()
    assert "warning: no [AIS] given" in screen.getvalue()
    assert "2/2" in screen.getvalue()


def test_long_step_tells_its_count_while_it_lasts(monkeypatch) -> None:
    monkeypatch.setattr("berthwatch.progress.TELL_EVERY_S", 0.0)
    stream = io.StringIO()
    lines = plain_lines(stream)
    lines.step("observe", 3)
    lines.advance()
    assert stream.getvalue() == "observe: 1 of 3, 0 s\n"


def test_long_step_tells_how_long_the_rest_takes(monkeypatch) -> None:
    clock = iter([0.0, 20.0, 60.0, 60.0])
    monkeypatch.setattr("berthwatch.progress.time", SimpleNamespace(monotonic=lambda: next(clock)))
    stream = io.StringIO()
    lines = plain_lines(stream)
    lines.step("observe", 6)
    lines.advance(2)
    lines.advance(4)
    lines.done()
    assert stream.getvalue().splitlines() == ["observe: 2 of 6, 20 s, about 40 s left", "observe: 6 of 6, 60 s"]


def test_bar_says_how_long_the_rest_takes(monkeypatch) -> None:
    clock = iter([0.0, 60.0])
    monkeypatch.setattr("berthwatch.progress.time", SimpleNamespace(monotonic=lambda: next(clock)))
    screen = io.StringIO()
    bars = Bars(Console(file=screen, force_terminal=True, width=100))
    bars.step("observe", 4)
    bars.advance(1)
    bars.done()
    assert "about 3 min left" in screen.getvalue()


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_of_errors_can_be_turned_off(monkeypatch, no_color: str, coloured: bool) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    screen = io.StringIO()
    handler = ConsoleHandler(Console(file=screen, force_terminal=True, color_system="standard", width=80))
    handler.setFormatter(PlainFormatter())
    handler.emit(logging.makeLogRecord({"msg": "torn", "levelno": logging.ERROR, "levelname": "ERROR"}))
    assert "error: torn" in screen.getvalue()
    assert ("\x1b[31m" in screen.getvalue()) == coloured


def test_silence_is_kept() -> None:
    silent = Silent()
    silent.step("observe", 3)
    silent.advance()
    silent.done()
