"""What the report says: every sentence and table cell, worked out from a run's tables before any page is made."""

from typing import Any, Final

import pandas as pd
from scipy.special import betaincinv

from berthwatch.page.account import account
from berthwatch.page.folder import RunFolder
from berthwatch.page.words import condense, count, day, interval, length, likelihood, listed, share

IN_DOUBT: Final = (0.05, 0.95)
"""Looks whose probability of being taken lies between these could be either."""

MONTHLY: Final = ("By", "On visits seen (90 % interval)", "Estimated (90 % interval)", "Probability over the cap")


def at_berths(run: RunFolder, table: pd.DataFrame, kind: str = "berth") -> pd.DataFrame:
    """The rows of a table that speak of berths, or of controls."""
    return table[table["berth_id"].map(run.kinds()) == kind]


def headline(run: RunFolder) -> list[str]:
    """The first sentences: what was seen, and at once what that number leaves out, then what followed from it."""
    looks, visits = at_berths(run, run.occupancy), run.visits
    berths = sum(kind == "berth" for kind in run.kinds().values())
    if looks.empty:
        return [f"No scene of {run.port} could be used, so nothing is said about its {count(berths, 'berth')}."]
    scenes, first, last = run.occupancy["scene_id"].nunique(), looks["time"].min(), looks["time"].max()
    period = f"on {day(first)}" if first.normalize() == last.normalize() else f"between {day(first)} and {day(last)}"
    seen = f"In {count(scenes, 'scene')} taken {period}, {count(len(visits), 'visit')} "
    seen += f"{'was' if len(visits) == 1 else 'were'} seen at {'the one berth' if berths == 1 else f'the {berths:,} berths'} of {run.port}."
    return [seen, *account(run)]


def figures(run: RunFolder) -> list[tuple[str, str]]:
    """The few numbers that are quoted, each with what it counts; those that the run does not have are left out."""
    looks, controls = at_berths(run, run.occupancy), at_berths(run, run.occupancy, "control")
    told, tried = looks["occupied"].notna().sum(), controls["occupied"].notna().sum()
    quoted = [(f"{len(run.visits):,}", "visits seen")]
    for name, meaning in (
        ("visits_estimated", "visits estimated (90 % interval)"),
        ("barrels", "barrels on visits seen (90 % interval)"),
        ("barrels_estimated", "barrels estimated (90 % interval)"),
    ):
        low, middle, high = (run.summary.get(f"{name}{end}") for end in ("_low", "", "_high"))
        if low is not None and middle is not None and high is not None:
            least, _, most = interval(low, middle, high)
            exact = name == "visits_estimated"
            quoted.append((f"{low:,.0f} to {high:,.0f}" if exact else f"{least} to {most}", meaning))
    return [
        *quoted,
        (f"{sum(kind == 'berth' for kind in run.kinds().values()):,}", "berths watched"),
        (f"{run.occupancy['scene_id'].nunique():,}", "scenes used"),
        (f"{told:,} of {len(looks):,}", "looks at berths that told something"),
        (f"{int(controls['occupied'].sum()):,} of {tried:,}" if tried else "not known", "false alarms at controls"),
    ]


def monthly(run: RunFolder) -> list[list[str]]:
    """The ledger at the end of each month, in words: the columns of `MONTHLY`."""
    known = run.ledger.dropna(subset=["seen", "estimated"])
    rows = []
    for _, row in known.groupby(known["date"].str[:7]).tail(1).iterrows():
        cells = [day(pd.Timestamp(row["date"]))]
        for name in ("seen", "estimated"):
            low, middle, high = interval(row[f"{name}_low"], row[name], row[f"{name}_high"])
            cells.append(f"{middle} ({low} to {high})")
        rows.append([*cells, "" if pd.isna(row["p_over_cap"]) else likelihood(row["p_over_cap"])])
    return rows


