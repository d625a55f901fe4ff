"""Corrections: what persons said of looks, kept beside a run's results and read by the next run as evidence.

The file `corrections.jsonl` in a run's folder has a line for each: a JSON object that says who, when (UTC), which look,
what and perhaps why. It is only ever added to: of several corrections of one look the last one counts, and the others
stay to be read. A run takes nothing else from it, and what it could not use it names.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, get_args

import numpy as np
import pandas as pd
from pydantic import AfterValidator, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from berthwatch.errors import Fault, InputError
from berthwatch.store import locked

FILE: Final = "corrections.jsonl"
MOST_BYTES: Final = 8_000_000
"""Of the file; some 30,000 corrections."""
MOST_FAULTS: Final = 20

type Verdict = Literal["occupied", "vacant", "cannot tell", "withdrawn"]
"""`withdrawn`: what was said of this look before no longer counts."""

_CONTROL: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
"""No name or note breaks a line, or does worse in a terminal."""
Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=80, pattern=rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$"
    ),
]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=rf"^[^{_CONTROL}]*$")]
Id = Annotated[str, StringConstraints(min_length=1, max_length=300)]

Key = tuple[str, str, str]
"""Berth, source, scene: one look."""


def _moment(text: str) -> str:
    datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return text


@dataclass(frozen=True, slots=True)
class Said:
    """What a person says of one look."""

    berth_id: Id
    source: Id
    scene_id: Id
    verdict: Verdict
    who: Name
    note: Note = ""
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person said of one look, and when: `2024-03-07T15:41:00Z`."""

    berth_id: Id
    source: Id
    scene_id: Id
    verdict: Verdict
    who: Name
    when: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"), AfterValidator(_moment)]
    note: Note = ""
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    @property
    def look(self) -> Key:
        """Which look it is of."""
        return self.berth_id, self.source, self.scene_id


_SCHEMA: Final[TypeAdapter[Correction]] = TypeAdapter(Correction)


@dataclass(frozen=True, slots=True)
class Corrections:
    """All of a file, in its order, and the SHA-256 of its bytes; None where there is no file."""

    all: tuple[Correction, ...] = ()
    sha256: str | None = None

    @property
    def counting(self) -> dict[Key, Correction]:
        """The last correction of each look, but for those withdrawn."""
        last = {each.look: each for each in self.all}
        return {look: each for look, each in last.items() if each.verdict != "withdrawn"}


@dataclass(frozen=True, slots=True)
class Corrected:
    """Observations as corrected, the corrections used, and those whose look is not there."""

    observations: pd.DataFrame
    used: tuple[Correction, ...]
    not_found: tuple[Correction, ...]


def read_corrections(run: Path) -> Corrections:
    """The corrections in a run's folder; none where there is no file.

    Raises
    ------
    InputError
        A line is torn or not a correction: one fault for each, with the line.

    >>> read_corrections(Path("no-such-run"))
    Corrections(all=(), sha256=None)
    """
    path = run / FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Corrections()
    except OSError as error:
        raise InputError([Fault(str(path), "a file that can be read", error.strerror or str(error))]) from error
    found, faults = [], []
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        try:
            found.append(_SCHEMA.validate_json(line))
        except ValidationError as error:
            faults.append(Fault(f"{path}:{number}", *_wrong(error)))
    if content and not content.endswith(b"\n"):
        number, torn = content.count(b"\n") + 1, content.rsplit(b"\n", 1)[-1]
        came = f"{len(torn)} bytes that were cut off (take them away, and what they said must be said again)"
        faults.append(Fault(f"{path}:{number}", "a correction that ends with its line", came))
    if faults:
        raise InputError(faults[:MOST_FAULTS])
    return Corrections(tuple(found), hashlib.sha256(content).hexdigest())


