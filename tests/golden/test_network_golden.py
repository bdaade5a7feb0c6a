"""Whole emitted files of tiny networks; `pytest --update-golden` rewrites them, the difference is reviewed."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.emit.network import emit_network
from codegen.ir.network_text import dump
from codegen.passes.lower_network import lower_network
from codegen.readers.tflite import read_network
from tests.golden.made import MODELS
from tests.golden.test_forest_golden import HERE, compare


def model(name: str, update: bool) -> Path:
    path = HERE / "models" / f"{name}.tflite"
    if update:
        path.write_bytes(MODELS[name]())
    return path


@pytest.mark.parametrize("style", ["aot", "aot-fast"])
@pytest.mark.parametrize("name", list(MODELS))
def test_a_networks_files(name: str, style: str, update_golden: bool, tmp_path: Path) -> None:
    """Without the runtime, which is no template."""
    emit_network(read_network(model(name, update_golden)), name, tmp_path, style=style)
    for path in tmp_path.glob("wp_*"):
        path.unlink()
    compare(tmp_path, HERE / "expected" / f"{name}_{style}", update_golden)


def test_files_for_the_interpreter(update_golden: bool, tmp_path: Path) -> None:
    emit_network(read_network(model("net_dense", update_golden)), "net_dense", tmp_path, style="tflm")
    compare(tmp_path, HERE / "expected" / "net_dense_tflm", update_golden)


def test_a_network_as_text(update_golden: bool, tmp_path: Path) -> None:
    """Before and after the passes."""
    network = read_network(model("net_rows", update_golden)).network
    (tmp_path / "read.txt").write_text(dump(network))
    (tmp_path / "lowered.txt").write_text(dump(lower_network(network, fast=False)))
    compare(tmp_path, HERE / "expected" / "net_rows_dump", update_golden)