def sureness(run: RunFolder) -> list[str]:
    """How far the visits can be relied on: false alarms where nothing moors, doubt, and the gaps between looks."""
    only_seen = (
        "The visits seen are what the scenes show and nothing else: a vessel that came and left between two looks is not among them, "
        "two vessels alike that followed each other between two looks count as one, and a false alarm would count as one too."
    )
    text = [only_seen, _false_alarms(run), *_corrections(run)]
    looks = at_berths(run, run.occupancy)
    told = looks[looks["occupied"].notna()]
    if told.empty:
        return text
    low, high = IN_DOUBT
    doubt = int(told["p_occupied"].between(low, high, inclusive="neither").sum())
    text.append(
        f"Of {count(len(told), 'look')} at berths that told something, {doubt:,} could be either: the probability that the berth "
        f"was taken lies between {share(low)} and {share(high)}. The others are clearer than that, if the model is right."
    )
    gaps = told.sort_values(["berth_id", "time"]).groupby("berth_id")["time"].diff().dropna()
    if len(gaps):
        text.append(
            f"From one look at a berth to the next it is {length(gaps.median())} in the middle case and {length(gaps.max())} at most. "
            "Shorter visits can be missed, and no arrival or departure is known better than the two looks around it."
        )
    if run.summary.get("visits_estimated") is not None:
        text.append(
            "What the gaps hid is estimated from how often vessels came and how long they stayed, learned from these looks together with what "
            "is assumed of a port. If short visits follow other habits than those that were seen, the estimate is off, and its interval does not know."
        )
    return text


def _corrections(run: RunFolder) -> list[str]:
    """How many looks persons corrected: what they said stands in the place of what was measured there."""
    told = run.record.get("corrections") or {}
    used, people = told.get("used") or 0, sorted({str(each["who"]) for each in told.get("looks") or ()})
    if not used:
        return []
    kinds = [f"{number:,} as {name}" for name, number in told["verdicts"].items() if number and name != "cannot tell"]
    untold = told["verdicts"].get("cannot tell") or 0
    kinds += [f"{untold:,} as not to be told"] if untold else []
    text = f"Of these looks, {used:,} {'was' if used == 1 else 'were'} corrected by hand: {listed(kinds)}, by {listed(people)}. There, what the person"
    return [
        f"{text} said is the evidence, strong but not beyond doubt, and not what was measured. They are listed below."
    ]


def corrections(run: RunFolder) -> list[tuple[str, ...]]:
    """The looks that persons corrected: berth, scene, what was said, by whom and when, and the note."""
    return [
        (
            each["berth_id"],
            each["scene_id"],
            each["verdict"],
            each["who"],
            each["when"].replace("T", " ")[:16],
            each["note"],
        )
        for each in (run.record.get("corrections") or {}).get("looks") or ()
    ]


def _false_alarms(run: RunFolder) -> str:
    controls = at_berths(run, run.occupancy, "control")
    tried = controls["occupied"].dropna()
    names = sum(kind == "control" for kind in run.kinds().values())
    if not names:
        return "The run file names no control (a polygon where nothing moors), so how often an empty berth is called taken is not known here."
    if tried.empty:
        return f"Nothing could be told at the {count(names, 'control')}, so how often an empty berth is called taken is not known here."
    false, total = int(tried.sum()), len(tried)
    most = 1.0 if false == total else float(betaincinv(false + 1, total - false, 0.95))
    return (
        f"At {count(names, 'control')}, where nothing moors, {false:,} of {count(total, 'look')} {'was' if false == 1 else 'were'} called taken. "
        f"If looks were independent of each other, the rate of such false alarms would be under {share(most)} with 95 % confidence; "
        "a thing that keeps shining in one place would break that assumption."
    )


