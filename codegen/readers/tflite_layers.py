"""Operators with weights: FULLY_CONNECTED, CONV_2D, DEPTHWISE_CONV_2D."""

from __future__ import annotations

import numpy as np

from codegen.fixed_point import quantize_multiplier
from codegen.ir.network import Convolution, Dense, Depthwise, Operator
from codegen.ir.tensors import Int8s, Int32s, Layer, Window
from codegen.readers.tflite_context import CONVERT, Context, product_scaling, scale_of, zero_of
from codegen.readers.tflite_file import RawTensor

SUMS_MAX = 1 << 30  # TensorFlow Lite Micro allows twice that; no model that was trained comes near


def read_fully_connected(context: Context) -> list[Operator]:
    """A layer on the rows of its input."""
    context.count((2, 3))
    source, output = context.int8(context.tensor(0)), context.int8(context.result())
    weights = _weights(context, 2)
    if context.option("WeightsFormat"):
        raise context.refuse("its weights are shuffled; convert the model for TensorFlow Lite Micro")
    n_outputs, n_inputs = weights.shape
    rows = output.size // n_outputs if n_outputs else 0
    if not rows or rows * n_outputs != output.size or rows * n_inputs != source.size:
        raise context.refuse(f"shapes {source.shape}, {weights.shape} and {output.shape} do not fit")
    if len(weights.scales) == 1:
        multiplier, shift = product_scaling(source, weights, scale_of(output))
        scaling = np.full(n_outputs, multiplier, np.int32), np.full(n_outputs, shift, np.int32)
    else:
        scaling = _channel_scaling(context, source, weights, output, n_outputs, 0)
    layer = _layer(context, _constant(context, weights), scaling)
    return [Dense(source=context.source, input=source.index, output=output.index, layer=layer, rows=rows)]


