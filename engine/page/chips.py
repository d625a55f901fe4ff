"""Chips: small pictures of one berth in one scene, cut from the cubes, with what lies where in them.

Pixels stay as they were delivered: where co-registration moved a scene, the outlines are moved the other way. All
chips of one berth and source share one scale of brightness, so that they can be compared.
"""

import base64
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely import transform
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from berthwatch.bands import brightness
from berthwatch.cube import open_cube
from berthwatch.georeference import crs_of, grid_of
from berthwatch.grid import project
from berthwatch.layout import CHUNK
from berthwatch.observation import ANGLES
from berthwatch.page.sketch import rings
from berthwatch.sightline import Angles, angles_of, ground_axes

AROUND_M: Final = 60.0
"""What is shown beside a berth: water, and the shadow of 12 m of freeboard under a low sun."""
MOST_PX: Final = 160
"""Pixels on a side, beyond which several become one."""
BUDGET: Final = 1_900_000
"""Bytes that all chips of a page may take, as text."""
QUALITIES: Final = (85, 75, 60, 45, 30)
DARKEST_DB, BRIGHTEST_DB = -6.0, 22.0
"""Radar: what is black and what is white, over the middle of the chips' pixels."""

Key = tuple[str, str, str]
"""Source, scene, berth."""


@dataclass(frozen=True, slots=True)
class Chip:
    """One look's picture, its band and the size of its pixels on the ground, and the outlines over it.

    `image` (y, x) float32; outlines are in its pixels, from its corner. `axes` (2, 2): metres east and north per
    column and per row. `sun_deg`: azimuth and elevation of the sun; `angles`: sun and view; None where there are none.
    """

    image: NDArray[np.float32]
    band: str
    kind: str
    axes: NDArray[np.float64]
    sun_deg: tuple[float, float] | None
    angles: Angles | None
    berth: BaseGeometry
    hull: BaseGeometry | None

    @property
    def pixel_m(self) -> float:
        """Ground size of a pixel."""
        return math.sqrt(abs(float(np.linalg.det(self.axes))))


def chips_of(
    cubes: Path, wanted: Iterable[Key], berths: Mapping[str, BaseGeometry], hulls: Mapping[Key, BaseGeometry]
) -> dict[Key, Chip]:
    """The chips of looks; those of sources, scenes or berths that are not there are left out.

    Parameters
    ----------
    cubes : Path
        The folder with a cube for each source.
    wanted : iterable of (str, str, str)
    berths, hulls : mapping
        Polygons in EPSG:4326, by berth and by look.
    """
    keys = sorted(set(wanted))
    found: dict[Key, Chip] = {}
    for source in sorted({source for source, _, _ in keys}):
        if not (cubes / source).is_dir():
            continue
        cube = open_cube(cubes / source)
        places = {str(name): place for place, name in enumerate(cube["scene_id"].values)}
        for berth_id in sorted({berth for name, _, berth in keys if name == source} & set(berths)):
            steps = [
                places[scene] for name, scene, berth in keys if (name, berth) == (source, berth_id) and scene in places
            ]
            for scene, chip in _cut(cube, sorted(steps), berths[berth_id], source, berth_id, hulls):
                found[source, scene, berth_id] = chip
    return found


def in_pixels(shape: BaseGeometry, grid: GeoBox) -> BaseGeometry:
    """A polygon in EPSG:4326 in a grid's columns and rows."""
    to_pixels = ~grid.affine
    placed = project(shape, "EPSG:4326", crs_of(grid))
    return transform(placed, lambda xy: np.column_stack(to_pixels @ (xy[:, 0], xy[:, 1])))


def window_of_berth(berth: BaseGeometry, grid: GeoBox) -> tuple[slice, slice]:
    """Rows and columns of a square around a berth (EPSG:4326), kept inside the grid."""
    area = in_pixels(berth, grid)
    axes = ground_axes(grid, area.centroid.y, area.centroid.x)
    left, top, right, bottom = area.bounds
    half = max(right - left, bottom - top) / 2 + AROUND_M / math.sqrt(abs(float(np.linalg.det(axes))))
    row, column = (top + bottom) / 2, (left + right) / 2
    height, width = grid.shape
    rows = slice(max(math.floor(row - half), 0), min(math.ceil(row + half), height))
    return rows, slice(max(math.floor(column - half), 0), min(math.ceil(column + half), width))


