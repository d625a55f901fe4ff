"""Ports for the ingest benchmark: scenes of speckle as tiled, deflated GeoTIFFs with STAC items, made on the spot.

A handful of files is written; longer series name them again under other dates: the disk is not what is measured.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import box, mapping

from berthwatch.georeference import crs_of
from berthwatch.grid import project

BANDS = ("vv", "vh")
ZONES = ("EPSG:32636", "EPSG:32635")
"""The zone the berths are in, and its neighbour to the west, seven degrees from whose middle the scenes then lie."""
PIXEL_M = 10.0
LEFT_M, TOP_M = 250_000.0, 4_000_000.0
DISTINCT = 4
BERTH_M = (200.0, 60.0)


@dataclass(frozen=True, slots=True)
class Job:
    """A port to ingest: scenes of `side` pixels a side, every other one in another zone where `zones` is 2.

    `berths` are the pixels (row, column) of berths in the first zone's grid.
    """

    name: str
    side: int
    scenes: int
    zones: int
    berths: tuple[tuple[int, int], ...]

    @property
    def decoded_bytes(self) -> int:
        """What all its scenes hold, decoded: bands of uint16."""
        return self.scenes * self.side**2 * len(BANDS) * 2


def whole(name: str, scenes: int, zones: int = 1, side: int = 1024) -> Job:
    """A job whose berths lie in the corners, so that its port is the whole scene."""
    return Job(name, side, scenes, zones, ((20, 20), (side - 30, side - 50)))


def make(job: Job, folder: Path, served_at: str | None = None) -> Path:
    """Write a job's files and return its run file; its items name the files below an address if one is given."""
    items = folder / "items"
    items.mkdir(parents=True)
    files = [_write(job, folder, number) for number in range(min(DISTINCT, job.scenes))]
    for number in range(job.scenes):
        file = files[number % len(files)]
        item = _item(job, number, f"{served_at}/{file.name}" if served_at else str(file))
        (items / f"{item['id']}.json").write_text(json.dumps(item))
    features = [
        {"type": "Feature", "geometry": mapping(_berth(place)), "properties": {"berth_id": f"B{number}"}}
        for number, place in enumerate(job.berths)
    ]
    (folder / "berths.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    source = f"{{name: s, kind: sar, scenes: items/*.json, bands: [{', '.join(BANDS)}]}}"
    run_file = folder / "port.yaml"
    run_file.write_text(f"name: ingest\nberths: berths.geojson\nsources:\n  - {source}\n")
    return run_file


def window(job: Job) -> GeoBox:
    """The grid of a job's scenes in the first zone."""
    return GeoBox((job.side, job.side), Affine(PIXEL_M, 0, LEFT_M, 0, -PIXEL_M, TOP_M), ZONES[0])


def _berth(place: tuple[int, int]) -> Any:
    top, left = TOP_M - PIXEL_M * place[0], LEFT_M + PIXEL_M * place[1]
    return project(box(left, top - BERTH_M[1], left + BERTH_M[0], top), ZONES[0], "EPSG:4326")


def _zone(job: Job, number: int) -> str:
    return ZONES[number % job.zones]


def _grid(job: Job, number: int) -> GeoBox:
    """Where a scene lies: in the other zone it is turned, and so is cut about the same middle."""
    first = window(job)
    if _zone(job, number) == ZONES[0]:
        return first
    middle = project(first.extent.geom.centroid, ZONES[0], ZONES[1])
    half = PIXEL_M * job.side / 2
    left, top = round(middle.x - half, -1), round(middle.y + half, -1)
    return GeoBox(first.shape, Affine(PIXEL_M, 0, left, 0, -PIXEL_M, top), ZONES[1])


def _write(job: Job, folder: Path, number: int) -> Path:
    """Gamma speckle of 4.4 looks in hundredths of thousandths, as Sentinel-1 has it; 0 nowhere."""
    grid, rng = _grid(job, number), np.random.default_rng(number)
    values = np.clip(rng.gamma(4.4, 2000 / 4.4, (len(BANDS), *grid.shape)), 1, 65535).astype(np.uint16)
    path = folder / f"scene-{number}.tif"
    profile = {
        "driver": "GTiff", "count": len(BANDS), "dtype": "uint16", "crs": crs_of(grid).to_wkt(), "nodata": 0,
        "transform": grid.affine, "tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate",
        "predictor": 2,
    }  # fmt: skip
    with rasterio.open(path, "w", height=job.side, width=job.side, **profile) as file:
        file.write(values)
    return path


def _item(job: Job, number: int, href: str) -> dict[str, Any]:
    """A STAC item, with the projection that odc-stac and stackstac plan from."""
    grid = _grid(job, number)
    time = datetime(2024, 1, 1, 3, tzinfo=UTC) + timedelta(days=number)
    outline = project(grid.extent.geom, grid.crs, "EPSG:4326")
    bands = [{"name": name, "data_type": "uint16", "nodata": 0} for name in BANDS]
    data = {
        "href": href, "type": "image/tiff; application=geotiff; profile=cloud-optimized", "roles": ["data"],
        "eo:bands": [{"name": name} for name in BANDS], "raster:bands": bands,
    }  # fmt: skip
    properties = {
        "datetime": f"{time:%Y-%m-%dT%H:%M:%SZ}", "proj:epsg": crs_of(grid).epsg, "proj:shape": list(grid.shape),
        "proj:transform": list(grid.affine[:6]),
    }  # fmt: skip
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": f"S_{number:05d}", "links": [], "collection": "s",
        "stac_extensions": [
            "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
            "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
            "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
        ],
        "geometry": mapping(outline), "bbox": list(outline.bounds), "properties": properties, "assets": {"data": data},
    }  # fmt: skip
