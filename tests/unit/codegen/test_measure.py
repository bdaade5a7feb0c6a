"""Costs of generated C: stack from call graphs, bytes as linked, instructions counted exactly."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import xgboost

from codegen.cli import main
from codegen.emit.artifact import emit_artifact
from codegen.emit.forest import emit_forest
from codegen.errors import CodegenError, CompilerError, ModelError
from codegen.measure import measure, run_on_target
from codegen.measure_inputs import exact_rows, feature_rows, sample_rows
from codegen.measure_stack import parse_call_graphs, worst_stack
from codegen.measure_subject import Subject, read_subject
from codegen.measure_targets import TARGETS
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
    table = sample_rows(reference(tmp_path / "r.npz", 50_000, 50))
    assert len(table) == 10_000
    begins = np.flatnonzero(table[:, 0])
    assert list(np.diff(begins)) == [1000] * 9
    assert table[begins[-1], 1] == 49_000_000


def subject(row_dtype: str, row_width: int) -> Subject:
    return Subject((), (), "f", (), {"kind": "forest"}, row_dtype, row_width, "<i4", 1)


def test_feature_rows_fit_the_model(tmp_path: Path) -> None:
    x = np.array([[1.5, np.nan], [-2.5, 3e9]])
    np.savez(tmp_path / "x.npz", x=x)
    whole = feature_rows(tmp_path / "x.npz", subject("<i4", 2))
    assert whole.tolist() == [[1, -(2**31)], [-3, 2**31 - 1]]
    floats = feature_rows(tmp_path / "x.npz", subject("<f4", 2))
    assert floats.dtype == np.float32
    assert np.array_equal(floats, x.astype(np.float32), equal_nan=True)
    assert feature_rows(tmp_path / "x.npz", subject("i1", 2)).tolist() == [[1, -128], [-3, 127]]
    with pytest.raises(ModelError, match=r"x\.npz: rows of shape"):
        feature_rows(tmp_path / "x.npz", subject("<f4", 3))
    with pytest.raises(ModelError, match=r"x\.npz: holds no samples"):
        sample_rows(tmp_path / "x.npz")


def test_rows_are_taken_exactly_or_refused() -> None:
    assert exact_rows([[1, -128]], subject("i1", 2)).tobytes() == b"\x01\x80"
    for rows in ([[1, 128]], [[0.5, 1.0]], [[np.nan, 1.0]]):
        with pytest.raises(CodegenError, match="takes rows of int8"):
            exact_rows(rows, subject("i1", 2))
    with pytest.raises(CodegenError, match=r"rows of shape \(1, 3\), it takes \[n, 2\]"):
        exact_rows([[1, 2, 3]], subject("i1", 2))
    rounded = exact_rows([[0.1, np.inf]], subject("<f4", 2))
    assert rounded.tolist() == [[float(np.float32(0.1)), np.inf]]


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


FACE = """#define {NAME}_N_FEATURES 2
#define {NAME}_N_OUTPUTS 1
typedef {type} {name}_feature;
typedef {type} {name}_output;
void {name}_predict(const {name}_feature x[2], {name}_output out[1]);
"""


NETWORK = """#include <stdint.h>
#define NET_INPUT_BYTES 3
#define NET_OUTPUT_BYTES 2
#define NET_ARENA_BYTES 8
#define NET_ARENA_ALIGN 4
void net_reset(void *arena);
void net_invoke(const int8_t input[NET_INPUT_BYTES], int8_t output[NET_OUTPUT_BYTES], void *arena);
"""
NETWORK_C = """#include "net.h"
typedef struct sums { int32_t x; int32_t calls; } sums;
void net_reset(void *arena) { *(sums *)arena = (sums){0, 0}; }
void net_invoke(const int8_t input[NET_INPUT_BYTES], int8_t output[NET_OUTPUT_BYTES], void *arena)
{
    sums *s = arena;
    s->x += input[0] + input[1] + input[2];
    s->calls++;
    output[0] = (int8_t)s->x;
    output[1] = (int8_t)s->calls;
}
"""


def network(folder: Path) -> Path:
    """A stand-in for a compiled network: it sums all it has seen, in its arena."""
    folder.mkdir()
    (folder / "net.h").write_text(NETWORK)
    (folder / "net.c").write_text(NETWORK_C)
    return folder


def on_targets(*, but: tuple[str, ...] = ()) -> list[object]:
    """Every target as a parameter, with the mark of the ring it belongs to."""
    return [
        pytest.param(name, marks=pytest.mark.qemu if target.emulator else pytest.mark.parity)
        for name, target in TARGETS.items()
        if name not in but
    ]


@pytest.mark.parametrize("target", on_targets())
def test_float_margins_are_the_same_bits_on_a_target(tmp_path: Path, target: str) -> None:
    model = MODELS / "classes.json"
    emit_forest(read_model(model), "clf", tmp_path, feature_type="float32")
    trees = json.loads(model.read_text())["learner"]["gradient_booster"]["model"]["trees"]
    thresholds = np.unique(np.concatenate([tree["split_conditions"] for tree in trees])).astype(np.float32)
    source = np.random.default_rng(1)
    near = np.concatenate([np.nextafter(thresholds, np.float32(way)) for way in (-1e9, 1e9)] + [thresholds])
    x = source.choice(near, size=(500, 35))  # exactly on a threshold, or one step beside it
    x[::7, ::3] = np.nan
    x[1], x[2] = np.finfo(np.float32).max, -0.0
    booster = xgboost.Booster(model_file=model)
    margins = booster.predict(xgboost.DMatrix(x), output_margin=True).astype(np.float32)
    outputs = run_on_target(tmp_path, target, x)
    assert outputs.dtype == np.float32
    assert np.array_equal(outputs.view(np.uint32), margins.view(np.uint32))


@pytest.mark.parametrize("target", on_targets(but=("host",)))
def test_a_whole_answer_is_the_same_on_a_target(tmp_path: Path, target: str) -> None:
    emit_artifact(artifact(tmp_path / "artifact"), tmp_path / "c")
    rows = sample_rows(reference(tmp_path / "r.npz", 600, 3))
    answers = run_on_target(tmp_path / "c", target, rows)
    assert answers.shape == (600, 7)
    assert len(np.unique(answers[:200, 6])) == 200  # the state's CRC moves on with every sample
    assert np.array_equal(answers, run_on_target(tmp_path / "c", "host", rows))


@pytest.mark.parametrize("target", on_targets())
def test_a_network_keeps_its_state_between_rows(tmp_path: Path, target: str) -> None:
    rows = [[1, 2, 3], [-128, 0, 0], [127, 127, 127], [-1, 0, 0]]
    outputs = run_on_target(network(tmp_path / "net"), target, rows)
    assert outputs.dtype == np.int8
    assert outputs.tolist() == [[6, 1], [-122, 2], [3, 3], [2, 4]]


@pytest.mark.parametrize("target", on_targets())
def test_no_rows_no_outputs(tmp_path: Path, target: str) -> None:
    assert run_on_target(network(tmp_path / "net"), target, np.zeros((0, 3), np.int8)).shape == (0, 2)


@pytest.mark.parity
def test_an_arena_is_memory_of_the_network(tmp_path: Path) -> None:
    cost = measure(network(tmp_path / "net"), target="host")
    assert cost["ram_bytes"] == 8
    header = tmp_path / "net" / "net.h"
    header.write_text(header.read_text().replace("ARENA_BYTES 8", "ARENA_BYTES 4008"))
    assert measure(tmp_path / "net", target="host")["ram_bytes"] == 4008


@pytest.mark.parity
def test_one_of_several_models_is_measured(tmp_path: Path) -> None:
    for name in ("one", "two"):
        emit_forest(read_model(MODELS / "classes.json"), name, tmp_path, feature_type="int32")
    rows = np.zeros((3, 35), np.int32)
    assert np.array_equal(
        run_on_target(tmp_path, "host", rows, name="one"), run_on_target(tmp_path, "host", rows, name="two")
    )
    both, alone = measure(tmp_path, target="host", name="one"), tmp_path / "alone"
    emit_forest(read_model(MODELS / "classes.json"), "one", alone, feature_type="int32")
    assert both["flash_bytes"] == measure(alone, target="host")["flash_bytes"]  # what is not called is not linked


@pytest.mark.parametrize("target", on_targets())
def test_a_crash_is_no_answer(tmp_path: Path, target: str) -> None:
    folder = network(tmp_path / "net")
    trap = "if (input[0] == 42) { __builtin_trap(); }"
    (folder / "net.c").write_text(NETWORK_C.replace("s->calls++;", f"s->calls++; {trap}"))
    assert len(run_on_target(folder, target, [[41, 0, 0]])) == 1
    with pytest.raises(CompilerError, match="failed"):
        run_on_target(folder, target, [[41, 0, 0], [42, 0, 0]])


def test_bad_folders_are_one_line(tmp_path: Path) -> None:
    good = {name: FACE.format(name=name, NAME=name.upper(), type="float") for name in ("a", "b")}
    cases: list[tuple[str, dict[str, str]]] = [
        ("holds no .c", {}),
        ("holds the models a b; name", good),
        ("no header is one of", {"a": ""}),
        ("does not define A_N_OUTPUTS", {"a": good["a"].replace("A_N_OUTPUTS", "A_OUTPUTS")}),
        ("no type a_feature", {"a": good["a"].replace("float", "double")}),
    ]
    for index, (word, headers) in enumerate(cases):
        folder = tmp_path / str(index)
        folder.mkdir()
        for name, header in headers.items():
            (folder / f"{name}.c").write_text("")
            (folder / f"{name}.h").write_text(header)
        with pytest.raises(CodegenError, match=word):
            measure(folder, target="host")
    assert read_subject(tmp_path / "1", "b").entry == "b_predict"
    with pytest.raises(CodegenError, match="holds no model c; there are: a b"):
        read_subject(tmp_path / "1", "c")
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
