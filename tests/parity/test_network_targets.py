"""The benchmark's networks and drawn ones on four microcontrollers' cores: no output may differ from the wheel's."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from codegen.emit.network import emit_network
from codegen.measure import run_on_target
from codegen.readers.tflite import NetworkSource, network_of, read_network
from tests.oracle.network_sequences import Rows, drawn_rows
from tests.oracle.tflite_micro import Interpreter
from tests.unit.codegen.drawn_networks import DRAWERS, draw_network

N_ROWS = 1000
MODELS = sorted((Path(os.environ.get("WATTPRINT_BENCH", "nowhere")) / "networks").glob("*.tflite"))
TARGETS = [
    pytest.param("rv32imc", marks=pytest.mark.qemu),
    pytest.param("rv32imafc", marks=pytest.mark.qemu),
    pytest.param("cortex-m4", marks=pytest.mark.qemu("arm-none-eabi-gcc", "qemu-system-arm")),
    pytest.param("lx6", marks=pytest.mark.qemu("clang-22", "llvm-mc-22", "xtensa-lx106-elf-ld", "qemu-system-xtensa")),
]
STYLES = [("aot", "-Os"), ("aot-fast", "-O2")]
pytestmark = [pytest.mark.tflm, pytest.mark.slow]


@cache
def expected(model: bytes, n_rows: int) -> tuple[NetworkSource, Rows, Rows]:
    """The model, rows in one sequence, and TensorFlow Lite Micro's outputs."""
    source = network_of(model, "model.tflite", "model")
    size = sum(source.network.tensors[index].size for index in source.network.inputs)
    rows = drawn_rows(np.random.default_rng(12), n_rows, size)
    return source, rows, Interpreter(model).invoke(rows)


def count_mismatches(model: bytes, n_rows: int, target: str, style: str, opt: str, folder: Path) -> int:
    source, rows, outputs = expected(model, n_rows)
    emit_network(source, "net", folder, style=style)
    return int((run_on_target(folder, target, rows, opt=opt) != outputs).any(axis=1).sum())


@pytest.mark.bench
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("style", "opt"), STYLES)
@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in MODELS or [Path("none.tflite")]])
def test_no_mismatch(path: Path, style: str, opt: str, target: str, tmp_path: Path) -> None:
    assert count_mismatches(read_network(path).data, N_ROWS, target, style, opt, tmp_path) == 0


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", list(DRAWERS))
def test_every_operator(kind: str, target: str, tmp_path: Path) -> None:
    """A drawn network for each kind of operator."""
    seed = 200 + list(DRAWERS).index(kind)
    style, opt = STYLES[seed % 2]
    assert count_mismatches(draw_network(seed, (kind,)).data, 100, target, style, opt, tmp_path) == 0
