"""`bw.zonal`: series of berths from any georeferenced array, lazily, reading only what berths touch."""

import pickle
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import ODCExtensionDa
from pyproj import Transformer
from zarr.storage import LocalStore

import berthwatch as bw
from berthwatch import layout, touched
from berthwatch.model import Berth

UTM = "EPSG:32636"
WEST, NORTH, SIZE_M = 500_000.0, 4_000_000.0, 10.0
ROWS, COLUMNS, SCENES = 30, 40, 5
ALL = ("mean", "var", "q50", "q2.5", "above_0.5")


def on_grid(values: Any, dims: Sequence[str] = ("time", "y", "x"), crs: str | None = UTM) -> xr.DataArray:
    """Values on the test's grid, rows from north to south."""
    array = xr.DataArray(values, dims=dims)
    array = array.assign_coords(y=NORTH - SIZE_M * (np.arange(array.sizes["y"]) + 0.5),
                                x=WEST + SIZE_M * (np.arange(array.sizes["x"]) + 0.5))  # fmt: skip
    if "time" in dims:
        array = array.assign_coords(time=pd.date_range("2024-01-01", periods=array.sizes["time"]))
    return ODCExtensionDa(array).assign_crs(crs) if crs else array


def in_metres(shape: shapely.Geometry) -> shapely.Geometry:
    """A shape in pixels, in metres."""
    return shapely.transform(shape, lambda at: np.c_[WEST + SIZE_M * at[:, 0], NORTH - SIZE_M * at[:, 1]])


PIXEL_SHAPES = {
    "slanted": shapely.Polygon([(2.3, 3.1), (17.8, 5.2), (17.1, 8.9), (1.9, 6.6)]),
    "holed": shapely.box(20.2, 10.1, 33.7, 25.4).difference(shapely.box(24, 15.5, 27.3, 18)),
    "two parts": shapely.MultiPolygon([shapely.box(1, 20, 4.5, 24), shapely.box(30.1, 2.2, 36, 4)]),
    "overlapping": shapely.Point(22, 14).buffer(6.4),
    "over the edge": shapely.box(35.5, 26.5, 60, 60),
    "elsewhere": shapely.box(400, 400, 410, 410),
}
BERTHS = gpd.GeoDataFrame({"berth_id": list(PIXEL_SHAPES)}, geometry=[*map(in_metres, PIXEL_SHAPES.values())], crs=UTM)


