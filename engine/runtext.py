"""The text of a new run file, with comments that say what each key is for and what could be added."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from berthwatch.page.words import count
from berthwatch.patterns import relative
from berthwatch.sourcing import Found

HEAD = """\
# Begun by `berthwatch init` with what it found. Change what is wrong, and add what you know: what stands behind a
# single # at the beginning of a line is an example. Relative paths are relative to this file.
"""
OPTIONAL = """\
# reference_water: water.geojson  # water near the berths that no vessel uses; found in the scenes otherwise
# fleet: fleet.csv  # vessel_id,name,flag,watch,length_m,beam_m,depth_m,draught_ballast_m,
#                     draught_laden_m,cargo_capacity_t; cells may be blank
# ais: ais.csv      # vessel_id,time,lon,lat
"""
LEDGER = """\
# ledger:
#   product: gasoil      # sets barrels per tonne; gasoline, kerosene, fuel oil, naphtha, lpg ...
#   cap_barrels: 500000  # per calendar year
"""


def run_text(name: str, berths: str, found: Sequence[Found], base: Path) -> str:
    """A run file.

    Parameters
    ----------
    name : str
        The port's.
    berths : str
        The file of berths, relative to the run file.
    found : sequence of Found
        Its sources.
    base : Path
        The run file's folder.
    """
    lines = [
        HEAD.rstrip(),
        f"name: {_value(name)}",
        f"berths: {_value(berths)}  # polygons of water, EPSG:4326; kind: control where nothing moors",
        OPTIONAL.rstrip(),
        "sources:",
    ]
    for one in found:
        lines += _source(one, base)
    return "\n".join([*lines, LEDGER])


def _source(one: Found, base: Path) -> list[str]:
    source = one.source
    first, last = one.scenes[0].time, one.scenes[-1].time
    many = f"{count(len(one.scenes), 'scene')}, {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    patterns = [relative(pattern, base) for pattern in source.scenes]
    lines = [
        f"  - name: {_value(source.name)}  # {many}",
        f"    kind: {source.kind}",
    ]
    lines += [f"    scenes: {_value(patterns[0])}"] if len(patterns) == 1 else ["    scenes:"]
    lines += [f"      - {_value(pattern)}" for pattern in patterns if len(patterns) > 1]
    lines += [f"    bands: {_value(list(source.bands))}"]
    lines += [f"    # resolution: {one.resolution_m:g}  # metres; the scenes' own if not given"]
    if source.kind == "sar":
        lines += [
            _units(one),
            "    # looks: 4.4  # equivalent number of looks; STAC's or estimated",
        ]
    else:
        lines += [_mask(one)]
    return lines


def _units(one: Found) -> str:
    if one.source.units is not None:
        return f"    units: {one.source.units}  # seen from the numbers"
    why = "as the scenes say" if one.unit_from == "told" else "the numbers are above zero, so no decibels"
    return f"    # units: linear  # or db; {why}"


def _mask(one: Found) -> str:
    mask = one.source.mask
    if mask is None:
        return '    # mask: {asset: mask, band: 1, clear: [1]}  # where there is one: the values that mean "seen"'
    told = {"asset": mask.asset, "band": mask.band, "clear": list(mask.clear)}
    return f'    mask: {_value(told)}  # the values that mean "seen"'


def _value(value: Any) -> str:
    """A value in YAML on one line.

    >>> _value("no"), _value(["vv", "vh"]), _value({"asset": "udm2", "clear": [1]})
    ("'no'", '[vv, vh]', '{asset: udm2, clear: [1]}')
    """
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip()
