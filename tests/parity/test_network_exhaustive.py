"""Single operators on every input there is, or as many as a large tensor holds, with drawn scales: reference and wheel.

One invoke answers tens of thousands of elements, so that a multiplier wrong in its last bit shows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from codegen.readers.tflite import network_of
from codegen.reference_network import outputs_of
from tests.oracle.tflite_micro import Interpreter
from tests.unit.codegen.made_networks import PADDING, Builder

pytestmark = pytest.mark.tflm

Model = tuple[bytes, np.ndarray]
ALL = np.arange(-128, 128, dtype=np.int8)
PAIRS = np.concatenate([np.repeat(ALL, 256), np.tile(ALL, 256)])[None]


def scale(rng: np.random.Generator) -> float:
    return float(np.float32(np.exp(rng.uniform(np.log(0.002), np.log(0.2)))))


def zero(rng: np.random.Generator) -> int:
    return int(rng.integers(-128, 128))


def pairwise(name: str) -> Callable[[np.random.Generator], Model]:
    """Every pair of values."""

    def make(rng: np.random.Generator) -> Model:
        builder = Builder()
        n = 256 * 256
        scales = scale(rng), scale(rng)
        a, b = (builder.tensor((1, n), value, zero(rng)) for value in scales)
        size = scales[0] * scales[1] * 90 if name == "MUL" else float(np.hypot(*scales))
        y = builder.tensor((1, n), size * float(np.exp(rng.normal(0, 0.5))), zero(rng))
        builder.operator(name, [a, b], [y], {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}[name])
        return builder.finish([a, b], [y]), PAIRS

    return make


def unary(name: str, output: tuple[float, int]) -> Callable[[np.random.Generator], Model]:
    """Every value; softmax on random rows."""

    def make(rng: np.random.Generator) -> Model:
        builder = Builder()
        shape = (3000, 7) if name == "SOFTMAX" else (1, 256)
        x, y = builder.tensor(shape, scale(rng), zero(rng)), builder.tensor(shape, *output)
        if name == "SOFTMAX":
            builder.operator(name, [x], [y], "SoftmaxOptions", beta=1.0)
            spread = rng.integers(1, 129, (3000, 1))
            rows = (rng.integers(-128, 128, (3000, 7)) * spread // 128).astype(np.int8)
            return builder.finish([x], [y]), rows.reshape(1, -1)
        builder.operator(name, [x], [y])
        return builder.finish([x], [y]), ALL[None]

    return make


def mean(rng: np.random.Generator) -> Model:
    """Sums of several elements, of all sizes."""
    builder = Builder()
    count, n = int(rng.integers(2, 40)), 4000
    given = scale(rng)
    x = builder.tensor((1, count, n), given, zero(rng))
    y = builder.tensor((1, n), given * float(np.exp(rng.uniform(-2.5, 0.5))), zero(rng))
    builder.operator("MEAN", [x, builder.integers([1])], [y], "ReducerOptions", keepDims=False)
    middle = rng.integers(-128, 128, (1, 1, n))
    rows = (middle + rng.integers(-40, 41, (1, count, n))).clip(-128, 127).astype(np.int8)
    return builder.finish([x], [y]), rows.reshape(1, -1)


def layer(name: str) -> Callable[[np.random.Generator], Model]:
    """Thousands of channels with a scale and a sum each: the weights are 0, the bias is the sum."""

    def make(rng: np.random.Generator) -> Model:
        builder = Builder()
        n = 4000
        depthwise = name == "DEPTHWISE_CONV_2D"
        given, output = scale(rng), scale(rng)
        weights = np.exp(rng.uniform(-7, -3, n)).astype(np.float32)
        real = given * weights.astype(np.float64) / output
        bias = (rng.uniform(-130, 130, n) / real).astype(np.int32)
        x = builder.tensor((1, 1, 1, n if depthwise else 1), given, zero(rng))
        shape = (1, 1, 1, n) if depthwise else (n, 1, 1, 1)
        w = builder.tensor(shape, weights, data=np.zeros(shape, np.int8), axis=3 if depthwise else 0)
        b = builder.tensor((n,), given * weights, data=bias, kind="INT32")
        y = builder.tensor((1, 1, 1, n), output, zero(rng))
        options = {"padding": PADDING["VALID"], "strideH": 1, "strideW": 1}
        if depthwise:
            builder.operator(name, [x, w, b], [y], "DepthwiseConv2DOptions", depthMultiplier=1, **options)
        else:
            builder.operator(name, [x, w, b], [y], "Conv2DOptions", **options)
        return builder.finish([x], [y]), np.zeros((1, n if depthwise else 1), np.int8)

    return make


MAKERS: dict[str, Callable[[np.random.Generator], Model]] = {
    **{name: pairwise(name) for name in ("ADD", "SUB", "MUL")},
    "LOGISTIC": unary("LOGISTIC", (1 / 256, -128)),
    "TANH": unary("TANH", (1 / 128, 0)),
    "SOFTMAX": unary("SOFTMAX", (1 / 256, -128)),
    "MEAN": mean,
    "CONV_2D": layer("CONV_2D"),
    "DEPTHWISE_CONV_2D": layer("DEPTHWISE_CONV_2D"),
}


@pytest.mark.parametrize("name", list(MAKERS))
def test_every_element(name: str) -> None:
    for seed in range(12):
        model, rows = MAKERS[name](np.random.default_rng([seed, 5]))
        expected = Interpreter(model, arena_bytes=4 << 20).invoke(rows)
        assert np.array_equal(outputs_of(network_of(model, "m", "m").network, rows), expected), seed
