"""What a cube holds: its arrays, their chunks and attributes, in any Zarr v3 store.

Bands and `seen` are (time, y, x), chunked deep in time, because a berth's series is read far more often than a whole
scene; everything else is one number or word per scene. Scenes stand in the order in which they were added.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import zarr
from odc.geo.geobox import GeoBox
from zarr.codecs import BloscCodec

from berthwatch.config import Source
from berthwatch.georeference import (
    GRID_MAPPING,
    array_attributes,
    geozarr_attributes,
    grid_mapping_attributes,
    grid_of,
)
from berthwatch.model import Scene

FORMAT = 1
"""Raised when a cube of this version could not be read by the version before."""
CHUNK = (32, 128, 128)
SCENE_CHUNK = 1024
SHIFTS = ("shift_y_px", "shift_x_px", "shift_quality")

_SCENE_ANGLES = (
    "sun_azimuth_deg", "sun_elevation_deg", "view_off_nadir_deg", "view_incidence_deg", "view_azimuth_deg"
)  # fmt: skip
_SCENE_DTYPES: dict[str, Any] = {
    "time": "int64", "scene_id": "str", "track": "str", "platform": "str", "orbit_state": "str", "document": "str",
    "sha256": "str", "file_bytes": "int64", "file_modified_ns": "int64", "looks": "float64",
    **dict.fromkeys(_SCENE_ANGLES, "float64"), **dict.fromkeys(SHIFTS, "float32"),
}  # fmt: skip
SCENE_VARIABLES = tuple(_SCENE_DTYPES)


def create(store: Any, grid: GeoBox, bands: Sequence[str], attributes: Mapping[str, Any], scenes: int) -> None:
    """Make the arrays of a cube for a number of scenes, empty: NaN in the bands, 0 in `seen`.

    Parameters
    ----------
    store
        A Zarr store, empty.
    grid : GeoBox
    bands : sequence of str
    attributes : mapping
        Of the cube as a whole, beside those that place it on earth.
    scenes : int
        Room for this many.
    """
    group = zarr.create_group(store, attributes={**geozarr_attributes(grid), **attributes, "format": FORMAT})
    height, width = grid.shape
    for name, dtype, fill in [*((band, "float32", np.nan) for band in bands), ("seen", "uint8", 0)]:
        _array(group, name, dtype, (scenes, height, width), CHUNK, ("time", "y", "x"), array_attributes(grid), fill)
    for name, dtype in _SCENE_DTYPES.items():
        missing: Any = "" if dtype == "str" else np.nan if dtype.startswith("float") else 0
        attrs = {"units": "nanoseconds since 1970-01-01", "calendar": "proleptic_gregorian"} if name == "time" else {}
        _array(group, name, dtype, (scenes,), (SCENE_CHUNK,), ("time",), attrs, missing)
    for name in ("y", "x"):
        values = np.asarray(grid.coordinates[name].values, np.float64)
        attrs = {"standard_name": f"projection_{name}_coordinate", "units": "m"}
        _array(group, name, "float64", values.shape, values.shape, (name,), attrs, np.nan)[:] = values
    _array(group, GRID_MAPPING, "int64", (), (), (), grid_mapping_attributes(grid), 0)


def resize(store: Any, scenes: int) -> None:
    """Make room for exactly this many scenes."""
    group = zarr.open_group(store, mode="r+")
    for name, array in group.arrays():
        if name not in ("y", "x", GRID_MAPPING) and array.shape[0] != scenes:
            array.resize((scenes, *array.shape[1:]))


def write_scenes(store: Any, start: int, scenes: Sequence[Scene], files: Sequence[tuple[str, int, int]]) -> None:
    """Write what is known of scenes beside their pixels, from a position on.

    Parameters
    ----------
    store
        A Zarr store laid out by :func:`create`, with room.
    start : int
        Position of the first.
    scenes : sequence of Scene
    files : sequence of (str, int, int)
        SHA-256, bytes and time of last change (ns) of each scene's files.
    """
    group = zarr.open_group(store, mode="r+")
    columns: dict[str, list[Any]] = {
        "time": [int(np.datetime64(scene.time.replace(tzinfo=None), "ns").astype(np.int64)) for scene in scenes],
        "scene_id": [scene.scene_id for scene in scenes],
        "track": [scene.track for scene in scenes],
        "platform": [scene.platform or "" for scene in scenes],
        "orbit_state": [scene.geometry.orbit_state or "" for scene in scenes],
        "document": [scene.document for scene in scenes],
        "looks": [_number(scene.geometry.looks) for scene in scenes],
        **{name: [_number(getattr(scene.geometry, name)) for scene in scenes] for name in _SCENE_ANGLES},
    }
    for position, name in enumerate(("sha256", "file_bytes", "file_modified_ns")):
        columns[name] = [each[position] for each in files]
    for name, values in columns.items():
        dtype = np.dtypes.StringDType() if _SCENE_DTYPES[name] == "str" else _SCENE_DTYPES[name]
        array_of(group, name)[start : start + len(scenes)] = np.array(values, dtype=dtype)


def array_of(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """One of a cube's arrays."""
    found = group[name]
    assert isinstance(found, zarr.Array), f"{name} is not an array"
    return found


def column(group: zarr.Group, name: str) -> np.ndarray[Any, Any]:
    """One value per scene, in the order of the store; words as numpy `str`.

    >>> store = zarr.storage.MemoryStore()
    >>> group = zarr.create_group(store)
    >>> _array(group, "track", "str", (2,), (9,), ("time",), {}, "")[:] = np.array(["a", "b"], np.dtypes.StringDType())
    >>> column(group, "track")
    array(['a', 'b'], dtype='<U1')
    """
    values = np.asarray(array_of(group, name)[:])
    return np.array(values.tolist(), dtype=np.str_) if values.dtype.kind not in "iufM" else values


def bands_of(group: zarr.Group) -> list[str]:
    """The names of a cube's bands, in the order of the run file."""
    return list(group.attrs["recipe"]["bands"])  # type: ignore[index, call-overload, arg-type]


def stored_grid(group: zarr.Group) -> GeoBox:
    """The grid a cube was made on."""
    return grid_of(dict(group.attrs))


def recipe(source: Source) -> dict[str, Any]:
    """What of a source decides about pixel values, and so may not differ from one run on a cube to the next."""
    mask = source.mask
    return {
        "kind": source.kind,
        "bands": list(source.bands),
        "resolution": source.resolution_m,
        "units": source.units,
        "mask": None if mask is None else {"asset": mask.asset, "band": mask.band, "clear": list(mask.clear)},
    }


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


def _array(
    group: zarr.Group,
    name: str,
    dtype: str,
    shape: tuple[int, ...],
    chunks: tuple[int, ...],
    dims: tuple[str, ...],
    attributes: Mapping[str, Any],
    fill: Any,
) -> zarr.Array[Any]:
    # Level 1 with bitshuffle writes 2 to 4 times as fast as zarr's default, and packs better.
    words = dtype == "str"
    codecs = None if words else [BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle")]
    return group.create_array(
        name, shape=shape, chunks=chunks, dtype=dtype, fill_value=fill, compressors=codecs,
        dimension_names=dims, attributes=dict(attributes),
    )  # fmt: skip
