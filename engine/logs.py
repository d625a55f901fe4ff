"""Log records of the command line: plain lines or JSON, on stderr; results alone go to stdout.

Our own records are shown from INFO up; those of libraries, and Python warnings, only with `--verbose`.
"""

import json
import logging
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console

LogFormat = Literal["plain", "json"]

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, and every `extra` field of the record.

    >>> record = logging.makeLogRecord({"msg": "set aside", "levelname": "ERROR", "scene_id": "S1A"})
    >>> fields = json.loads(JsonFormatter().format(record))
    >>> fields["message"], fields["scene_id"]
    ('set aside', 'S1A')
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as one line of JSON; values JSON has no word for are written as text."""
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields |= {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


class PlainFormatter(logging.Formatter):
    """The message alone, after its level where that is above INFO.

    >>> PlainFormatter().format(logging.makeLogRecord({"msg": "no AIS", "levelname": "WARNING", "levelno": 30}))
    'warning: no AIS'
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write the record as text, with the traceback where there is one."""
        text = super().format(record)
        return f"{record.levelname.lower()}: {text}" if record.levelno > logging.INFO else text


class ConsoleHandler(logging.Handler):
    """Writes above the progress bars instead of through them."""

    def __init__(self, console: "Console") -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record as it is: a bracket in it is no markup. Colour only repeats what the words say."""
        style = "red" if record.levelno >= logging.ERROR else "yellow" if record.levelno >= logging.WARNING else None
        self._console.print(self.format(record), style=style, markup=False, highlight=False, soft_wrap=True)


def start_logs(log_format: LogFormat, console: "Console | None", quiet: bool = False, verbose: bool = False) -> None:
    """Send log records to stderr for the length of the process.

    Parameters
    ----------
    log_format : {"plain", "json"}
        How a record is written.
    console : rich.console.Console or None
        The console that draws the progress bars, where one does.
    quiet, verbose : bool
        Errors only; or everything, libraries included.
    """
    handler: logging.Handler = logging.StreamHandler() if console is None else ConsoleHandler(console)
    handler.setFormatter(JsonFormatter() if log_format == "json" else PlainFormatter())
    own = logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO
    if not verbose:
        # At the handler, for some libraries give their loggers levels of their own.
        handler.addFilter(logging.Filter("berthwatch"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("berthwatch").setLevel(own)
    logging.captureWarnings(capture=True)
    if verbose:
        warnings.simplefilter("default")