def _cut(
    cube: xr.Dataset,
    steps: list[int],
    berth: BaseGeometry,
    source: str,
    berth_id: str,
    hulls: Mapping[Key, BaseGeometry],
) -> Iterator[tuple[str, Chip]]:
    """The chips of one berth in some scenes of a cube."""
    grid = grid_of(cube.attrs)
    area = in_pixels(berth, grid)
    axes = ground_axes(grid, area.centroid.y, area.centroid.x)
    rows, columns = window_of_berth(berth, grid)
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    band = brightness(cube)
    few = math.ceil(max(rows.stop - rows.start, columns.stop - columns.start) / MOST_PX)
    for start in range(0, cube.sizes["time"], CHUNK[0]):
        own = [step for step in steps if start <= step < start + CHUNK[0]]
        images = band.isel(time=own, y=rows, x=columns).compute(scheduler="synchronous").values if own else ()
        for step, image in zip(own, images, strict=True):
            scene = str(cube["scene_id"].values[step])
            down, right = (float(np.nan_to_num(cube[name].values[step])) for name in ("shift_y_px", "shift_x_px"))
            corner = np.array([columns.start + right, rows.start + down])
            hull = hulls.get((source, scene, berth_id))
            yield scene, Chip(
                fewer(image, few), str(band.name), cube.attrs["kind"], axes * few, *light_of(cube, step),
                *(None if shape is None else transform(shape, lambda xy, c=corner: (xy - c) / few)
                  for shape in (area, None if hull is None else in_pixels(hull, grid))),
            )  # fmt: skip


def fewer(image: NDArray[np.float32], few: int) -> NDArray[np.float32]:
    """Squares of so many pixels become one, their mean; what is over at the right and below is cut off."""
    height, width = (side // few * few for side in image.shape)
    blocks = image[:height, :width].reshape(height // few, few, width // few, few)
    mean: NDArray[np.float32] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return mean


def light_of(cube: xr.Dataset, step: int) -> tuple[tuple[float, float] | None, Angles | None]:
    """Azimuth and elevation of the sun, and sun and view together, where an optical scene states them."""
    told = [float(cube[name].values[step]) if name in cube.coords else math.nan for name in ANGLES]
    if cube.attrs["kind"] != "optical" or not math.isfinite(told[0]) or not told[1] > 0:
        return None, None
    angles = angles_of(*told)
    return (told[0], told[1]), None if isinstance(angles, str) else angles


def grey(image: NDArray[np.float32], kind: str, scale: tuple[float, float]) -> NDArray[np.uint8]:
    """A chip in shades of grey; black where there is no data."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = 10 * np.log10(image) if kind == "sar" else image
        share = np.clip((value - scale[0]) / (scale[1] - scale[0]), 0, 1)
    # The eye tells dark shades apart better than light ones, and shadows on water are dark.
    return np.nan_to_num(255 * (share if kind == "sar" else np.sqrt(share))).astype(np.uint8)


def scale_of(chips: list[Chip]) -> tuple[float, float]:
    """What is black and what is white in chips of one berth and source."""
    values = np.concatenate([chip.image[np.isfinite(chip.image)] for chip in chips])
    if chips[0].kind == "sar":
        values = values[values > 0]
        middle = 10 * math.log10(float(np.median(values))) if values.size else 0.0
        return middle + DARKEST_DB, middle + BRIGHTEST_DB
    if not values.size:
        return 0.0, 1.0
    dark, bright = (float(value) for value in np.quantile(values, (0.005, 0.995)))
    return dark, max(bright, dark + 1e-6)


def file_of(image: NDArray[np.uint8], driver: Literal["JPEG", "PNG"], **options: int) -> str:
    """An image (y, x), or (4, y, x) with colours and opacity, as a file in base64."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.io import MemoryFile

    bands = image if image.ndim == 3 else image[np.newaxis]
    count, height, width = bands.shape
    with MemoryFile() as memory, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with (
            rasterio.Env(GDAL_PAM_ENABLED="NO"),
            memory.open(driver=driver, width=width, height=height, count=count, dtype="uint8", **options) as file,
        ):
            file.write(bands)
        return base64.b64encode(memory.read()).decode()


def encoded(chips: Mapping[Key, Chip]) -> dict[Key, str]:
    """Every chip as a JPEG in base64, with the best quality at which all of them fit in the budget.

    Where even the worst is too much, chips are left out from the end on.
    """
    groups: dict[tuple[str, str], list[Chip]] = {}
    for (source, _, berth_id), chip in chips.items():
        groups.setdefault((source, berth_id), []).append(chip)
    scales = {group: scale_of(own) for group, own in groups.items()}
    greys = {key: grey(chip.image, chip.kind, scales[key[0], key[2]]) for key, chip in chips.items()}
    texts: dict[Key, str] = {}
    for quality in QUALITIES:
        texts = {key: file_of(image, "JPEG", QUALITY=quality) for key, image in greys.items()}
        if sum(map(len, texts.values())) <= BUDGET:
            return texts
    total = np.cumsum([len(text) for text in texts.values()])
    return {key: text for (key, text), size in zip(texts.items(), total, strict=True) if size <= BUDGET}


def path_of(shape: BaseGeometry) -> str:
    """An outline as an SVG path, without corners that move it by less than a fiftieth of a pixel.

    >>> from shapely.geometry import Polygon
    >>> path_of(Polygon([(0, 0), (2, 0.001), (4, 0), (4, 3)]))
    'M0 0L4 0L4 3Z'
    """
    plain = shape.simplify(0.02)
    assert isinstance(plain, Polygon | MultiPolygon), f"an area, not a {plain.geom_type}"
    return "".join(
        "M" + "L".join(f"{x:.2f} {y:.2f}".replace(".00", "") for x, y in ring[:-1]) + "Z" for ring in rings(plain)
    )
