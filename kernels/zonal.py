"""What a zone holds, from pixels that it covers in part: mean, variance, and the share above a threshold.

The zones are `spans.Spans`, found once and used for every scene. Zones may overlap. Pixels not seen are left out,
and the weight that was seen comes back beside each figure: divided by a zone's whole weight it is the share that was
visible. Sums are taken in one order on every processor, in lanes that its vectors fill, and so end in the same bits.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import FLOATS, Array, Doubles, Integers, checked
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.spans import LONGEST_PX, Spans

NUMBERS = (np.uint8, np.uint16, np.int16, *FLOATS)
MEAN, SPREAD, ABOVE = 0, 1, 2
TOGETHER = 16
"""So many spans are fetched from memory at once: they lie rows apart, and to wait for one after the other is slow."""
START, LINE_PX = np.uint64(0), np.uint64(16)
"""Pixels of float32 in what memory hands over at a time."""


class Images(NamedTuple):
    """Scenes as (scene, pixel), the zones in them, and the number that says not seen: NaN where none but NaN does."""

    values: Array
    ptr: Integers
    table: Array
    weights: Doubles
    nodata: float


def weighted_mean(values: npt.ArrayLike, spans: Spans, nodata: float | None = None) -> tuple[Doubles, Doubles]:
    """Coverage-weighted mean of each zone in each scene.

    Parameters
    ----------
    values
        (time, pixel) or (time, y, x) uint8, uint16, int16, float32 or float64; NaN where not seen.
    spans
        The zones.
    nodata
        The whole number that says not seen in values that are whole numbers; None: all were seen. Floats say not seen
        by NaN: any other `nodata` is refused for them.

    Returns
    -------
    mean, covered: (time, zone) float64. `covered` is the weight that was seen, in pixels; where it is 0
    the mean is NaN.

    Raises
    ------
    ValueError
        Another dtype, zones that reach beyond the image, or a `nodata` that is none of the values'.

    >>> from berthwatch.kernels.spans import spans_of
    >>> spans = spans_of([0, 2, 3], [0, 1, 2], [1.0, 0.5, 1.0])
    >>> mean, covered = weighted_mean(np.array([[1.0, 3.0, np.nan]]), spans)
    >>> mean.round(3), covered
    (array([[1.667,   nan]]), array([[1.5, 0. ]]))
    """
    total, covered = _reduced(as_images(values, spans, nodata), MEAN, 0.0)
    return _over(total, covered), covered


def weighted_variance(
    values: npt.ArrayLike, spans: Spans, nodata: float | None = None
) -> tuple[Doubles, Doubles, Doubles]:
    """Coverage-weighted mean and variance of each zone in each scene.

    The variance is that of the population, sum of w (x - mean)**2 over sum of w, in two passes with the correction
    of Chan, Golub and LeVeque 1983 (The American Statistician 37, eq. 1.7, doi 10.1080/00031305.1983.10483115).

    Parameters
    ----------
    values, spans, nodata
        As in `weighted_mean`.

    Returns
    -------
    mean, variance, covered: (time, zone) float64, the variance in the square of the values' unit. NaN where nothing
    was seen.

    Raises
    ------
    ValueError
        As `weighted_mean`.

    >>> from berthwatch.kernels.spans import spans_of
    >>> spans = spans_of([0, 3], [0, 1, 2], [1, 1, 1])
    >>> mean, variance, _ = weighted_variance(np.array([[1, 3, 255]], np.uint8), spans, nodata=255)
    >>> mean.item(), variance.item()
    (2.0, 1.0)
    """
    images = as_images(values, spans, nodata)
    total, covered = _reduced(images, MEAN, 0.0)
    mean = _over(total, covered)
    off, square = _reduced(images, SPREAD, mean)
    return mean, _over(square - _over(off * off, covered), covered), covered


def weighted_fraction(
    values: npt.ArrayLike, spans: Spans, above: float = 0.0, nodata: float | None = None
) -> tuple[Doubles, Doubles]:
    """Coverage-weighted share of each zone that lies above a threshold, in each scene.

    Parameters
    ----------
    values
        (time, pixel) or (time, y, x), as in `weighted_mean`; or a mask, bool or as `detect.exceed` gives it, whose
        nodata is `detect.NOT_SEEN`.
    spans, nodata
        As in `weighted_mean`.
    above
        Threshold, in the values' unit and, if they are floats, of their dtype; a value equal to it is not above.

    Returns
    -------
    fraction, covered: (time, zone) float64. `covered` is the weight that was seen, in pixels; where it is 0
    the fraction is NaN.

    Raises
    ------
    ValueError
        As `weighted_mean`, or a threshold that is NaN.

    >>> from berthwatch.kernels.spans import spans_of
    >>> mask = np.array([[1, 0, 255]], np.uint8)
    >>> weighted_fraction(mask, spans_of([0, 3], [0, 1, 2], [0.5, 1.5, 1.0]), nodata=255)
    (array([[0.25]]), array([[2.]]))
    """
    if np.isnan(above):
        raise ValueError(f"above must be a number: {above}")
    array = np.asarray(values)
    images = as_images(array.view(np.uint8) if array.dtype == np.bool_ else array, spans, nodata)
    # 0.3 as float32 is more than 0.3, but who asks for what is above 0.3 does not mean it
    limit = float(images.values.dtype.type(above)) if images.values.dtype.kind == "f" else float(above)
    marked, covered = _reduced(images, ABOVE, limit)
    return _over(marked, covered), covered


def as_images(values: npt.ArrayLike, spans: Spans, nodata: float | None) -> Images:
    """Read (time, pixel) or (time, y, x) values with the zones in them; nothing is copied.

    Raises
    ------
    ValueError
        As `weighted_mean`.
    """
    pixels = checked("values", values, NUMBERS)
    if pixels.ndim not in (2, 3):
        raise ValueError(f"values must be (time, pixel) or (time, y, x): shape {pixels.shape}")
    flat = pixels.reshape(pixels.shape[0], int(np.prod(pixels.shape[1:])))
    if spans.pixels > flat.shape[1]:
        raise ValueError(f"zones reach pixel {spans.pixels - 1}, not in 0..{flat.shape[1] - 1}")
    if nodata is not None and not np.isnan(nodata) and not _holds(flat.dtype, nodata):
        wanted = "NaN" if flat.dtype.kind == "f" else "a whole number that the dtype holds"
        raise ValueError(f"nodata of {flat.dtype} values must be {wanted}: {nodata}")
    return Images(flat, spans.ptr, spans.table, spans.weights, np.nan if nodata is None else float(nodata))


def _holds(dtype: np.dtype[Any], nodata: float) -> bool:
    return dtype.kind != "f" and np.iinfo(dtype).min <= nodata <= np.iinfo(dtype).max and nodata == int(nodata)


def _reduced(images: Images, kind: int, centre: npt.ArrayLike) -> tuple[Doubles, Doubles]:
    one, two = (np.empty((len(images.values), images.ptr.size - 1)) for _ in range(2))
    _sums(images, kind, np.array(np.broadcast_to(np.asarray(centre, np.float64), one.shape)), one, two)
    return one, two


def _over(total: Doubles, covered: Doubles) -> Doubles:
    """What is summed over its weight, NaN where nothing was seen."""
    out = np.full_like(total, np.nan)
    with np.errstate(invalid="ignore"):  # of infinities there is no spread
        np.divide(total, covered, out=out, where=covered > 0.0)
    return out


@kernel
def _sums(images: Images, kind: int, centres: Doubles, ones: Doubles, twos: Doubles) -> int:
    """Two weighted sums (scene, zone): of values and of what was seen; or of distances from a centre and their squares;
    or of what is above the centre and of what was seen.

    Each pixel of a span is added to a lane of its own, so that no addition waits for the one before.
    """
    one, two, widths = np.empty(LONGEST_PX), np.empty(LONGEST_PX), _widths(images)
    ptr, table, weights, nodata = images.ptr, images.table, images.weights, images.nodata
    fetched = 0
    for time in range(images.values.shape[0]):
        line = images.values[time]
        for zone in range(ptr.size - 1):
            centre = centres[time, zone]
            one[: widths[zone]] = two[: widths[zone]] = 0.0
            for begin in range(ptr[zone], ptr[zone + 1], TOGETHER):
                end = min(begin + TOGETHER, ptr[zone + 1])
                fetched += fetch(line, table, begin, end, nodata)
                for span in range(begin, end):
                    first, length, at = table[span, 0], table[span, 1], table[span, 2]
                    if kind == MEAN:
                        for k in range(length):
                            value = float(line[first + k])
                            seen = known(value, nodata)
                            weight = weights[at + k] if seen else 0.0
                            one[k] += weight * (value if seen else 0.0)
                            two[k] += weight
                    elif kind == SPREAD:
                        for k in range(length):
                            value = float(line[first + k])
                            off = value - centre if known(value, nodata) else 0.0
                            one[k] += weights[at + k] * off
                            two[k] += weights[at + k] * off * off
                    else:
                        for k in range(length):
                            value = float(line[first + k])
                            weight = weights[at + k] if known(value, nodata) else 0.0
                            one[k] += weight if value > centre else 0.0
                            two[k] += weight
            ones[time, zone] = _sum(one, widths[zone])
            twos[time, zone] = _sum(two, widths[zone])
    return fetched


@kernel
def known(value: float, nodata: float) -> bool:
    """Whether a value was seen."""
    return (value == value) & (value != nodata)  # `&`, as `and` would branch


@kernel
def fetch(line: Array, table: Array, begin: int, end: int, nodata: float) -> int:
    """Look at a pixel in every line of memory that some spans lie in.

    None of these reads waits for another. What comes back means nothing, but without it they would be left out.
    """
    found = 0
    for span in range(begin, end):
        first = table[span, 0]
        for k in range(START, table[span, 1], LINE_PX):
            found += 1 if line[first + k] == nodata else 0
    return found


@kernel
def _widths(images: Images) -> Array:
    """The longest span of each zone."""
    widths = np.zeros(images.ptr.size - 1, np.uint64)
    for zone in range(widths.size):
        for span in range(images.ptr[zone], images.ptr[zone + 1]):
            widths[zone] = max(widths[zone], images.table[span, 1])
    return widths


@kernel
def _sum(lanes: Doubles, width: int) -> float:
    total = 0.0
    for k in range(width):
        total += lanes[k]
    return total
