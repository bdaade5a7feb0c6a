"""What operators of a network work on: tensors, layers of weights, windows. Immutable."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Int8s = NDArray[np.int8]
Int32s = NDArray[np.int32]
Pair: TypeAlias = tuple[int, int]  # multiplier and shift: x * multiplier / 2^31 * 2^shift


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """Elements in row-major order; real value = (element - zero_point) * scale."""

    name: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    data: Int8s | None = None  # of a constant
    state: Literal["int8", "int16", None] = None  # kept between invokes; begins at its zero point

    @property
    def size(self) -> int:
        """Elements."""
        return prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Bytes."""
        return self.size * (2 if self.state == "int16" else 1)


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Weights, and how sums of weight * (input - input_zero_point) + bias become int8, channel by channel."""

    weights: Int8s  # [n_outputs, n_inputs]; depthwise [taps, n_outputs]
    bias: Int32s  # [n_outputs]
    multiplier: Int32s  # [n_outputs]
    shift: Int32s  # [n_outputs]
    input_zero_point: int
    output_zero_point: int
    low: int  # limits of the output: the activation
    high: int

    @property
    def n_outputs(self) -> int:
        """Channels."""
        return len(self.bias)


@dataclass(frozen=True, slots=True)
class Window:
    """Where the taps of a kernel lie: rows and columns of `channels` values each."""

    height: int
    width: int
    channels: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    top: int  # rows and columns of padding before the first
    left: int
    out_height: int
    out_width: int

    @property
    def taps(self) -> int:
        """Positions under a kernel."""
        return self.kernel_height * self.kernel_width

    @property
    def is_point(self) -> bool:
        """One tap on every position: no window at all."""
        return self.taps == 1 and (self.height, self.width) == (self.out_height, self.out_width)


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Distances between neighbours along each axis of elements without gaps."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
