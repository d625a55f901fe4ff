"""Whether what a run says is so: against labels, at controls, on the open ocean where nothing moors, and simulated.

Latakia's labels are by eye (-1, cannot tell, is left out). A look that the run could not tell counts as wrong.
Where the real scenes are not, the simulated ports stand in, against their truth. The grid of sensors, skies and piers
takes about an hour; it is on a page of its own, docs/accuracy.md.
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
import yaml
from pyproj import Transformer
from shapely.geometry import box, mapping

from benchmarks.accuracy_grid import SMALL, cells, measure_cells
from benchmarks.accuracy_page import rows_of, write_page
from benchmarks.real import real_data
from benchmarks.table import Row, against, main
from berthwatch import read_port, run
from berthwatch.datasets.scenarios import empty_port, small_port
from berthwatch.datasets.simulate import simulate

WORST_DATES = ("2022-10-01", "2023-10-08", "2024-01-12", "2024-04-17")
"""Latakia's worst-registered scenes: hulls lie partly outside their slot."""

LENGTH_M, WIDTH_M, APART_M, RIM_M = 300.0, 150.0, 150.0, 150.0
"""Berths drawn on the ocean: their size, the water between them, and between them and the edge of the scenes."""


def measure(small: bool) -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        latakia, ocean = real_data("latakia"), real_data("opera-ocean")
        if latakia is not None and not small:
            rows += _latakia(latakia, Path(scratch) / "latakia")
        if ocean is not None:
            rows += _ocean(ocean, Path(scratch), sites=1 if small else None)
        rows += _simulated(Path(scratch))
    measured = measure_cells(SMALL if small else cells())
    if not small:
        write_page(measured, Path("docs"))
    return rows + rows_of(measured)


def balanced_accuracy(truth: pd.Series, called: pd.Series) -> float:
    """Mean of the shares of the taken called taken, and of the vacant called vacant.

    >>> balanced_accuracy(pd.Series([1, 1, 0]), pd.Series([True, None, False], dtype="boolean"))
    0.75
    """
    taken = called[truth == 1].fillna(False).astype(bool)
    vacant = called[truth == 0].fillna(True).astype(bool)
    return float((taken.mean() + (1 - vacant.mean())) / 2)


def _occupancy(run_file: Path, out: Path) -> tuple[pd.DataFrame, set[str]]:
    """Run a port; its table of occupancy, and which polygons are controls."""
    port = read_port(run_file)
    run(port, out)
    controls = {berth.berth_id for berth in port.berths if berth.kind == "control"}
    return pd.read_parquet(out / "occupancy.parquet"), controls


def _labelled(occupancy: pd.DataFrame, labels: Path) -> pd.DataFrame:
    known = pd.read_csv(labels)
    known = known[known.occupied >= 0].rename(columns={"occupied": "truth"})
    # Scenes that the run set aside stay in, as looks that it could not tell.
    return known.merge(occupancy[["scene_id", "berth_id", "occupied"]], on=["scene_id", "berth_id"], how="left")


def _latakia(folder: Path, out: Path) -> list[Row]:
    occupancy, controls = _occupancy(folder / "port.yaml", out)
    looks = _labelled(occupancy, folder / "labels.csv")
    at_berths = looks[~looks.berth_id.isin(controls)]
    good = at_berths[~at_berths.time.str[:10].isin(WORST_DATES)]
    at_controls = occupancy[occupancy.berth_id.isin(controls)]
    s1 = occupancy[(occupancy.berth_id == "S1") & occupancy.time.dt.year.isin([2023, 2024])]
    called_controls = float(at_controls.occupied.fillna(False).sum())
    rows = [
        (Row("latakia", "balanced accuracy, all dates", _scored(at_berths), "share"), 0.97, False),
        (Row("latakia", "balanced accuracy, without the worst dates", _scored(good), "share"), 0.99, False),
        (Row("latakia", f"controls called occupied, of {len(at_controls)}", called_controls, "looks"), 0.0, True),
        (Row("latakia", "S1 occupied, 2023–2024", float(s1.occupied.fillna(False).mean()), "share"), 0.98, False),
    ]
    return [against(row, "asked for", asked, less_is_better=less) for row, asked, less in rows]


def _scored(looks: pd.DataFrame) -> float:
    return balanced_accuracy(looks.truth, looks.occupied)


def _ocean(folder: Path, scratch: Path, sites: int | None) -> list[Row]:
    rows, called, total = [], 0, 0
    for site in sorted(path for path in folder.iterdir() if path.is_dir())[:sites]:
        run_file = _draw_lattice(site, scratch / site.name)
        occupancy, _ = _occupancy(run_file, scratch / f"run-{site.name}")
        found = int(occupancy.occupied.fillna(False).sum())
        rows.append(Row("opera-ocean", f"{site.name}, called occupied of {len(occupancy)}", found, "looks"))
        called, total = called + found, total + len(occupancy)
    share = Row("opera-ocean", f"called occupied of {total}", called / total, "share")
    return [*rows, against(share, "asked for", 0.001, less_is_better=True)]


def _draw_lattice(site: Path, folder: Path) -> Path:
    """Draw berths on a regular lattice over a site's scenes, and the run file that looks at them."""
    folder.mkdir()
    with rasterio.open(min(site.glob("*_vv.tif"))) as scene:
        west, south, east, north = scene.bounds
        to_lonlat = Transformer.from_crs(scene.crs, 4326, always_xy=True).transform
    features: list[dict[str, object]] = []
    for x in np.arange(west + RIM_M, east - RIM_M - LENGTH_M, LENGTH_M + APART_M):
        for y in np.arange(south + RIM_M, north - RIM_M - WIDTH_M, WIDTH_M + APART_M):
            outline = mapping(box(x, y, x + LENGTH_M, y + WIDTH_M))["coordinates"][0]
            ring = [to_lonlat(*corner) for corner in outline]
            features.append(
                {
                    "type": "Feature",
                    "properties": {"berth_id": f"O{len(features) + 1}"},
                    "geometry": {"type": "Polygon", "coordinates": [ring]},
                }
            )
    (folder / "berths.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    source = {"name": "rtc", "kind": "sar", "scenes": f"{site.resolve()}/*.json", "bands": ["vv", "vh"]}
    run_file = folder / "port.yaml"
    run_file.write_text(yaml.safe_dump({"name": site.name, "berths": "berths.geojson", "sources": [source]}))
    return run_file


def _simulated(scratch: Path) -> list[Row]:
    run_file = simulate(small_port(), scratch / "small-port", seed=1)
    occupancy, controls = _occupancy(run_file, scratch / "run-small-port")
    looks = _labelled(occupancy, run_file.parent / "labels.csv")
    radar = looks[looks.scene_id.str.contains("_S1A_") & ~looks.berth_id.isin(controls)]
    optical = looks[looks.scene_id.str.contains("_PS_") & ~looks.berth_id.isin(controls)].dropna(subset=["occupied"])
    empty_file = simulate(empty_port(), scratch / "empty-port", seed=1)
    empty, _ = _occupancy(empty_file, scratch / "run-empty-port")
    found = float(empty.occupied.fillna(False).sum())
    return [
        Row("small-port", f"balanced accuracy, {len(radar)} radar looks", _scored(radar), "share"),
        Row("small-port", f"balanced accuracy, {len(optical)} optical looks told", _scored(optical), "share"),
        Row("empty-port", f"called occupied, of {len(empty)}", found, "looks"),
    ]


if __name__ == "__main__":
    main("accuracy", measure)