def read_convolution(context: Context) -> list[Operator]:
    """A layer on the values under a window; groups become weights of 0."""
    context.count((2, 3))
    source, output = context.int8(context.tensor(0)), context.int8(context.result())
    weights = _weights(context, 4)
    window = read_window(context, source, output, weights.shape[1:3])
    n_outputs, depth = weights.shape[0], weights.shape[3]
    if not depth or window.channels % depth or n_outputs % (window.channels // depth) or output.shape[3] != n_outputs:
        raise context.refuse(f"shapes {source.shape}, {weights.shape} and {output.shape} do not fit")
    scaling = _channel_scaling(context, source, weights, output, n_outputs, 0)
    kernel = _grouped(_constant(context, weights), window.channels // depth)
    layer = _layer(context, kernel.reshape(n_outputs, -1), scaling)
    return [
        Convolution(
            source=context.source,
            input=source.index,
            output=output.index,
            layer=layer,
            window=window,
            batches=source.shape[0],
        )
    ]


def read_depthwise(context: Context) -> list[Operator]:
    """A layer channel by channel."""
    context.count((2, 3))
    source, output = context.int8(context.tensor(0)), context.int8(context.result())
    weights = _weights(context, 4)
    window = read_window(context, source, output, weights.shape[1:3])
    n_outputs = weights.shape[3]
    if weights.shape[0] != 1 or n_outputs % window.channels or output.shape[3] != n_outputs:
        raise context.refuse(f"shapes {source.shape}, {weights.shape} and {output.shape} do not fit")
    scaling = _channel_scaling(context, source, weights, output, n_outputs, 3)
    layer = _layer(context, _constant(context, weights).reshape(window.taps, n_outputs), scaling, taps_axis=0)
    return [
        Depthwise(
            source=context.source,
            input=source.index,
            output=output.index,
            layer=layer,
            window=window,
            batches=source.shape[0],
            channel_multiplier=n_outputs // window.channels,
        )
    ]


def read_window(context: Context, source: RawTensor, output: RawTensor, kernel: tuple[int, ...]) -> Window:
    """Where taps lie, from the options; the output's shape must be the one they give."""
    if len(source.shape) != 4 or len(output.shape) != 4 or not all((*source.shape, *output.shape, *kernel)):
        raise context.refuse(f"shapes {source.shape} and {output.shape} are not [batch, height, width, channels]")
    strides = context.option("StrideH", 1), context.option("StrideW", 1)
    dilated = hasattr(context.operator.options, "DilationHFactor")
    dilations = (context.option("DilationHFactor", 1), context.option("DilationWFactor", 1)) if dilated else (1, 1)
    if min(*strides, *dilations) < 1 or max(*strides, *dilations) > 1 << 15 or max(kernel) > 1 << 15:
        raise context.refuse(f"strides {strides}, dilations {dilations}, kernel {kernel} cannot be")
    valid = context.option("Padding") == 1
    sizes, before = [], []
    for n, length, stride, dilation in zip(source.shape[1:3], kernel, strides, dilations, strict=True):
        reach = (length - 1) * dilation + 1
        size = -((reach - 1 - n) // stride) if valid else -(-n // stride)
        sizes.append(size)
        before.append(max(0, ((size - 1) * stride + reach - n) // 2))
    if list(output.shape[1:3]) != sizes or source.shape[0] != output.shape[0] or min(sizes) < 1:
        raise context.refuse(f"shapes {source.shape} and {output.shape} do not fit its strides and padding")
    height, width = source.shape[1:3]
    return Window(
        height=height,
        width=width,
        channels=source.shape[3],
        kernel_height=kernel[0],
        kernel_width=kernel[1],
        stride_height=strides[0],
        stride_width=strides[1],
        dilation_height=dilations[0],
        dilation_width=dilations[1],
        top=before[0],
        left=before[1],
        out_height=sizes[0],
        out_width=sizes[1],
    )


def _weights(context: Context, dimensions: int) -> RawTensor:
    tensor = context.tensor(1)
    if tensor.type != "INT8":
        raise context.refuse(f"weights {tensor.name!r} are {tensor.type}, not INT8; {CONVERT}")
    if tensor.data is None:
        raise context.refuse(f"weights {tensor.name!r} are no constant; only layers with fixed weights are compiled")
    if len(tensor.shape) != dimensions or not tensor.size:
        raise context.refuse(f"weights {tensor.name!r} have shape {tensor.shape}")
    if not len(tensor.scales) or tensor.zero_points.any():
        raise context.refuse(f"weights {tensor.name!r} have zero points other than 0, or no scale; {CONVERT}")
    return tensor


def _constant(context: Context, tensor: RawTensor) -> Int8s:
    if tensor.data is None:
        raise context.refuse(f"tensor {tensor.name!r} is no constant")
    return tensor.data.astype(np.int8)


def _channel_scaling(
    context: Context, source: RawTensor, weights: RawTensor, output: RawTensor, n_outputs: int, axis: int
) -> tuple[Int32s, Int32s]:
    """Of each channel, or one for all: products and quotients of doubles."""
    scales = weights.scales
    if len(scales) not in (1, n_outputs) or (len(scales) > 1 and weights.axis != axis):
        raise context.refuse(f"weights {weights.name!r} have {len(scales)} scales for {n_outputs} channels")
    if not bool(np.all((scales >= 0) & np.isfinite(scales))):
        raise context.refuse(f"weights {weights.name!r} have a scale below 0 or not finite")
    pairs = [
        quantize_multiplier(scale_of(source) * float(scale) / scale_of(output))
        for scale in np.broadcast_to(scales, n_outputs)
    ]
    multiplier, shift = np.array(pairs, np.int32).T
    return multiplier, shift


def _grouped(kernel: Int8s, groups: int) -> Int8s:
    """Weights [n_outputs, h, w, depth] of groups as weights of all channels."""
    if groups == 1:
        return kernel
    n_outputs, height, width, depth = kernel.shape
    whole = np.zeros((n_outputs, height, width, depth * groups), np.int8)
    for output in range(n_outputs):
        group = output // (n_outputs // groups)
        whole[output, :, :, group * depth : (group + 1) * depth] = kernel[output]
    return whole


def _layer(context: Context, weights: Int8s, scaling: tuple[Int32s, Int32s], taps_axis: int = 1) -> Layer:
    source, output = context.tensor(0), context.result()
    multiplier, shift = scaling
    n_outputs = len(multiplier)
    bias = np.zeros(n_outputs, np.int32)
    if context.has(2):
        tensor = context.tensor(2)
        if tensor.type != "INT32" or tensor.data is None or tensor.size != n_outputs:
            raise context.refuse(f"bias {tensor.name!r} is no INT32 constant of {n_outputs} elements; {CONVERT}")
        bias = tensor.data.ravel().astype(np.int32)
    low, high = context.activation(output)
    layer = Layer(weights, bias, multiplier, shift, zero_of(source), zero_of(output), low, high)
    _check_sums(context, layer, taps_axis)
    return layer


def _check_sums(context: Context, layer: Layer, taps_axis: int) -> None:
    """Sums must fit int32 for every input, as they have to in TensorFlow Lite Micro; `shift` must be within 31."""
    reach = 128 + abs(layer.input_zero_point)
    most = np.abs(layer.weights.astype(np.int64)).sum(axis=taps_axis).max(initial=0) * reach
    bias = np.abs(layer.bias.astype(np.int64)).max(initial=0)
    if most + bias >= SUMS_MAX:
        raise context.refuse("its sums may pass 2^30; such a model is damaged")
    if int(layer.shift.max(initial=0)) > 30:
        raise context.refuse("its scales are 2^30 apart; such a model is damaged")
