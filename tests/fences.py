"""The fenced code blocks of a page of documentation, and what is said of each in its opening line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_OPENING = re.compile(r"^```(?!`)(?P<info>[^`]*)$")
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Fence:
    """One block: its language, the classes and attributes of its opening line, its text, and where it begins."""

    language: str
    classes: tuple[str, ...]
    attributes: dict[str, str]
    text: str
    where: str

    @property
    def untested(self) -> bool:
        """Whether the page says that this is not run."""
        return "untested" in self.classes


def fences(page: Path) -> Iterator[Fence]:
    """All blocks of a page, in order. An opening line is `lang key="value"` or `{ .lang .class key="value" }`."""
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), 1))
    for number, line in lines:
        opening = _OPENING.match(line)
        if opening is None:
            assert "```" not in line, f"{page.name}:{number}: a fence that is not at the line's beginning"
            continue
        body = []
        for _, inner in lines:
            if inner == "```":
                break
            body.append(inner)
        else:
            raise AssertionError(f"{page.name}:{number}: a fence without an end")
        info = opening["info"].strip()
        words = _ATTRIBUTE.sub("", info).replace("{", " ").replace("}", " ").split()
        names = [word.removeprefix(".") for word in words]
        text = "\n".join([*body, ""])
        yield Fence(
            names[0] if names else "", tuple(names[1:]), dict(_ATTRIBUTE.findall(info)), text, f"{page.name}:{number}"
        )


def commands(fence: Fence) -> Iterator[tuple[str, str]]:
    """Each command after a `$ ` of a console block, with the output shown below it."""
    command, shown = "", list[str]()
    for line in fence.text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, "\n".join(shown)
            command, shown = line[2:], []
        else:
            assert command, f"{fence.where}: output before a command"
            shown.append(line)
    yield command, "\n".join(shown)


def agrees(shown: str, came: str, tolerance: float = 0.0) -> bool:
    """Whether output is as shown: `...` stands for anything, and numbers may differ by a share where the page says so.

    >>> agrees("visits: 37 of 40", "visits: 35 of 41", 0.25), agrees("visits: 37", "visits: 35")
    (True, False)
    >>> agrees("a\\n...\\nz", "a\\nb\\nc\\nz"), agrees("a ... z", "a b"), agrees("x: 2\\n", "x: 2")
    (True, False, True)
    """
    if not shown.strip():
        return True
    parts = [re.escape(part) for part in shown.strip().split("...")]
    pattern = "(?:.|\n)*?".join(parts)
    if not tolerance:
        return re.fullmatch(pattern, came.strip()) is not None
    # re.escape leaves digits, dots and commas of numbers recognisable
    numbers = [float(found.replace(",", "")) for found in _NUMBER.findall(shown)]
    loose = r"(\d[\d,]*(?:\.\d+)?)".join(re.escape(part) for part in _NUMBER.split(shown.strip()))
    match = re.fullmatch(loose.replace(re.escape("..."), "(?:.|\n)*?"), came.strip())
    if match is None:
        return False
    found = [float(group.replace(",", "")) for group in match.groups()]
    return all(abs(a - b) <= max(tolerance * abs(a), 3) for a, b in zip(numbers, found, strict=True))
