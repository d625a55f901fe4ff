"""The verb `gc`: take away what runs that died left in a run's folder."""

from pathlib import Path

import click

from berthwatch.terminal import examples, exit_status, start, verbose_option


@click.command(epilog=examples("berthwatch gc port-run"))
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@verbose_option
def gc(run_folder: Path, verbose: bool) -> None:
    """Take away what runs that died left in a RUN's folder: pixels nobody can reach, and outputs half written.

    What any commit of a cube reaches is kept. While somebody runs in the folder nothing is done.
    """
    start("plain", quiet=False, verbose=verbose)
    with exit_status(verbose):
        from berthwatch.litter import gc as collect

        found = collect(run_folder)
        for litter in found:
            runs = f", of runs that died: {litter.branches}" if litter.branches else ""
            click.echo(f"{litter.where}: files taken away: {litter.files} ({litter.freed_bytes / 1e6:.1f} MB){runs}")
        if not found:
            click.echo("nothing to take away")
