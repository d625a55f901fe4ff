"""Where the real scenes lie on this machine, when they do."""

import os
from pathlib import Path


def real_data(name: str) -> Path | None:
    """The folder of a real data set under $BERTHWATCH_DATA or ../shared/data, or None."""
    folder = Path(os.environ.get("BERTHWATCH_DATA") or Path("..") / "shared" / "data") / name
    return folder if folder.is_dir() else None