@pytest.fixture
def images() -> xr.DataArray:
    rng = np.random.default_rng(0)
    values = rng.random((SCENES, ROWS, COLUMNS), np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    values[3, 18:, 18:] = np.nan
    return on_grid(values)


def exact_shares(shape: shapely.Geometry) -> Any:
    corners = np.meshgrid(np.arange(COLUMNS), np.arange(ROWS))
    pixels = shapely.box(*corners, corners[0] + 1, corners[1] + 1)
    return shapely.area(shapely.intersection(pixels, shape))


def test_mean_and_count_are_those_of_exact_shares(images: xr.DataArray) -> None:
    found = bw.zonal(images, BERTHS)
    assert found["mean"].dims == ("berth", "time")
    for name, shape in PIXEL_SHAPES.items():
        shares, values = exact_shares(shape), images.values.astype(np.float64)
        count = (shares * ~np.isnan(values)).sum(axis=(1, 2))
        here = found.sel(berth=name)
        np.testing.assert_allclose(here["count"], count, rtol=1e-9, atol=1e-9)
        assert here["size_px"].item() == pytest.approx(shares.sum(), abs=1e-9)
        some = count > 0
        mean = np.nansum(shares * values, axis=(1, 2))[some] / count[some]
        np.testing.assert_allclose(here["mean"][some], mean, rtol=1e-9)


def test_a_berth_outside_has_a_count_of_0_and_is_nan(images: xr.DataArray) -> None:
    here = bw.zonal(images, BERTHS, ALL).sel(berth="elsewhere")
    assert (here["count"] == 0).all()
    assert here["size_px"] == 0
    assert all(here[name].isnull().all() for name in ALL)


CHUNKS = [{"time": 2, "y": 7, "x": 11}, {"time": 1}, {"time": -1, "y": 30, "x": 1}]


@pytest.mark.parametrize("chunks", CHUNKS)
@pytest.mark.parametrize("most", [1, 1 << 24], ids=["a zone a task", "all zones in a task"])
def test_lazy_is_lazy_and_the_same(
    images: xr.DataArray, chunks: dict[str, int], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(touched, "MOST_KEPT", most)
    wanted, lazy = bw.zonal(images, BERTHS, ALL), bw.zonal(images.chunk(chunks), BERTHS, ALL)
    assert all(lazy[name].chunks is not None for name in (*ALL, "count"))
    assert lazy["mean"].chunksizes["time"] == images.chunk(chunks).chunksizes["time"]
    assert len(lazy["mean"].chunksizes["berth"]) == (len(BERTHS) if most == 1 else 1)
    xr.testing.assert_allclose(lazy.compute(scheduler="threads"), wanted, rtol=1e-12)


def test_tasks_can_be_sent_elsewhere(images: xr.DataArray) -> None:
    lazy = bw.zonal(images.chunk(time=3, y=16), BERTHS, ["var", "q50"])
    found = pickle.loads(pickle.dumps(lazy)).compute()
    xr.testing.assert_allclose(found, bw.zonal(images, BERTHS, ["var", "q50"]), rtol=1e-12)


def test_only_chunks_that_berths_touch_are_read_and_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = GeoBox((600, 700), Affine(SIZE_M, 0, WEST, 0, -SIZE_M, NORTH), UTM)
    values = np.random.default_rng(1).random((40, 600, 700), np.float32)
    layout.create(LocalStore(tmp_path / "cube"), grid, ["vv"], {}, 40)
    layout.array_of(layout.zarr.open_group(LocalStore(tmp_path / "cube")), "vv")[:] = values
    asked: list[str] = []
    get = LocalStore.get

    async def watched(store: LocalStore, key: str, *rest: Any, **more: Any) -> Any:
        asked.append(key)
        return await get(store, key, *rest, **more)

    monkeypatch.setattr(LocalStore, "get", watched)
    store, left_out = LocalStore(tmp_path / "cube"), layout.SCENE_VARIABLES
    cube = xr.open_zarr(store, consolidated=False, chunks={}, decode_coords="all", drop_variables=left_out)
    # an L whose box has nine chunks of 128 x 128, of which it touches five; and a spot in one of these
    shapes = [shapely.box(10, 10, 300, 20).union(shapely.box(10, 10, 20, 300)), shapely.box(5, 5, 15.5, 15)]
    berths = gpd.GeoDataFrame(geometry=[*map(in_metres, shapes)], index=["L", "spot"], crs=UTM)
    lazy = bw.zonal(cube["vv"], berths, ["mean", "q50"])
    assert not [key for key in asked if key.startswith("vv/c/")]
    found = lazy.compute()
    # two in time, the cube's scenes being kept 32 to a chunk
    wanted = {f"vv/c/{t}/{y}/{x}" for t in range(2) for y, x in [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0)]}
    assert sorted(key for key in asked if key.startswith("vv/c/")) == sorted(wanted)
    np.testing.assert_allclose(found["mean"].sel(berth="L")[39], values[39, 10:300, 10:20].sum() / 5700
                               + values[39, 10:20, 20:300].sum() / 5700, rtol=1e-5)  # fmt: skip


def test_berths_come_in_their_own_crs(images: xr.DataArray) -> None:
    back = Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)
    degrees = shapely.transform(BERTHS.geometry.values, lambda at: np.c_[back.transform(at[:, 0], at[:, 1])])
    listed = [Berth(name, "berth", shape) for name, shape in zip(PIXEL_SHAPES, degrees, strict=True)]
    figures = ["mean", "var", "above_0.5"]
    wanted = bw.zonal(images, BERTHS, figures)
    for berths in (listed, BERTHS.to_crs("EPSG:3857"), BERTHS.set_index("berth_id")):
        xr.testing.assert_allclose(bw.zonal(images, berths, figures), wanted, rtol=1e-4)


def test_rows_may_rise_dimensions_stand_in_any_order_and_bear_other_names(images: xr.DataArray) -> None:
    wanted = bw.zonal(images, BERTHS, ALL)
    turned = images.isel(y=slice(None, None, -1)).transpose("x", "time", "y")
    xr.testing.assert_allclose(bw.zonal(turned, BERTHS, ALL), wanted, rtol=1e-9)
    renamed = images.rename(y="latitude", x="longitude").chunk(time=2)
    xr.testing.assert_allclose(bw.zonal(renamed, BERTHS, ALL).compute(), wanted, rtol=1e-9)


@pytest.mark.parametrize("chunks", [None, {"y": 8}])
def test_an_image_without_time_and_a_stack_with_more(images: xr.DataArray, chunks: Any) -> None:
    wanted = bw.zonal(images, BERTHS)
    image, stack = images[2], xr.concat([images, images + 1], "band")
    if chunks:
        image, stack = image.chunk(chunks), stack.chunk(band=1, time=2, **chunks)
    single, double = bw.zonal(image, BERTHS).compute(), bw.zonal(stack, BERTHS).compute()
    np.testing.assert_allclose(single["mean"], wanted["mean"][:, 2], rtol=1e-12)
    assert double["mean"].dims == ("berth", "band", "time")
    np.testing.assert_allclose(double["mean"][:, 1], wanted["mean"] + 1, rtol=1e-6)


def test_coordinates_of_scenes_stay_and_those_of_pixels_go(images: xr.DataArray) -> None:
    named = images.assign_coords(scene_id=("time", list("abcde")), height=(("y", "x"), np.zeros((ROWS, COLUMNS))))
    found = bw.zonal(named, BERTHS)
    assert set(found.coords) == {"berth", "time", "scene_id"}
    assert found["berth"].values.tolist() == list(PIXEL_SHAPES)


