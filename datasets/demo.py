"""The demonstration that `make demo` runs: scenes in, berth visits out, a few lines for a person to read.

Real scenes are used where they lie: the folder `latakia` under $BERTHWATCH_DATA, else under ../shared/data.
Where there are none, the Vostochny case of 2024 is simulated first, and the lines say what the news said of the real
one, as far as the run could tell it. Everything is written under demo-output/.
"""

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from berthwatch.model import Berth, SetAside

OUT = Path("demo-output")
SEED = 20240307


def find_latakia() -> Path | None:
    """The run file of the real scenes, or None where they are not on this machine."""
    data = Path(os.environ.get("BERTHWATCH_DATA") or Path("..") / "shared" / "data")
    run_file = data / "latakia" / "port.yaml"
    return run_file if run_file.is_file() else None


def describe(tables: Path, berths: Sequence["Berth"], set_aside: Sequence["SetAside"]) -> list[str]:
    """Say what a run found in five plain lines, from the tables it wrote.

    Parameters
    ----------
    tables : Path
        The folder of the run.
    berths : sequence of Berth
        The berths and controls of the port.
    set_aside : sequence of SetAside
        The scenes the run could not use.

    Returns
    -------
    list of str
        Scenes; berths and visits; what is there now; the controls; what could not be told.
    """
    import pandas as pd

    occupancy = pd.read_parquet(tables / "occupancy.parquet")
    visits = pd.read_parquet(tables / "visits.parquet", columns=["berth_id"])
    names = {berth.berth_id for berth in berths if berth.kind == "berth"}
    at_berths = occupancy[occupancy.berth_id.isin(names)]
    return [
        _scenes_line(pd.read_parquet(tables / "observations.parquet")),
        f"Berths: {len(names)}, with {len(visits)} visits at {visits.berth_id.nunique()} of them.",
        _last_line(at_berths, names),
        _controls_line(occupancy[~occupancy.berth_id.isin(names)]),
        _untold_line(at_berths, set_aside),
    ]


def retell(tables: Path) -> list[str]:
    """Say what a run found as the news told the case, in lines whose every number comes from what the run wrote.

    Parameters
    ----------
    tables : Path
        The folder of the run.

    Returns
    -------
    list of str
        Scenes; visits seen; visits estimated; what they did; barrels, or why there are none; and then the day the cap
        was passed, or what the visits seen would have carried at fractions of full load.
    """
    from berthwatch.page.account import account
    from berthwatch.page.folder import read_folder
    from berthwatch.page.words import count

    run = read_folder(tables)
    places = count(run.visits.berth_id.nunique(), "berth")
    return [
        _scenes_line(run.observations),
        f"Visits seen: {f'{len(run.visits)} at {places}' if len(run.visits) else 'none'}.",
        *account(run),
    ]


def _scenes_line(observations: "pd.DataFrame") -> str:
    parts = [
        f"{group.scene_id.nunique()} of {source}, {group.time.min():%Y-%m-%d} to {group.time.max():%Y-%m-%d}"
        for source, group in observations.groupby("source")
    ]
    return f"Scenes: {'; '.join(parts)}."


def _last_line(occupancy: "pd.DataFrame", names: Collection[str]) -> str:
    """The last look at each berth that told anything."""
    last = occupancy.dropna(subset=["occupied"]).sort_values("time").groupby("berth_id").tail(1).sort_values("berth_id")
    taken = last[last.occupied.astype(bool)]
    if taken.empty:
        return f"Last looks: none of the {len(names)} berths was taken."
    looks = ", ".join(f"{row.berth_id} on {row.time:%Y-%m-%d}" for row in taken.itertuples())
    return f"Last looks: {len(taken)} of {len(names)} berths taken ({looks})."


def _controls_line(occupancy: "pd.DataFrame") -> str:
    looks = occupancy.occupied.dropna()
    if looks.empty:
        return "Controls: none, so the rate of false alarms is not known."
    return f"Controls, where nothing moors: called taken in {int(looks.sum())} of {len(looks)} looks."


def _untold_line(occupancy: "pd.DataFrame", set_aside: Sequence["SetAside"]) -> str:
    untold = int(occupancy.occupied.isna().sum())
    reasons = "; ".join(sorted({scene.reason for scene in set_aside}))
    aside = f"{len(set_aside)} scenes set aside ({reasons})" if set_aside else "no scene set aside"
    return f"Could not tell: {untold} of {len(occupancy)} looks at a berth; {aside}."


def main() -> None:
    """Run the demonstration in the current folder."""
    from berthwatch.config import read_port
    from berthwatch.pipeline import run

    real = find_latakia()
    run_file = real or _simulated()
    port = read_port(run_file)
    result = run(port, OUT / "run")
    print(*(describe(result.out, port.berths, result.set_aside) if real else retell(result.out)), sep="\n")
    print(f"Report: {(result.out / 'report.html').resolve()}")


def _simulated() -> Path:
    from berthwatch.datasets.registry import scenario
    from berthwatch.datasets.simulate import simulate

    print("No real scenes here: simulating Vostochny 2024, pier and fleet synthetic (a minute or two).", flush=True)
    return simulate(scenario("vostochny"), OUT / "port", SEED)


if __name__ == "__main__":
    main()
