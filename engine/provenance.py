"""Where a result comes from: the run file, every scene with its hash, the cubes' snapshots, the versions used.

Nothing here depends on the clock or on the machine, so that the same inputs give the same record.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr
from shapely.geometry import mapping

from berthwatch import __version__
from berthwatch.errors import Fault, InputError

if TYPE_CHECKING:
    from berthwatch.config import Port
    from berthwatch.ingestion import IngestedSource
    from berthwatch.model import SetAside
    from berthwatch.occupancy import Model

RECORD: Final = "run.json"
LIBRARIES: Final = (
    "numpy",
    "scipy",
    "numba",
    "xarray",
    "zarr",
    "icechunk",
    "dask",
    "rasterio",
    "odc-geo",
    "pandas",
    "shapely",
)


def inputs_of(port: "Port", ingested: "Sequence[IngestedSource]") -> dict[str, Any]:
    """What a run's tables depend on. Equal inputs mean that nothing need be computed again."""
    return {
        "berthwatch": __version__,
        "port": port.name,
        "run_file": port.path.name,
        "run_file_sha256": port.digest,
        "files_sha256": dict(port.named),
        "ledger": asdict(port.ledger),
        "berths": [
            {"berth_id": berth.berth_id, "kind": berth.kind, "geometry": json.loads(json.dumps(mapping(berth.polygon)))}
            for berth in port.berths
        ],
        "reference_water": None if port.reference_water is None else port.reference_water.wkt,
        "snapshots": {source.source: source.snapshot for source in ingested},
        "set_aside": [asdict(scene) for source in ingested for scene in source.set_aside],
        "versions": {"berthwatch": __version__, **{name: version(name) for name in LIBRARIES}},
    }


def scenes_of(cube: xr.Dataset, base: Path) -> list[dict[str, Any]]:
    """Every scene of a cube: id, time, track, hash, document, and the shift that co-registration found.

    Documents below `base`, the run file's folder, are named from there: a moved folder keeps its record.
    """
    rows = []
    for index in range(cube.sizes["time"]):
        row: dict[str, Any] = {"time": f"{np.datetime_as_string(cube['time'].values[index], unit='s')}Z"}
        row |= {name: str(cube[name].values[index]) for name in ("scene_id", "track", "platform", "sha256", "document")}
        row["document"] = row["document"].removeprefix(f"{base}/")
        row |= {
            name: round(float(cube[name].values[index]), 3) for name in ("shift_y_px", "shift_x_px", "shift_quality")
        }
        rows.append(row)
    return rows


def record(
    inputs: dict[str, Any],
    cubes: dict[str, xr.Dataset],
    set_aside: "Iterable[SetAside]",
    model: "Model",
    seeds: dict[str, int],
    base: Path,
) -> dict[str, Any]:
    """The content of `run.json`, without the outputs' hashes."""
    aside = list(set_aside)
    sources = [
        {
            "source": name,
            "kind": cube.attrs["kind"],
            "snapshot": inputs["snapshots"][name],
            "scenes": scenes_of(cube, base),
            "set_aside": [{"scene_id": s.scene_id, "reason": s.reason} for s in aside if s.source == name],
        }
        for name, cube in cubes.items()
    ]
    return inputs | {"sources": sources, "model": asdict(model), "seeds": seeds}


def read_record(out: Path) -> dict[str, Any] | None:
    """The record of the run that wrote a folder; None where there was none that ended.

    Raises
    ------
    InputError
        The record cannot be read.
    """
    path = out / RECORD
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError([Fault(str(path), "the record of a run, as JSON", str(error))]) from error
    if not isinstance(found, dict):
        raise InputError([Fault(str(path), "the record of a run, as a JSON object", type(found).__name__)])
    return found


def check_same_port(port: "Port", out: Path, found: dict[str, Any] | None) -> None:
    """Refuse a folder that another run file wrote, before anything in it is touched.

    Raises
    ------
    InputError
        The record names another port, or another run file of other content.
    """
    if found is None:
        return
    same_file = found.get("run_file") == port.path.name or found.get("run_file_sha256") == port.digest
    if found.get("port") == port.name and same_file:
        return
    came = f"the run of {found.get('run_file')} ({found.get('port')})"
    raise InputError([Fault(f"--out {out}", f"a new folder, or one written by {port.path.name} ({port.name})", came)])
