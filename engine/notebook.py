"""How the main values show themselves in a notebook: a port, a run and an inference, in a few lines that hedge.

Each is told as a heading and sentences, with units; what was seen and what is estimated stand apart.
"""

from html import escape
from typing import TYPE_CHECKING

from berthwatch.page.words import count, day, interval, listed, places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from berthwatch.config import Port
    from berthwatch.inference import Inference
    from berthwatch.pipeline import RunResult


def html(told: "Sequence[str]") -> str:
    """A heading and sentences as HTML; what others have named is never markup.

    >>> html(["Port <A>", "2 berths"])
    '<div><strong>Port &lt;A&gt;</strong><ul><li>2 berths</li></ul></div>'
    """
    items = "".join(f"<li>{escape(line)}</li>" for line in told[1:])
    return f"<div><strong>{escape(told[0])}</strong><ul>{items}</ul></div>"


def told_of_port(port: "Port") -> list[str]:
    """A port: its berths, sources, and what is known beside the scenes."""
    kinds = [berth.kind for berth in port.berths]
    unknown = "" if "control" in kinds else " (so how often an empty berth is called taken will not be known)"
    lines = [f"Port: {port.name}", f"{places(kinds)}{unknown}"]
    lines += [
        f"{source.name}: {'radar' if source.kind == 'sar' else 'optical'}, {', '.join(source.bands)}"
        + (f", {source.resolution_m:g} m" if source.resolution_m else "")
        for source in port.sources
    ]
    vessels = "no fleet given" if port.fleet is None else f"fleet of {count(len(port.fleet), 'vessel')}"
    heard = "no AIS given" if port.ais is None else f"{count(len(port.ais), 'AIS position')}"
    cap = port.ledger.cap_barrels
    return [*lines, f"{vessels}, {heard}", f"cap {cap:,.0f} barrels a year" if cap else "no cap given"]


def told_of_run(result: "RunResult") -> list[str]:
    """A run: what was seen, what is estimated, with 90 % intervals, and where the report is."""
    summary = result.summary
    scenes = (
        f"{count(int(summary.get('scenes') or 0), 'scene')} used, {count(len(result.set_aside), 'scene')} set aside"
    )
    lines = [f"Run of {summary.get('port') or 'a port'}", scenes]
    visits = f"{count(int(summary.get('visits_seen') or 0), 'visit')} seen"
    low, high = summary.get("visits_estimated_low"), summary.get("visits_estimated_high")
    if low is not None and high is not None:
        visits += f"; with what gaps must have hidden, {low:,.0f} to {high:,.0f} (90 % interval)"
    lines.append(visits)
    volumes = [
        f"{least} to {most} barrels {words}"
        for name, words in (("barrels", "on visits seen"), ("barrels_estimated", "estimated, which contains the seen"))
        if (ends := [summary.get(f"{name}{end}") for end in ("_low", "", "_high")]) and None not in ends
        for least, _, most in [interval(*map(float, ends))]  # type: ignore[arg-type]  # none is None
    ]
    lines.append(
        f"{listed(volumes)} (90 % intervals)" if volumes else "no load could be told, so no barrels are stated"
    )
    return [*lines, f"report: {result.out / 'report.html'}"]


def told_of_inference(found: "Inference") -> list[str]:
    """An inference: looks and visits, and how many of them could not be told."""
    looks, visits = found.occupancy, found.visits
    unseen = int(looks["occupied"].isna().sum())
    lines = ["Inference", f"{count(len(looks), 'look')} at berths and controls, of which {unseen:,} told nothing"]
    if len(looks):
        lines[1] += f", {day(looks['time'].min())} to {day(looks['time'].max())} (UTC)"
    untold = int((visits["transition"].fillna("undetermined") == "undetermined").sum())
    lines.append(f"{count(len(visits), 'visit')} seen, of which for {untold:,} it is undetermined what they did")
    if found.histories is None:
        return [*lines, "no histories were drawn, for there was no look"]
    from berthwatch.calls import DRAWS

    volume = "" if found.histories.measured else "; no freeboard was measured, so no barrels"
    return [*lines, f"{DRAWS} whole histories drawn{volume}; tables: .occupancy, .visits"]
