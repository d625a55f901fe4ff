"""The command `berthwatch`: begin a run file, check it, run it, export what a run wrote, score it, verify it,
hand out the evidence of a visit, look through it.

Results go to stdout, everything said on the way to stderr. Exit status: 0 done; 2 the input is wrong;
3 done, with scenes set aside; 1 anything else. Steps are imported inside the verbs, so that help is quick.
"""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from berthwatch import __version__
from berthwatch.afterwards import gc
from berthwatch.firststeps import completion, init
from berthwatch.serve import serve
from berthwatch.terminal import (
    EXIT_FAILED,
    EXIT_INPUT,
    EXIT_SET_ASIDE,
    examples,
    exit_status,
    run_options,
    start,
    tell_set_aside,
    verbose_option,
)

if TYPE_CHECKING:
    from berthwatch.export import Format
    from berthwatch.logs import LogFormat

BATCH_EXIT = {"failed": EXIT_FAILED, "input wrong": EXIT_INPUT, "scenes set aside": EXIT_SET_ASIDE}
"""The exit status of a batch in which a port ended so, the worst first."""

_log = logging.getLogger("berthwatch.cli")
_port = click.argument("port", metavar="PORT.YAML", type=click.Path(path_type=Path))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="berthwatch")
def main() -> None:
    """From satellite scenes of a port to a ledger of its berth visits.

    A run file (YAML) names the berths, the scenes and, where there are some, vessels and AIS.

    \b
      berthwatch init scenes --berth berths.geojson  begin a run file from what lies in a folder
      berthwatch check port.yaml                     what a run would do, and what is wrong
      berthwatch run port.yaml --out port-run        do it; open port-run/report.html
      berthwatch run port.yaml --out port-run        again, with more scenes: only the new ones are read
      berthwatch batch ports/*.yaml --out runs       many ports; one that fails stops no other
      berthwatch export port-run --to gpkg --out port.gpkg
      berthwatch evaluate port-run truth.csv         score it, where the truth is known
      berthwatch verify port-run port.yaml           is everything still what its record says?
      berthwatch evidence port-run VISIT --out DIR   all there is on one visit, with hashes
      berthwatch serve port-run                      look through its scenes in a browser, and correct
      berthwatch gc port-run                         take away what runs that died left behind

    \b
    Exit status:
      0  done
      2  the input is wrong: each fault on a line, nothing written
      3  done, with scenes set aside: each named with its reason
      1  anything else

    \b
    Without a terminal, or with TERM=dumb, progress is plain lines; NO_COLOR=1 turns colours off.
    `berthwatch completion bash` (zsh, fish) prints what makes the shell complete verbs and options.
    """


main.add_command(init)
main.add_command(completion)
main.add_command(serve)
main.add_command(gc)


@main.command(
    epilog=examples(
        "berthwatch run port.yaml --out port-run",
        "berthwatch run port.yaml --out port-run --workers 8",
        "berthwatch run port.yaml --out port-run --scheduler tcp://10.0.0.5:8786",
        "berthwatch run port.yaml --out port-run --log-format json 2> port-run.log",
    )
)
@_port
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@run_options
def run(
    port: Path,
    out: Path,
    scheduler: str | None,
    workers: int | None,
    quiet: bool,
    verbose: bool,
    log_format: "LogFormat",
) -> None:
    """Read the scenes of PORT.YAML and write tables, ledger and report to a folder.

    Running it again with the same folder adds the scenes that are new, and no others.
    """
    progress = start(log_format, quiet=quiet, verbose=verbose)
    with exit_status(verbose):
        from berthwatch.cluster import connect
        from berthwatch.config import read_port

        plan = read_port(port)  # before anything slow is imported or started: a fault is told at once
        from berthwatch.pipeline import run as run_port

        try:
            with connect(scheduler, workers) as client:
                result = run_port(plan, out, client=client, progress=progress)
        finally:
            progress.done()  # a bar still drawing would run through the error's line
        if not quiet:
            for name, value in result.summary.items():
                if isinstance(value, str | int | float):
                    click.echo(f"{name.replace('_', ' ')}: {value}")
            click.echo(f"report: {result.out / 'report.html'}")
        tell_set_aside(result.set_aside)
        if result.set_aside:
            sys.exit(EXIT_SET_ASIDE)


