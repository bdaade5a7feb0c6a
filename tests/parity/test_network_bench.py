"""The benchmark's networks against TensorFlow Lite Micro: no output may differ.

`WATTPRINT_NETWORK_ROWS=100000` takes that many rows of each; what remembers is run as sequences with resets.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from codegen.emit.network import emit_network
from codegen.readers.tflite import NetworkSource, read_network
from codegen.reference_network import NetworkReference
from tests.oracle.tflite_micro import Interpreter
from tests.parity.network_program import Rows, drawn_rows, reset_rows, run_networks

N_ROWS = int(os.environ.get("WATTPRINT_NETWORK_ROWS", "2000"))
MODELS = sorted((Path(os.environ.get("WATTPRINT_BENCH", "nowhere")) / "networks").glob("*.tflite"))
STYLES = ("aot", "aot-fast")
pytestmark = [pytest.mark.bench, pytest.mark.tflm, pytest.mark.parity]


@pytest.fixture(scope="module", params=[pytest.param(path, id=path.stem) for path in MODELS or [Path("none.tflite")]])
def subject(request: pytest.FixtureRequest) -> tuple[NetworkSource, Rows, NDArray[np.bool_], Rows]:
    """A model, rows, where it is reset, and TensorFlow Lite Micro's outputs."""
    source = read_network(request.param)
    rng = np.random.default_rng(5)
    size = sum(source.network.tensors[index].size for index in source.network.inputs)
    rows, resets = drawn_rows(rng, N_ROWS, size), reset_rows(rng, N_ROWS)
    interpreter = Interpreter(source.data)
    outputs = []
    for row, reset in zip(rows, resets, strict=True):
        if reset:
            interpreter.reset()
        outputs.append(interpreter.invoke(row[None]))
    return source, rows, resets, np.concatenate(outputs)


def test_reference(subject: tuple[NetworkSource, Rows, NDArray[np.bool_], Rows]) -> None:
    source, rows, resets, expected = subject
    n = min(len(rows), 2000)
    reference = NetworkReference(source.network)
    starts = [*np.flatnonzero(resets[:n]), n]
    for first, last in pairwise(starts):
        reference.reset()
        assert np.array_equal(reference.invoke(rows[first:last]), expected[first:last])


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_c(
    compiler: str, style: str, subject: tuple[NetworkSource, Rows, NDArray[np.bool_], Rows], tmp_path: Path
) -> None:
    source, rows, resets, expected = subject
    emit_network(source, "net", tmp_path, style=style)
    outputs = run_networks(tmp_path, {"net": rows}, {"net": resets}, compiler, "-O1" if compiler == "gcc" else "-Os")
    mismatches = int((outputs["net"] != expected).any(axis=1).sum())
    assert mismatches == 0