def not_told(run: RunFolder) -> list[str]:
    """What stays open, in sentences."""
    visits = run.visits
    text = []
    if len(visits):
        unknown = int((visits["transition"].fillna("undetermined") == "undetermined").sum())
        if unknown:
            text.append(
                f"Load: for {unknown:,} of {count(len(visits), 'visit')} it is undetermined whether the vessel loaded or discharged."
            )
        arrivals, departures = int(visits["arrival_after"].isna().sum()), int(visits["departure_before"].isna().sum())
        if arrivals or departures:
            text.append(
                f"Open windows: for {count(arrivals, 'visit')} the arrival and for {count(departures, 'visit')} the departure has no bound, "
                "because no look before or after it showed the berth surely vacant."
            )
        named = int(visits["vessel_id"].notna().sum())
        which = f"{named:,} of {count(len(visits), 'visit')} are named" if named else "none is named"
        text.append(
            f"Vessels: {which}. Sizes in the table are those of what shone, in the middle of all looks of a visit."
        )
        silent = int((visits["ais"].fillna("no-data") == "no-data").sum())
        if silent:
            text.append(
                f"AIS: there is no data for {silent:,} of {count(len(visits), 'visit')}, so whether a tracker was on is not said of them."
            )
    if run.ledger["seen"].isna().all():
        cap = run.summary.get("cap_barrels")
        against = f" and nothing is compared with the cap of {cap:,.0f} barrels a year" if cap else ""
        text.append(f"Ledger: no freeboard was measured in any look, so no barrels are stated{against}.")
    return text


def reasons(run: RunFolder) -> list[tuple[str, list[tuple[str, int]]]]:
    """Why looks at berths told nothing, and why no freeboard was measured in those that saw a hull."""
    looks = at_berths(run, run.observations)
    blind = looks["visible"].fillna(0) <= 0
    hull = looks["reason"].str.startswith("no freeboard") & looks["freeboard_m"].isna()
    groups = [
        ("Looks at berths that told nothing", looks[blind]),
        ("Hulls seen without a freeboard", looks[hull.fillna(value=False) & ~blind]),
    ]
    return [
        (title, condense(rows["reason"].fillna("no reason given").astype(str))) for title, rows in groups if len(rows)
    ]


def sources(run: RunFolder) -> list[dict[str, Any]]:
    """Each source with its scenes and those set aside, as the record has them; what it lacks is blank."""
    found = []
    for source in run.record.get("sources") or []:
        scenes = [
            {
                "scene_id": str(scene.get("scene_id", "")),
                "time": str(scene.get("time", "")).replace("T", " ").removesuffix("Z"),
                "track": str(scene.get("track", "")),
                "shift": _shift(scene),
                "sha256": str(scene.get("sha256", "")),
            }
            for scene in source.get("scenes") or []
        ]
        found.append(
            {
                "name": str(source.get("source", "")),
                "kind": str(source.get("kind", "")),
                "scenes": scenes,
                "unmoved": sum(scene["shift"] == "refused" for scene in scenes),
            }
        )
    return found


def _shift(scene: dict[str, Any]) -> str:
    """How far a scene was moved, in pixels right and down; a quality of nothing means that no shift was believed."""
    y, x, quality = (scene.get(name) for name in ("shift_y_px", "shift_x_px", "shift_quality"))
    if y is None or x is None or y != y or x != x:
        return "not measured"
    return "refused" if quality is not None and not quality > 0 else f"{x:+.2f}, {y:+.2f}"


def set_aside(run: RunFolder) -> list[tuple[str, str, str]]:
    """Scenes that were not used: source, scene, reason. The record names them once, or once for each source."""
    rows = [
        (str(s.get("source", "")), str(s.get("scene_id", "")), str(s.get("reason", "")))
        for s in run.record.get("set_aside") or []
    ]
    for source in run.record.get("sources") or []:
        name = str(source.get("source", ""))
        rows += [(name, str(s.get("scene_id", "")), str(s.get("reason", ""))) for s in source.get("set_aside") or []]
    return list(dict.fromkeys(rows))
