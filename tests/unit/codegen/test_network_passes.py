"""Lines in place of two roundings, and where tensors lie: checked by trying every sum, and every moment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from codegen.emit.network_calls import scratch_of
from codegen.emit.network_loops import Level, levels_of, nest
from codegen.fixed_point import Integers, multiply, quantize_multiplier
from codegen.ir.network import Network, Rows
from codegen.ir.tensors import Layer
from codegen.passes.fit_linear import Linear, fit_linear
from codegen.passes.lower_network import lower_network
from codegen.passes.plan_memory import MemoryPlan, plan_memory
from codegen.readers.tflite import network_of


def layer(rng: np.random.Generator, *, relu: bool) -> Layer:
    """One channel of a few weights, so that every sum can be tried."""
    n_inputs = int(rng.integers(1, 6))
    zero = int(rng.integers(-128, 128))
    multiplier, shift = quantize_multiplier(float(np.exp(rng.uniform(np.log(2e-4), np.log(0.2)))))
    return Layer(
        weights=rng.integers(-127, 128, (1, n_inputs)).astype(np.int8),
        bias=rng.integers(-5000, 5000, 1).astype(np.int32),
        multiplier=np.array([multiplier], np.int32),
        shift=np.array([shift], np.int32),
        input_zero_point=int(rng.integers(-128, 128)),
        output_zero_point=zero,
        low=zero if relu else -128,
        high=127,
    )


def by_line(linear: Linear, subject: Layer, sums: Integers, channel: int = 0) -> Integers:
    """What wp_network_linear_output computes."""
    wide = sums << linear.left
    assert np.abs(wide).max() < 1 << 31
    values = (wide * int(linear.multiplier[channel]) >> 32) + int(linear.offset[channel])
    assert np.abs(values).max() < 1 << 31
    if linear.drop is not None:
        values = np.where(values < linear.above, values - (1 << int(linear.drop[channel])), values)
    outputs: Integers = np.clip(values >> linear.right, subject.low, subject.high)
    return outputs


def by_two_roundings(subject: Layer, channel: int = 0) -> tuple[Integers, Integers]:
    """Every sum that a channel's weights can give, and its output as TensorFlow Lite Micro has it."""
    weights = subject.weights[channel].astype(np.int64)
    least = np.where(weights > 0, weights * -128, weights * 127).sum()
    most = np.where(weights > 0, weights * 127, weights * -128).sum()
    sums = np.arange(least, most + 1, dtype=np.int64)
    bias = int(subject.bias[channel]) - subject.input_zero_point * int(weights.sum())
    scaled = multiply(sums + bias, int(subject.multiplier[channel]), int(subject.shift[channel]))
    return sums, np.clip(scaled + subject.output_zero_point, subject.low, subject.high)


@pytest.mark.parametrize("relu", [True, False])
def test_a_line_gives_every_output(relu: bool) -> None:
    fitted = 0
    for seed in range(60):
        subject = layer(np.random.default_rng([seed, 1]), relu=relu)
        linear = fit_linear(subject, 1)
        if linear is None:
            continue
        fitted += 1
        sums, expected = by_two_roundings(subject)
        assert np.array_equal(by_line(linear, subject, sums), expected), seed
    assert fitted > 40


def test_each_channel_has_a_line_of_its_own() -> None:
    """Sixteen channels of one layer hardly ever agree on how far a multiplier has to move."""
    fitted = 0
    for seed in range(10):
        rng = np.random.default_rng([seed, 2])
        scales = [quantize_multiplier(float(scale)) for scale in np.exp(rng.uniform(np.log(1e-3), np.log(1e-2), 16))]
        subject = replace(
            layer(rng, relu=False),
            weights=rng.integers(-127, 128, (16, 24)).astype(np.int8),
            bias=rng.integers(-5000, 5000, 16).astype(np.int32),
            multiplier=np.array([scale[0] for scale in scales], np.int32),
            shift=np.array([scale[1] for scale in scales], np.int32),
        )
        linear = fit_linear(subject, 1)
        if linear is None:
            continue
        fitted += 1
        for channel in range(16):
            sums, expected = by_two_roundings(subject, channel)
            assert np.array_equal(by_line(linear, subject, sums, channel), expected), (seed, channel)
    assert fitted >= 9


def test_no_line_for_scales_of_one_and_more() -> None:
    subject = layer(np.random.default_rng(0), relu=False)
    assert fit_linear(replace(subject, shift=np.array([0], np.int32)), 1) is None


def check_plan(network: Network, plan: MemoryPlan) -> None:
    """Run the places as a machine would: nothing that is still to be read may have been written over."""
    owner: dict[tuple[str, int], tuple[int, int]] = {}

    def write(index: int) -> None:
        place, tensor = plan.places[index], network.tensors[index]
        for byte in range(tensor.size_bytes):
            owner[place.base, place.offset + byte] = (index, byte)

    def same(index: int, byte: int, found: tuple[int, int] | None) -> bool:
        """Whether a byte is the tensor's own, or that of one it shares its bytes with on purpose."""
        if found is None:
            return False
        here, there = plan.places[index], plan.places[found[0]]
        return here.base == there.base and here.offset + byte == there.offset + found[1]

    for number, operator in enumerate(network.operators):
        for index in operator.inputs:
            place = plan.places[index]
            if place.base != "arena" or network.tensors[index].state:
                continue
            for byte in range(network.tensors[index].size):
                assert same(index, byte, owner.get(("arena", place.offset + byte))), operator.source
        size = scratch_of(network, operator).size_bytes
        for byte in range(size):
            owner.pop(("arena", plan.scratch[number] + byte), None)
        write(operator.output)
        assert plan.arena_bytes >= plan.scratch[number] + size


@pytest.mark.tflm
def test_nothing_is_written_over_before_it_is_read() -> None:
    from tests.unit.codegen.drawn_networks import draw_network

    shared = 0
    for seed in range(120):
        network = lower_network(network_of(draw_network(seed).data, "m", "m").network, fast=bool(seed % 2))
        plan = plan_memory(network, [scratch_of(network, operator) for operator in network.operators])
        check_plan(network, plan)
        sizes = sum(tensor.size for i, tensor in enumerate(network.tensors) if plan.places.get(i) and not tensor.state)
        shared += plan.arena_bytes < sizes
    assert shared > 60


@pytest.mark.tflm
def test_a_window_of_a_convolution_net_is_never_stored_whole() -> None:
    from tests.golden.made import MODELS

    network = network_of(MODELS["net_rows"](), "m", "m").network
    lowered = lower_network(network, fast=False)
    assert [type(operator) for operator in lowered.operators] == [Rows]


def test_loops_join_axes_that_follow_on() -> None:
    assert levels_of((2, 3, 4), (12, 4, 1), (12, 4, 1)) == [Level(24, (1, 1))]
    assert levels_of((2, 3, 4), (24, 4, 1), (12, 4, 1)) == [Level(2, (24, 12)), Level(12, (1, 1))]
    assert levels_of((1, 1), (5, 5)) == [Level(1, (1,))]
    lines = nest([Level(2, (24, 12)), Level(3, (0, 4))], ["a", "b + 5"], lambda at: f"f({at[0]}, {at[1]});")
    assert lines == [
        "for (int32_t i = 0; i < 2; i++) {",
        "    for (int32_t j = 0; j < 3; j++) {",
        "        f(a + i * 24, b + 5 + i * 12 + j * 4);",
        "    }",
        "}",
    ]
