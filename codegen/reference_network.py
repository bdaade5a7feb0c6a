"""The integer reference of networks: what every operator of codegen/ir/network.py computes, in NumPy's int64.

Slow and plain. Rows are whole inputs of the network, in order, so that what is remembered passes from one to the next.
Nothing here knows of C; passes must leave every output of it the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from codegen.errors import CodegenError
from codegen.fixed_point import Integers, doubling_high, multiply, reciprocal, rounding_shift, sigmoid_int16, tanh_int16
from codegen.ir.network import (
    Add,
    Convolution,
    Dense,
    Depthwise,
    Fill,
    Lookup,
    Lstm,
    Mean,
    Move,
    Multiply,
    Network,
    Pool,
    Rows,
    Softmax,
)
from codegen.ir.tensors import Int8s, Layer, Pair, Window

Tensors = dict[int, Integers]
SOFTMAX_SUM_BITS = 12


class NetworkReference:
    """A network and what it remembers."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.state: Tensors = {}
        self.reset()

    def reset(self) -> None:
        """Forget, as NAME_reset does."""
        tensors = self.network.tensors
        self.state = {
            index: np.full(tensor.size, tensor.zero_point, np.int64)
            for index, tensor in enumerate(tensors)
            if tensor.state is not None
        }

    def invoke(self, rows: NDArray[np.int8]) -> NDArray[np.int8]:
        """Outputs [n, output bytes] of rows [n, input bytes], all inputs and outputs side by side."""
        sizes = [self.network.tensors[index].size for index in self.network.inputs]
        if rows.ndim != 2 or rows.shape[1] != sum(sizes):
            raise CodegenError(f"rows of shape {rows.shape}, the network takes [n, {sum(sizes)}]")
        if not self.state:
            return self._invoke(rows)
        outputs = [self._invoke(rows[i : i + 1]) for i in range(len(rows))]
        return np.concatenate(outputs) if outputs else self._invoke(rows)

    def _invoke(self, rows: NDArray[np.int8]) -> NDArray[np.int8]:
        network, n = self.network, len(rows)
        values: Tensors = {}
        start = 0
        for index in network.inputs:
            size = network.tensors[index].size
            values[index] = rows[:, start : start + size].astype(np.int64)
            start += size
        for index, tensor in enumerate(network.tensors):
            if tensor.data is not None:
                values[index] = np.broadcast_to(tensor.data.ravel().astype(np.int64), (n, tensor.size))
        for operator in network.operators:
            output = network.tensors[operator.output]
            if isinstance(operator, Lstm):
                values[operator.output] = self._lstm(operator, values[operator.input])
            elif isinstance(operator, Rows):
                for stage in (*operator.stages, *([operator.mean] if operator.mean else [])):
                    size = network.tensors[stage.output].size
                    values[stage.output] = _EVALUATE[type(stage)](stage, values).reshape(n, size)
            elif isinstance(operator, Move | Fill):
                whole = values.setdefault(operator.output, np.zeros((n, output.size), np.int64))
                _COPIES[type(operator)](operator, values, whole)
            else:
                values[operator.output] = _EVALUATE[type(operator)](operator, values).reshape(n, output.size)
        return np.concatenate([values[index] for index in network.outputs], axis=1).astype(np.int8)

    def _lstm(self, op: Lstm, x: Integers) -> Integers:
        """One row at a time."""
        order = (op.steps, op.batches) if op.time_major else (op.batches, op.steps)
        series = x.reshape(*order, -1)
        series = series if op.time_major else series.swapaxes(0, 1)
        hidden, cell = (self.state[index].reshape(op.batches, -1) for index in (op.hidden, op.cell))
        outputs = []
        for step in range(op.steps):
            hidden, cell = lstm_step(op, series[step], hidden, cell)
            outputs.append(hidden)
        self.state[op.hidden], self.state[op.cell] = hidden.ravel(), cell.ravel()
        if op.last_only:
            return hidden.reshape(1, -1)
        whole = np.stack(outputs)
        return (whole if op.time_major else whole.swapaxes(0, 1)).reshape(1, -1)


