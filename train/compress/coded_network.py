"""int8 networks of full-connected layers whose weights are coded: decoded one by one while they are multiplied.

No layer is ever unpacked, so the code costs instructions and no RAM. Two codes: Huffman over a layer's shared values
(Han et al. 2016, "Deep Compression"), and a hash of a weight's place that names one of few values (Chen et al. 2015,
HashedNets). Numbers are exact: `run` here and the emitted C give the same bytes.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

CodeName = Literal["huffman", "hashed"]
TEMPLATE = Path(__file__).parent / "coded_network.c.j2"
HASH = 0x9E3779B1  # Knuth's multiplicative hash, 2**32 / golden ratio
CODE_BITS_MAX = 24


@dataclass(frozen=True, slots=True)
class CodedLayer:
    """One layer in integers: y = clamp((acc * multiplier + half) >> shift) + zero point, acc over (x - zero) * w."""

    values: NDArray[np.int8]  # [n_values] what a symbol stands for
    symbols: NDArray[np.uint8]  # [n_out, n_in]
    bias: NDArray[np.int32]  # [n_out]
    input_zero: int
    output_zero: int
    output_scale: float
    multiplier: int
    shift: int
    relu: bool

    def weights(self) -> NDArray[np.int64]:
        """Decoded, [n_out, n_in]."""
        return self.values.astype(np.int64)[self.symbols]


@dataclass(frozen=True, slots=True)
class CodedNetwork:
    """Hidden layers in order, then heads that share the last one's output; inputs have the scale 1/127 and zero 0."""

    layers: tuple[CodedLayer, ...]
    n_heads: int
    code: CodeName


def hashed_index(n_out: int, n_in: int, n_values: int) -> NDArray[np.uint8]:
    """The value [n_out, n_in] that each place takes: high bits of a product, one of `n_values` <= 256."""
    place = np.arange(n_out * n_in, dtype=np.uint64)
    mixed = ((place + 1) * HASH) & 0xFFFFFFFF
    mixed ^= mixed >> 15
    return ((((mixed * HASH) & 0xFFFFFFFF) * n_values) >> 32).astype(np.uint8).reshape(n_out, n_in)


def quantise(
    layers: Sequence[tuple[NDArray[np.float32], NDArray[np.float32], bool]],
    tables: Sequence[tuple[NDArray[np.float32], NDArray[np.uint8]]],
    x: NDArray[np.float32],
    n_heads: int,
    code: CodeName,
) -> CodedNetwork:
    """Integers for layers (kernel [n_in, n_out], bias, relu) whose kernels are values[symbols.T].

    x [n, n_inputs] shows the ranges of activations.
    """
    coded: list[CodedLayer] = []
    scale, zero, activation = 1 / 127, 0, x.astype(np.float64)
    for index, ((kernel, bias, relu), (values, symbols)) in enumerate(zip(layers, tables, strict=True)):
        output = activation @ kernel + bias
        output = np.maximum(output, 0) if relu else output
        low, high = (0.0, float(output.max())) if relu else (float(output.min()), float(output.max()))
        out_scale = max(high - low, 1e-6) / 255
        out_zero = int(np.clip(round(-128 - low / out_scale), -128, 127))
        weight_scale = max(float(np.abs(values).max()), 1e-9) / 127
        multiplier, shift = _fixed_point(scale * weight_scale / out_scale)
        coded.append(
            CodedLayer(
                values=np.round(values / weight_scale).astype(np.int8),
                symbols=symbols,
                bias=np.round(bias / (scale * weight_scale)).astype(np.int32),
                input_zero=zero,
                output_zero=out_zero,
                output_scale=out_scale,
                multiplier=multiplier,
                shift=shift,
                relu=relu,
            )
        )
        if index < len(layers) - n_heads:
            scale, zero, activation = out_scale, out_zero, output
    return CodedNetwork(tuple(coded), n_heads, code)


def _fixed_point(factor: float) -> tuple[int, int]:
    """A multiplier of 30 bits and a shift for a factor below 1."""
    shift = min(46, math.floor(math.log2(((1 << 30) - 1) / factor)))
    return round(factor * 2.0**shift), shift


