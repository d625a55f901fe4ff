"""The first steps on the command line: begin a run file, and let the shell complete the rest."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from berthwatch.terminal import examples, exit_status, quiet_option, start, verbose_option

if TYPE_CHECKING:
    from berthwatch.model import Kind

COMPLETE = "_BERTHWATCH_COMPLETE"


@click.command(
    epilog=examples(
        "berthwatch init scenes --berth berths.geojson",
        "berthwatch init sentinel-1 planetscope --berth port.gpkg --out port/port.yaml",
        "berthwatch init 'scenes/*_vv.tif' --bbox 35.757 35.525 35.762 35.531",
        "berthwatch init https://host/stac/collections/sentinel-1-rtc --berth berths.geojson",
    )
)
@click.argument("scenes", metavar="SCENES...", nargs=-1, required=True)
@click.option(
    "--berth", type=click.Path(path_type=Path), help="Polygons of the berths: GeoJSON, GeoPackage, Shapefile."
)
@click.option("--bbox", type=float, nargs=4, metavar="W S E N", help="One berth instead, as edges in degrees.")
@click.option(
    "--out", type=click.Path(path_type=Path), default="port.yaml", show_default=True, help="Run file to write."
)
@click.option("--name", help="The port's name.  [default: that of the folder]")
@click.option("--kind", type=click.Choice(["sar", "optical"]), help="What scenes are that do not tell it themselves.")
@click.option(
    "--bands", metavar="A,B,...", default="", help="Bands in the order of the file, where they have no names."
)
@click.option("--force", is_flag=True, help="Replace a run file and berths that are there.")
@quiet_option
@verbose_option
def init(
    scenes: tuple[str, ...],
    berth: Path | None,
    bbox: tuple[float, float, float, float] | None,
    out: Path,
    name: str | None,
    kind: "Kind | None",
    bands: str,
    force: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Begin a run file from SCENES and the polygons of berths.

    SCENES are folders, patterns, or STAC items, catalogues or APIs, of GeoTIFFs as they came. They are put together
    to sources by kind, bands and pixel size. PORT.YAML and berths.geojson are written beside each other, and what was
    found, and what could not be found out, is said.
    """
    where = berth if bbox is None else bbox
    if where is None or (berth is not None and bbox is not None):
        raise click.UsageError("Say where the berths are, either with --berth FILE or with --bbox W S E N.")
    progress = start("plain", quiet=quiet, verbose=verbose)
    with exit_status(verbose):
        from berthwatch.newport import begin, spoken

        named = [word.strip() for word in bands.split(",") if word.strip()]
        try:
            begun = begin(
                scenes, where, out, name=name, kind=kind, bands=named, force=force, progress=progress
            )  # fmt: skip
        finally:
            progress.done()
        if not quiet:
            for heading, lines in spoken(begun, _program()):
                click.echo(f"{heading}:")
                for line in lines:
                    click.echo(f"  {line}")


def _program() -> str:
    """How this command can be called again: by its name where the shell finds it, else as it was called."""
    if shutil.which("berthwatch"):
        return "berthwatch"
    return sys.argv[0] if Path(sys.argv[0]).name == "berthwatch" else "python -m berthwatch"


@click.command(
    epilog=examples(
        'eval "$(berthwatch completion bash)"                      in ~/.bashrc',
        'eval "$(berthwatch completion zsh)"                       in ~/.zshrc',
        "berthwatch completion fish > ~/.config/fish/completions/berthwatch.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete verbs, options and files of berthwatch."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None, "click knows these shells"
    click.echo(found(context.find_root().command, {}, "berthwatch", COMPLETE).source())
