"""Sums of logarithms over time, the slow part of likelihood ratios of speckle, at the speed of additions.

The logarithm of a product is one logarithm: up to six values of single precision are multiplied up in double
precision, where they neither overflow nor vanish, and a polynomial that vectorises takes the logarithm.
"""

import math

import numpy as np

from berthwatch.kernels.arrays import Array, Doubles, Integers
from berthwatch.kernels.compile import dividing, kernel

FACTORS = 6
"""Of single precision: 2^-149 and 2^128 to this power are within 2^-1022 and 2^1023."""
MANTISSA = 0x000F_FFFF_FFFF_FFFF
ONE_BITS = 0x3FF0_0000_0000_0000
EXPONENT_SHIFT, BIAS = 52, 1023


@dividing
def flush(products: Doubles, bits: Integers, size: int, logs: Doubles) -> None:
    """Add ln of the first `size` products to `logs`, and set them to 1; `bits` is the same memory as whole numbers.

    Products must be normal and above 0. ln m = 2 artanh((m - 1) / (m + 1)) for a mantissa m between the roots of 1/2
    and 2, by eleven terms of its series: right to 2 ulp.
    """
    for i in range(size):
        exponent = (bits[i] >> EXPONENT_SHIFT) - BIAS
        logs[i] += exponent * math.log(2.0)
        bits[i] = (bits[i] & MANTISSA) | ONE_BITS
    for i in range(size):
        mantissa = products[i]
        high = mantissa > math.sqrt(2.0)
        mantissa = 0.5 * mantissa if high else mantissa
        s = (mantissa - 1.0) / (mantissa + 1.0)
        w = s * s
        series = 1.0 / 21.0
        series = series * w + 1.0 / 19.0
        series = series * w + 1.0 / 17.0
        series = series * w + 1.0 / 15.0
        series = series * w + 1.0 / 13.0
        series = series * w + 1.0 / 11.0
        series = series * w + 1.0 / 9.0
        series = series * w + 1.0 / 7.0
        series = series * w + 1.0 / 5.0
        series = series * w + 1.0 / 3.0
        series = series * w + 1.0
        logs[i] += 2.0 * s * series + (math.log(2.0) if high else 0.0)
        products[i] = 1.0


@kernel
def log_sums(
    channels: tuple[Array, ...], start: int, stop: int, sums: Doubles, logs: Doubles, counts: Doubles, room: Doubles
) -> None:
    """Sums of values and of logarithms over the dates of pixels start:stop, of those dates that have intensities alone.

    Parameters
    ----------
    channels
        Stacks (time, pixel), all float32 or all float64.
    sums
        (channel, block) sums over time.
    logs
        (block,) sums over time and channels of ln.
    counts
        (block,) dates that have an intensity, above 0 and finite, in every channel.
    room
        (2, block) to work in. A block holds at least stop - start pixels.
    """
    size = stop - start
    single = channels[0].itemsize == 4
    products, fit = room[0], room[1]
    bits = products.view(np.int64)
    sums[:, :size] = 0.0
    logs[:size] = 0.0
    counts[:size] = 0.0
    products[:size] = 1.0
    held = 0
    for time in range(channels[0].shape[0]):
        fit[:size] = 1.0
        for channel in channels:
            row = channel[time, start:stop]
            for i in range(size):
                fit[i] = fit[i] if (row[i] > 0.0) & (row[i] < np.inf) else 0.0
        for i in range(size):
            counts[i] += fit[i]
        for c in range(len(channels)):
            row = channels[c][time, start:stop]
            total = sums[c]
            for i in range(size):
                value = float(row[i])
                total[i] += value if fit[i] > 0.0 else 0.0
                products[i] *= value if fit[i] > 0.0 else 1.0
            held += 1
            if not single:
                for i in range(size):
                    logs[i] += math.log(products[i])
                    products[i] = 1.0
            elif held == FACTORS:
                flush(products, bits, size, logs)
                held = 0
    if single and held:
        flush(products, bits, size, logs)
