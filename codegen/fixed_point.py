"""The fixed-point arithmetic of TensorFlow Lite Micro's integer kernels, on NumPy's int64.

Two roundings, one after the other: a product loses 31 bits to the nearest, halves up; then a shift rounds to the
nearest, halves away from zero. tf.lite rounds once and differs in the last bit. Numbers are int32 in int64 arrays.
Sources: gemmlowp, fixedpoint/fixedpoint.h; tensorflow/lite/kernels/internal/{common,quantization_util}.{h,cc}.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from codegen.sigmoid_table import SIGMOID

Integers = NDArray[np.int64]
INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1
_SHIFT_MIN = -31


def quantize_multiplier(real: float) -> tuple[int, int]:
    """A real number >= 0 as multiplier / 2^31 * 2^shift, 2^30 <= multiplier < 2^31; too small becomes 0, 0."""
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    return (0, 0) if shift < _SHIFT_MIN else (multiplier, shift)


def wrap(x: Integers) -> Integers:
    """The low 32 bits, signed."""
    low: Integers = (x + (1 << 31) & 0xFFFFFFFF) - (1 << 31)
    return low


def saturate(x: Integers) -> Integers:
    """Limited to int32."""
    limited: Integers = np.clip(x, INT32_MIN, INT32_MAX)
    return limited


def doubling_high(a: Integers, b: Integers | int) -> Integers:
    """a * b / 2^31, nearest, halves up; both INT32_MIN saturates."""
    product: Integers = np.asarray(a, np.int64) * b
    high: Integers = np.minimum(product + (1 << 30) >> 31, INT32_MAX)
    return high


def rounding_shift(x: Integers, bits: Integers | int) -> Integers:
    """x / 2^bits, nearest, halves away from zero."""
    bits = np.asarray(bits, np.int64)
    half = np.left_shift(np.int64(1), np.maximum(bits - 1, 0))
    rounded: Integers = np.where(bits > 0, x + half - (x < 0) >> bits, x)
    return rounded


def multiply(x: Integers, multiplier: Integers | int, shift: Integers | int) -> Integers:
    """x times quantize_multiplier's number."""
    left, right = np.maximum(shift, 0), np.maximum(np.negative(shift), 0)
    return rounding_shift(doubling_high(wrap(np.asarray(x, np.int64) << left), multiplier), right)


def shift_saturating(x: Integers, left: int) -> Integers:
    """x * 2^left, limited to int32; to the right it rounds."""
    return saturate(x << left) if left >= 0 else rounding_shift(x, -left)


_ONE_EIGHTH, _ONE_THIRD, _EXP_MINUS_ONE_EIGHTH = 1 << 28, 715827883, 1895147668
_EXPONENTS = ((-2, 1672461947), (-1, 1302514674), (0, 790015084), (1, 290630308), (2, 39332535), (3, 720401), (4, 242))


def exp_on_negative(x: Integers, integer_bits: int) -> Integers:
    """exp(x) for x <= 0 of `integer_bits` integer bits, as a fraction of 2^31."""
    fraction_bits = 31 - integer_bits
    quarter = 1 << fraction_bits - 2
    below = (x & quarter - 1) - quarter
    rest = below - x
    result = _exp_between_minus_quarter_and_0(shift_saturating(below, integer_bits))
    for exponent, factor in _EXPONENTS:
        if integer_bits > exponent:
            result = np.where(rest >> fraction_bits + exponent & 1, doubling_high(result, factor), result)
    if integer_bits > 5:
        result = np.where(x < -(1 << fraction_bits + 5), 0, result)
    return np.where(x == 0, INT32_MAX, result)


def _exp_between_minus_quarter_and_0(a: Integers) -> Integers:
    x = a + _ONE_EIGHTH
    x2 = doubling_high(x, x)
    x3, x4 = doubling_high(x2, x), doubling_high(x2, x2)
    third = doubling_high(rounding_shift(x4, 2) + x3, _ONE_THIRD)
    return _EXP_MINUS_ONE_EIGHTH + doubling_high(x + rounding_shift(third + x2, 1), _EXP_MINUS_ONE_EIGHTH)


def _newton(a: Integers) -> Integers:
    """2 / (1 + a) for a in [0, 1] of 31 fraction bits, with 29 fraction bits."""
    one = 1 << 29
    half_sum = a + INT32_MAX
    half_denominator = half_sum + np.where(half_sum >= 0, 1, -1) >> 1
    x = 1515870810 + doubling_high(half_denominator, -1010580540)
    for _ in range(3):
        x = x + shift_saturating(doubling_high(x, one - doubling_high(half_denominator, x)), 2)
    return x


def one_over_one_plus(a: Integers) -> Integers:
    """1 / (1 + a) for a in [0, 1], all as fractions of 2^31."""
    return shift_saturating(_newton(a), 1)


def logistic(x: Integers, integer_bits: int) -> Integers:
    """1 / (1 + exp(-x)) as a fraction of 2^31."""
    positive = one_over_one_plus(exp_on_negative(-np.abs(x), integer_bits))
    return np.where(x == 0, 1 << 30, np.where(x > 0, positive, INT32_MAX - positive))


def tanh(x: Integers, integer_bits: int) -> Integers:
    """tanh(x) as a fraction of 2^31."""
    twice = exp_on_negative(-np.abs(x), integer_bits + 1)  # the same bits with one integer bit more: exp(-2|x|)
    result = shift_saturating(_newton(twice) - (1 << 29), 2)
    return np.where(x == 0, 0, np.sign(x) * result)


def reciprocal(x: Integers, integer_bits: int) -> tuple[Integers, Integers]:
    """1 / x for x > 0 of `integer_bits` integer bits: a fraction of 2^31 to be divided by 2^(second result)."""
    bits = np.frexp(x.astype(np.float64))[1].astype(np.int64)
    headroom = 32 - bits
    fraction = (x << headroom) - (1 << 31)
    return one_over_one_plus(fraction), integer_bits - headroom


def input_radius(integer_bits: int, left_shift: int) -> int:
    """The largest input that stays within `integer_bits` integer bits of 31 when shifted left."""
    return math.floor(((1 << integer_bits) - 1) * (1 << 31 - integer_bits) / (1 << left_shift))


def sigmoid_int16(x: Integers) -> Integers:
    """Q3.12 in, Q0.15 out, by interpolation."""
    table, x = np.array(SIGMOID, np.int64), x * 3
    size = np.abs(x)
    place = np.minimum(size >> 9, 254)
    between = (table[place] << 9) + (size & 0x1FF) * (table[place + 1] - table[place])
    result = np.where(size >> 9 >= 255, 0x7FFF << 10, between)
    return np.where(x >= 0, result + (1 << 9), (1 << 25) - result + (1 << 9) - 1) >> 10


def tanh_int16(x: Integers, multiplier: int, shift: int) -> Integers:
    """Q0.15 out, by interpolation; the input is x * multiplier / 2^shift, rounded, of 256 steps to 1/24."""
    table = np.array(SIGMOID, np.int64)
    x = x * multiplier + (1 << shift - 1 if shift else 0) >> shift
    size = np.abs(x)
    place = np.minimum(size >> 8, 254)
    between = (table[place] << 8) + (size & 0xFF) * (table[place + 1] - table[place])
    result = np.where(size >> 8 >= 255, 0xFFFF << 8, between)
    middle = 1 << 23
    return np.where(x >= 0, result - middle + (1 << 7), middle - result + (1 << 7) - 1) >> 8
