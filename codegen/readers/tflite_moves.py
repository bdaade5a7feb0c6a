"""Operators that move elements: RESHAPE, EXPAND_DIMS, SQUEEZE, CONCATENATION, SPLIT, SPLIT_V, STRIDED_SLICE, PAD."""

from __future__ import annotations

from itertools import accumulate
from math import prod

from codegen.ir.network import Fill, Move, Operator
from codegen.ir.tensors import row_major
from codegen.readers.tflite_context import CONVERT, Context, zero_of
from codegen.readers.tflite_file import RawTensor, activation_name


def read_reshape(context: Context) -> list[Operator]:
    """The same elements in another shape."""
    context.count((1, 2))
    source, output = context.int8(context.tensor(0)), context.int8(context.result())
    if source.size != output.size:
        raise context.refuse(f"shapes {source.shape} and {output.shape} hold different numbers of elements")
    return [_move(context, source, output, (source.size,), 0, (1,), 0, (1,))]


def read_concatenation(context: Context) -> list[Operator]:
    """Inputs side by side along an axis."""
    context.count(range(1, 1 << 10))
    if activation_name(context.option("FusedActivationFunction")) != "NONE":
        raise context.refuse("has a fused activation, which TensorFlow Lite Micro does not apply")
    output = context.int8(context.result())
    inputs = [context.int8(context.tensor(place)) for place in range(len(context.operator.inputs))]
    axis = _axis(context, context.option("Axis"), len(output.shape))
    for tensor in inputs:
        if (tensor.scales[0], zero_of(tensor)) != (output.scales[0], zero_of(output)):
            raise context.refuse(f"tensors {tensor.name!r} and {output.name!r} have different scales; {CONVERT}")
        if len(tensor.shape) != len(output.shape) or any(
            n != m for k, (n, m) in enumerate(zip(tensor.shape, output.shape, strict=True)) if k != axis
        ):
            raise context.refuse(f"shapes {tensor.shape} and {output.shape} do not fit")
    if sum(tensor.shape[axis] for tensor in inputs) != output.shape[axis]:
        raise context.refuse(f"its inputs do not fill {output.shape}")
    steps = row_major(output.shape)
    starts = accumulate((tensor.shape[axis] for tensor in inputs), initial=0)
    return [
        _move(context, tensor, output, tensor.shape, 0, row_major(tensor.shape), start * steps[axis], steps)
        for tensor, start in zip(inputs, starts, strict=False)
    ]


def read_split(context: Context) -> list[Operator]:
    """SPLIT into equal parts and SPLIT_V into given ones."""
    context.count((2,) if context.operator.name == "SPLIT" else (3,), len(context.operator.outputs))
    equal = context.operator.name == "SPLIT"
    source = context.int8(context.tensor(1 if equal else 0))
    given = context.integers(0 if equal else 2, "its axis")
    axis = _axis(context, given[0] if len(given) == 1 else len(source.shape), len(source.shape))
    outputs = [context.int8(context.result(place)) for place in range(len(context.operator.outputs))]
    sizes = [tensor.shape[axis] if axis < len(tensor.shape) else 0 for tensor in outputs]
    rest = [source.shape[:axis] + source.shape[axis + 1 :]] * len(outputs)
    if sum(sizes) != source.shape[axis] or [t.shape[:axis] + t.shape[axis + 1 :] for t in outputs] != rest:
        raise context.refuse(f"its outputs do not make up {source.shape}")
    steps = row_major(source.shape)
    return [
        _move(context, source, tensor, tensor.shape, start * steps[axis], steps, 0, row_major(tensor.shape))
        for tensor, start in zip(outputs, accumulate(sizes, initial=0), strict=False)
    ]


def read_slice(context: Context) -> list[Operator]:
    """STRIDED_SLICE with constant bounds."""
    context.count((4,))
    source, output = context.int8(context.tensor(0)), context.int8(context.result())
    begin, end, strides = (context.integers(place, "a bound") for place in (1, 2, 3))
    if context.option("EllipsisMask") or context.option("NewAxisMask") or context.option("Offset"):
        raise context.refuse("has ellipses, new axes or offsets, which TensorFlow Lite Micro does not take")
    rank = len(source.shape)
    if not len(begin) == len(end) == len(strides) <= rank or 0 in strides:
        raise context.refuse(f"bounds {begin} {end} {strides} do not fit shape {source.shape}")
    offset, shape, steps = 0, [], []
    for axis, (n, step) in enumerate(zip(source.shape, row_major(source.shape), strict=True)):
        chosen = _range(context, axis, n, begin, end, strides)
        offset += chosen.start * step if len(chosen) else 0
        shape.append(len(chosen))
        steps.append(chosen.step * step)
    if prod(shape) != output.size or not output.size:
        raise context.refuse(f"bounds {begin} {end} {strides} of {source.shape} do not give {output.shape}")
    return [_move(context, source, output, tuple(shape), offset, tuple(steps), 0, row_major(tuple(shape)))]


def _range(context: Context, axis: int, n: int, begin: list[int], end: list[int], strides: list[int]) -> range:
    """Places along an axis."""
    if axis >= len(begin):
        return range(n)
    if context.option("ShrinkAxisMask") >> axis & 1:
        start = begin[axis] + n if begin[axis] < 0 else begin[axis]
        if not 0 <= start < n:
            raise context.refuse(f"place {begin[axis]} of {n} is not there")
        return range(start, start + 1)
    first = None if context.option("BeginMask") >> axis & 1 else begin[axis]
    last = None if context.option("EndMask") >> axis & 1 else end[axis]
    return range(*slice(first, last, strides[axis]).indices(n))


def read_pad(context: Context) -> list[Operator]:
    """The output's zero point around the input."""
    context.count((2,))
    source, output = context.int8(context.tensor(0)), context.int8(context.result())
    widths = context.integers(1, "its padding")
    before, after = widths[::2], widths[1::2]
    rank = len(source.shape)
    fits = len(widths) == 2 * rank and len(output.shape) == rank and min(widths, default=0) >= 0
    if not fits or any(a + n + b != m for a, n, b, m in zip(before, source.shape, after, output.shape, strict=True)):
        raise context.refuse(f"padding {widths} of {source.shape} does not give {output.shape}")
    if (source.scales[0], zero_of(source)) != (output.scales[0], zero_of(output)):
        raise context.refuse(f"tensors {source.name!r} and {output.name!r} have different scales; {CONVERT}")
    steps = row_major(output.shape)
    offset = sum(a * step for a, step in zip(before, steps, strict=True))
    fill = Fill(source=context.source, input=source.index, output=output.index, value=zero_of(output))
    return [fill, _move(context, source, output, source.shape, 0, row_major(source.shape), offset, steps)]


def _axis(context: Context, axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise context.refuse(f"axis {axis} of {rank} is not there")
    return axis % rank


def _move(
    context: Context,
    source: RawTensor,
    output: RawTensor,
    shape: tuple[int, ...],
    input_offset: int,
    input_strides: tuple[int, ...],
    output_offset: int,
    output_strides: tuple[int, ...],
) -> Move:
    return Move(
        source=context.source,
        input=source.index,
        output=output.index,
        shape=shape,
        input_offset=input_offset,
        input_strides=input_strides,
        output_offset=output_offset,
        output_strides=output_strides,
    )
