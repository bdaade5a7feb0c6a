"""UNIDIRECTIONAL_SEQUENCE_LSTM with int8 activations and an int16 cell."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np

from codegen.fixed_point import quantize_multiplier
from codegen.ir.network import Lstm, Operator
from codegen.ir.tensors import Int8s, Int32s, Pair
from codegen.readers.tflite_context import CONVERT, Context, product_scaling, scale_of, zero_of
from codegen.readers.tflite_file import RawTensor, activation_name

_T = TypeVar("_T")
N_INPUTS = 24
HIDDEN, CELL = 18, 19
UNSUPPORTED = {
    **dict.fromkeys(range(9, 12), "peepholes"),
    **dict.fromkeys(range(16, 18), "a projection"),
    **dict.fromkeys(range(20, 24), "layer normalisation"),
}
GATE_SCALE = 2.0**-12  # what sigmoid and tanh take
UNIT_SCALE = 2.0**-15  # what they give


def read_lstm(context: Context) -> list[Operator]:
    """The whole sequence; its state persists."""
    context.count((N_INPUTS,))
    for place, words in UNSUPPORTED.items():
        if context.has(place):
            raise context.refuse(f"has {words}, which TensorFlow Lite Micro does not compute")
    source, output = context.int8(context.tensor(0)), context.int8(context.result())
    hidden, cell = context.int8(context.tensor(HIDDEN)), context.tensor(CELL)
    if activation_name(context.option("FusedActivationFunction")) != "TANH":
        raise context.refuse("its activation is not TANH; take the layer's default")
    time_major = bool(context.option("TimeMajor"))
    batches, steps, n_inputs, n_units = _sizes(context, source, output, hidden, cell, time_major)
    inputs = [_matrix(context, 1 + gate, (n_units, n_inputs)) for gate in range(4)]
    recurrents = [_matrix(context, 5 + gate, (n_units, n_units)) for gate in range(4)]
    cell_scale = scale_of(cell)
    shift = 12 + round(math.log2(cell_scale))
    return [
        Lstm(
            source=context.source,
            input=source.index,
            output=output.index,
            hidden=hidden.index,
            cell=cell.index,
            batches=batches,
            steps=steps,
            time_major=time_major,
            input_weights=_four([_data(context, tensor) for tensor in inputs]),
            recurrent_weights=_four([_data(context, tensor) for tensor in recurrents]),
            bias=_four([_bias(context, 12 + gate, n_units) for gate in range(4)]),
            input_scalings=_four([product_scaling(source, tensor, GATE_SCALE) for tensor in inputs]),
            recurrent_scalings=_four([product_scaling(hidden, tensor, GATE_SCALE) for tensor in recurrents]),
            input_zero_point=zero_of(source),
            hidden_zero_point=zero_of(hidden),
            forget_scaling=_mul_scaling(context, UNIT_SCALE * cell_scale / cell_scale),
            update_scaling=_mul_scaling(context, UNIT_SCALE * UNIT_SCALE / cell_scale),
            hidden_scaling=_mul_scaling(context, UNIT_SCALE * UNIT_SCALE / scale_of(hidden)),
            tanh_multiplier=3 if shift < 0 else 3 << shift,
            tanh_shift=max(0, -shift),
            cell_clip=_clip(context, cell_scale),
        )
    ]


def _sizes(
    context: Context, source: RawTensor, output: RawTensor, hidden: RawTensor, cell: RawTensor, time_major: bool
) -> tuple[int, int, int, int]:
    if cell.type != "INT16" or len(cell.scales) != 1 or cell.zero_points.any() or not cell.scales[0] > 0:
        raise context.refuse(f"cell state {cell.name!r} is no INT16 with one scale; {CONVERT}")
    log2 = math.log2(float(cell.scales[0]))
    if abs(log2 - round(log2)) > 1e-3 or not -16 <= round(log2) <= -9:
        raise context.refuse(f"cell state {cell.name!r} has scale {cell.scales[0]}, no power of two from 2^-16 to 2^-9")
    if not hidden.variable or not cell.variable or hidden.data is not None or cell.data is not None:
        raise context.refuse("its states are no variables")
    if len(source.shape) != 3 or len(output.shape) != 3 or not source.size:
        raise context.refuse(f"shapes {source.shape} and {output.shape} are not [batch, steps, values]")
    batches, steps = (source.shape[1], source.shape[0]) if time_major else source.shape[:2]
    n_units = output.shape[2]
    if output.shape[:2] != source.shape[:2] or {hidden.size, cell.size} != {batches * n_units}:
        raise context.refuse(f"shapes {source.shape}, {hidden.shape}, {cell.shape} and {output.shape} do not fit")
    same = (scale_of(hidden), zero_of(hidden)) == (scale_of(output), zero_of(output))
    if not same:
        raise context.refuse(f"tensors {hidden.name!r} and {output.name!r} have different scales; {CONVERT}")
    return batches, steps, source.shape[2], n_units


def _matrix(context: Context, place: int, shape: tuple[int, int]) -> RawTensor:
    if not context.has(place):
        raise context.refuse("couples its input and forget gates, which TensorFlow Lite Micro does not compute")
    tensor = context.int8(context.tensor(place))
    if tensor.shape != shape or tensor.data is None or zero_of(tensor) != 0:
        raise context.refuse(f"weights {tensor.name!r} are no constant of shape {shape} with zero point 0")
    return tensor


def _data(context: Context, tensor: RawTensor) -> Int8s:
    if tensor.data is None:
        raise context.refuse(f"weights {tensor.name!r} are no constant")
    return tensor.data.astype(np.int8)


def _bias(context: Context, place: int, n_units: int) -> Int32s:
    tensor = context.tensor(place)
    if tensor.type != "INT32" or tensor.data is None or tensor.size != n_units:
        raise context.refuse(f"bias {tensor.name!r} is no INT32 constant of {n_units} elements")
    return tensor.data.ravel().astype(np.int32)


def _mul_scaling(context: Context, real: float) -> Pair:
    multiplier, shift = quantize_multiplier(real)
    if shift > 0:
        raise context.refuse("its state has a scale that gates cannot reach; such a model is damaged")
    return multiplier, shift


def _clip(context: Context, cell_scale: float) -> int:
    clip = float(np.float32(context.option("CellClip", 0.0)))
    return int(min(max(clip / cell_scale, 0.0), 32767.0)) if clip > 0 else 0


def _four(values: list[_T]) -> tuple[_T, _T, _T, _T]:
    a, b, c, d = values
    return a, b, c, d
