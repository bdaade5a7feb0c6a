"""Coded networks: the emitted C against NumPy, codes against their definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from codegen.measure import run_on_target
from train.compress.coded_network import (
    CodedNetwork,
    CodeName,
    c_files,
    code_lengths,
    hashed_index,
    huffman,
    quantise,
    run,
    to_floats,
)

SHAPES = ((12, 10, True), (10, 7, True), (7, 5, False), (7, 3, False))


Layer = tuple[NDArray[np.float32], NDArray[np.float32], bool]


def network(code: CodeName, seed: int = 1) -> tuple[CodedNetwork, list[Layer], NDArray[np.float32]]:
    """Two hidden layers and two heads with few values, the same in floats, and rows."""
    random = np.random.default_rng(seed)
    layers: list[Layer] = []
    tables = []
    for n_in, n_out, relu in SHAPES:
        values = np.concatenate([[0.0], random.normal(0, 0.5, 7)]).astype(np.float32)
        symbols = hashed_index(n_out, n_in, 8)
        if code == "huffman":
            symbols = (random.integers(0, 8, (n_out, n_in)) * (random.random((n_out, n_in)) < 0.4)).astype(np.uint8)
        layers.append((values[symbols].T, random.normal(0, 0.1, n_out).astype(np.float32), relu))
        tables.append((values, symbols))
    x = (random.integers(-127, 128, (400, 12)) / 127).astype(np.float32)
    return quantise(layers, tables, x, 2, code), layers, x


@pytest.mark.parity
@pytest.mark.parametrize("code", ["huffman", "hashed"])
def test_c_gives_the_same_bytes(code: CodeName, tmp_path: Path) -> None:
    made, _, _ = network(code)
    for name, text in c_files(made).items():
        (tmp_path / name).write_text(text, encoding="ascii")
    rows = np.random.default_rng(3).integers(-128, 128, (3000, 12)).astype(np.int8)
    expected = np.concatenate(run(made, rows), axis=1)
    found = run_on_target(tmp_path, "host", rows)
    assert np.array_equal(found, expected)
    assert len(np.unique(expected)) > 100


def test_integers_follow_the_floats() -> None:
    """Within a few steps of a head's scale: each layer rounds weights and activations to 8 bits."""
    made, layers, x = network("huffman")
    hidden = x.astype(np.float64)
    for kernel, bias, _ in layers[:2]:
        hidden = np.maximum(hidden @ kernel + bias, 0)
    found = run(made, np.round(x * 127).astype(np.int8))
    for (kernel, bias, _), coded, output in zip(layers[2:], made.layers[2:], found, strict=True):
        off = np.abs(to_floats(coded, output) - (hidden @ kernel + bias)) / coded.output_scale
        assert off.max() < 8
        assert off.mean() < 1.5


def test_huffman_is_optimal_and_decodes() -> None:
    random = np.random.default_rng(5)
    symbols = random.choice(6, p=[0.5, 0.2, 0.1, 0.1, 0.06, 0.04], size=(40, 30)).astype(np.uint8)
    lengths = code_lengths(symbols, 8)
    assert lengths[6:] == [0, 0]
    assert sum(2.0**-length for length in lengths if length) == 1
    order, counts, data = huffman(symbols, lengths)
    counted = np.bincount(symbols.ravel(), minlength=8)
    entropy = -sum(c * np.log2(c / counted.sum()) for c in counted if c)
    assert entropy <= sum(c * n for c, n in zip(counted, lengths, strict=True)) < entropy + counted.sum()
    bits = "".join(f"{byte:08b}" for byte in data)
    codes, code, at = {}, 0, 0
    for length, count in enumerate(counts, start=1):
        code <<= 1
        for _ in range(count):
            codes[f"{code:0{length}b}"] = order[at]
            code, at = code + 1, at + 1
    found: list[int] = []
    word = ""
    for bit in bits:
        word += bit
        if word in codes and len(found) < symbols.size:
            found.append(codes[word])
            word = ""
    assert found == symbols.ravel().tolist()


def test_a_hash_spreads_evenly() -> None:
    counts = np.bincount(hashed_index(64, 128, 100).ravel(), minlength=100)
    assert len(counts) == 100
    assert counts.min() > 0.6 * counts.mean()
    assert counts.max() < 1.5 * counts.mean()
