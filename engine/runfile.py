"""The run file's text: YAML checked against what may stand in it, each fault with its key and line.

pydantic says what is wrong and where in the value; the YAML node tree says on which line that is.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from berthwatch.errors import Fault, InputError

Location = tuple[str | int, ...]


def _no_truth_value(value: object) -> object:
    """YAML reads yes, no, on and off as truth values, and Python would count them as 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("float_type", "a number")
    return value


def _listed(value: object) -> object:
    """One address may stand without the brackets of a list."""
    return [value] if isinstance(value, str) else value


Positive = Annotated[float, BeforeValidator(_no_truth_value), Field(gt=0, allow_inf_nan=False)]
Whole = Annotated[int, BeforeValidator(_no_truth_value)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
FolderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MaskKeys(_Strict):
    """Which band of which asset says what was seen, and the values that mean seen."""

    asset: Text
    band: Annotated[Whole, Field(ge=1)] = 1
    clear: Annotated[list[Whole], Field(min_length=1)]


class SourceKeys(_Strict):
    """One series of scenes."""

    name: FolderName
    kind: Literal["optical", "sar"]
    scenes: Annotated[list[Text], BeforeValidator(_listed), Field(min_length=1)]
    bands: Annotated[list[Text], Field(min_length=1)]
    resolution: Positive | None = None
    mask: MaskKeys | None = None
    units: Literal["linear", "db"] | None = None
    looks: Positive | None = None


class LedgerKeys(_Strict):
    """How mass becomes barrels, and the cap they count against."""

    product: Text | None = None
    barrels_per_tonne: Positive | None = None
    cap_barrels: Positive | None = None


class RunKeys(_Strict):
    """The whole run file."""

    name: Text
    berths: Text
    reference_water: Text | None = None
    fleet: Text | None = None
    ais: Text | None = None
    sources: Annotated[list[SourceKeys], Field(min_length=1)]
    ledger: LedgerKeys = LedgerKeys()


_MODELS: dict[str, type[BaseModel]] = {"sources": SourceKeys, "mask": MaskKeys, "ledger": LedgerKeys}
_EXPECTED = {
    "missing": "this key",
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
    "string_pattern_mismatch": "a name fit for a folder: letters, digits, '.', '_', '-', a letter or digit first",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "list_type": "a list",
    "too_short": "a list with at least one entry",
    "model_type": "keys with values",
    "literal_error": "{expected}",
}


@dataclass(frozen=True, slots=True)
class RunFile:
    """A run file as far as it can be understood: its keys, None where they have faults, and each key's line."""

    path: Path
    root: yaml.Node
    keys: RunKeys | None
    raw: Mapping[str, Any]
    """The values as YAML gives them, checked or not."""
    faults: tuple[Fault, ...]

    def where(self, *location: str | int) -> str:
        """How a fault names a key: file, line, and the way to it, as in `port.yaml:7 sources[0].scenes`."""
        return _named(self.path, _line(self.root, location), location)


def read_runfile(path: Path, text: str) -> RunFile:
    """Check a run file's text.

    Parameters
    ----------
    path
        Where it was read: named in faults only.
    text
        Its content.

    Returns
    -------
    RunFile
        With faults in the order of their lines: keys given twice or unknown, values missing or of the wrong kind.

    Raises
    ------
    InputError
        When it is not YAML at all.

    Examples
    --------
    >>> for fault in read_runfile(Path("port.yaml"), "name: A\\nberth: b.geojson\\nsources: []").faults:
    ...     print(fault)
    port.yaml:1 berths: expected this key; got nothing
    port.yaml:2 berth: expected a known key (did you mean 'berths'?); got 'berth'
    port.yaml:3 sources: expected a list with at least one entry; got []
    """
    root, raw = _parse(path, text)
    found = [
        (line, Fault(_named(path, line, location), "each key once", "it a second time"))
        for location, line in _doubles(root, (), set())
    ]
    keys = None
    try:
        keys = RunKeys.model_validate(raw)
    except ValidationError as errors:
        for error in errors.errors():
            line = _line(root, error["loc"])
            found.append((line, _fault(_named(path, line, error["loc"]), error)))
    faults = tuple(fault for _, fault in sorted(found, key=lambda pair: pair[0]))
    return RunFile(path, root, None if faults else keys, raw, faults)


def _parse(path: Path, text: str) -> tuple[yaml.Node, Mapping[str, Any]]:
    """The node tree, which knows lines, and the values."""
    try:
        root, raw = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: the 30th of February
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or error
        raise InputError([Fault(f"{path.name}{line}", "YAML", f"a mistake: {problem}")]) from None
    if root is None or not isinstance(raw, dict):
        came = "nothing" if root is None else "a list" if isinstance(raw, list) else "one value"
        raise InputError([Fault(f"{path.name}:1", "keys with values, as in `name: Vostochny`", came)])
    return root, raw


def _fault(where: str, error: ErrorDetails) -> Fault:
    if error["type"] == "extra_forbidden":
        return Fault(where, _known_keys(error["loc"]), repr(error["loc"][-1]))
    return Fault(where, _expected(error), "nothing" if error["type"] == "missing" else _shown(error["input"]))


def _expected(error: ErrorDetails) -> str:
    template = _EXPECTED.get(error["type"])
    return template.format(**error.get("ctx", {})) if template else error["msg"].removeprefix("Input should be ")


def _known_keys(location: Location) -> str:
    owner = next((step for step in reversed(location[:-1]) if isinstance(step, str)), "")
    known = list(_MODELS.get(owner, RunKeys).model_fields)
    near = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"a known key (did you mean {near[0]!r}?)" if near else f"one of {', '.join(known)}"


def _shown(value: Any, limit: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "…"


def _named(path: Path, line: int, location: Location) -> str:
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location).lstrip(".")
    return f"{path.name}:{line} {name}".rstrip()


def _line(root: yaml.Node, location: Location) -> int:
    """The line of a key, counted from 1; of one that is missing, the line of what should hold it."""
    node, found = root, root.start_mark.line + 1
    for step in location:
        below = _below(node, step)
        if below is None:
            break
        node, found = below
    return found


def _below(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        value = node.value[step]
        return value, value.start_mark.line + 1
    return None


def _doubles(node: yaml.Node, location: Location, visited: set[int]) -> Iterator[tuple[Location, int]]:
    """Keys given twice in one mapping: YAML would silently keep the last."""
    if id(node) in visited:  # an alias
        return
    visited.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                yield (*location, str(key.value)), key.start_mark.line + 1
            seen.add(key.value if isinstance(key.value, str) else None)
            yield from _doubles(value, (*location, str(key.value)), visited)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _doubles(value, (*location, index), visited)
