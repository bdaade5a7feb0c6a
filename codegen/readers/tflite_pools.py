"""Operators that sum or compare: MEAN, AVERAGE_POOL_2D, MAX_POOL_2D."""

from __future__ import annotations

from math import prod

from codegen.fixed_point import quantize_multiplier
from codegen.ir.network import Mean, Operator, Pool
from codegen.ir.tensors import Pair
from codegen.readers.tflite_context import Context, scale_of, zero_of
from codegen.readers.tflite_file import RawTensor
from codegen.readers.tflite_layers import read_window

COUNT_MAX = 1 << 22  # elements of a mean: sums stay within int32


def read_pool(context: Context) -> list[Operator]:
    """Largest or mean value under a window."""
    context.count((1,))
    source, output = context.int8(context.tensor(0)), context.int8(context.result())
    kernel = (context.option("FilterHeight", 0), context.option("FilterWidth", 0))
    window = read_window(context, source, output, kernel)
    if output.shape[3] != window.channels:
        raise context.refuse(f"shapes {source.shape} and {output.shape} do not fit")
    low, high = context.activation(output)
    return [
        Pool(
            source=context.source,
            input=source.index,
            output=output.index,
            kind="max" if context.operator.name == "MAX_POOL_2D" else "average",
            window=window,
            batches=source.shape[0],
            low=low,
            high=high,
        )
    ]


def read_mean(context: Context) -> list[Operator]:
    """Mean over axes. One multiplier scales and divides, rounded down itself."""
    context.count((2,))
    source, output = context.int8(context.tensor(0)), context.int8(context.result())
    given = context.integers(1, "its axes")
    rank = len(source.shape)
    axes = tuple(sorted({axis % rank for axis in given if -rank <= axis < rank})) if rank else ()
    kept = [n for axis, n in enumerate(source.shape) if axis not in axes]
    if not axes or any(not -rank <= axis < rank for axis in given) or prod(kept) != output.size or not source.size:
        raise context.refuse(f"axes {given} of shape {source.shape} do not give {output.shape}")
    count = prod(source.shape[axis] for axis in axes)
    if count > COUNT_MAX:
        raise context.refuse(f"means of {count} elements are not compiled; at most {COUNT_MAX}")
    return [
        Mean(
            source=context.source,
            input=source.index,
            output=output.index,
            shape=source.shape,
            axes=axes,
            input_zero_point=zero_of(source),
            scaling=_mean_scaling(context, count, source, output),
            output_zero_point=zero_of(output),
        )
    ]


def _mean_scaling(context: Context, count: int, source: RawTensor, output: RawTensor) -> Pair:
    multiplier, shift = quantize_multiplier(scale_of(source) / scale_of(output))
    divided = min(count.bit_length() - 1, 32, 31 + shift)
    if divided < 0 or shift - divided > 30:
        raise context.refuse(f"scales {scale_of(source)} and {scale_of(output)} are out of what int8 kernels take")
    return (multiplier << divided) // count, shift - divided
