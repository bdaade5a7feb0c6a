"""Networks drawn at random: a seed decides operators, shapes, strides, scales, zero points and activations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

import numpy as np

from tests.unit.codegen.made_networks import ACTIVATION, PADDING, Builder, scale_of, shape_of, zero_of

SIZE_MAX = 600


@dataclass(frozen=True, slots=True)
class DrawnNetwork:
    """A model file, and what it was drawn as."""

    data: bytes
    words: str


def draw_network(seed: int, kinds: tuple[str, ...] = ()) -> DrawnNetwork:
    """The model of a seed: one to seven operators, of the named kinds or of any."""
    rng = np.random.default_rng([seed, 91])
    draw = _Draw(rng)
    for _ in range(int(rng.integers(1, 3))):
        draw.inputs.append(draw.activation(draw.shape()))
    draw.live += draw.inputs
    chosen: list[str] = []
    for _ in range(int(rng.integers(1, 8))):
        kind = str(rng.choice(list(kinds or DRAWERS)))
        if DRAWERS[kind](draw):
            chosen.append(kind)
    used = {index for operator in draw.builder.graph.operators for index in operator.inputs}
    outputs = [index for index in draw.live if index not in used and index not in draw.inputs][-3:]
    if not outputs or rng.random() < 0.15:
        outputs.append(draw.live[-1])
    words = f"seed {seed}: {' '.join(chosen) or 'nothing'}"
    return DrawnNetwork(draw.builder.finish(draw.inputs, list(dict.fromkeys(outputs))), words)


class _Draw:
    """A model in the making, and the tensors an operator may take."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.builder = Builder()
        self.inputs: list[int] = []
        self.live: list[int] = []

    def shape(self) -> tuple[int, ...]:
        rng = self.rng
        rank = int(rng.choice([2, 2, 3, 4, 4, 4]))
        first = int(rng.choice([1, 1, 1, 2]))
        if rank == 2:
            return first, int(rng.integers(1, 40))
        if rank == 3:
            return first, int(rng.integers(1, 20)), int(rng.integers(1, 9))
        if rng.random() < 0.4:
            return (first, 1, int(rng.integers(3, 30)), int(rng.integers(1, 9)))
        return first, int(rng.integers(1, 9)), int(rng.integers(1, 9)), int(rng.integers(1, 9))

    def zero_point(self) -> int:
        return int(self.rng.choice([0, -128, 127, *self.rng.integers(-128, 128, 5)]))

    def activation(self, shape: tuple[int, ...], scale: float | None = None, zero_point: int | None = None) -> int:
        if scale is None:
            scale = float(np.exp(self.rng.uniform(np.log(0.003), np.log(0.1))))
        return self.builder.tensor(shape, scale, self.zero_point() if zero_point is None else zero_point)

    def pick(self, ranks: tuple[int, ...] = (1, 2, 3, 4)) -> int | None:
        fitting = [index for index in self.live[-4:] if len(shape_of(self.builder, index)) in ranks]
        return int(self.rng.choice(fitting)) if fitting else None

    def fused(self) -> int:
        return ACTIVATION[str(self.rng.choice(["NONE", "NONE", "RELU", "RELU", "RELU6", "RELU_N1_TO_1"]))]

    def weights(self, shape: tuple[int, ...], axis: int) -> tuple[int, Any]:
        """Weights, sometimes sparse, sometimes extreme, with one scale or one a channel; and their scales."""
        rng = self.rng
        values = rng.integers(-127, 128, shape)
        kind = rng.random()
        if kind < 0.2:
            values[rng.random(shape) < 0.7] = 0
        elif kind < 0.3:
            values = rng.choice([-127, 127], shape)
        elif kind < 0.6:
            values = rng.normal(0, 40, shape).round().clip(-127, 127)
        scales = np.exp(rng.uniform(np.log(0.001), np.log(0.02)))
        if rng.random() < 0.6:
            scales = scales * np.exp(rng.normal(0, rng.choice([0.05, 0.5]), shape[axis]))
        index = self.builder.tensor(shape, scales, data=values.astype(np.int8), axis=axis)
        return index, scales

    def layer(
        self, source: int, weight_shape: tuple[int, ...], axis: int, n_inputs: int, shape: tuple[int, ...]
    ) -> Any:
        """Weights, bias and output of a layer whose outputs are neither all 0 nor all at their limits."""
        rng = self.rng
        weights, scales = self.weights(weight_shape, axis)
        inputs = [source, weights, -1]
        spread = scale_of(self.builder, source) * float(np.mean(scales)) * 74 * 70 * np.sqrt(n_inputs)
        n_outputs = weight_shape[axis]
        if axis == 3 or rng.random() < 0.8:  # the wheel crashes on a DEPTHWISE_CONV_2D without one
            bias = rng.normal(0, 74 * 70 * np.sqrt(n_inputs) * rng.choice([0.1, 1.0]), n_outputs)
            inputs[2] = self.builder.tensor(
                (n_outputs,), scale_of(self.builder, source) * scales, data=bias.astype(np.int32), kind="INT32"
            )
        output = self.activation(shape, float(spread / 60 * np.exp(rng.normal(0, 0.5))))
        return inputs, output


