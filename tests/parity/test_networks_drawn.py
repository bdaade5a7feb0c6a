"""Networks drawn at random against TensorFlow Lite Micro: the reference, every pass and the C, under sanitizers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from codegen.emit.network import emit_network
from codegen.passes.lower_network import lower_network
from codegen.readers.tflite import NetworkSource, network_of
from codegen.reference_network import NetworkReference
from tests.oracle.network_sequences import Sequences, run_sequences
from tests.parity.network_program import run_networks
from tests.unit.codegen.drawn_networks import DRAWERS, draw_network

N_ROWS = 60
CHUNK = 20
SEEDS = range(160)
FIRSTS = [  # a program of each compiler in the quick ring
    pytest.param(first, marks=[pytest.mark.slow] * (first >= 2 * CHUNK))
    for first in range(SEEDS.start, SEEDS.stop, CHUNK)
]
pytestmark = [pytest.mark.tflm, pytest.mark.parity]


@cache
def drawn(seed: int) -> tuple[str, NetworkSource, Sequences]:
    """Words, model and TensorFlow Lite Micro's outputs of a seed; each kind of operator has its turn."""
    kinds = () if seed % 2 else (list(DRAWERS)[seed // 2 % len(DRAWERS)], "reshape", "dense")
    model = draw_network(seed, kinds)
    source = network_of(model.data, f"drawn_{seed}.tflite", model.words)
    return model.words, source, run_sequences(source, N_ROWS, seed)


@pytest.mark.parametrize("first", FIRSTS)
def test_reference_and_passes(first: int) -> None:
    for seed in range(first, first + CHUNK):
        words, source, known = drawn(seed)
        networks = [source.network, *(lower_network(source.network, fast=fast) for fast in (False, True))]
        for network in networks:
            reference = NetworkReference(network)
            for row, reset, output in zip(known.rows[:20], known.resets, known.outputs, strict=False):
                if reset:
                    reference.reset()
                assert np.array_equal(reference.invoke(row[None])[0], output), words


@pytest.mark.parametrize("style", ["aot", "aot-fast"])
@pytest.mark.parametrize("first", FIRSTS)
def test_c(first: int, style: str, tmp_path: Path) -> None:
    """gcc and clang by turns; twenty networks in one program."""
    rows, resets, expected = {}, {}, {}
    for seed in range(first, first + CHUNK):
        _, source, known = drawn(seed)
        name = f"n{seed}"
        rows[name], resets[name], expected[name] = known.rows, known.resets, known.outputs
        emit_network(source, name, tmp_path, style=style)
    outputs = run_networks(tmp_path, rows, resets, "clang" if first // CHUNK % 2 else "gcc")
    wrong = [drawn(int(name[1:]))[0] for name in rows if not np.array_equal(outputs[name], expected[name])]
    assert not wrong


def test_the_drawn_networks_are_worth_it() -> None:
    """Most answer differently to different rows, and all operators occur."""
    kinds = {word for seed in SEEDS for word in drawn(seed)[0].split()[2:]}
    assert kinds >= set(DRAWERS)
    lively = [seed for seed in SEEDS if len(np.unique(drawn(seed)[2].outputs)) > 8]
    assert len(lively) > 0.7 * len(SEEDS)
