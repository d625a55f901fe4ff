"""What tells that a scene's files are still those that were read: their SHA-256, and cheaper signs of a change.

One file: its own SHA-256, as `sha256sum` prints it. Several: the SHA-256 of their SHA-256s in hexadecimal, in the order
of the files' addresses. Remote files are read in windows, never whole: for them the SHA-256 of the pixels that
were read stands in, marked `pixels:`.
"""

import hashlib
from pathlib import Path

from berthwatch.address import is_remote
from berthwatch.model import Scene

PIXELS = "pixels:"

type Fingerprint = tuple[str, int, int]
"""SHA-256, bytes, and time of last change (ns) of a scene's files; the latter two 0 where they are remote."""


def local_files(scene: Scene, bands: tuple[str, ...]) -> tuple[Path, ...]:
    """The files of a scene's bands and mask on this machine, sorted; none if any is remote."""
    used = [scene.bands[name].href for name in bands if name in scene.bands]
    hrefs = sorted({*used, *([scene.mask.href] if scene.mask is not None else [])})
    if any(is_remote(href) or href.startswith("/vsi") for href in hrefs):
        return ()
    return tuple(Path(href) for href in hrefs)


def sha256(path: Path) -> str:
    """Hash of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(files: tuple[Path, ...]) -> Fingerprint:
    """Read files whole and say what they are. Raises OSError where one cannot be read."""
    digests = [sha256(path) for path in files]
    digest = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    return digest, *_signs(files)


def of_pixels(digests: list[str]) -> Fingerprint:
    """Stand in for a scene of remote files: the SHA-256 of its pixels, from those of its parts."""
    return PIXELS + hashlib.sha256("".join(digests).encode()).hexdigest(), 0, 0


def difference(scene: Scene, bands: tuple[str, ...], stored: Fingerprint) -> str | None:
    """In what a scene's files differ from those that were read; None where they do not, or where that is dear to know.

    Files of the same size that were not changed since are not read again.
    """
    files = local_files(scene, bands)
    try:
        if not files or stored[0].startswith(PIXELS) or _signs(files) == stored[1:]:
            return None
        now = fingerprint(files)
    except OSError:
        return None  # the scene is in the cube: its files may be gone
    if now[0] == stored[0]:
        return None
    return f"SHA-256 {now[0][:12]}…, {now[1]} bytes, against {stored[0][:12]}…, {stored[1]} bytes"


def _signs(files: tuple[Path, ...]) -> tuple[int, int]:
    stats = [path.stat() for path in files]
    return sum(stat.st_size for stat in stats), max(stat.st_mtime_ns for stat in stats)
