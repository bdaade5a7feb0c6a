"""The network: operators on int8 tensors, in order, with all their integers. Immutable; a pass makes a new one.

What an operator computes to the last bit is TensorFlow Lite Micro's; codegen/reference_network.py is the definition.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Literal

from codegen.ir.tensors import Int8s, Int32s, Layer, Pair, Tensor, Window, row_major


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Operator:
    """One input tensor, one output tensor, by index; `source` is the model's operator, for comments and errors."""

    source: str
    input: int
    output: int

    @property
    def inputs(self) -> tuple[int, ...]:
        """All tensors it reads."""
        return (self.input,)

    @property
    def states(self) -> tuple[int, ...]:
        """Tensors it reads and writes that outlive the invoke."""
        return ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Dense(Operator):
    """A layer on each of `rows` vectors."""

    layer: Layer
    rows: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Convolution(Operator):
    """A layer on the values under a window, tap by tap; padding counts as the input's zero point."""

    layer: Layer
    window: Window
    batches: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Depthwise(Operator):
    """Channel by channel: output c * multiplier + m is of input channel c."""

    layer: Layer
    window: Window
    batches: int
    channel_multiplier: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pool(Operator):
    """Largest or mean value under a window, of the positions that exist; the mean is rounded halves away from zero."""

    kind: Literal["max", "average"]
    window: Window
    batches: int
    low: int
    high: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Mean(Operator):
    """Sum over some axes of x - input_zero_point, scaled; dividing by the count is part of the scaling."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    input_zero_point: int
    scaling: Pair
    output_zero_point: int

    @property
    def count(self) -> int:
        """Elements a sum has."""
        return prod(self.shape[axis] for axis in self.axes)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Lookup(Operator):
    """Element by element: values[x + 128]."""

    values: Int8s  # [256]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Add(Operator):
    """a +- b, each brought to a common scale first: (x - zero point) * 2^left_shift, scaled."""

    other: int
    subtract: bool
    left_shift: int
    zero_points: tuple[int, int]
    scalings: tuple[Pair, Pair]
    output_scaling: Pair
    output_zero_point: int
    low: int
    high: int
    strides: tuple[tuple[int, ...], tuple[int, ...]]  # of the inputs, over `shape`; 0 repeats
    shape: tuple[int, ...]

    @property
    def inputs(self) -> tuple[int, ...]:
        """Both."""
        return (self.input, self.other)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Multiply(Operator):
    """a * b, scaled."""

    other: int
    zero_points: tuple[int, int]
    output_scaling: Pair
    output_zero_point: int
    low: int
    high: int
    strides: tuple[tuple[int, ...], tuple[int, ...]]
    shape: tuple[int, ...]

    @property
    def inputs(self) -> tuple[int, ...]:
        """Both."""
        return (self.input, self.other)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Softmax(Operator):
    """Each of `rows` vectors: exponentials [256] of (x - largest), by largest - x, over their sum."""

    rows: int
    exponentials: Int32s  # fractions of 2^31; 0 where too small to count
    n_counted: int  # differences from here on give -128, and are not in the sum


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fill(Operator):
    """Every element of the output; the input is not looked at."""

    value: int

    @property
    def inputs(self) -> tuple[int, ...]:
        """None."""
        return ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Move(Operator):
    """Copies a region: shape, and where each tensor's part of it begins and how far apart its elements are."""

    shape: tuple[int, ...]
    input_offset: int
    input_strides: tuple[int, ...]
    output_offset: int
    output_strides: tuple[int, ...]

    @property
    def is_whole(self) -> bool:
        """Consecutive elements in both."""
        steps = zip(self.shape, self.input_strides, self.output_strides, row_major(self.shape), strict=True)
        return all(a == b == c for n, a, b, c in steps if n > 1)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Lstm(Operator):
    """Steps of a recurrent layer; gates in the order input, forget, cell, output."""

    hidden: int
    cell: int
    batches: int
    steps: int
    time_major: bool
    input_weights: tuple[Int8s, Int8s, Int8s, Int8s]  # [n_units, n_inputs] each
    recurrent_weights: tuple[Int8s, Int8s, Int8s, Int8s]  # [n_units, n_units]
    bias: tuple[Int32s, Int32s, Int32s, Int32s]
    input_scalings: tuple[Pair, Pair, Pair, Pair]
    recurrent_scalings: tuple[Pair, Pair, Pair, Pair]
    input_zero_point: int
    hidden_zero_point: int
    forget_scaling: Pair  # forget gate * cell
    update_scaling: Pair  # input gate * cell gate
    hidden_scaling: Pair  # output gate * tanh(cell)
    tanh_multiplier: int  # cell to 24ths of 256 steps
    tanh_shift: int
    cell_clip: int  # 0: none
    last_only: bool = False  # the output holds the last step's alone

    @property
    def states(self) -> tuple[int, ...]:
        """What it remembers."""
        return (self.hidden, self.cell)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rows(Operator):
    """Operators one after the other, row by row: what lies between them is never there as a whole.

    Each is a convolution, depthwise convolution or pool whose window is as wide as its rows, a layer on each row, or a
    lookup; all but the first move by one row. At the end there may be a mean over all rows.
    """

    stages: tuple[Operator, ...]
    mean: Mean | None


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Tensors by index, operators in order, inputs and outputs in the graph's order."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def n_macs(self) -> int:
        """Multiplications of weights in one invoke."""
        return sum(map(macs, self.operators))


def macs(operator: Operator) -> int:
    """Multiplications of weights."""
    if isinstance(operator, Dense):
        return operator.rows * operator.layer.weights.size
    if isinstance(operator, Convolution | Depthwise):
        window = operator.window
        return operator.batches * window.out_height * window.out_width * operator.layer.weights.size
    if isinstance(operator, Rows):
        return sum(map(macs, operator.stages))
    if isinstance(operator, Lstm):
        sizes = sum(matrix.size for matrix in (*operator.input_weights, *operator.recurrent_weights))
        return operator.batches * operator.steps * sizes
    return 0
