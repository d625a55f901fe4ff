"""Places of hulls along a berth: found from outlines, told only where they tell, and vessels told apart by them."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import affinity
from shapely.geometry import box

from berthwatch.config import LedgerTerms, Port, Source
from berthwatch.doubt import MISREAD_HULLS, log_doubt
from berthwatch.inference import infer
from berthwatch.model import Berth
from berthwatch.place import PLACES, Places, along_m, places_of
from berthwatch.tables import OBSERVATION_COLUMNS, as_table

START = pd.Timestamp("2024-03-07T02:00:00Z")
CENTRE = (500_000.0, 4_730_000.0)


def turned(length_m: float, width_m: float, along_m: float, bearing_deg: float) -> gpd.GeoSeries:
    """A rectangle in a berth that lies along a bearing, moved along it, in longitude and latitude."""
    shape = box(along_m - length_m / 2, -width_m / 2, along_m + length_m / 2, width_m / 2)
    shape = affinity.rotate(shape, 90 - bearing_deg, origin=(0, 0))
    return gpd.GeoSeries([affinity.translate(shape, *CENTRE)], crs="EPSG:32653").to_crs("EPSG:4326")


def port(bearing_deg: float = 60.0, width_m: float = 40.0) -> Port:
    berth = Berth("B1", "berth", turned(180.0, width_m, 0.0, bearing_deg).iloc[0])
    source = Source("daily", "optical", "*.json", ("nir",))
    terms = LedgerTerms("gasoil", None, 500_000.0)
    return Port("P", Path("port.yaml"), (berth,), None, None, None, (source,), terms, "")


def seen(places_m: list[float | None], bearing_deg: float = 60.0) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Daily looks, at which a hull of 90 m lies at a place along the berth, or none (None)."""
    rows, outlines = [], []
    for day, place_m in enumerate(places_m):
        row = {"berth_id": "B1", "time": START + pd.Timedelta(days=day), "source": "daily", "scene_id": f"s{day:03d}"}
        outlines += [] if place_m is None else [row | {"geometry": turned(90, 14, place_m, bearing_deg).iloc[0]}]
        row |= {"visible": 1.0, "change": 0.0, "reason": "no hull seen"}
        if place_m is not None:
            row |= {"change": 90.0, "hull_length_m": 90.0 + day % 2, "hull_beam_m": 14.0, "reason": ""}
        rows.append(row)
    return as_table(rows, OBSERVATION_COLUMNS), gpd.GeoDataFrame(outlines, geometry="geometry", crs="EPSG:4326")


@pytest.mark.parametrize("bearing_deg", [0.0, 60.0, 135.0])
def test_places_are_those_along_the_berth_however_it_lies(bearing_deg: float) -> None:
    looks, hulls = seen([-12.0, None, 0.0, 7.0], bearing_deg)
    found = along_m(looks, port(bearing_deg), hulls)
    assert np.isnan(found[1])
    assert np.abs(np.diff(found[[0, 2, 3]])) == pytest.approx([12.0, 7.0], abs=0.05)


def test_no_outlines_clouded_hulls_and_square_berths_have_no_place() -> None:
    looks, hulls = seen([3.0, -4.0])
    assert np.isnan(along_m(looks, port(), None)).all()
    assert np.isnan(along_m(looks.assign(hull_length_m=np.nan), port(), hulls)).all()
    assert np.isnan(along_m(looks, port(width_m=170.0), hulls)).all()


def test_places_say_something_only_where_they_spread_more_than_they_scatter() -> None:
    rng = np.random.default_rng(1)
    looks, _ = seen([0.0] * 40)
    steady = np.repeat(rng.uniform(-12, 12, 10), 4) + rng.normal(0, 1.0, 40)
    told = places_of(looks, steady)
    assert told.log_likelihood.shape == (40, PLACES)
    assert (told.log_likelihood[::4].argmax(axis=1) == told.log_likelihood[1::4].argmax(axis=1)).mean() > 0.5
    np.testing.assert_allclose(np.exp(told.log_likelihood).mean(axis=1), 1.0)
    for nothing in (rng.normal(0, 6.0, 40), np.full(40, np.nan), np.where(np.arange(40) < 5, steady, np.nan)):
        assert (places_of(looks, nothing).log_likelihood == np.zeros((40, 1))).all()


def test_no_look_is_free_of_doubt_and_a_size_that_nobody_has_is_in_much() -> None:
    looks, _ = seen([0.0, 0.0, None])
    nowhere = Places(np.zeros((3, 1)), np.full(3, np.nan), 0.0)
    for strange in (-13.7, -900.0):
        doubt, trust = np.exp(log_doubt(looks, np.array([np.log(1 / 400.0), strange, 0.0]), nowhere))
        assert doubt + trust == pytest.approx(np.ones(3))
        assert 0.001 < doubt[0] < MISREAD_HULLS
        assert doubt[1] > 0.9
        assert doubt[2] == 0.0


def test_vessels_alike_are_told_apart_by_where_they_lie() -> None:
    """Two calls of two days each, one right after the other, then four days of vacant water: eight times."""
    pairs = [(-11.0, 6.0), (8.0, -3.0), (0.0, 11.0), (-6.0, 5.0), (10.0, -9.0), (-2.0, 9.0), (4.0, -8.0), (-10.0, 0.0)]
    looks, hulls = seen([place for one, other in pairs for place in (one, one, other, other, *[None] * 4)])
    assert len(infer(looks, port(), hulls).visits) >= 14
    assert len(infer(looks, port()).visits) <= 10
