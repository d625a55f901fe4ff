"""A synthetic port on disk as anyone's data would be: STAC items, GeoTIFFs, berths and run file."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import yaml
from rasterio import Affine
from shapely.geometry import Polygon, box, mapping

from berthwatch.datasets.optical import BANDS, OpticalScene
from berthwatch.datasets.ports import EPSG, SyntheticPort
from berthwatch.datasets.raster import Field, Grid
from berthwatch.datasets.sar import Track
from berthwatch.datasets.sky import Camera, Sky
from berthwatch.datasets.truth import stamp

EARTH_KM = 6371.0
_EXTENSIONS = "https://stac-extensions.github.io"


def write_geotiff(
    path: Path, bands: npt.NDArray[Any], port: SyntheticPort, grid: Grid, nodata: float, names: Sequence[str]
) -> None:
    """Write bands (band, y, x) as a tiled, deflated GeoTIFF on the port's UTM grid."""
    block = min(256, 16 * math.ceil(grid.size / 16))
    profile = {
        "driver": "GTiff",
        "dtype": bands.dtype.name,
        "count": bands.shape[0],
        "height": grid.size,
        "width": grid.size,
        "crs": f"EPSG:{EPSG}",
        "transform": Affine(
            grid.pixel_m, 0.0, port.easting_m + grid.west_m, 0.0, -grid.pixel_m, port.northing_m - grid.west_m
        ),
        "nodata": nodata,
        "tiled": True,
        "blockxsize": block,
        "blockysize": block,
        "compress": "deflate",
        "zlevel": 1,
        "predictor": 3 if bands.dtype.kind == "f" else 2,
    }
    with rasterio.open(path, "w", **profile) as file:
        file.write(bands)
        file.descriptions = tuple(names)


def write_sar(
    folder: Path,
    port: SyntheticPort,
    grid: Grid,
    track: Track,
    time: datetime,
    scene: Mapping[str, Field],
    looks: float,
) -> str:
    """Write one radar scene: a float32 GeoTIFF of linear power per polarisation, and its STAC item; return its id."""
    scene_id = f"SYN_S1A_IW_{time:%Y%m%dT%H%M%S}_{track.relative_orbit:03d}"
    assets = {}
    for name, power in scene.items():
        href = f"{scene_id}_{name}.tif"
        write_geotiff(folder / href, power[None].astype(np.float32), port, grid, math.nan, [name])
        assets[name] = {
            "href": f"./{href}",
            "type": "image/tiff; application=geotiff",
            "roles": ["data"],
            "sar:polarizations": [name.upper()],
            "raster:bands": [{"data_type": "float32", "nodata": "nan"}],
        }
    properties = {
        "platform": "synthetic-sentinel-1a",
        "sat:orbit_state": track.orbit_state,
        "sat:relative_orbit": track.relative_orbit,
        "sar:instrument_mode": "IW",
        "sar:frequency_band": "C",
        "sar:polarizations": [name.upper() for name in scene],
        "sar:looks_equivalent_number": looks,
        "sar:observation_direction": "right",
        "sar:product_type": "RTC",
        "view:incidence_angle": track.incidence_deg,
    }
    extensions = ["sar/v1.0.0", "sat/v1.0.0", "view/v1.0.0"]
    _write_item(folder, port, grid, scene_id, time, properties, assets, extensions)
    return scene_id


