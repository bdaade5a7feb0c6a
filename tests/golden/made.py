"""The tiny networks whose files are golden, made with TensorFlow Lite Micro's schema; `--update-golden` writes them."""

from __future__ import annotations

import numpy as np

from tests.unit.codegen.made_networks import ACTIVATION, PADDING, Builder


def _layer(
    builder: Builder,
    name: str,
    x: int,
    weights: list[int],
    shape: tuple[int, ...],
    output: int,
    axis: int,
    **options: int,
) -> None:
    """A layer with the given weights, a scale of 1/64 and a bias that counts up."""
    n = shape[axis]
    scales = [0.015625 + 0.001 * channel for channel in range(n)]
    w = builder.tensor(shape, scales, data=np.array(weights, np.int8).reshape(shape), axis=axis)
    bias = np.arange(n, dtype=np.int32) * 100 - 50
    b = builder.tensor((n,), [scale / 32 for scale in scales], data=bias, kind="INT32")
    kind = {"FULLY_CONNECTED": "FullyConnected", "CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D"}[name]
    builder.operator(name, [x, w, b], [output], f"{kind}Options", **options)


def dense() -> bytes:
    """Two layers, of which the first ends in RELU."""
    builder = Builder()
    x = builder.tensor((1, 3), 0.03125, 4, name="x")
    hidden = builder.tensor((1, 5), 0.0625, -128, name="hidden */")
    y = builder.tensor((1, 2), 0.125, 3, name="y")
    weights = [7, -3, 0, 1, 100, -100, 5, 5, 5, -1, -2, -3, 127, 0, -127]
    relu = ACTIVATION["RELU"]
    _layer(builder, "FULLY_CONNECTED", x, weights, (5, 3), hidden, 0, fusedActivationFunction=relu)
    _layer(builder, "FULLY_CONNECTED", hidden, [9, 0, -9, 4, 1, 0, 20, -20, 0, 2], (2, 5), y, 0)
    return builder.finish([x], [y])


def rows() -> bytes:
    """A convolution on a window, depthwise, pointwise, mean: all row by row."""
    builder = Builder()
    x = builder.tensor((1, 6, 1, 2), 0.03125, -7, name="window")
    first = builder.tensor((1, 3, 1, 2), 0.05, -128, name="first")
    second = builder.tensor((1, 3, 1, 2), 0.04, 2, name="second")
    third = builder.tensor((1, 3, 1, 3), 0.03, -128, name="third")
    mean = builder.tensor((1, 3), 0.02, -100, name="mean")
    relu = ACTIVATION["RELU"]
    same = {"padding": PADDING["SAME"], "strideW": 1}
    _layer(
        builder,
        "CONV_2D",
        x,
        list(range(-6, 6)),
        (2, 3, 1, 2),
        first,
        0,
        strideH=2,
        fusedActivationFunction=relu,
        **same,
    )
    weights = [40, -30, 20, 10, -5, 60]
    _layer(builder, "DEPTHWISE_CONV_2D", first, weights, (1, 3, 1, 2), second, 3, strideH=1, depthMultiplier=1, **same)
    _layer(builder, "CONV_2D", second, weights, (3, 1, 1, 2), third, 0, strideH=1, fusedActivationFunction=relu, **same)
    builder.operator("MEAN", [third, builder.integers([1, 2])], [mean], "ReducerOptions", keepDims=False)
    return builder.finish([x], [mean])


def elements() -> bytes:
    """Two inputs and two outputs; slices that cost nothing, sums, products, a table, softmax and a concatenation."""
    builder = Builder()
    a, b = builder.tensor((1, 4), 0.02, 5, name="a"), builder.tensor((1, 2), 0.03, -9, name="b")
    halves = [builder.tensor((1, 2), 0.02, 5, name=f"half {i}") for i in range(2)]
    builder.operator("SPLIT", [builder.integers(1), a], halves, "SplitOptions", numSplits=2)
    total = builder.tensor((1, 2), 0.04, 1, name="total")
    builder.operator("ADD", [halves[0], b], [total], "AddOptions")
    gate = builder.tensor((1, 2), 1 / 256, -128, name="gate")
    builder.operator("LOGISTIC", [total], [gate])
    product = builder.tensor((1, 2), 0.01, 0, name="product")
    builder.operator("MUL", [gate, halves[1]], [product], "MulOptions")
    shares = builder.tensor((1, 2), 1 / 256, -128, name="shares")
    builder.operator("SOFTMAX", [product], [shares], "SoftmaxOptions", beta=1.0)
    both = builder.tensor((1, 4), 1 / 256, -128, name="both")
    builder.operator("CONCATENATION", [shares, gate], [both], "ConcatenationOptions", axis=1)
    return builder.finish([a, b], [both, product])


MODELS = {"net_dense": dense, "net_rows": rows, "net_elements": elements}
