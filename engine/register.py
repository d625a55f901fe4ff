"""Co-registration: how far each scene lies from where the port stands.

Scenes of one track see the port from one place and lie on top of each other to a fraction of a pixel;
different tracks may be several pixels apart, because the terrain correction of each used other heights.
What stays still (quays, breakwaters, land) is matched by masked normalised cross-correlation (Padfield
2012, IEEE TIP 21(5):2706, doi 10.1109/TIP.2011.2181402), refined below a pixel by a parabola through the
peak. The common frame is the median position of all scenes, since no track is known to be right.
A weak peak is refused: the scene then lies where the rest of its track does.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import fft

from berthwatch.bands import brightness
from berthwatch.kernels.quantile import temporal_quantile
from berthwatch.kernels.shift import shift_bilinear
from berthwatch.sampling import spread_evenly

REACH_M = {"sar": 150.0, "optical": 30.0}
"""The largest shift looked for. Terrain-corrected SAR is known to be wrong by 80 m, and a track to step when
its processor is changed; optical scenes of one series are within some pixels."""
LEAST_PEAK = 0.6
"""Correlation under this is refused: open water correlates with itself at about 0.1, clouds with a pier at 0.5."""
LEAST_STRUCTURE_PX = 50
"""Fewer bright still pixels than this cannot fix a shift."""
CANDIDATES = 5
LARGEST_REFERENCE = 64
"""Scenes in a track's template: enough for a clean median, and bounded whatever the length of the series."""

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shift:
    """What to add to a scene's positions (pixels, down and right) to put it on the common frame."""

    y_px: float
    x_px: float
    quality: float

    @property
    def accepted(self) -> bool:
        """Whether it was measured at all."""
        return self.quality >= LEAST_PEAK


