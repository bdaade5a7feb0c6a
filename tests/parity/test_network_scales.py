"""Multipliers to their last bit: sums chosen so that a product of scales in float32 would give another output."""

from __future__ import annotations

import numpy as np
import pytest

from codegen.fixed_point import multiply, quantize_multiplier
from codegen.readers.tflite import network_of
from codegen.reference_network import outputs_of
from tests.oracle.tflite_micro import Interpreter
from tests.unit.codegen.made_networks import Builder


@pytest.mark.tflm
def test_a_layers_scales_are_multiplied_as_doubles() -> None:
    rng = np.random.default_rng(0)
    told_apart = 0
    sums = np.arange(-30_000, 30_000, dtype=np.int64)
    for _ in range(300):
        given, weight = (np.float32(np.exp(rng.uniform(low, low + 3))) for low in (-5, -7))
        output = np.float32(given * weight * np.exp(rng.uniform(3, 6)))
        narrow = multiply(sums, *quantize_multiplier(float(given * weight) / float(output)))
        wide = multiply(sums, *quantize_multiplier(float(given) * float(weight) / float(output)))
        chosen = sums[(narrow != wide) & (np.abs(wide) < 120)][:16].astype(np.int32)
        if not len(chosen):
            continue
        told_apart += len(chosen)
        builder = Builder()
        n = len(chosen)
        x, y = builder.tensor((1, 1), float(given), 0), builder.tensor((1, n), float(output), 0)
        weights = builder.tensor((n, 1), float(weight), data=np.zeros((n, 1), np.int8))
        bias = builder.tensor((n,), float(given * weight), data=chosen, kind="INT32")
        builder.operator("FULLY_CONNECTED", [x, weights, bias], [y], "FullyConnectedOptions")
        model, row = builder.finish([x], [y]), np.zeros((1, 1), np.int8)
        assert np.array_equal(outputs_of(network_of(model, "m", "m").network, row), Interpreter(model).invoke(row))
    assert told_apart >= 8
