"""What a run writes: tables, ledger, summary, record and report, each of which appears whole or not at all.

Everything is written to a folder beside the results first and then moved into place file by file, the
record last: a folder whose record's hashes match its files holds one run's results and no other's.
"""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import pandas as pd

from berthwatch.errors import BerthwatchError
from berthwatch.fingerprint import sha256
from berthwatch.provenance import RECORD

if TYPE_CHECKING:
    from berthwatch.config import Port

STAGING: Final = ".unfinished"
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """A folder to write to, whose files are moved into `out` when the block ends well, the record last."""
    out.mkdir(parents=True, exist_ok=True)
    staging = out / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        yield staging
        for path in sorted(staging.iterdir(), key=lambda path: (path.name == RECORD, path.name)):
            os.replace(path, out / path.name)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        told = f"{out}: {os.strerror(error.errno)}, while results were written; run again once there is room"
        raise BerthwatchError(told) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """A JSON file with stable order and bytes; NaN, which JSON does not know, is a ValueError."""
    path.write_text(
        json.dumps(value, indent=1, sort_keys=True, allow_nan=False, default=float) + "\n", encoding="utf-8"
    )


def write_table(table: pd.DataFrame, path: Path) -> None:
    """A parquet file without pandas' index."""
    table.to_parquet(path, index=False)


def _stamped(table: pd.DataFrame) -> pd.DataFrame:
    """Times as ISO 8601 in UTC, for formats that know no time zones; missing stays missing."""
    texts = table.copy()
    for name in table.columns:
        if isinstance(table[name].dtype, pd.DatetimeTZDtype):
            texts[name] = table[name].dt.strftime("%Y-%m-%dT%H:%M:%SZ").astype(object).where(table[name].notna(), None)
    return texts


def write_visits(visits: pd.DataFrame, port: "Port", folder: Path) -> None:
    """Visits as GeoParquet, GeoJSON and CSV; each lies where its berth does (EPSG:4326)."""
    places = {berth.berth_id: berth.polygon for berth in port.berths}
    placed = gpd.GeoDataFrame(visits, geometry=[places[name] for name in visits["berth_id"]], crs="EPSG:4326")
    placed.to_parquet(folder / "visits.parquet", index=False)
    texts = gpd.GeoDataFrame(_stamped(placed), geometry="geometry", crs="EPSG:4326")
    (folder / "visits.geojson").write_text(texts.to_json(drop_id=True, na="null"), encoding="utf-8")
    flat = _stamped(visits).assign(scenes=[";".join(scenes) for scenes in visits["scenes"]])
    flat.to_csv(folder / "visits.csv", index=False, lineterminator="\n")


def write_berths(port: "Port", folder: Path) -> None:
    """The berths and controls as they were used, as GeoJSON (EPSG:4326)."""
    rows = {"berth_id": [b.berth_id for b in port.berths], "kind": [b.kind for b in port.berths]}
    placed = gpd.GeoDataFrame(rows, geometry=[b.polygon for b in port.berths], crs="EPSG:4326")
    (folder / "berths.geojson").write_text(placed.to_json(drop_id=True), encoding="utf-8")


def output_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a folder but the record."""
    return {path.name: sha256(path) for path in sorted(folder.iterdir()) if path.is_file() and path.name != RECORD}


def still_there(out: Path, hashes: dict[str, str]) -> bool:
    """Whether every output is as it was written."""
    return all((out / name).is_file() and sha256(out / name) == digest for name, digest in hashes.items())
