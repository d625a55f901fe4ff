"""Whether this machine's clock will do to change a cube.

Icechunk stamps every change with the time and refuses one that is not later than the last, or that the file system's
clock is ten minutes away from. A change stamped too late would bar all others until that time has come, so clocks are
compared before anything is stamped.
"""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile

import icechunk

from berthwatch.errors import BerthwatchError

MOST_DRIFT = timedelta(minutes=9)
"""Icechunk refuses ten minutes."""
WORTH_WAITING = timedelta(seconds=30)
"""Clocks that are put right by a little are waited for."""


def now() -> datetime:
    """What this machine's clock says."""
    return datetime.now(UTC)


def check_drift(folder: Path) -> None:
    """Compare this machine's clock with that of the file system of a folder, which may be another machine's.

    Raises
    ------
    BerthwatchError
        They are more than nine minutes apart.
    """
    with TemporaryFile(dir=folder) as file:
        theirs = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
    ours = now()
    if abs(ours - theirs) > MOST_DRIFT:
        told = f"the file system of {folder} has {_said(theirs)}, this machine's clock {_said(ours)}"
        raise BerthwatchError(f"{told}: expected them within nine minutes of each other; nothing was written")


def check_clock(repository: icechunk.Repository, path: Path) -> None:
    """Check that a repository may be changed now: later than it last was; half a minute is waited for.

    Raises
    ------
    BerthwatchError
        The clock was set back, or had been wrong before, or is not the file system's.
    """
    check_drift(path)
    last = next(iter(repository.ops_log())).updated_at
    early = last - now()
    if early > WORTH_WAITING:
        told = f"{path} was last changed at {_said(last)}, and this machine's clock says {_said(now())}"
        raise BerthwatchError(f"{told}: expected a later time; nothing was written. Set the clock, or run again later")
    time.sleep(max(early.total_seconds(), 0))


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