def _dense(draw: _Draw) -> bool:
    source = draw.pick()
    if source is None:
        return False
    shape = shape_of(draw.builder, source)
    keep = bool(draw.rng.random() < 0.3) and len(shape) > 1
    n_inputs = shape[-1] if keep or len(shape) < 2 else prod(shape[1:])
    n_outputs = int(draw.rng.integers(1, 20))
    rows = shape[:-1] if keep else (prod(shape) // n_inputs,)
    inputs, output = draw.layer(source, (n_outputs, n_inputs), 0, n_inputs, (*rows, n_outputs))
    draw.builder.operator(
        "FULLY_CONNECTED", inputs, [output], "FullyConnectedOptions",
        fusedActivationFunction=draw.fused(), keepNumDims=keep,
    )  # fmt: skip
    draw.live.append(output)
    return True


def _window(draw: _Draw, shape: tuple[int, ...], *, dilate: bool) -> tuple[dict[str, int], tuple[int, int], list[int]]:
    """Options, kernel and output size that fit."""
    rng = draw.rng
    padding = str(rng.choice(["SAME", "VALID"]))
    kernel, sizes, strides, dilations = [], [], [], []
    for n in shape[1:3]:
        k = int(rng.integers(1, 6))
        dilation = int(rng.choice([1, 1, 2, 3])) if dilate else 1
        stride = int(rng.choice([1, 1, 2, 3])) if dilation == 1 else 1
        if padding == "VALID":
            k = min(k, n)
            dilation = dilation if (k - 1) * dilation + 1 <= n else 1
        reach = (k - 1) * dilation + 1
        kernel.append(k)
        strides.append(stride)
        dilations.append(dilation)
        sizes.append(ceil(n / stride) if padding == "SAME" else (n - reach) // stride + 1)
    options = {"padding": PADDING[padding], "strideH": strides[0], "strideW": strides[1]}
    if dilate:
        options |= {"dilationHFactor": dilations[0], "dilationWFactor": dilations[1]}
    return options, (kernel[0], kernel[1]), sizes


def _convolution(draw: _Draw) -> bool:
    source = draw.pick((4,))
    if source is None:
        return False
    shape = shape_of(draw.builder, source)
    options, kernel, sizes = _window(draw, shape, dilate=True)
    n_outputs, depth = int(draw.rng.integers(1, 12)), shape[3]
    if depth % 2 == 0 and draw.rng.random() < 0.15:
        depth, n_outputs = depth // 2, n_outputs * 2
    inputs, output = draw.layer(
        source, (n_outputs, *kernel, depth), 0, prod(kernel) * depth, (shape[0], *sizes, n_outputs)
    )
    draw.builder.operator("CONV_2D", inputs, [output], "Conv2DOptions", fusedActivationFunction=draw.fused(), **options)
    draw.live.append(output)
    return True


def _depthwise(draw: _Draw) -> bool:
    source = draw.pick((4,))
    if source is None:
        return False
    shape = shape_of(draw.builder, source)
    options, kernel, sizes = _window(draw, shape, dilate=True)
    repeat = int(draw.rng.choice([1, 1, 2, 3]))
    repeat = repeat if shape[3] * repeat <= 40 else 1
    n_outputs = shape[3] * repeat
    inputs, output = draw.layer(source, (1, *kernel, n_outputs), 3, prod(kernel), (shape[0], *sizes, n_outputs))
    draw.builder.operator(
        "DEPTHWISE_CONV_2D", inputs, [output], "DepthwiseConv2DOptions",
        fusedActivationFunction=draw.fused(), depthMultiplier=repeat, **options,
    )  # fmt: skip
    draw.live.append(output)
    return True


def _pool(draw: _Draw) -> bool:
    source = draw.pick((4,))
    if source is None:
        return False
    shape = shape_of(draw.builder, source)
    options, kernel, sizes = _window(draw, shape, dilate=False)
    output = draw.activation(
        (shape[0], *sizes, shape[3]), scale_of(draw.builder, source), zero_of(draw.builder, source)
    )
    draw.builder.operator(
        str(draw.rng.choice(["MAX_POOL_2D", "AVERAGE_POOL_2D"])), [source], [output], "Pool2DOptions",
        filterHeight=kernel[0], filterWidth=kernel[1], fusedActivationFunction=draw.fused(), **options,
    )  # fmt: skip
    draw.live.append(output)
    return True


def _mean(draw: _Draw) -> bool:
    source = draw.pick((2, 3, 4))
    if source is None:
        return False
    rng, shape = draw.rng, shape_of(draw.builder, source)
    keep = bool(rng.random() < 0.5)
    axes = [1, 2] if len(shape) == 4 and rng.random() < 0.5 else sorted(
        rng.choice(len(shape), int(rng.integers(1, len(shape))), replace=False).tolist()
    )  # fmt: skip
    kept = [1 if axis in axes else n for axis, n in enumerate(shape) if keep or axis not in axes]
    same = rng.random() < 0.25
    count = prod(shape[axis] for axis in axes)
    scale = scale_of(draw.builder, source) * (1.0 if same else float(np.exp(rng.normal(0, 0.5)) / np.sqrt(count)))
    output = draw.activation(tuple(kept), scale, zero_of(draw.builder, source) if same else None)
    given = [axis - len(shape) for axis in axes] if rng.random() < 0.3 else axes
    draw.builder.operator("MEAN", [source, draw.builder.integers(given)], [output], "ReducerOptions", keepDims=keep)
    draw.live.append(output)
    return True


def _other(draw: _Draw, source: int) -> int:
    """A second operand: a tensor of that shape, one that repeats, or a constant."""
    rng, shape = draw.rng, shape_of(draw.builder, source)
    same = [index for index in draw.live[-6:] if shape_of(draw.builder, index) == shape]
    kind = rng.random()
    if kind < 0.5 and same:
        return int(rng.choice(same))
    other = list(shape)
    if kind < 0.8:
        other = [1 if rng.random() < 0.5 else n for n in shape]
    if kind > 0.9:
        other = []
    data = rng.integers(-128, 128, other).astype(np.int8)
    scale = float(np.exp(rng.uniform(np.log(0.003), np.log(0.1))))
    return draw.builder.tensor(other, scale, draw.zero_point(), data=np.asarray(data))


def _pairwise(name: str) -> Callable[[_Draw], bool]:
    def add(draw: _Draw) -> bool:
        source = draw.pick()
        if source is None:
            return False
        rng, builder = draw.rng, draw.builder
        pair = [source, _other(draw, source)]
        a, b = (scale_of(builder, index) for index in pair)
        scale = (a * b * 74 * 74 / 60 if name == "MUL" else np.hypot(a, b)) * float(np.exp(rng.normal(0, 0.5)))
        output = draw.activation(shape_of(builder, source), float(scale))
        if rng.random() < 0.3:
            pair.reverse()
        options = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}[name]
        builder.operator(name, pair, [output], options, fusedActivationFunction=draw.fused())
        draw.live.append(output)
        return True

    return add


def _unary(name: str, scale: float, zero_point: int) -> Callable[[_Draw], bool]:
    def add(draw: _Draw) -> bool:
        source = draw.pick()
        if source is None:
            return False
        output = draw.activation(shape_of(draw.builder, source), scale, zero_point)
        if name == "SOFTMAX":
            draw.builder.operator(
                name, [source], [output], "SoftmaxOptions", beta=float(draw.rng.choice([1.0, 0.5, 3.0]))
            )
        else:
            draw.builder.operator(name, [source], [output])
        draw.live.append(output)
        return True

    return add


def _same(draw: _Draw, source: int, shape: tuple[int, ...]) -> int:
    return draw.activation(shape, scale_of(draw.builder, source), zero_of(draw.builder, source))


def _reshape(draw: _Draw) -> bool:
    source = draw.pick()
    if source is None:
        return False
    shape = shape_of(draw.builder, source)
    size = prod(shape)
    kind = str(draw.rng.choice(["RESHAPE", "EXPAND_DIMS", "SQUEEZE"]))
    if kind == "EXPAND_DIMS" and len(shape) < 4:
        axis = int(draw.rng.integers(0, len(shape) + 1))
        output = _same(draw, source, (*shape[:axis], 1, *shape[axis:]))
        draw.builder.operator(kind, [source, draw.builder.integers(axis)], [output], "ExpandDimsOptions")
    elif kind == "SQUEEZE" and 1 in shape[1:]:
        axis = 1 + shape[1:].index(1)
        output = _same(draw, source, (*shape[:axis], *shape[axis + 1 :]))
        draw.builder.operator(kind, [source], [output], "SqueezeOptions", squeezeDims=[axis])
    else:
        part = next(n for n in (4, 3, 2, 1) if size % n == 0)
        shapes: list[tuple[int, ...]] = [(1, size), (1, size // part, part), (1, size // part, 1, part)]
        new = shapes[int(draw.rng.integers(0, len(shapes)))]
        output = _same(draw, source, new)
        draw.builder.operator(
            "RESHAPE", [source, draw.builder.integers(list(new))], [output], "ReshapeOptions", newShape=list(new)
        )
    draw.live.append(output)
    return True


def _concatenation(draw: _Draw) -> bool:
    source = draw.pick((2, 3, 4))
    if source is None:
        return False
    shape = shape_of(draw.builder, source)
    axis = int(draw.rng.integers(0, len(shape)))
    fitting = [
        index for index in draw.live[-6:]
        if len(shape_of(draw.builder, index)) == len(shape)
        and scale_of(draw.builder, index) == scale_of(draw.builder, source)
        and zero_of(draw.builder, index) == zero_of(draw.builder, source)
        and all(n == m for k, (n, m) in enumerate(zip(shape_of(draw.builder, index), shape, strict=True)) if k != axis)
    ]  # fmt: skip
    parts = [int(index) for index in draw.rng.choice(fitting, int(draw.rng.integers(1, 4)))]
    whole = list(shape)
    whole[axis] = sum(shape_of(draw.builder, index)[axis] for index in parts)
    if prod(whole) > SIZE_MAX:
        return False
    output = _same(draw, source, tuple(whole))
    given = axis - len(shape) if draw.rng.random() < 0.5 else axis
    draw.builder.operator("CONCATENATION", parts, [output], "ConcatenationOptions", axis=given)
    draw.live.append(output)
    return True


def _split(draw: _Draw) -> bool:
    source = draw.pick((2, 3, 4))
    if source is None:
        return False
    rng, shape = draw.rng, shape_of(draw.builder, source)
    axis = int(rng.integers(0, len(shape)))
    n = shape[axis]
    parts = int(rng.integers(1, 4))
    if n % parts == 0 and rng.random() < 0.6:
        outputs = [_same(draw, source, (*shape[:axis], n // parts, *shape[axis + 1 :])) for _ in range(parts)]
        inputs = [draw.builder.integers(axis), source]
        draw.builder.operator("SPLIT", inputs, outputs, "SplitOptions", numSplits=parts)
    elif n > 1:
        first = int(rng.integers(1, n))
        outputs = [_same(draw, source, (*shape[:axis], size, *shape[axis + 1 :])) for size in (first, n - first)]
        inputs = [source, draw.builder.integers([first, n - first]), draw.builder.integers(axis)]
        draw.builder.operator("SPLIT_V", inputs, outputs, "SplitVOptions", numSplits=2)
    else:
        return False
    draw.live += outputs
    return True


def _slice(draw: _Draw) -> bool:
    source = draw.pick((2, 3, 4))
    if source is None:
        return False
    rng, shape = draw.rng, shape_of(draw.builder, source)
    begin, end, strides, result, shrink = [], [], [], [], 0
    for axis, n in enumerate(shape):
        step = int(rng.choice([1, 1, 2, -1]))
        a, b = sorted(rng.choice(n + 1, 2, replace=False).tolist())
        first, last = (a, b) if step > 0 else (b - 1, a - 1 if a else -n - 1)
        if rng.random() < 0.2 and axis:
            shrink |= 1 << axis
            first, last, step = a, a + 1, 1
        begin.append(first - n if rng.random() < 0.2 and first >= 0 else first)
        end.append(last)
        strides.append(step)
        if not shrink >> axis & 1:
            result.append(len(range(n)[slice(first, last, step)]))
    output = _same(draw, source, tuple(result))
    lists = [draw.builder.integers(values) for values in (begin, end, strides)]
    draw.builder.operator(
        "STRIDED_SLICE", [source, *lists], [output], "StridedSliceOptions",
        beginMask=0, endMask=0, shrinkAxisMask=shrink,
    )  # fmt: skip
    draw.live.append(output)
    return True


def _pad(draw: _Draw) -> bool:
    source = draw.pick((2, 3, 4))
    if source is None:
        return False
    shape = shape_of(draw.builder, source)
    widths = draw.rng.integers(0, 3, (len(shape), 2))
    widths[0] = 0
    whole = tuple(int(n + pair.sum()) for n, pair in zip(shape, widths, strict=True))
    if prod(whole) > SIZE_MAX:
        return False
    output = _same(draw, source, whole)
    draw.builder.operator("PAD", [source, draw.builder.integers(widths.tolist())], [output], "PadOptions")
    draw.live.append(output)
    return True


def _lstm(draw: _Draw) -> bool:
    source = draw.pick((3,))
    if source is None:
        return False
    rng, builder, shape = draw.rng, draw.builder, shape_of(draw.builder, source)
    time_major = bool(rng.random() < 0.3)
    batches = shape[1] if time_major else shape[0]
    n_units = int(rng.integers(1, 9))
    hidden_scale, hidden_zero = float(np.exp(rng.uniform(np.log(0.003), np.log(0.0085)))), draw.zero_point()

    def matrix(n_inputs: int) -> int:
        data = rng.integers(-127, 128, (n_units, n_inputs)).astype(np.int8)
        return builder.tensor(data.shape, float(np.exp(rng.uniform(np.log(0.001), np.log(0.02)))), data=data)

    inputs = [source, *(matrix(shape[2]) for _ in range(4)), *(matrix(n_units) for _ in range(4)), -1, -1, -1]
    for _ in range(4):
        bias = rng.normal(0, 8000, n_units).astype(np.int32)
        inputs.append(builder.tensor((n_units,), 1.0, data=bias, kind="INT32"))
    inputs += [-1, -1]
    inputs.append(builder.tensor((batches, n_units), hidden_scale, hidden_zero, variable=True))
    cell_scale = 2.0 ** -int(rng.choice([15, 14, 12, 11, 10]))
    inputs.append(builder.tensor((batches, n_units), cell_scale, kind="INT16", variable=True))
    inputs += [-1] * 4
    output = draw.activation((*shape[:2], n_units), hidden_scale, hidden_zero)
    builder.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [output], "UnidirectionalSequenceLSTMOptions",
        fusedActivationFunction=ACTIVATION["TANH"], timeMajor=time_major, cellClip=float(rng.choice([0.0, 0.7])),
    )  # fmt: skip
    draw.live.append(output)
    return True


DRAWERS: dict[str, Callable[[_Draw], bool]] = {
    "dense": _dense,
    "convolution": _convolution,
    "depthwise": _depthwise,
    "pool": _pool,
    "mean": _mean,
    "add": _pairwise("ADD"),
    "sub": _pairwise("SUB"),
    "mul": _pairwise("MUL"),
    "softmax": _unary("SOFTMAX", 1 / 256, -128),
    "logistic": _unary("LOGISTIC", 1 / 256, -128),
    "tanh": _unary("TANH", 1 / 128, 0),
    "reshape": _reshape,
    "concatenation": _concatenation,
    "split": _split,
    "slice": _slice,
    "pad": _pad,
    "lstm": _lstm,
}
