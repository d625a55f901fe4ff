"""What the site makes itself: equations as pictures of their TeX, and reference as commands and package say it.

mkdocs calls `on_page_markdown` for each page. Equations stand in fences of the language `math`, as GitHub draws them;
here matplotlib draws them, so that no script of a stranger is needed. The TeX stays in the page for those who hear it.
"""

import html
import io
import re
import textwrap
from pathlib import Path
from typing import Any

import click

MATH = re.compile(r"^```math\n(?P<tex>.*?)\n```$", re.MULTILINE | re.DOTALL)
NOT_THE_FORMULA = re.compile(
    r'<metadata>.*?</metadata>|<g id="patch_1">.*?</g>|<style.*?</style>|<!--.*?-->'
    r'| style="[^"]*"| id="(figure|text)_1"',
    re.DOTALL,
)
"""Of what matplotlib writes: a white page behind, and styles that would fix the colour."""
COMMANDS = "<!-- commands -->"
OTHER_NAMES = "<!-- other public names -->"
STRANGERS = "https://unpkg.com/"
"""Where the theme's script would fetch a part from in an old browser."""


def equation(tex: str) -> str:
    """One line of TeX as a figure: SVG whose paths take the text's colour."""
    import matplotlib as mpl
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import math_to_image

    one_line = " ".join(tex.split())
    drawn = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": one_line, "mathtext.fontset": "cm"}):
        math_to_image(f"${one_line}$", drawn, prop=FontProperties(size=13), format="svg")
    svg = drawn.getvalue().decode()
    svg = NOT_THE_FORMULA.sub("", svg[svg.index("<svg") :]).replace("\n", "")
    svg = svg.replace("<svg ", '<svg fill="currentColor" aria-hidden="true" ', 1)
    return f'<figure class="equation" role="img" aria-label="{html.escape(one_line, quote=True)}">{svg}</figure>'


def commands_help() -> str:
    """The help of every command, each under a heading, as `berthwatch VERB --help` prints it."""
    from berthwatch.cli import main

    parts = []
    for name, verb in (("", main), *sorted(main.commands.items())):
        title = f"berthwatch {name}".strip()
        context = click.Context(verb, info_name=title, max_content_width=92, terminal_width=92)
        parts.append(f"## {title}\n\n{textwrap.indent(verb.get_help(context), '    ')}\n")
    return "\n".join(parts)


def other_names(page: str) -> str:
    """What the package offers and the page has not placed yet, so that nothing public is without its reference."""
    import berthwatch

    placed = set(re.findall(r"^::: [\w.]+\.(\w+)$", page, re.MULTILINE))
    lines = []
    for name in dir(berthwatch):
        if not name.startswith("_") and name not in placed:
            value = getattr(berthwatch, name)
            lines.append(f"::: {value.__module__}.{name}" if callable(value) else f"::: {value.__name__}")
    return "\n".join(["## More", "", *lines]) if lines else ""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A page's text with its equations drawn, and the commands' help and names not yet placed put in."""
    drawn = MATH.sub(lambda found: equation(found["tex"]), markdown)
    if COMMANDS in drawn:
        drawn = drawn.replace(COMMANDS, commands_help())
    return drawn.replace(OTHER_NAMES, other_names(drawn)) if OTHER_NAMES in drawn else drawn


def on_post_build(config: Any) -> None:
    """Take the last address of a stranger out of the theme's script: such a fetch then fails, and asks nobody."""
    for script in Path(config["site_dir"]).rglob("*.js"):
        text = script.read_text(encoding="utf-8")
        if STRANGERS in text:
            script.write_text(text.replace(STRANGERS, "data:,"), encoding="utf-8")
