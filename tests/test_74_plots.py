"""Figures and notebook pages: true to the tables, in the words and colours of the report."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib import colors
from matplotlib.figure import Figure
from shapely.geometry import box

import berthwatch as bw
from berthwatch.config import LedgerTerms, Port, Source
from berthwatch.errors import InputError
from berthwatch.inference import Inference, infer
from berthwatch.model import Berth, SetAside
from berthwatch.pipeline import RunResult
from berthwatch.tables import LEDGER_COLUMNS, OBSERVATION_COLUMNS, as_table

DAYS = pd.date_range("2024-03-01", periods=12, freq="2D", tz="UTC")
CHANGES = {"B1": [0.0] * 4 + [80.0, 90.0, 85.0] + [0.0] * 5, "B2": [80.0] + [0.0] * 11, "C1": [0.0] * 12}


@pytest.fixture(scope="module")
def port() -> Port:
    berths = [
        Berth(name, "control" if name == "C1" else "berth", box(i, 0, i + 0.9, 1)) for i, name in enumerate(CHANGES)
    ]
    sources = (Source("radar", "sar", "*.tif", ("vv", "vh"), resolution_m=10.0),)
    return Port("Port of <Nowhere>", Path("port.yaml"), tuple(berths), None, None, None, sources, LedgerTerms(), "")


@pytest.fixture(scope="module")
def found(port: Port) -> Inference:
    rows: list[dict[str, Any]] = [
        {"berth_id": name, "time": day, "source": "radar", "scene_id": f"s{day:%m%d}", "visible": 1.0, "change": change}
        for name, series in CHANGES.items()
        for day, change in zip(DAYS, series, strict=True)
    ]
    rows[3] |= {"visible": 0.0, "change": np.nan}
    return infer(as_table(rows, OBSERVATION_COLUMNS).assign(reason="no hull seen"), port)


def days_of_ledger() -> pd.DataFrame:
    """Two years' ends: volumes start anew on 1 January, and the cap is passed in the second year."""
    dates = pd.date_range("2023-12-20", "2024-03-01", freq="D")
    since = np.where(dates.year == 2023, np.arange(len(dates)), dates.day_of_year - 1) * 10_000.0
    columns = {
        "seen_low": 0.6,
        "seen": 0.8,
        "seen_high": 1.0,
        "estimated_low": 0.8,
        "estimated": 1.0,
        "estimated_high": 1.5,
    }
    rows = pd.DataFrame({name: since * share for name, share in columns.items()})
    rows = rows.assign(date=dates.strftime("%Y-%m-%d"), p_over_cap=(since > 500_000).astype(float))
    return rows[list(LEDGER_COLUMNS)]


def axes() -> Any:
    return Figure().add_subplot()


