"""What every verb of the command line shares: how it logs and shows progress, and how errors become exit statuses.

Results go to stdout, everything said on the way to stderr. Exit status: 0 done; 2 the input is wrong;
3 done, with scenes set aside; 1 anything else.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from berthwatch.errors import InputError

if TYPE_CHECKING:
    from berthwatch.logs import LogFormat
    from berthwatch.progress import Progress

EXIT_FAILED, EXIT_INPUT, EXIT_SET_ASIDE = 1, 2, 3

verbose_option = click.option(
    "--verbose", "-v", is_flag=True, help="Say more: debug records, and tracebacks of errors."
)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors and the scenes set aside.")
scheduler_option = click.option(
    "--scheduler", metavar="tcp://HOST:PORT", help="Work on the dask cluster of this scheduler."
)
workers_option = click.option(
    "--workers", type=click.IntRange(min=1), help="Work in N processes here.  [default: threads, no processes]"
)
log_format_option = click.option(
    "--log-format",
    type=click.Choice(["plain", "json"]),
    default="plain",
    show_default=True,
    help="How stderr is written.",
)

_log = logging.getLogger("berthwatch.cli")


def one_place_to_work(scheduler: str | None, workers: int | None) -> None:
    """Refuse both a cluster elsewhere and workers here."""
    if scheduler is not None and workers is not None:
        raise click.UsageError("--scheduler and --workers exclude each other: a cluster brings its own workers.")


def start(log_format: "LogFormat", quiet: bool, verbose: bool) -> "Progress":
    """Begin to log, and choose how progress is shown."""
    from berthwatch.logs import start_logs
    from berthwatch.progress import Bars, Silent, log_records, plain_lines

    if log_format == "plain" and not quiet and sys.stderr.isatty():
        from rich.console import Console

        console = Console(stderr=True)
        start_logs(log_format, console, quiet, verbose)
        return Bars(console)
    start_logs(log_format, None, quiet, verbose)
    if quiet:
        return Silent()
    return log_records() if log_format == "json" else plain_lines(sys.stderr)


@contextmanager
def exit_status(verbose: bool) -> Iterator[None]:
    """Turn what a verb raises into lines on stderr and an exit status."""
    try:
        yield
    except InputError as error:
        for fault in error.faults:
            _log.error("%s", fault, extra={"where": fault.where, "expected": fault.expected, "came": fault.came})
        sys.exit(EXIT_INPUT)
    except (click.ClickException, click.Abort):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it was, a person reads one line and the status says 1
        line = " ".join(str(error).split()) or "no message"
        _log.error("%s: %s", type(error).__name__, line, exc_info=verbose)
        sys.exit(EXIT_FAILED)