def lstm_step(op: Lstm, x: Integers, hidden: Integers, cell: Integers) -> tuple[Integers, Integers]:
    """Hidden state and cell [batches, n_units] after one step."""

    def gate(index: int) -> Integers:
        given = (x - op.input_zero_point) @ op.input_weights[index].T.astype(np.int64) + op.bias[index]
        kept = (hidden - op.hidden_zero_point) @ op.recurrent_weights[index].T.astype(np.int64)
        return _int16(
            _int16(multiply(given, *op.input_scalings[index])) + _int16(multiply(kept, *op.recurrent_scalings[index]))
        )

    enter, forget, output = sigmoid_int16(gate(0)), sigmoid_int16(gate(1)), sigmoid_int16(gate(3))
    update = tanh_int16(gate(2), 3, 0)
    kept = _int16(multiply(forget * cell, *op.forget_scaling))
    cell = _int16(kept + _int16(multiply(enter * update, *op.update_scaling)))
    if op.cell_clip:
        cell = np.clip(cell, -op.cell_clip, op.cell_clip)
    shown = tanh_int16(cell, op.tanh_multiplier, op.tanh_shift)
    return _int8(multiply(output * shown, *op.hidden_scaling) + op.hidden_zero_point), cell


def _int16(x: Integers) -> Integers:
    return np.clip(x, -(1 << 15), (1 << 15) - 1)


def _int8(x: Integers, low: int = -128, high: int = 127) -> Integers:
    return np.clip(x, low, high)


def _finish(layer: Layer, sums: Integers) -> Integers:
    """Sums [..., n_outputs] as int8."""
    scaled = multiply(sums, layer.multiplier.astype(np.int64), layer.shift.astype(np.int64))
    return _int8(scaled + layer.output_zero_point, layer.low, layer.high)


def _dense(op: Dense, values: Tensors) -> Integers:
    layer = op.layer
    x = values[op.input].reshape(-1, layer.weights.shape[1]) - layer.input_zero_point
    return _finish(layer, x @ layer.weights.T.astype(np.int64) + layer.bias)


def _patches(x: Integers, window: Window, outside: int) -> Integers:
    """What lies under the window at each place [n, out_height, out_width, taps, channels]."""
    reach_h = (window.out_height - 1) * window.stride_height + (window.kernel_height - 1) * window.dilation_height + 1
    reach_w = (window.out_width - 1) * window.stride_width + (window.kernel_width - 1) * window.dilation_width + 1
    whole = np.full(
        (
            len(x),
            max(reach_h, window.top + window.height),
            max(reach_w, window.left + window.width),
            window.channels,
        ),
        outside,
        np.int64,
    )
    image = x.reshape(-1, window.height, window.width, window.channels)
    whole[:, window.top : window.top + window.height, window.left : window.left + window.width] = image
    taps = []
    for row in range(window.kernel_height):
        for column in range(window.kernel_width):
            y, z = row * window.dilation_height, column * window.dilation_width
            rows = whole[:, y : y + (window.out_height - 1) * window.stride_height + 1 : window.stride_height]
            taps.append(rows[:, :, z : z + (window.out_width - 1) * window.stride_width + 1 : window.stride_width])
    return np.stack(taps, axis=3)


def _batched(values: Integers, batches: int) -> Integers:
    return values.reshape(len(values) * batches, -1)


def _convolution(op: Convolution, values: Tensors) -> Integers:
    layer = op.layer
    patches = _patches(_batched(values[op.input], op.batches), op.window, layer.input_zero_point)
    flat = patches.reshape(*patches.shape[:3], -1) - layer.input_zero_point
    return _finish(layer, flat @ layer.weights.T.astype(np.int64) + layer.bias)


def _depthwise(op: Depthwise, values: Tensors) -> Integers:
    layer = op.layer
    patches = _patches(_batched(values[op.input], op.batches), op.window, layer.input_zero_point)
    repeated = np.repeat(patches - layer.input_zero_point, op.channel_multiplier, axis=4)
    return _finish(layer, (repeated * layer.weights.astype(np.int64)).sum(axis=3) + layer.bias)