def labels(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def lines_of(ax: Any, label: str) -> list[Any]:
    return [each for each in [*ax.lines, *ax.collections] if each.get_label() == label]


def test_timeline_has_a_row_for_each_berth_and_a_mark_for_each_visit(found: Inference) -> None:
    ax = bw.plot.timeline(found, axes())
    assert [text.get_text() for text in ax.get_yticklabels()] == ["C1", "B2", "B1"]
    marks = lines_of(ax, "visit: what it did could not be told")
    assert len(marks) == len(found.visits) == 2
    ticks = {words: lines_of(ax, words) for words in ("look, berth taken", "look that told nothing")}
    assert sum(len(each.get_segments()) for each in ticks["look, berth taken"]) == 4
    assert sum(len(each.get_segments()) for each in ticks["look that told nothing"]) == 1
    assert "may have come or left in this time" in labels(ax)


def test_open_window_reaches_the_first_look(found: Inference) -> None:
    ax = bw.plot.timeline(found, axes())
    ends = [
        segment[:, 0] for each in lines_of(ax, "may have come or left in this time") for segment in each.get_segments()
    ]
    first = ax.convert_xunits(DAYS[0])
    assert min(end.min() for end in ends) == pytest.approx(first)


def test_timeline_of_no_look_is_empty(port: Port) -> None:
    empty = infer(as_table([], OBSERVATION_COLUMNS), port)
    ax = bw.plot.timeline(empty, axes())
    assert ax.get_legend() is None
    assert not ax.lines


def test_ledger_starts_anew_each_year_and_says_when_the_cap_was_passed() -> None:
    ax = bw.plot.ledger(days_of_ledger(), cap=500_000, ax=axes())
    assert ax.get_ylabel() == "thousand barrels"
    seen = [line for line in ax.lines if line.get_color() == "#0b5f8a"]
    assert len(seen) == 2
    assert [line.get_ydata()[0] for line in seen] == [0.0, 0.0]
    assert seen[1].get_ydata()[-1] == pytest.approx(60 * 10 * 0.8)
    assert labels(ax)[-2:] == ["cap: 500,000 a year", "over it with 95 % probability: 21 February 2024"]
    assert any("estimated, with what gaps hid" in label for label in labels(ax))


def test_ledger_without_a_volume_says_so_and_draws_nothing(found: Inference) -> None:
    ax = bw.plot.ledger(bw.ledger(found.histories), ax=axes())
    assert [text.get_text() for text in ax.texts] == ["No freeboard was measured, so no volume is stated."]
    assert not ax.lines
    with pytest.raises(InputError, match="none named date"):
        bw.plot.ledger(pd.DataFrame({"day": []}), ax=axes())


def test_figures_are_made_where_no_axes_are_given(found: Inference) -> None:
    import matplotlib as mpl

    with mpl.rc_context({"backend": "agg"}):
        from matplotlib import pyplot as plt

        ax = bw.plot.timeline(found)
        assert ax.figure.get_size_inches()[0] == 10
        plt.close(ax.figure)


def test_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    for draw in (bw.plot.timeline, bw.plot.ledger):
        with pytest.raises(InputError, match=r"occupancy\.parquet"):
            draw(tmp_path)
    with pytest.raises(InputError, match=r"occupancy\.parquet"):
        bw.plot.chips(tmp_path, "B1")


def test_port_tells_itself_in_one_line_and_never_as_markup(port: Port) -> None:
    assert repr(port) == (
        "Port: Port of <Nowhere>; 2 berths, 1 control; radar: radar, vv, vh, 10 m; no fleet given, no AIS given; "
        "no cap given"
    )
    assert "<Nowhere>" not in port._repr_html_()
    assert "&lt;Nowhere&gt;" in port._repr_html_()


def test_inference_tells_how_much_could_not_be_told(found: Inference) -> None:
    assert "36 looks at berths and controls, of which 1 told nothing" in repr(found)
    assert "2 visits seen, of which for 2 it is undetermined what they did" in repr(found)
    assert "no freeboard was measured, so no barrels" in found._repr_html_()


def test_run_tells_intervals_with_units_or_that_there_is_none() -> None:
    summary = {"port": "A", "scenes": 3, "visits_seen": 31, "visits_estimated_low": 36, "visits_estimated_high": 49}
    aside = (SetAside("torn", "radar", "truncated"),)
    assert repr(RunResult(Path("run"), summary, aside, changed=True)) == (
        "Run of A; 3 scenes used, 1 scene set aside; 31 visits seen; with what gaps must have hidden, 36 to 49 "
        "(90 % interval); no load could be told, so no barrels are stated; report: run/report.html"
    )
    volumes = {"barrels_low": 612_300, "barrels": 700_000, "barrels_high": 820_000}
    volumes |= {f"barrels_estimated{end}": 1.5 * volumes[f"barrels{end}"] for end in ("_low", "", "_high")}
    page = RunResult(Path("run"), summary | volumes, (), changed=True)._repr_html_()
    assert "610,000 to 820,000 barrels on visits seen" in page
    assert "no scenes set aside" in page


def test_colours_are_those_of_the_page(root: Path) -> None:
    style = (root / "engine" / "page" / "data" / "report.css").read_text()
    from berthwatch.plot import _colour

    for name in ("loaded", "discharged", "unchanged", "undetermined", "taken", "window"):
        assert f"--{name}: {_colour(name)}" in style
        assert colors.is_color_like(_colour(name))
    with pytest.raises(KeyError):
        _colour("mauve")
