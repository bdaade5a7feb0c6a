"""Operators element by element and SOFTMAX: ADD, SUB, MUL, LOGISTIC, TANH."""

from __future__ import annotations

import math

import numpy as np

from codegen.fixed_point import (
    INT32_MAX,
    Integers,
    doubling_high,
    exp_on_negative,
    input_radius,
    logistic,
    multiply,
    quantize_multiplier,
    rounding_shift,
    tanh,
)
from codegen.ir.network import Add, Lookup, Multiply, Operator, Softmax
from codegen.ir.tensors import row_major
from codegen.readers.tflite_context import INT8_MAX, INT8_MIN, Context, scale_of, zero_of
from codegen.readers.tflite_file import RawTensor

ADD_LEFT_SHIFT = 20
SIGMOID_INTEGER_BITS = 4
SOFTMAX_INTEGER_BITS = 5
_X = np.arange(-128, 128, dtype=np.int64)


def read_sum(context: Context) -> list[Operator]:
    """ADD and SUB."""
    a, b, output, shape, strides = _two(context)
    twice = 2.0 * max(scale_of(a), scale_of(b))
    low, high = context.activation(output)
    return [
        Add(
            source=context.source,
            input=a.index,
            other=b.index,
            output=output.index,
            subtract=context.operator.name == "SUB",
            left_shift=ADD_LEFT_SHIFT,
            zero_points=(zero_of(a), zero_of(b)),
            scalings=(quantize_multiplier(scale_of(a) / twice), quantize_multiplier(scale_of(b) / twice)),
            output_scaling=_output_scaling(context, twice / ((1 << ADD_LEFT_SHIFT) * scale_of(output))),
            output_zero_point=zero_of(output),
            low=low,
            high=high,
            strides=strides,
            shape=shape,
        )
    ]


def read_product(context: Context) -> list[Operator]:
    """MUL."""
    a, b, output, shape, strides = _two(context)
    low, high = context.activation(output)
    return [
        Multiply(
            source=context.source,
            input=a.index,
            other=b.index,
            output=output.index,
            zero_points=(zero_of(a), zero_of(b)),
            output_scaling=_output_scaling(context, scale_of(a) * scale_of(b) / scale_of(output)),
            output_zero_point=zero_of(output),
            low=low,
            high=high,
            strides=strides,
            shape=shape,
        )
    ]


def _output_scaling(context: Context, real: float) -> tuple[int, int]:
    multiplier, shift = quantize_multiplier(real)
    if shift > 0:
        raise context.refuse("its output's scale is smaller than its inputs'; TensorFlow Lite Micro refuses that too")
    return multiplier, shift


def _two(
    context: Context,
) -> tuple[RawTensor, RawTensor, RawTensor, tuple[int, ...], tuple[tuple[int, ...], tuple[int, ...]]]:
    """Inputs, output, and how the inputs repeat over its shape."""
    context.count((2,))
    a, b = context.int8(context.tensor(0)), context.int8(context.tensor(1))
    output = context.int8(context.result())
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise context.refuse(f"shapes {a.shape} and {b.shape} do not fit") from None
    if math.prod(shape) != output.size or not output.size:
        raise context.refuse(f"shapes {a.shape}, {b.shape} and {output.shape} do not fit")
    return a, b, output, tuple(shape), (_strides(a, len(shape), shape), _strides(b, len(shape), shape))


def _strides(tensor: RawTensor, rank: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    own = (1,) * (rank - len(tensor.shape)) + tensor.shape
    return tuple(0 if n == 1 and n != m else step for n, m, step in zip(own, shape, row_major(own), strict=True))


def read_sigmoid(context: Context) -> list[Operator]:
    """LOGISTIC and TANH: a table of all 256 answers."""
    context.count((1,))
    source, output = context.int8(context.tensor(0)), context.int8(context.result())
    if source.size != output.size:
        raise context.refuse(f"shapes {source.shape} and {output.shape} do not fit")
    is_tanh = context.operator.name == "TANH"
    expected = (1 / 128, 0) if is_tanh else (1 / 256, -128)
    if (scale_of(output), zero_of(output)) != expected:
        raise context.refuse(
            f"tensor {output.name!r} has scale {scale_of(output)} and zero point {zero_of(output)}; "
            f"int8 kernels give {expected[0]} and {expected[1]}"
        )
    fraction, shift = math.frexp(scale_of(source) * (1 << 31 - SIGMOID_INTEGER_BITS))
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    radius = input_radius(SIGMOID_INTEGER_BITS, shift) if 0 <= shift <= 31 else 0
    if not 0 <= shift <= 31:
        raise context.refuse(f"tensor {source.name!r} has scale {scale_of(source)}, out of what int8 kernels take")
    x = _X - zero_of(source)
    inside = np.clip(x, -radius, radius)
    scaled = multiply(inside, min(multiplier, INT32_MAX), shift)
    if is_tanh:
        real = rounding_shift(tanh(scaled, SIGMOID_INTEGER_BITS), 31 - 7)
    else:
        real = rounding_shift(logistic(scaled, SIGMOID_INTEGER_BITS), 31 - 8) - 128
    values = np.where(x <= -radius, INT8_MIN, np.where(x >= radius, INT8_MAX, np.clip(real, INT8_MIN, INT8_MAX)))
    return [
        Lookup(source=context.source, input=source.index, output=output.index, values=values.astype(np.int8)),
    ]


def read_softmax(context: Context) -> list[Operator]:
    """Exponentials of all 256 differences to the largest."""
    context.count((1,))
    source, output = context.int8(context.tensor(0)), context.int8(context.result())
    if source.size != output.size or not source.shape or not source.size:
        raise context.refuse(f"shapes {source.shape} and {output.shape} do not fit")
    if (scale_of(output), zero_of(output)) != (1 / 256, -128):
        raise context.refuse(f"tensor {output.name!r} has not the scale 1/256 and zero point -128 of int8 softmax")
    beta = float(np.float32(context.option("Beta", 1.0)))
    real = min(beta * scale_of(source) * (1 << 31 - SOFTMAX_INTEGER_BITS), (1 << 31) - 1.0)
    if real < 1.0 or source.shape[-1] > 1 << 12:
        raise context.refuse(f"scale {scale_of(source)} and beta {beta} are out of what int8 kernels take")
    multiplier, shift = quantize_multiplier(real)
    exponentials, n_counted = _exponentials(multiplier, shift)
    return [
        Softmax(
            source=context.source,
            input=source.index,
            output=output.index,
            rows=source.size // source.shape[-1],
            exponentials=exponentials.astype(np.int32),
            n_counted=n_counted,
        )
    ]


def _exponentials(multiplier: int, shift: int) -> tuple[Integers, int]:
    """exp(-difference * scale) for differences 0 to 255, and how many of them count."""
    differences = np.arange(256, dtype=np.int64)
    n_counted = min(256, input_radius(SOFTMAX_INTEGER_BITS, shift) + 1)
    counted = differences < n_counted
    scaled = doubling_high(np.where(counted, -differences, 0) << shift, multiplier)
    return np.where(counted, exp_on_negative(scaled, SOFTMAX_INTEGER_BITS), 0), n_counted