def run(network: CodedNetwork, x: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    """The heads' bytes [n, n_out] for input bytes [n, n_inputs]."""
    hidden = len(network.layers) - network.n_heads
    for layer in network.layers[:hidden]:
        x = _layer(layer, x)
    return [_layer(layer, x) for layer in network.layers[hidden:]]


def _layer(layer: CodedLayer, x: NDArray[np.int8]) -> NDArray[np.int8]:
    sums = (x.astype(np.int64) - layer.input_zero) @ layer.weights().T + layer.bias
    scaled = ((sums * layer.multiplier + (1 << (layer.shift - 1))) >> layer.shift) + layer.output_zero
    return np.asarray(np.clip(scaled, layer.output_zero if layer.relu else -128, 127), dtype=np.int8)


def to_floats(layer: CodedLayer, output: NDArray[np.int8]) -> NDArray[np.float32]:
    """A head's bytes as the numbers they stand for."""
    return ((output.astype(np.float32) - layer.output_zero) * layer.output_scale).astype(np.float32)


def code_lengths(symbols: NDArray[np.uint8], n_values: int) -> list[int]:
    """Huffman's code length of each symbol, 0 where it does not occur; one that is alone gets 1."""
    counts = np.bincount(symbols.ravel(), minlength=n_values)
    heap: list[tuple[int, int, tuple[int, ...]]] = [
        (int(count), symbol, (symbol,)) for symbol, count in enumerate(counts) if count
    ]
    heapq.heapify(heap)
    lengths = [0] * n_values
    if len(heap) == 1:
        lengths[heap[0][1]] = 1
    while len(heap) > 1:
        (a, tie, left), (b, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in (*left, *right):
            lengths[symbol] += 1
        heapq.heappush(heap, (a + b, tie, (*left, *right)))
    return lengths


def huffman(symbols: NDArray[np.uint8], lengths: Sequence[int]) -> tuple[list[int], list[int], bytes]:
    """Canonical code: symbols in the order of their codes, how many of each length from 1 on, and the bits."""
    order = sorted((length, symbol) for symbol, length in enumerate(lengths) if length)
    codes: dict[int, tuple[int, int]] = {}
    code = previous = 0
    for length, symbol in order:
        code <<= length - previous
        codes[symbol] = (code, length)
        code, previous = code + 1, length
    bits = "".join(f"{codes[int(symbol)][0]:0{codes[int(symbol)][1]}b}" for symbol in symbols.ravel())
    bits += "0" * (-len(bits) % 8)
    counts = [sum(1 for length, _ in order if length == wanted) for wanted in range(1, max(lengths) + 1)]
    return [symbol for _, symbol in order], counts, int(bits, 2).to_bytes(len(bits) // 8, "big")


def c_files(network: CodedNetwork, name: str = "net") -> Mapping[str, str]:
    """NAME.h and NAME.c with the face of docs/network.md: int8 in, the heads' bytes one after the other out."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(  # noqa: S701 - C, not HTML
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    values = _values(network, name)
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return {f"{name}.{kind}": text.render(values, part=kind) for kind in ("h", "c")}


def _values(network: CodedNetwork, name: str) -> dict[str, Any]:
    hidden = len(network.layers) - network.n_heads
    layers: list[dict[str, Any]] = []
    stream = b""
    order: list[int] = []
    counts: list[int] = []
    for layer in network.layers:
        entry: dict[str, Any] = {
            "n_in": layer.symbols.shape[1],
            "n_out": layer.symbols.shape[0],
            "first_bit": 8 * len(stream),
            "first_value": len(order),
            "first_count": len(counts),
            "n_values": len(layer.values),
            "layer": layer,
        }
        if network.code == "huffman":
            symbols, of_length, bits = huffman(layer.symbols, code_lengths(layer.symbols, len(layer.values)))
            order += [int(layer.values[symbol]) for symbol in symbols]
            counts += of_length
            stream += bits
        else:
            order += [int(value) for value in layer.values]
        layers.append(entry)
    widest = max([entry["n_out"] for entry in layers[:hidden]])
    return {
        "name": name,
        "NAME": name.upper(),
        "layers": layers,
        "n_hidden": hidden,
        "widest": widest,
        "n_inputs": layers[0]["n_in"],
        "n_outputs": sum(entry["n_out"] for entry in layers[hidden:]),
        "code": network.code,
        "stream": _wrapped(stream),
        "order": _wrapped(order),
        "counts": _wrapped(counts or [0]),
        "biases": _wrapped([int(value) for layer in network.layers for value in layer.bias]),
        "HASH": HASH,
    }


def _wrapped(values: Sequence[int] | bytes) -> list[str]:
    return [", ".join(map(str, values[first : first + 20])) for first in range(0, len(values), 20)] or ["0"]
