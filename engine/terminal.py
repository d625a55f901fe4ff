"""What every verb of the command line shares: how it logs and shows progress, and how errors become exit statuses.

Results go to stdout, everything said on the way to stderr. Exit status: 0 done; 2 the input is wrong;
3 done, with scenes set aside; 1 anything else.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from berthwatch.errors import BerthwatchError, InputError

if TYPE_CHECKING:
    from berthwatch.logs import LogFormat
    from berthwatch.model import SetAside
    from berthwatch.progress import Progress

EXIT_FAILED, EXIT_INPUT, EXIT_SET_ASIDE = 1, 2, 3

verbose_option = click.option(
    "--verbose", "-v", is_flag=True, help="Say more: debug records, and tracebacks of errors."
)
quiet_option = click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors and the scenes set aside.")
_log = logging.getLogger("berthwatch.cli")


def examples(*lines: str) -> str:
    """The end of a verb's help: commands to copy, each on a line of its own.

    >>> examples("berthwatch check port.yaml")
    '\\x08\\nExamples:\\n  berthwatch check port.yaml'
    """
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def run_options[F: Callable[..., object]](verb: F) -> F:
    """Give a verb that runs ports what all such verbs take: where to work, and how to say what goes on."""
    for option in (
        click.option(
            "--log-format",
            type=click.Choice(["plain", "json"]),
            default="plain",
            show_default=True,
            help="How stderr is written.",
        ),
        verbose_option,
        quiet_option,
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            callback=_one_place,
            help="Work in N processes here.  [default: threads, no processes]",
        ),
        click.option(
            "--scheduler",
            metavar="tcp://HOST:PORT",
            is_eager=True,  # is there when the workers are looked at
            help="Work on the dask cluster of this scheduler.",
        ),
    ):
        verb = option(verb)
    return verb


def _one_place(context: click.Context, _: click.Parameter, workers: int | None) -> int | None:
    if workers is not None and context.params.get("scheduler") is not None:
        raise click.UsageError("--scheduler and --workers exclude each other: a cluster brings its own workers.")
    return workers


def tell_set_aside(scenes: Iterable["SetAside"], port: str | None = None) -> None:
    """Name the scenes that were not used. An error's level, for `--quiet` must not hide what changes the answer."""
    for scene in scenes:
        fields = {"scene_id": scene.scene_id, "source": scene.source, "reason": scene.reason}
        fields |= {} if port is None else {"port": port}
        of = "" if port is None else "%(port)s: "
        _log.error(of + "set aside: scene %(scene_id)s of %(source)s: %(reason)s", fields, extra=fields)


def start(log_format: "LogFormat", quiet: bool, verbose: bool) -> "Progress":
    """Begin to log, and choose how progress is shown."""
    from berthwatch.logs import start_logs
    from berthwatch.progress import Bars, Silent, log_records, plain_lines

    # A terminal that calls itself dumb cannot move its cursor, which a bar needs.
    if log_format == "plain" and not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
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
    except BerthwatchError as error:
        _log.error("%s", error, exc_info=verbose)
        sys.exit(EXIT_FAILED)
    except Exception as error:  # noqa: BLE001 - whatever it was, a person reads one line and the status says 1
        line = " ".join(str(error).split()) or "no message"
        more = "" if verbose else " (--verbose says where)"
        _log.error("%s: %s%s", type(error).__name__, line, more, exc_info=verbose)
        sys.exit(EXIT_FAILED)
