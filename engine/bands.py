"""Which of a scene's bands tell a hull from water.

SAR: co-polarised power (VV or HH) shows hulls best; cross-polarised is used where it is all there is.
Optical: near infrared, where water is darkest; else the reddest band there is.
"""

from collections.abc import Sequence

import xarray as xr

PREFERENCE = {
    "sar": ("vv", "hh", "vh", "hv"),
    "optical": ("nir", "b08", "nir08", "b8", "red", "b04", "green", "b03", "blue", "b02"),
}


def hull_band(names: Sequence[str], kind: str) -> str:
    """Of the bands named, that in which hulls show best; the first where no name is known.

    >>> hull_band(["vh", "VV"], "sar"), hull_band(["b5", "b4"], "optical")
    ('VV', 'b5')
    """
    for wanted in PREFERENCE[kind]:
        for name in names:
            if name.lower() == wanted:
                return name
    return names[0]


def main_band(cube: xr.Dataset) -> str:
    """The name of the band in which change is scored.

    >>> main_band(xr.Dataset({"green": 0, "NIR": 0, "seen": 1}, attrs={"kind": "optical"}))
    'NIR'
    """
    names = [str(name) for name in cube.data_vars if {"time", "y", "x"} <= set(cube[name].dims) and name != "seen"]
    return hull_band(names or [str(name) for name in cube.data_vars if name != "seen"], cube.attrs["kind"])


def brightness(cube: xr.Dataset) -> xr.DataArray:
    """The main band, NaN where the scene has no data: (time, y, x), linear power or reflectance."""
    return cube[main_band(cube)]
