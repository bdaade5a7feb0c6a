"""Costs of generated C: stack from call graphs, bytes as linked, instructions counted exactly."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from codegen.cli import main
from codegen.emit.artifact import emit_artifact
from codegen.emit.forest import emit_forest
from codegen.errors import CodegenError, CompilerError, ModelError
from codegen.measure import measure
from codegen.measure_inputs import feature_rows, sample_rows
from codegen.measure_stack import parse_call_graphs, worst_stack
from codegen.readers.xgboost import read_model
from tests.golden.test_forest_golden import MODELS, artifact

GRAPH = """graph: { title: "a.c"
node: { title: "top" label: "top\\na.c:1:1\\n16 bytes (static)\\n0 dynamic objects" }
node: { title: "a.c:leaf" label: "leaf\\na.c:2:1\\n48 bytes (static)" }
node: { title: "memcpy" label: "memcpy\\n<built-in>" shape : ellipse }
edge: { sourcename: "top" targetname: "a.c:leaf" label: "a.c:3:1" }
edge: { sourcename: "top" targetname: "memcpy" }
edge: { sourcename: "top" targetname: "__indirect_call" }
}
"""


def test_the_deepest_chain_counts() -> None:
    graph = parse_call_graphs([GRAPH, 'node: { title: "far" label: "far\\nb.c:1:1\\n100 bytes (static)" }'])
    assert worst_stack(graph, "top") == 16 + 48
    assert worst_stack(graph, "top", ("far",)) == 16 + 100


def test_stack_without_a_bound_is_refused() -> None:
    with pytest.raises(CodegenError, match="no bound"):
        parse_call_graphs(['node: { title: "f" label: "f\\na.c:1:1\\n16 bytes (dynamic)" }'])
    with pytest.raises(CodegenError, match="recursive"):
        worst_stack(parse_call_graphs(['edge: { sourcename: "f" targetname: "f" }']), "f")


def reference(path: Path, n_samples: int, n_charges: int) -> Path:
    ends = np.linspace(0, n_samples, n_charges + 1).astype(np.int64)
    seconds = np.arange(n_samples)
    voltage = np.full(n_samples, 5000)
    with path.open("wb") as stream:
        np.savez(stream, offsets=ends, t_ms=seconds * 1000, voltage_mv=voltage, current_ma=seconds % 3000)
    return path


def test_rows_are_whole_charges_spread_evenly(tmp_path: Path) -> None:
    table = np.frombuffer(sample_rows(reference(tmp_path / "r.npz", 50_000, 50)), dtype="<i4").reshape(-1, 4)
    assert len(table) == 10_000
    begins = np.flatnonzero(table[:, 0])
    assert list(np.diff(begins)) == [1000] * 9
    assert table[begins[-1], 1] == 49_000_000


def test_feature_rows_fit_the_model(tmp_path: Path) -> None:
    x = np.array([[1.5, np.nan], [-2.5, 3e9]])
    np.savez(tmp_path / "x.npz", x=x)
    whole = np.frombuffer(feature_rows(tmp_path / "x.npz", 2, "int32_t"), dtype="<i4").reshape(-1, 2)
    assert whole.tolist() == [[1, -(2**31)], [-3, 2**31 - 1]]
    floats = np.frombuffer(feature_rows(tmp_path / "x.npz", 2, "float"), dtype="<f4").reshape(-1, 2)
    assert np.array_equal(floats, x.astype(np.float32), equal_nan=True)
    with pytest.raises(ModelError, match=r"x\.npz: rows of shape"):
        feature_rows(tmp_path / "x.npz", 3, "float")
    with pytest.raises(ModelError, match=r"x\.npz: holds no samples"):
        sample_rows(tmp_path / "x.npz")


@pytest.mark.parity
def test_bytes_on_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    emit_forest(read_model(MODELS / "classes.json"), "clf", tmp_path, feature_type="int32")
    assert main(["measure", str(tmp_path), "--target", "host", "--opt", "-O2"]) == 0
    cost = json.loads(capsys.readouterr().out)
    assert cost["opt"] == "-O2"
    assert 200 < cost["flash_bytes"] < 3000
    assert cost["ram_bytes"] == 0
    assert 35 * 4 <= cost["stack_bytes"] < 400
    assert cost["instructions"] is None
    assert "rv32imc" in cost["instructions_note"]


@pytest.mark.parity
def test_bytes_are_the_models_own(tmp_path: Path) -> None:
    """A constant of 1000 bytes more is 1000 bytes more."""
    emit_forest(read_model(MODELS / "classes.json"), "clf", tmp_path, feature_type="int32")
    before = measure(tmp_path, target="host")
    code = (tmp_path / "clf.c").read_text()
    (tmp_path / "clf.c").write_text(
        "extern const volatile unsigned char clf_ballast[1000];\n"
        "const volatile unsigned char clf_ballast[1000] = {1};\n"
        + code.replace("    out[0] =", "    (void)clf_ballast[x[0] & 7];\n    out[0] =")
    )
    grown = measure(tmp_path, target="host")["flash_bytes"] - before["flash_bytes"]
    assert 1000 <= grown < 1100


@pytest.mark.qemu
def test_a_forest_on_rv32imc(tmp_path: Path) -> None:
    emit_forest(read_model(MODELS / "classes.json"), "clf", tmp_path / "c", feature_type="int32")
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).integers(-3000, 9000, size=(200, 35)))
    first = measure(tmp_path / "c", target="rv32imc", inputs=tmp_path / "x.npz")
    assert first == measure(tmp_path / "c", target="rv32imc", inputs=tmp_path / "x.npz")
    assert first["instructions"]["rows"] == 200
    assert 100 < first["instructions"]["mean"] <= first["instructions"]["max"] < 1000
    assert first["stack_bytes"] >= 35 * 4
    nothing = "void clf_predict(const int32_t x[], int32_t out[]) { (void)x; (void)out; }"
    (tmp_path / "c" / "clf.c").write_text(f"#include <stdint.h>\n{nothing}\n")
    empty = measure(tmp_path / "c", target="rv32imc", inputs=tmp_path / "x.npz")
    assert empty["instructions"]["max"] < 12  # the call, the return, and arguments into registers
    assert empty["flash_bytes"] < 40


@pytest.mark.qemu
def test_a_whole_answer_on_rv32imc(tmp_path: Path) -> None:
    emit_artifact(artifact(tmp_path / "artifact"), tmp_path / "c")
    inputs = reference(tmp_path / "r.npz", 600, 3)
    cost = measure(tmp_path / "c", target="rv32imc", inputs=inputs)
    assert cost["instructions"]["rows"] == 600
    assert 1000 < cost["instructions"]["mean"] <= cost["instructions"]["max"] < 20_000
    assert cost["flash_bytes"] < 32_768
    assert 142 <= cost["ram_bytes"] < 1024
    assert cost["stack_bytes"] < 1024


def test_bad_folders_are_one_line(tmp_path: Path) -> None:
    for content, word in (((), "holds no .c"), (("a", "b"), "one at a time"), (("a",), "not generated")):
        folder = tmp_path / word.replace(" ", "_")
        folder.mkdir()
        for name in content:
            (folder / f"{name}.c").write_text("")
            (folder / f"{name}.h").write_text("")
        with pytest.raises(CodegenError, match=word):
            measure(folder, target="host")
    with pytest.raises(CodegenError, match="existing: host rv32imc"):
        measure(tmp_path, target="z80")
    with pytest.raises(CodegenError, match="-O9"):
        measure(tmp_path, target="host", opt="-O9")


def test_a_missing_compiler_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emit_forest(read_model(MODELS / "classes.json"), "clf", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompilerError, match=r"riscv64-unknown-elf-gcc is not installed.*apt-get install") as caught:
        measure(tmp_path, target="rv32imc")
    assert caught.value.exit_code == 6


@pytest.mark.parity
def test_code_that_does_not_compile_is_the_compilers_error(tmp_path: Path) -> None:
    emit_forest(read_model(MODELS / "classes.json"), "clf", tmp_path)
    (tmp_path / "clf.c").write_text("int broken(void) { return nothing; }\n")
    with pytest.raises(CompilerError, match="error"):
        measure(tmp_path, target="host")


def test_help_is_quick() -> None:
    """The heavy imports stay inside the functions that need them."""
    import sys

    code = "import sys, codegen.cli; print([m for m in ('numpy', 'xgboost', 'm2cgen', 'jinja2') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
