"""Replaces two roundings and a bias by one multiplication and one sum, where that gives the same int8 for every sum.

A layer's output rises with its sum, so that it is known by where it changes: at most 255 thresholds a channel. A line
that passes each of them on the right side gives the same output; whether there is one, and which, is found here by
exact arithmetic over all sums the weights can give. Rounding halves away from zero breaks the line at the zero point:
outputs up to it take a second line, lower by `drop`. After RELU they are all the same and need none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codegen.fixed_point import Integers, multiply
from codegen.ir.tensors import Int32s, Layer

RIGHT_MAX = 22  # outputs times 2^right are int32
TRIES = (0, *(sign * step for step in range(1, 17) for sign in (1, -1)))


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """value = high 32 bits of (sum << left) * multiplier, + offset; output = value >> right, limited.

    Below `above` a value first loses 2^drop. Sums are of weight * input alone: zero points and bias are in the offset.
    """

    multiplier: Int32s  # [n_outputs]
    offset: Int32s  # [n_outputs]
    drop: Int32s | None  # [n_outputs]; None: outputs at the zero point and below are all the lowest
    left: int
    right: int
    above: int


def fit_linear(layer: Layer, taps_axis: int) -> Linear | None:
    """The line of a layer, None where there is none."""
    weights = layer.weights.astype(np.int64)
    least = np.where(weights > 0, weights * -128, weights * 127).sum(axis=taps_axis)
    most = np.where(weights > 0, weights * 127, weights * -128).sum(axis=taps_axis)
    bias = layer.bias.astype(np.int64) - layer.input_zero_point * weights.sum(axis=taps_axis)
    if np.any(layer.shift >= 0) or not np.all(layer.multiplier):
        return None
    left = 31 - max(1, int(np.abs(np.stack([least, most])).max())).bit_length()
    real = layer.multiplier / 2.0**31 * 2.0**layer.shift
    reach = np.maximum(np.abs(least + bias), np.abs(most + bias)) * real + 256
    right = min(
        RIGHT_MAX,
        int(np.floor(30 - np.log2(np.maximum(reach, np.abs(bias) * real + 256).max()))),
        int(np.floor(left - 1 - np.log2(real.max()))),
    )
    if left < 0 or right < int(-layer.shift.min()):
        return None
    rising = _Rising(layer, bias, least, most)
    one_sided = layer.low >= layer.output_zero_point
    drop = None if one_sided else (right + layer.shift).astype(np.int32)
    exact = np.floor(real * 2.0 ** (32 + right - left) + 0.5).astype(np.int64)
    found = rising.lines(exact, left, right, drop)
    if found is None:
        return None
    above = (layer.output_zero_point + 1) << right
    return Linear(found[0].astype(np.int32), found[1].astype(np.int32), drop, left, right, above)


class _Rising:
    """Where the outputs of a layer change."""

    def __init__(self, layer: Layer, bias: Integers, least: Integers, most: Integers) -> None:
        self.layer, self.bias = layer, bias
        self.least, self.most = least[:, None], most[:, None]
        self.levels = np.arange(layer.low + 1, layer.high + 1, dtype=np.int64)[None, :]
        self.first = self._first()

    def _output(self, sums: Integers) -> Integers:
        layer = self.layer
        scaled = multiply(
            sums + self.bias[:, None], layer.multiplier.astype(np.int64)[:, None], layer.shift.astype(np.int64)[:, None]
        )
        return scaled + layer.output_zero_point

    def _first(self) -> Integers:
        """The least sum [n_outputs, levels] that reaches each level, most + 1 where none does; by bisection."""
        shape = (len(self.bias), self.levels.shape[1])
        below = np.broadcast_to(self.least - 1, shape).copy()
        reached = np.broadcast_to(self.most + 1, shape).copy()
        while np.any(reached - below > 1):
            middle = below + reached >> 1
            enough = self._output(middle) >= self.levels
            inside = reached - below > 1
            reached = np.where(inside & enough, middle, reached)
            below = np.where(inside & ~enough, middle, below)
        return reached

    def lines(self, exact: Integers, left: int, right: int, drop: Int32s | None) -> tuple[Integers, Integers] | None:
        """Multiplier and offset of each channel, near `exact` [n_outputs]; None when a channel has none."""
        multiplier, offset = exact.copy(), np.zeros_like(exact)
        missing = np.ones(len(exact), np.bool_)
        for change in TRIES:
            tried = exact + change
            found, fits = self._offsets(tried, left, right, drop)
            taken = missing & fits & (tried > 0) & (tried < 1 << 31)
            multiplier, offset = np.where(taken, tried, multiplier), np.where(taken, found, offset)
            missing &= ~taken
            if not np.any(missing):
                return multiplier, offset
        return None

    def _offsets(
        self, multiplier: Integers, left: int, right: int, drop: Int32s | None
    ) -> tuple[Integers, NDArray[np.bool_]]:
        """Offsets that put every threshold between the sums it has to lie between, and which channels have one."""
        factor = multiplier[:, None]
        needed = np.broadcast_to(self.levels << right, self.first.shape)
        if drop is not None:
            low_side = self.levels <= self.layer.output_zero_point
            needed = needed + np.where(low_side, np.int64(1) << drop.astype(np.int64)[:, None], 0)
        at_first = (self.first << left) * factor >> 32
        before = (self.first - 1 << left) * factor >> 32
        limit = np.int64(1) << 31
        lowest = np.where(self.first <= self.most, needed - at_first, -limit).max(axis=1, initial=-limit)
        highest = np.where(self.first > self.least, needed - 1 - before, limit - 1).min(axis=1, initial=limit - 1)
        offset = np.asarray(lowest + highest >> 1, np.int64)
        values = np.stack([(end[:, 0] << left) * multiplier >> 32 for end in (self.least, self.most)]) + offset
        within = np.abs(values).max(axis=0) < limit - (np.int64(1) << right)
        return offset, (lowest <= highest) & within