def _pool(op: Pool, values: Tensors) -> Integers:
    x = _batched(values[op.input], op.batches)
    if op.kind == "max":
        return _int8(_patches(x, op.window, -128).max(axis=3), op.low, op.high)
    sums = _patches(x, op.window, 0).sum(axis=3)
    counts = _patches(np.ones_like(x[:1]), op.window, 0).sum(axis=3)
    return _int8(np.sign(sums) * ((np.abs(sums) + counts // 2) // counts), op.low, op.high)


def _mean(op: Mean, values: Tensors) -> Integers:
    x = values[op.input].reshape(-1, *op.shape)
    sums = x.sum(axis=tuple(axis + 1 for axis in op.axes))
    return _int8(multiply(sums - op.count * op.input_zero_point, *op.scaling) + op.output_zero_point)


def _lookup(op: Lookup, values: Tensors) -> Integers:
    found: Integers = op.values[values[op.input] + 128].astype(np.int64)
    return found


def _repeated(x: Integers, shape: tuple[int, ...], strides: Sequence[int]) -> Integers:
    """A tensor [n, size] looked at with strides of elements: [n, *shape]."""
    item = x.itemsize
    x = np.ascontiguousarray(x)
    return as_strided(x, (len(x), *shape), (x.strides[0], *(step * item for step in strides)), writeable=False)


def _scale(x: Integers, scaling: Pair) -> Integers:
    return multiply(x, *scaling)


def _add(op: Add, values: Tensors) -> Integers:
    scaled = []
    for index, zero, scaling, strides in zip(op.inputs, op.zero_points, op.scalings, op.strides, strict=True):
        x = _repeated(values[index], op.shape, strides) - zero
        scaled.append(_scale(x << op.left_shift, scaling))
    total = scaled[0] - scaled[1] if op.subtract else scaled[0] + scaled[1]
    return _int8(_scale(total, op.output_scaling) + op.output_zero_point, op.low, op.high)


def _multiply(op: Multiply, values: Tensors) -> Integers:
    a, b = (
        _repeated(values[index], op.shape, strides) - zero
        for index, zero, strides in zip(op.inputs, op.zero_points, op.strides, strict=True)
    )
    return _int8(_scale(a * b, op.output_scaling) + op.output_zero_point, op.low, op.high)


def _softmax(op: Softmax, values: Tensors) -> Integers:
    x = values[op.input]
    x = x.reshape(len(x) * op.rows, -1)
    below = x.max(axis=1, keepdims=True) - x
    exponentials = op.exponentials.astype(np.int64)[below]
    counted = below < op.n_counted
    total = np.where(counted, rounding_shift(exponentials, SOFTMAX_SUM_BITS), 0).sum(axis=1, keepdims=True)
    factor, bits = reciprocal(total, SOFTMAX_SUM_BITS)
    shares = rounding_shift(doubling_high(exponentials, factor), bits + 31 - 8) - 128
    return np.where(counted, _int8(shares), -128)


def _move(op: Move, values: Tensors, output: Integers) -> None:
    index = np.arange(len(output))[:, None]
    places = _places(op.shape, op.output_offset, op.output_strides)
    output[index, places] = values[op.input][:, _places(op.shape, op.input_offset, op.input_strides)]


def _places(shape: tuple[int, ...], offset: int, strides: Sequence[int]) -> Integers:
    grid = np.indices(shape, dtype=np.int64).reshape(len(shape), -1)
    steps = np.array(strides, np.int64).reshape(-1, 1)
    places: Integers = (grid * steps).sum(axis=0) + offset
    return places


def _fill(op: Fill, _: Tensors, output: Integers) -> None:
    output[:] = op.value


_EVALUATE: dict[type, Callable[[Any, Tensors], Integers]] = {
    Dense: _dense,
    Convolution: _convolution,
    Depthwise: _depthwise,
    Pool: _pool,
    Mean: _mean,
    Lookup: _lookup,
    Add: _add,
    Multiply: _multiply,
    Softmax: _softmax,
}
_COPIES: dict[type, Callable[[Any, Tensors, Integers], None]] = {Move: _move, Fill: _fill}


def outputs_of(network: Network, rows: Int8s) -> Int8s:
    """What a network just reset answers to rows in order."""
    return NetworkReference(network).invoke(rows)


def evaluate(operator: Add | Multiply | Lookup, values: Tensors) -> Integers:
    """One operator on given tensors [n, size]."""
    return _EVALUATE[type(operator)](operator, values)
