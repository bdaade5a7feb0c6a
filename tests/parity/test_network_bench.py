"""The benchmark's networks against TensorFlow Lite Micro: no output may differ.

`WATTPRINT_NETWORK_ROWS=100000` takes that many rows of each; what remembers is run as sequences with resets.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from codegen.emit.network import emit_network
from codegen.readers.tflite import NetworkSource, read_network
from codegen.reference_network import NetworkReference
from tests.oracle.network_sequences import Sequences, run_sequences
from tests.parity.network_program import run_networks

N_ROWS = int(os.environ.get("WATTPRINT_NETWORK_ROWS", "2000"))
MODELS = sorted((Path(os.environ.get("WATTPRINT_BENCH", "nowhere")) / "networks").glob("*.tflite"))
STYLES = ("aot", "aot-fast")
pytestmark = [pytest.mark.bench, pytest.mark.tflm, pytest.mark.parity]


Subject = tuple[NetworkSource, Sequences]


@pytest.fixture(scope="module", params=[pytest.param(path, id=path.stem) for path in MODELS or [Path("none.tflite")]])
def subject(request: pytest.FixtureRequest) -> Subject:
    """A model and TensorFlow Lite Micro's outputs."""
    source = read_network(request.param)
    return source, run_sequences(source, N_ROWS, 5)


def test_reference(subject: Subject) -> None:
    source, known = subject
    n = min(len(known.rows), 2000)
    reference = NetworkReference(source.network)
    starts = [*np.flatnonzero(known.resets[:n]), n]
    for first, last in pairwise(starts):
        reference.reset()
        assert np.array_equal(reference.invoke(known.rows[first:last]), known.outputs[first:last])


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_c(compiler: str, style: str, subject: Subject, tmp_path: Path) -> None:
    source, known = subject
    emit_network(source, "net", tmp_path, style=style)
    flag = "-O1" if compiler == "gcc" else "-Os"
    outputs = run_networks(tmp_path, {"net": known.rows}, {"net": known.resets}, compiler, flag)
    mismatches = int((outputs["net"] != known.outputs).any(axis=1).sum())
    assert mismatches == 0


def test_several_networks_link_together(tmp_path: Path) -> None:
    """All of them, in both styles, in one program."""
    rows, resets, expected = {}, {}, {}
    for path in MODELS:
        source = read_network(path)
        known = run_sequences(source, 50, 8)
        for style in STYLES:
            name = f"{path.stem}_{style.replace('-', '_')}"
            emit_network(source, name, tmp_path, style=style)
            rows[name], resets[name], expected[name] = known.rows, known.resets, known.outputs
    outputs = run_networks(tmp_path, rows, resets, "gcc")
    assert all(np.array_equal(outputs[name], expected[name]) for name in rows)