def test_a_cube_gives_each_bands_series(images: xr.DataArray) -> None:
    cube = xr.Dataset({"vv": images, "seen": images.notnull(), "noise": ("time", np.zeros(SCENES))})
    found = bw.zonal(cube, BERTHS, ["mean", "above_0.5"])
    one = bw.zonal(images, BERTHS, ["mean", "above_0.5"])
    np.testing.assert_array_equal(found["vv_mean"], one["mean"])
    np.testing.assert_allclose((found["seen_mean"] * found["size_px"])[:-1], one["count"][:-1], rtol=1e-12)
    assert not [name for name in found.data_vars if str(name).startswith("noise")]


def test_nodata_of_whole_numbers_is_not_seen(images: xr.DataArray) -> None:
    levels = (images * 200).fillna(255).astype(np.uint8)
    found = bw.zonal(levels, BERTHS, ["mean", "q50", "above_100"], nodata=255)
    wanted = bw.zonal(levels.where(levels != 255), BERTHS, ["mean", "q50", "above_100"])
    xr.testing.assert_allclose(found, wanted, rtol=1e-12)
    with pytest.raises(ValueError, match="nodata of uint8 values must be a whole number"):
        bw.zonal(levels.chunk(), BERTHS, nodata=300)
    with pytest.raises(ValueError, match="values must be uint8 or uint16"):
        bw.zonal(levels.astype(int).chunk(), BERTHS)


def test_weights_are_made_once_for_all_arrays_of_a_grid(images: xr.DataArray) -> None:
    weights = bw.berth_weights(images, BERTHS)
    xr.testing.assert_identical(bw.zonal(images, weights), bw.zonal(images, BERTHS))
    message = "the array's grid, 29 x 40 pixels from (500000, 3999990) in WGS 84 / UTM zone 36N; got those of 30 x 40"
    with pytest.raises(bw.InputError, match=re.escape(message)):
        bw.zonal(images[:, 1:], weights)


def test_no_berths_are_an_error(images: xr.DataArray) -> None:
    with pytest.raises(bw.InputError, match="berths: expected at least one; got none"):
        bw.zonal(images, [])


def one_berth(shape: Any) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"berth_id": ["B7"]}, geometry=[shape], crs=UTM)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (shapely.Polygon(), "berth B7: expected a polygon with an area; got an empty one"),
        (shapely.Point(1, 1), "berth B7: expected a Polygon or MultiPolygon; got Point"),
        (None, "berth B7: expected a Polygon or MultiPolygon; got no geometry"),
        (shapely.Polygon([(0, 0), (1, 1), (2, 2)]), "berth B7: expected a polygon with an area; got a flat one"),
        (shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 2)]), "berth B7: expected a polygon that does not cross itself"),
        (shapely.Polygon([(0, 0), (1, 1), (1, np.inf)]), "berth B7: expected corners that are numbers"),
    ],
)
def test_a_polygon_that_cannot_be_weighed_is_named(images: xr.DataArray, shape: Any, message: str) -> None:
    with pytest.raises(bw.InputError, match=re.escape(message)):
        bw.zonal(images, one_berth(shape))


def test_a_place_the_arrays_crs_cannot_express_is_named() -> None:
    pole = gpd.GeoDataFrame({"berth_id": ["pole"]}, geometry=[shapely.box(0, 89, 1, 95)], crs="EPSG:4326")
    with pytest.raises(bw.InputError, match="berth pole: expected a place that WGS 84 / Pseudo-Mercator can express"):
        bw.zonal(on_grid(np.zeros((1, 3, 3)), crs="EPSG:3857"), pole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda array: on_grid(array.values, crs=None), "array: expected a CRS"),
        (lambda array: array.drop_vars(["y", "x"]), "array: expected coordinates y and x in even steps"),
        (lambda array: array.isel(y=0), "array: expected coordinates y and x in even steps"),
        (lambda array: array.isel(y=[0, 1, 3]), "array, 'y': expected coordinates y and x in even steps"),
    ],
)
def test_an_array_that_is_nowhere_is_refused(images: xr.DataArray, change: Any, message: str) -> None:
    with pytest.raises(bw.InputError, match=re.escape(message)):
        bw.zonal(change(images), BERTHS)


def test_berths_that_are_nowhere_or_named_twice_are_refused(images: xr.DataArray) -> None:
    with pytest.raises(bw.InputError, match="expected a GeoDataFrame with a CRS"):
        bw.zonal(images, BERTHS.set_crs(None, allow_override=True))
    with pytest.raises(bw.InputError, match="berth slanted: expected each id once"):
        bw.zonal(images, pd.concat([BERTHS, BERTHS[:1]]))


@pytest.mark.parametrize("statistics", [["median"], ["q101"], ["q-1"], ["above_"], ["mean", "sum"], "mean"])
def test_a_statistic_of_another_name_is_refused(images: xr.DataArray, statistics: Any) -> None:
    with pytest.raises(bw.InputError, match="statistics: expected a sequence of mean, var, q0 to q100"):
        bw.zonal(images, BERTHS, statistics)
