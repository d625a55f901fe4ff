"""An edge as a sensor sees it: a step blurred by a Gaussian, averaged over a square pixel, with its slopes.

To that come Gram and Charlier's corrections (Kendall & Stuart 1977, section 6.17) of third, fourth and sixth order,
for what the optics and resampling add. A pixel that is turned against the edge averages it over a box of either of
its sides.
"""

import math
from typing import Final

from berthwatch.kernels.arrays import Doubles
from berthwatch.kernels.compile import kernel

FARTHEST: Final = 8.0
"""Standard deviations at which a blurred step is 0 or 1."""


@kernel
def _seen_step(x: float, width: float, pixel: Doubles, out: Doubles) -> None:
    """A step blurred by a Gaussian, at x, averaged over a pixel: out its value, slopes by x and by log width.

    The mean over both sides of a pixel is the second difference of the step's second integral.
    """
    value, by_x, by_width = 0.0, 0.0, 0.0
    for corner in range(4):
        sign = 1.0 if corner == 0 or corner == 3 else -1.0
        y = x + (pixel[0] if corner < 2 else -pixel[0]) + (pixel[1] if corner % 2 == 0 else -pixel[1])
        z = y / width
        if z < -FARTHEST:
            continue
        above = 1.0 if z > FARTHEST else 0.5 * math.erfc(-z * math.sqrt(0.5))
        density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        value += sign * 0.5 * ((y * y + width * width) * above + y * width * density)
        by_x += sign * (y * above + width * density)
        by_width += sign * width * width * above
    area = 4.0 * pixel[0] * pixel[1]
    out[0], out[1], out[2] = value / area, by_x / area, by_width / area


@kernel
def blurred_step(
    x: float, width: float, pixel: Doubles, third: float, fourth: float, sixth: float, out: Doubles
) -> None:  # fmt: skip
    """The blurred step at x, its slopes by x, log width and the three corrections: out (6,)."""
    whole = width * width + (pixel[0] * pixel[0] + pixel[1] * pixel[1]) / 3.0
    spread = math.sqrt(whole)
    z = x / spread
    if abs(z) > FARTHEST:
        out[:] = 0.0
        out[0] = 1.0 if z > 0.0 else 0.0
        return
    _seen_step(x, width, pixel, out)
    square = z * z
    density = math.exp(-0.5 * square) / math.sqrt(2.0 * math.pi)
    # Hermite's polynomials of order 2 to 6
    second, cubic = square - 1.0, z * (square - 3.0)
    quartic = square * (square - 6.0) + 3.0
    quintic = z * (square * (square - 10.0) + 15.0)
    sextic = square * (square * (square - 15.0) + 45.0) - 15.0
    out[0] -= density * (third * second + fourth * cubic + sixth * quintic)
    correction = density * (third * cubic + fourth * quartic + sixth * sextic)
    out[1] += correction / spread
    out[2] -= z * correction * width * width / whole
    out[3] = -density * second
    out[4] = -density * cubic
    out[5] = -density * quintic
