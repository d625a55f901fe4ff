"""What other software sees of a cube and of the tables."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rioxarray
import xarray as xr
import zarr
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import Point
from zarr.storage import LocalStore

from berthwatch import layout
from berthwatch.errors import InputError
from berthwatch.export import export
from berthwatch.store import MAIN, open_or_create

GRID = GeoBox((40, 50), Affine(10, 0, 500_000, 0, -10, 4_000_000), "EPSG:32636")
TIMES = np.array(["2024-01-03T04:00", "2024-01-01T05:00", "2024-01-02T06:00"], "datetime64[ns]")


def fill(store: object) -> None:
    """A cube of three scenes that were not added in order of time."""
    recipe = {"kind": "sar", "bands": ["vv"]}
    layout.create(store, GRID, ["vv"], {"source": "s1", "kind": "sar", "recipe": recipe, "window": [0, 0, 1, 1]}, 3)
    group = zarr.open_group(store, mode="r+")
    layout.array_of(group, "vv")[:] = np.arange(3, dtype=np.float32)[:, None, None] * np.ones(GRID.shape, np.float32)
    layout.array_of(group, "time")[:] = TIMES.astype(np.int64)
    layout.array_of(group, "scene_id")[:] = np.array(["c/3", "a", "b"], np.dtypes.StringDType())


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    session = open_or_create(path / "cube" / "s1").writable_session(MAIN)
    fill(session.store)
    session.commit("three scenes")
    return path


def test_gdal_and_rioxarray_see_where_the_plain_zarr_lies(run_dir: Path, tmp_path: Path) -> None:
    (path,) = export(run_dir, tmp_path / "zarr", ("zarr",))
    assert path == tmp_path / "zarr" / "s1.zarr"
    with rasterio.open(f'ZARR:"{path}":/vv') as file:
        assert file.crs.to_epsg() == 32636
        assert file.transform == GRID.affine
        assert (file.count, file.shape) == (3, (40, 50))
        assert [file.read(band)[0, 0] for band in (1, 2, 3)] == [1, 2, 0]
    opened = xr.open_zarr(path, consolidated=False, decode_coords="all")
    assert opened.rio.crs.to_epsg() == 32636
    assert opened["vv"].rio.transform() == GRID.affine
    assert opened["time"].values.tolist() == sorted(TIMES.tolist())
    assert [str(word) for word in opened["scene_id"].values] == ["a", "b", "c/3"]
    assert rioxarray.open_rasterio(f'ZARR:"{path}":/vv').rio.crs.to_epsg() == 32636
    with pytest.raises(InputError, match="a name that is free"):
        export(run_dir, tmp_path / "zarr", ("zarr",))


def test_geozarr_attributes_are_on_the_group_and_on_each_band(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "z.zarr")
    fill(store)
    group = zarr.open_group(store, mode="r")
    for attributes in (dict(group.attrs), dict(layout.array_of(group, "vv").attrs)):
        assert {each["name"] for each in attributes["zarr_conventions"]} == {"proj:", "spatial:"}
        assert attributes["proj:code"] == "EPSG:32636"
        assert attributes["spatial:transform"] == [10, 0, 500_000, 0, -10, 4_000_000]
        assert attributes["spatial:dimensions"] == ["y", "x"]


def test_each_scene_and_band_becomes_a_cloud_optimized_geotiff(run_dir: Path, tmp_path: Path) -> None:
    paths = export(run_dir, tmp_path / "cog", ("cog",))
    assert [path.name for path in paths] == ["a_vv.tif", "b_vv.tif", "c_3_vv.tif"]
    with rasterio.open(paths[2]) as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.tags()["TIFFTAG_DATETIME"] == "2024:01:03 04:00:00"
        assert file.crs.to_epsg() == 32636
        assert (file.read(1) == 0).all()
    assert sorted(path.name for path in (tmp_path / "cog" / "s1").iterdir()) == sorted(path.name for path in paths)


def test_visits_and_berths_become_layers_of_a_geopackage(run_dir: Path, tmp_path: Path) -> None:
    visits = gpd.GeoDataFrame(
        {"visit_id": ["v1"], "scenes": [["a", "b"]], "load": [0.5]}, geometry=[Point(33, 36)], crs="EPSG:4326"
    )
    visits.to_parquet(run_dir / "visits.parquet")
    visits[["visit_id", "geometry"]].to_file(run_dir / "berths.geojson", driver="GeoJSON")
    (path,) = export(run_dir, tmp_path / "p.gpkg", ("gpkg",))
    assert sorted(gpd.list_layers(path)["name"]) == ["berths", "visits"]
    assert gpd.read_file(path, layer="visits")["scenes"].tolist() == ["a,b"]


def test_a_folder_without_a_run_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="with cubes; got none in cube/"):
        export(tmp_path, tmp_path / "out", ("zarr",))
    with pytest.raises(InputError, match=r"with visits\.parquet; got none there"):
        export(tmp_path, tmp_path / "out", ("gpkg",))
