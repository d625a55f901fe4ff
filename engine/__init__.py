"""From a stack of satellite scenes over a port to a ledger of berth visits.

The whole way is `read_port` and then `run`; each step is there by itself, on xarray and (geo)pandas
objects: `ingest` and `open_cube`, `observe`, `infer`, `ledger`, `report`. The module `change` has the
kernels, on any cube; the module `plot` draws what a run found. Importing this package is light: a step's
libraries are imported when its name is first used.

>>> import berthwatch as bw
>>> bw.__version__
'0.1.0'
"""

from importlib import import_module
from typing import TYPE_CHECKING

if __name__ != "berthwatch":
    # Two copies of every class would exist, and `except InputError` would miss the other one's.
    raise ImportError(
        f"the folder engine/ is the package `berthwatch`: write `import berthwatch`, not `import {__name__}`"
    )

if TYPE_CHECKING:
    from berthwatch import change as change
    from berthwatch import plot as plot
    from berthwatch.alteration import irmad
    from berthwatch.barrels import ledger
    from berthwatch.berthseries import zonal
    from berthwatch.berthweights import berth_weights
    from berthwatch.config import read_port
    from berthwatch.cube import open_cube
    from berthwatch.errors import BerthwatchError, InputError, SceneError
    from berthwatch.inference import infer
    from berthwatch.ingestion import ingest
    from berthwatch.monitoring import monitor
    from berthwatch.observation import observe
    from berthwatch.page import report
    from berthwatch.pair import change_pair
    from berthwatch.pipeline import run
    from berthwatch.pointing import hull_at
    from berthwatch.targets import cfar

__version__ = "0.1.0"

__all__ = [
    "BerthwatchError",
    "InputError",
    "SceneError",
    "__version__",
    "berth_weights",
    "cfar",
    "change_pair",
    "hull_at",
    "infer",
    "ingest",
    "irmad",
    "ledger",
    "monitor",
    "observe",
    "open_cube",
    "read_port",
    "report",
    "run",
    "zonal",
]

# No module may bear the name of a function here: importing it would put the module in the function's place.
_HOME = {
    "BerthwatchError": "errors",
    "InputError": "errors",
    "SceneError": "errors",
    "berth_weights": "berthweights",
    "cfar": "targets",
    "change_pair": "pair",
    "hull_at": "pointing",
    "infer": "inference",
    "ingest": "ingestion",
    "irmad": "alteration",
    "ledger": "barrels",
    "monitor": "monitoring",
    "observe": "observation",
    "open_cube": "cube",
    "read_port": "config",
    "report": "page",
    "run": "pipeline",
    "zonal": "berthseries",
}

_MODULES = frozenset({"change", "plot"})


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES])


if not TYPE_CHECKING:  # a checker would take any name for granted if it saw this

    def __getattr__(name: str) -> object:
        """Import a public name's module when the name is first asked for (PEP 562)."""
        if name in _MODULES:
            return import_module(f"berthwatch.{name}")
        if name not in _HOME:
            raise AttributeError(f"module 'berthwatch' has no attribute {name!r}")
        value = getattr(import_module(f"berthwatch.{_HOME[name]}"), name)
        globals()[name] = value
        return value