REFUSED = Shift(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Template:
    """One still image with its transforms: what scenes are matched against."""

    image: Image
    valid: NDArray[np.bool_]
    spectra: tuple[NDArray[np.complexfloating], ...]
    shape: tuple[int, int]

    @classmethod
    def of(cls, contrast: Image, reach_px: int) -> "Template":
        """Prepare an image for shifts of up to `reach_px`: padded so far that no wrapped pixel is compared."""
        rows, columns = (fft.next_fast_len(side + reach_px, real=True) for side in contrast.shape)
        shape = (rows, columns)
        valid = np.isfinite(contrast)
        image = np.where(valid, contrast, np.float32(0))
        spectra = tuple(fft.rfft2(part, shape) for part in (image, image * image, valid.astype(np.float32)))
        return cls(image, valid, spectra, shape)

    @property
    def structure_px(self) -> int:
        """How many pixels stand clearly out of the water."""
        return int(np.count_nonzero(self.image > 0.5))


def contrast(image: NDArray[np.floating], kind: str) -> Image:
    """What stands out of the water, in 0..1, NaN where not seen: the input of the matching.

    SAR is compared on a logarithmic scale, 12 dB above the scene's middle being full contrast; an optical
    scene on a linear one, up to its 98th percentile.
    """
    if not np.isfinite(image).any():
        return np.full(image.shape, np.nan, np.float32)
    middle = np.nanmedian(image)
    if kind == "sar":
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = 10 * np.log10(image / middle) / 12
    else:
        scaled = (image - middle) / max(float(np.nanquantile(image, 0.98) - middle), 1e-6)
    return np.where(np.isfinite(image), np.clip(scaled, 0, 1), np.nan).astype(np.float32)


def correlation(fixed: Template, moving: Template, reach_px: int) -> NDArray[np.float64]:
    """Masked normalised cross-correlation at every shift within reach, shape (2 reach + 1, 2 reach + 1).

    Entry [reach + dy, reach + dx] is the correlation once `moving` is shifted by (dy, dx). Shifts at which
    fewer than half of the pixels overlap get -1.
    """

    def product(a: int, b: int) -> NDArray[np.float64]:
        full = fft.irfft2(fixed.spectra[a] * np.conj(moving.spectra[b]), fixed.shape)
        offsets = np.arange(-reach_px, reach_px + 1)
        return np.asarray(full[np.ix_(offsets, offsets)], np.float64)

    overlap = np.maximum(product(2, 2), 1e-9)
    fixed_sum, moving_sum = product(0, 2), product(2, 0)
    covariance = product(0, 0) - fixed_sum * moving_sum / overlap
    fixed_var = product(1, 2) - fixed_sum**2 / overlap
    moving_var = product(2, 1) - moving_sum**2 / overlap
    scale = np.sqrt(np.maximum(fixed_var, 1e-6) * np.maximum(moving_var, 1e-6))
    enough = overlap > 0.5 * min(fixed.valid.sum(), moving.valid.sum())
    return np.where(enough, covariance / scale, -1.0)


def _vertex(before: float, at: float, after: float) -> float:
    """The top of the parabola through three neighbours, in steps from the middle one."""
    curvature = before - 2 * at + after
    return 0.0 if curvature >= 0 else float(np.clip(0.5 * (before - after) / curvature, -0.5, 0.5))


def match(fixed: Template, moving: Template, reach_px: int) -> Shift:
    """The shift that puts `moving` on `fixed`, refused when too little stands still or the peak is weak.

    >>> rng = np.random.default_rng(1)
    >>> still = np.zeros((60, 60), np.float32); still[20:40, 28:34] = 1; still[22:25, 28:50] = 1
    >>> moved = np.roll(still, (-2, 3), (0, 1))
    >>> shift = match(Template.of(still, 6), Template.of(moved, 6), 6)
    >>> round(shift.y_px), round(shift.x_px), shift.accepted
    (2, -3, True)
    """
    if min(fixed.structure_px, moving.structure_px) < LEAST_STRUCTURE_PX:
        return REFUSED
    surface = correlation(fixed, moving, reach_px)
    row, column = np.unravel_index(int(np.argmax(surface)), surface.shape)
    peak = float(surface[row, column])
    at_the_edge = min(row, column, 2 * reach_px - row, 2 * reach_px - column) == 0
    if peak < LEAST_PEAK or at_the_edge:
        return REFUSED
    dy = row - reach_px + _vertex(surface[row - 1, column], peak, surface[row + 1, column])
    dx = column - reach_px + _vertex(surface[row, column - 1], peak, surface[row, column + 1])
    return Shift(float(dy), float(dx), min(peak, 1.0))


def _without_frame(image: Image, usual: NDArray[np.bool_], rim_px: int = 3) -> Image:
    """Leave out what lies at the rim of nodata: masked land has an outline that stays put when the port moves."""
    from scipy.ndimage import binary_erosion

    return np.where(binary_erosion(usual, iterations=rim_px, border_value=1), image, np.nan).astype(np.float32)


def _clear(cube: xr.Dataset) -> Image:
    """The main band, NaN where a mask hides it: clouds are bright and move."""
    loaded = xr.Dataset({"image": brightness(cube), "seen": cube["seen"]}).compute()
    return np.where(loaded["seen"].values != 0, loaded["image"].values, np.nan).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Track:
    """What a track's scenes are matched against, and where it has data."""

    template: Template
    usual: NDArray[np.bool_]


def _most_typical(candidates: list[Template], reach_px: int) -> Template:
    """The candidate that the others match best: a scene without cloud or storm, at one position, not a blend of two."""
    agreement = [sum(match(one, other, reach_px).quality for other in candidates) for one in candidates]
    return candidates[int(np.argmax(agreement))]


def _track(cube: xr.Dataset, members: NDArray[np.intp], reach_px: int) -> _Track:
    """A track's template: the median of its scenes once each lies on the most typical of them."""
    chosen = members[spread_evenly(len(members), LARGEST_REFERENCE)]
    stack = _clear(cube.isel(time=chosen))
    usual = np.isfinite(stack).mean(axis=0) > 0.3
    prepared = [_still(image, usual, cube.attrs["kind"]) for image in stack]
    first = [Template.of(prepared[index], reach_px) for index in spread_evenly(len(prepared), CANDIDATES)]
    typical = _most_typical(first, reach_px)
    lying = []
    for image in prepared:
        shift = match(typical, Template.of(image, reach_px), reach_px)
        if shift.accepted:
            lying.append(shift_bilinear(image, shift.y_px, shift.x_px))
    if not lying:
        return _Track(typical, usual)
    return _Track(Template.of(temporal_quantile(np.stack(lying), 0.5), reach_px), usual)


def _still(image: Image, usual: NDArray[np.bool_], kind: str) -> Image:
    return _without_frame(contrast(image, kind), usual)


def _track_offsets(tracks: dict[str, _Track], sizes: dict[str, int], reach_px: int) -> dict[str, Shift]:
    """Each track's shift onto the largest track."""
    largest = max(sizes, key=lambda name: (sizes[name], name))
    return {
        name: Shift(0.0, 0.0, 1.0) if name == largest else match(tracks[largest].template, track.template, reach_px)
        for name, track in tracks.items()
    }


def _on_common_frame(
    measured: NDArray[np.float64], track: NDArray[np.str_], placed: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Centre the accepted shifts on their median; a refused scene lies where the rest of its track does.

    `measured` is (3, time): y, x, quality; `placed` says whether the scene's track lies on the common frame.
    """
    out = np.zeros_like(measured)
    accepted = placed & (measured[2] > 0)
    if not accepted.any():
        return out.astype(np.float32)
    centre = np.median(measured[:2, accepted], axis=1, keepdims=True)
    for name in np.unique(track[accepted]):
        own = track == name
        usual = np.median(measured[:2, own & accepted], axis=1, keepdims=True)
        out[:2, own] = np.where(accepted[own], measured[:2, own], usual) - centre
        out[2, own] = np.where(accepted[own], measured[2, own], 0)
    return out.astype(np.float32)


def register(cube: xr.Dataset, resolution_m: float) -> xr.Dataset:
    """Measure every scene's shift onto the common frame.

    Parameters
    ----------
    cube : Dataset
        One source, as `open_cube` gives it: bands (time, y, x), coordinates `scene_id` and `track`.
    resolution_m : float
        Pixel size in metres.

    Returns
    -------
    Dataset
        `shift_y_px`, `shift_x_px` (float32, pixels to add to the scene's positions) and `shift_quality`
        (float32, the correlation 0..1; 0 where refused, and the shift then that of the scene's track), along
        `time` with `scene_id`. The result depends on the set of scenes alone, not on the order in which they came.
    """
    kind = cube.attrs["kind"]
    reach_px = max(2, min(round(REACH_M[kind] / resolution_m), min(cube.sizes["y"], cube.sizes["x"]) // 4))
    names = cube["track"].values.astype(str)
    in_time = np.lexsort((cube["scene_id"].values, cube["time"].values))
    members = {str(name): in_time[names[in_time] == name] for name in np.unique(names)}
    tracks = {name: _track(cube, index, reach_px) for name, index in members.items()}
    measured = np.zeros((3, cube.sizes["time"]))
    if all(track.template.structure_px < LEAST_STRUCTURE_PX for track in tracks.values()):
        return _shifts(cube, measured.astype(np.float32))
    offsets = _track_offsets(tracks, {name: len(index) for name, index in members.items()}, reach_px)
    for start in range(0, cube.sizes["time"], 32):
        for step, image in enumerate(_clear(cube.isel(time=slice(start, start + 32))), start):
            track, offset = tracks[names[step]], offsets[names[step]]
            own = match(track.template, Template.of(_still(image, track.usual, kind), reach_px), reach_px)
            measured[:, step] = (own.y_px + offset.y_px, own.x_px + offset.x_px, own.quality)
    placed = np.array([offsets[name].accepted for name in names])
    return _shifts(cube, _on_common_frame(measured, names, placed))


def _shifts(cube: xr.Dataset, measured: NDArray[np.float32]) -> xr.Dataset:
    names = ("shift_y_px", "shift_x_px", "shift_quality")
    return xr.Dataset(
        {name: ("time", values) for name, values in zip(names, measured, strict=True)},
        coords={"time": cube["time"].variable, "scene_id": ("time", cube["scene_id"].values)},
    )