@main.command(
    epilog=examples(
        "berthwatch batch ports/*.yaml --out runs",
        "berthwatch batch ports/*.yaml --out runs --scheduler tcp://10.0.0.5:8786",
    )
)
@click.argument(
    "ports", metavar="PORT.YAML...", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False)
)
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of all folders.")
@run_options
def batch(
    ports: tuple[Path, ...],
    out: Path,
    scheduler: str | None,
    workers: int | None,
    quiet: bool,
    verbose: bool,
    log_format: "LogFormat",
) -> None:
    """Run many ports, each into a folder of its own, and sum them up in ports.csv and ports.json.

    A port that fails stops no other. Run again, it goes on where it was, and adds only new scenes. The status is that
    of the port that fared worst: 1 one failed, 2 one's input is wrong, 3 scenes were set aside.
    """
    progress = start(log_format, quiet=quiet, verbose=verbose)
    with exit_status(verbose):
        from berthwatch.cluster import connect
        from berthwatch.manyports import PortOutcome, run_ports

        def tell(outcome: PortOutcome) -> None:
            fields = {"port": outcome.port, "status": outcome.status, "said": outcome.said}
            tell_set_aside(outcome.set_aside, outcome.port)
            if outcome.said:
                _log.error("%(port)s: %(status)s: %(said)s", fields, extra=fields)
            elif not quiet:
                click.echo(f"{outcome.port}: {outcome.status}")

        with connect(scheduler, workers) as client:
            outcomes = run_ports(ports, out, client, progress, tell)
        if not quiet:
            click.echo(f"summary: {out / 'ports.csv'}")
        found = {outcome.status for outcome in outcomes}
        worst = [status for name, status in BATCH_EXIT.items() if name in found]
        if worst:
            sys.exit(worst[0])


@main.command(
    epilog=examples(
        "berthwatch check port.yaml && berthwatch run port.yaml --out port-run",
    )
)
@_port
@verbose_option
def check(port: Path, verbose: bool) -> None:
    """Say what a run of PORT.YAML would do and what is wrong with it, without running."""
    start("plain", quiet=False, verbose=verbose)
    with exit_status(verbose):
        from berthwatch.config import read_port

        plan = read_port(port)
        from berthwatch.pipeline import check as check_port

        for line in check_port(plan):
            click.echo(line)


@main.command(
    epilog=examples(
        "berthwatch export port-run --to zarr --out port-zarr    the cubes, as plain Zarr v3",
        "berthwatch export port-run --to cog  --out port-cog     the cubes, a Cloud Optimized GeoTIFF a scene and band",
        "berthwatch export port-run --to gpkg --out port.gpkg    visits and berths, for a GIS",
        "berthwatch export port-run --to svg  --out port.svg     the ledger's figure, for a page of your own",
    )
)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--to", "target", required=True, type=click.Choice(["zarr", "cog", "gpkg", "svg"]), help="What to write.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File or folder to write.")
@verbose_option
def export(run_folder: Path, target: "Format", out: Path, verbose: bool) -> None:
    """Write what a RUN holds in a form that other software opens."""
    start("plain", quiet=False, verbose=verbose)
    with exit_status(verbose):
        from berthwatch.export import export as export_run

        for written in export_run(run_folder, out, (target,)):
            click.echo(str(written))


@main.command(
    epilog=examples(
        "berthwatch evaluate port-run port/truth.csv",
        "berthwatch evaluate port-run port --json scores.json",
    )
)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("truth", metavar="TRUTH", type=click.Path(path_type=Path))
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the scores here too.")
@verbose_option
def evaluate(run_folder: Path, truth: Path, json_file: Path | None, verbose: bool) -> None:
    """Score what a RUN found against the TRUTH: a CSV file of true visits, or a folder that holds truth.csv.

    The file needs the columns berth_id, arrival and departure. With arrival_load, departure_load, transition,
    barrels, vessel_id, in_fleet or ais, these are scored too; with a labels.csv beside it, so are the looks.
    """
    start("plain", quiet=False, verbose=verbose)
    with exit_status(verbose):
        from berthwatch.evaluate import evaluate as score_run
        from berthwatch.outputs import write_json
        from berthwatch.scoresheet import scoresheet

        scores = score_run(run_folder, truth)
        if json_file is not None:
            write_json(json_file, scores)
        click.echo(scoresheet(scores))


@main.command(
    epilog=examples(
        "berthwatch verify port-run",
        "berthwatch verify port-run port.yaml",
    )
)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("port", metavar="[PORT.YAML]", required=False, type=click.Path(path_type=Path))
@verbose_option
def verify(run_folder: Path, port: Path | None, verbose: bool) -> None:
    """Work out anew the hashes of what a RUN wrote, and with PORT.YAML of what it read, and say what differs.

    The exit status is 1 where anything does.
    """
    start("plain", quiet=False, verbose=verbose)
    with exit_status(verbose):
        from berthwatch.config import read_port
        from berthwatch.verify import verify as verify_run

        said, differs = verify_run(run_folder, None if port is None else read_port(port))
        for line in said:
            click.echo(line)
        for fault in differs:
            _log.error("%s", fault, extra={"where": fault.where, "expected": fault.expected, "came": fault.came})
        if differs:
            sys.exit(EXIT_FAILED)


@main.command(
    epilog=examples(
        "berthwatch evidence port-run B1-20240307T013000 --out B1-20240307",
        "cd B1-20240307 && sha256sum --check SHA256SUMS",
    )
)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("visit_id", metavar="VISIT")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write, which is not there yet.")
@verbose_option
def evidence(run_folder: Path, visit_id: str, out: Path, verbose: bool) -> None:
    """Write all that a RUN knows of one VISIT to a folder: page, tables, pixels, and the SHA-256 of each file."""
    start("plain", quiet=False, verbose=verbose)
    with exit_status(verbose):
        from berthwatch.dossier import dossier

        click.echo(str(dossier(run_folder, visit_id, out)))
