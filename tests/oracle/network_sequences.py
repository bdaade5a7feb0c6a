"""Long runs of a network with what TensorFlow Lite Micro answers: rows in order, and where everything is forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen.ir.network import Network
from codegen.readers.tflite import NetworkSource
from tests.oracle.tflite_micro import Interpreter

Rows = NDArray[np.int8]
RUN_MEAN = 40  # rows between two resets


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """Rows [n, input bytes], outputs [n, output bytes] and the rows before which all is reset."""

    rows: Rows
    resets: NDArray[np.bool_]
    outputs: Rows


def drawn_rows(rng: np.random.Generator, n: int, size: int) -> Rows:
    """Rows of all kinds: any values, extremes only, near one value, and slow courses."""
    rows = rng.integers(-128, 128, (n, size))
    kind = rng.integers(0, 4, n)
    rows[kind == 1] = rng.choice([-128, 127], (n, size))[kind == 1]
    near = rng.integers(-128, 128, (n, 1)) + rng.integers(-9, 10, (n, size))
    rows[kind == 2] = near[kind == 2]
    course = rng.integers(-128, 128, (n, 1)) + np.cumsum(rng.integers(-6, 7, (n, size)), axis=1)
    rows[kind == 3] = course[kind == 3]
    return rows.clip(-128, 127).astype(np.int8)


def reset_rows(rng: np.random.Generator, n: int) -> NDArray[np.bool_]:
    """Rows before which everything is forgotten: the first, and one in RUN_MEAN."""
    resets = rng.random(n) < 1 / RUN_MEAN
    resets[:1] = True
    return resets


def run_sequences(source: NetworkSource, n: int, seed: int) -> Sequences:
    """Drawn rows through the interpreter.

    Where an input has the size of an output, as the state of a recurrent step has, it is that output of the row before,
    brought to its scale; a reset sets it to its zero point.
    """
    rng = np.random.default_rng(seed)
    network = source.network
    size = sum(network.tensors[index].size for index in network.inputs)
    rows, resets = drawn_rows(rng, n, size), reset_rows(rng, n)
    loops = _loops(network)
    interpreter = Interpreter(source.data)
    outputs: Any = None
    for i in range(n):
        if resets[i]:
            interpreter.reset()
        for place, taken, scale, zero, target_zero in loops:
            kept = np.zeros(place.stop - place.start) if resets[i] else (outputs[i - 1, taken] - float(zero)) * scale
            rows[i, place] = np.clip(np.round(kept) + target_zero, -128, 127).astype(np.int8)
        answer = interpreter.invoke(rows[i : i + 1])[0]
        if outputs is None:
            outputs = np.zeros((n, len(answer)), np.int8)
        outputs[i] = answer
    return Sequences(rows, resets, outputs)


def _loops(network: Network) -> list[tuple[slice, slice, float, int, int]]:
    """Inputs that are outputs of the row before: where, from where, and from which scale to which."""
    if len(network.inputs) < 2:
        return []
    found = []
    start = 0
    for index in network.inputs:
        tensor = network.tensors[index]
        taken = 0
        for other in network.outputs:
            output = network.tensors[other]
            if output.size == tensor.size:
                place, source = slice(start, start + tensor.size), slice(taken, taken + output.size)
                found.append((place, source, output.scale / tensor.scale, output.zero_point, tensor.zero_point))
                break
            taken += output.size
        start += tensor.size
    return found