def _wrong(error: ValidationError) -> tuple[str, str]:
    """What was expected of a line and what came, of its first fault."""
    first = error.errors(include_url=False, include_context=False)[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "json_invalid":
        return "a correction, as a JSON object on one line", "text that is not JSON"
    return f"a correction{f' with a right {key!r}' if key else ''}", first["msg"]


def add_correction(run: Path, said: Said) -> Correction:
    """Add one correction to a run's file, which grows by a whole line or not at all.

    Raises
    ------
    InputError
        The file that is there is no file of corrections, or has no room.
    """
    path = run / FILE
    with locked(path):
        read_corrections(run)
        before = path.read_bytes() if path.exists() else b""
        correction = Correction(**asdict(said), when=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
        content = before + json.dumps(asdict(correction), ensure_ascii=False).encode() + b"\n"
        if len(content) > MOST_BYTES:
            raise InputError([Fault(str(path), f"at most {MOST_BYTES} bytes of corrections", f"{len(content)}")])
        unfinished = path.with_name(f".{path.name}.unfinished")
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    return correction


def corrected(observations: pd.DataFrame, corrections: Corrections) -> Corrected:
    """Observations with what persons said of them.

    Parameters
    ----------
    observations : DataFrame
        With the columns of `observations.parquet`.
    corrections : Corrections

    Returns
    -------
    Corrected
        Its observations have one more column where any correction is used, `said`: 1 where a person calls the berth
        occupied, 0 vacant, NaN where nobody said anything. A look of which a person cannot tell counts as not seen. One
        called vacant has no hull, and one called occupied counts as seen.

    >>> from berthwatch.tables import OBSERVATION_COLUMNS, as_table
    >>> look = {"berth_id": "B1", "source": "s", "scene_id": "a", "visible": 1.0, "hull_length_m": 90.0, "change": 70.0}
    >>> said = Correction("B1", "s", "a", "vacant", "Ada", "2024-03-07T15:41:00Z")
    >>> found = corrected(as_table([look], OBSERVATION_COLUMNS), Corrections((said,)))
    >>> found.observations[["change", "hull_length_m", "said"]].to_numpy().tolist(), len(found.used)
    ([[70.0, nan, 0.0]], 1)
    """
    counting = corrections.counting
    if not counting:
        return Corrected(observations, (), ())
    keys = list(zip(observations["berth_id"], observations["source"], observations["scene_id"], strict=True))
    verdicts = np.array([counting[key].verdict if key in counting else "" for key in keys], dtype=object)
    there = set(keys)
    used = tuple(each for look, each in counting.items() if look in there)
    lost = tuple(each for look, each in counting.items() if look not in there)
    if not used:
        return Corrected(observations, (), lost)
    occupied, vacant, untold = (verdicts == name for name in ("occupied", "vacant", "cannot tell"))
    table = observations.assign(said=np.select([occupied, vacant], [1.0, 0.0], np.nan))
    hull = [name for name in table.columns if name.startswith(("hull_", "freeboard_"))]
    table.loc[vacant | untold, hull] = np.nan
    table.loc[untold, ["visible", "change"]] = [0.0, np.nan]
    unseen = ~(table["visible"].to_numpy(np.float64) > 0)
    table.loc[(occupied | vacant) & unseen, "visible"] = 1.0
    return Corrected(table, used, lost)


def told_of(corrected_looks: Corrected, corrections: Corrections) -> dict[str, Any]:
    """What the record of a run says of corrections: how many were used and of what kind, and which have no look."""
    used = corrected_looks.used
    return {
        "sha256": corrections.sha256,
        "lines": len(corrections.all),
        "used": len(used),
        "verdicts": {name: sum(each.verdict == name for each in used) for name in get_args(Verdict.__value__)[:3]},
        "looks": [asdict(each) for each in used],
        "not_found": [asdict(each) for each in corrected_looks.not_found],
    }


def lost_looks(told: Iterable[dict[str, Any]]) -> list[str]:
    """Of corrections that a run could not use, as its record names them: a sentence for each.

    >>> lost_looks([{"berth_id": "B9", "scene_id": "a", "source": "s", "who": "Ada", "when": "2024-03-07T15:41:00Z"}])
    ['a correction was not used: no look at berth B9 in scene a of s (said by Ada, 2024-03-07T15:41:00Z)']
    """
    return [
        f"a correction was not used: no look at berth {each['berth_id']} in scene {each['scene_id']} of "
        f"{each['source']} (said by {each['who']}, {each['when']})"
        for each in told
    ]