def write_optical(
    folder: Path, port: SyntheticPort, grid: Grid, camera: Camera, time: datetime, sky: Sky, scene: OpticalScene
) -> str:
    """Write one optical scene: a four-band uint16 GeoTIFF, a mask, and their STAC item; return its id."""
    scene_id = f"SYN_{camera.code}_{time:%Y%m%d_%H%M%S}"
    write_geotiff(folder / f"{scene_id}_sr.tif", scene.reflectance, port, grid, 0, BANDS)
    write_geotiff(folder / f"{scene_id}_mask.tif", scene.mask[None], port, grid, 255, ["clear"])
    stored = {"data_type": "uint16", "scale": 0.0001, "offset": 0.0, "nodata": 0}
    assets = {
        "analytic": {
            "href": f"./{scene_id}_sr.tif",
            "type": "image/tiff; application=geotiff",
            "roles": ["data", "reflectance"],
            "eo:bands": [{"name": name, "common_name": name} for name in BANDS],
            "raster:bands": [stored for _ in BANDS],
        },
        "mask": {
            "href": f"./{scene_id}_mask.tif",
            "type": "image/tiff; application=geotiff",
            "roles": ["metadata", "cloud"],
            "raster:bands": [{"data_type": "uint8", "nodata": 255}],
        },
    }
    # view:azimuth runs from the sub-satellite point to the scene. Incidence exceeds off-nadir as the Earth is round.
    shrunk = EARTH_KM / (EARTH_KM + camera.height_km)
    off_nadir_deg = math.degrees(math.asin(math.sin(math.radians(sky.view_zenith_deg)) * shrunk))
    properties = {
        "platform": f"synthetic-{camera.name}",
        "eo:cloud_cover": round(100 * sky.cloud, 1),
        "view:off_nadir": round(off_nadir_deg, 3),
        "view:incidence_angle": round(sky.view_zenith_deg, 3),
        "view:azimuth": round((sky.view_azimuth_deg + 180) % 360, 2),
        "view:sun_azimuth": round(sky.sun_azimuth_deg, 2),
        "view:sun_elevation": round(sky.sun_elevation_deg, 2),
    }
    _write_item(folder, port, grid, scene_id, time, properties, assets, ["eo/v1.0.0", "view/v1.0.0"])
    return scene_id


def _write_item(
    folder: Path,
    port: SyntheticPort,
    grid: Grid,
    scene_id: str,
    time: datetime,
    properties: Mapping[str, Any],
    assets: Mapping[str, Any],
    extensions: Iterable[str],
) -> None:
    footprint = in_lonlat(port, box(grid.west_m, grid.west_m, -grid.west_m, -grid.west_m))
    names = [*extensions, "projection/v1.1.0", "raster/v1.1.0"]
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": scene_id,
        "geometry": mapping(footprint),
        "bbox": list(footprint.bounds),
        "stac_extensions": [f"{_EXTENSIONS}/{name}/schema.json" for name in names],
        "properties": {"datetime": stamp(time), "proj:epsg": EPSG, **properties},
        "links": [],
        "assets": assets,
    }
    (folder / f"{scene_id}.json").write_text(json.dumps(item, indent=1), encoding="utf-8")


def in_lonlat(port: SyntheticPort, shape: Polygon) -> Polygon:
    """A local shape in EPSG:4326, rounded to 1e-7 degrees (1 cm)."""
    to_lonlat = port.to_lonlat().transform
    corners = [to_lonlat(port.easting_m + x, port.northing_m + y) for x, y in shape.exterior.coords]
    return Polygon([(round(lon, 7), round(lat, 7)) for lon, lat in corners])


def write_berths(path: Path, port: SyntheticPort) -> None:
    """Write the berths and controls as GeoJSON."""
    marked = [(mooring.berth_id, "berth", mooring.polygon) for mooring in port.moorings]
    marked += [(berth_id, "control", polygon) for berth_id, polygon in port.controls]
    features = [
        {
            "type": "Feature",
            "geometry": mapping(in_lonlat(port, polygon)),
            "properties": {"berth_id": berth_id, "name": f"synthetic {berth_id}", "kind": kind},
        }
        for berth_id, kind, polygon in marked
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, indent=1), encoding="utf-8")


def optical_source(camera: Camera) -> dict[str, Any]:
    """What the run file says of an optical source."""
    return {
        "name": camera.name,
        "kind": "optical",
        "scenes": f"{camera.name}/*.json",
        "bands": list(BANDS),
        "mask": {"asset": "mask", "band": 1, "clear": [1]},
    }


def sar_source(looks: float) -> dict[str, Any]:
    """What the run file says of the radar source."""
    return {
        "name": "sentinel-1",
        "kind": "sar",
        "scenes": "sentinel-1/*.json",
        "bands": ["vv", "vh"],
        "units": "linear",
        "looks": looks,
    }


def write_run_file(path: Path, port: SyntheticPort, sources: Sequence[Mapping[str, Any]]) -> None:
    """Write the run file that names what was simulated."""
    run = {
        "name": port.name,
        "berths": "berths.geojson",
        "fleet": "fleet.csv",
        "ais": "ais.csv",
        "sources": list(sources),
        "ledger": {"product": "gasoil", "cap_barrels": 500000},
    }
    path.write_text(yaml.safe_dump(run, sort_keys=False), encoding="utf-8")
