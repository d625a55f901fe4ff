"""A source's scenes stacked on one grid: an Icechunk repository of (time, y, x) arrays, only ever added to.

`open_cube` gives readers what is there; berthwatch.ingestion adds to it.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from berthwatch.errors import Fault, InputError
from berthwatch.georeference import GRID_MAPPING
from berthwatch.layout import SCENE_VARIABLES, SHIFTS, array_of, bands_of, column
from berthwatch.plan import check_format
from berthwatch.store import MAIN, open_repository, snapshot_id
from berthwatch.transaction import keep

__all__ = ["open_cube", "snapshot_id", "write_shifts"]


def open_cube(path: str | Path, branch: str = MAIN) -> xr.Dataset:
    """Open a source's cube.

    Parameters
    ----------
    path : str or Path
        `cube/<source>` in a run's folder.
    branch : str
        What readers see, unless told.

    Returns
    -------
    xarray.Dataset
        Sorted by time, then scene id. Each band float32 (time, y, x): linear power or reflectance, NaN where there is
        no data, not shifted; `seen` uint8 (time, y, x). Both are dask arrays in the store's chunks. What is known of
        each scene are coordinates along `time` (UTC); `spatial_ref` holds the CRS. Attributes `source` and `kind`.

    Raises
    ------
    InputError
        No cube there, none with scenes yet, or one of a newer version.
    """
    import rioxarray  # noqa: F401 - gives the cube its `.rio`

    path = Path(path)
    store = open_repository(path).readonly_session(branch).store
    try:
        group = zarr.open_group(store, mode="r")
    except FileNotFoundError:
        raise InputError([Fault(str(path), "a cube with scenes", "an empty one: no ingest has ended yet")]) from None
    check_format(dict(group.attrs), path)
    # Left out here and read below: as eager arrays, and words as numpy's, not as Zarr's.
    lazy = xr.open_zarr(store, consolidated=False, chunks={}, decode_coords="all", drop_variables=SCENE_VARIABLES)
    lazy = lazy[[*bands_of(group), "seen"]]
    known: dict[Hashable, Any] = {name: ("time", column(group, name)) for name in SCENE_VARIABLES if name != "time"}
    times = column(group, "time").astype("datetime64[ns]")
    cube: xr.Dataset = lazy.assign_coords(time=("time", times), **known)  # type: ignore[arg-type]
    cube[GRID_MAPPING].load()
    order = np.lexsort((cube["scene_id"].values, times))
    return cube if np.array_equal(order, np.arange(order.size)) else cube.isel(time=order)


def write_shifts(path: str | Path, shifts: xr.Dataset, branch: str = MAIN) -> str:
    """Keep how far scenes lie from the common frame; their pixels stay where they are. The caller holds the lock.

    Parameters
    ----------
    path : str or Path
        `cube/<source>` in a run's folder.
    shifts : xarray.Dataset
        `shift_y_px`, `shift_x_px`, `shift_quality`, each along one dimension with the coordinate `scene_id`. Scenes
        not named keep what they have.
    branch : str
        What readers see, unless told.

    Returns
    -------
    str
        The branch's snapshot id, the same as before where nothing changed.

    Raises
    ------
    InputError
        No cube there.
    KeyError
        A scene that is not in the cube.
    """
    session = open_repository(Path(path)).writable_session(branch)
    group = zarr.open_group(session.store, mode="r+")
    places = {name: place for place, name in enumerate(column(group, "scene_id").tolist())}
    at = np.array([places[name] for name in shifts["scene_id"].values.tolist()], np.intp)
    changed = False
    for name in SHIFTS:
        before = column(group, name)
        after = before.copy()
        after[at] = shifts[name].values
        if not np.array_equal(before, after, equal_nan=True):
            array_of(group, name)[:] = after
            changed = True
    return keep(session, "shifts") if changed else str(session.snapshot_id)
