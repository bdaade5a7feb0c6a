"""Costs of generated C: stack from call graphs, bytes as linked, instructions counted exactly."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from codegen.cli import main
from codegen.emit.forest import emit_forest
from codegen.errors import CodegenError, CompilerError, ModelError
from codegen.measure import measure, run_on_target
from codegen.measure_inputs import exact_rows, feature_rows, sample_rows
from codegen.measure_lx6 import select_bits
from codegen.measure_stack import parse_call_graphs, parse_xtensa, worst_stack
from codegen.measure_subject import Subject, read_subject
from codegen.measure_targets import TARGETS, compile_object, link
from codegen.readers.xgboost import read_model
from tests.golden.test_forest_golden import MODELS
from tests.unit.codegen.measuring import FACE, network, reference

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
    assert worst_stack(graph, "top", ("memcpy",)) == 16 + 48
    assert worst_stack(graph, "top", ("far",)) == 16 + 100
    assert worst_stack(graph, "top") == 16 + 100  # nobody said where the pointer leads: anywhere


def test_stack_without_a_bound_is_refused() -> None:
    with pytest.raises(CodegenError, match="no bound"):
        parse_call_graphs(['node: { title: "f" label: "f\\na.c:1:1\\n16 bytes (dynamic)" }'])
    with pytest.raises(CodegenError, match="recursive"):
        worst_stack(parse_call_graphs(['edge: { sourcename: "f" targetname: "f" }']), "f")


XTENSA = """
\t.literal .LCPI0_0, leaf
\t.literal .LCPI0_1, table
\t.type\ttop,@function
\t.global\ttop
top:
\tentry\ta1, 48
\tl32r\ta8, .LCPI0_0
\tcallx8\ta8
\tl32r\ta8, .LCPI0_1
{between}
\tretw.n
\t.literal .LCPI1_0, far
\t.type\tleaf,@function
leaf:
\tentry\ta1, 32
\tl32r\ta8, .LCPI1_0
\tcallx8\ta8
"""
XTENSA_FAR = "\t.type\tfar,@function\n\t.global\tfar\nfar:\n\tentry\ta1, 64\n"
XTENSA_OTHER_LEAF = "\t.type\tleaf,@function\nleaf:\n\tentry\ta1, 4096\n"


def test_calls_of_xtensa_are_followed() -> None:
    """By literals, across files; a static function is not mistaken for its namesake in another file."""
    texts = [XTENSA.format(between=""), XTENSA_FAR, XTENSA_OTHER_LEAF]
    assert worst_stack(parse_xtensa(texts), "top") == 48 + 32 + 64
    through_a_table = XTENSA.format(between="\tl32i\ta8, a8, 4\n\tcallx8\ta8")
    graph = parse_xtensa([through_a_table, XTENSA_FAR, XTENSA_OTHER_LEAF])
    assert worst_stack(graph, "top", ("far",)) == 48 + 32 + 64
    assert worst_stack(graph, "top") == 48 + 4096  # nobody said where the pointer leads: anywhere
    with pytest.raises(CodegenError, match="leaf: its stack has no bound"):
        parse_xtensa([XTENSA.format(between="") + "\tmovsp\ta1, a8\n"])


def test_a_choice_between_floats_is_one_between_their_bits() -> None:
    code = "  %5 = select i1 %4, float 1.500000e+00, float 0xC0059999A0000000, !prof !1\n  ret float %5\n"
    bits = [int(np.float32(value).view(np.int32)) for value in (1.5, -2.7)]
    assert select_bits(code) == (
        f"  %bits.5 = select i1 %4, i32 {bits[0]}, i32 {bits[1]}, !prof !1\n"
        "  %5 = bitcast i32 %bits.5 to float\n  ret float %5\n"
    )
    untouched = "  %5 = select i1 %4, float %1, float 1.500000e+00\n  %6 = select i1 %4, i32 1, i32 2\n"
    assert select_bits(untouched) == untouched


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
    assert 40 * 4 <= cost["stack_bytes"] < 400
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
    rows = np.zeros((3, 40), np.int32)
    assert np.array_equal(
        run_on_target(tmp_path, "host", rows, name="one"), run_on_target(tmp_path, "host", rows, name="two")
    )
    both, alone = measure(tmp_path, target="host", name="one"), tmp_path / "alone"
    emit_forest(read_model(MODELS / "classes.json"), "one", alone, feature_type="int32")
    assert both["flash_bytes"] == measure(alone, target="host")["flash_bytes"]  # what is not called is not linked


def test_bad_folders_are_one_line(tmp_path: Path) -> None:
    good = {name: FACE.format(name=name, NAME=name.upper(), type="float") for name in ("a", "b")}
    cases: list[tuple[str, dict[str, str]]] = [
        ("holds no .c", {}),
        ("holds the models a b; name", good),
        ("no header is one of", {"a": ""}),
        ("does not define A_N_OUTPUTS", {"a": good["a"].replace("A_N_OUTPUTS", "A_OUTPUTS")}),
        ("no type a_feature", {"a": good["a"].replace("float", "wchar_t")}),
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


@pytest.mark.parametrize(("target", "compiler"), [(name, target.programs[0]) for name, target in TARGETS.items()])
def test_a_missing_compiler_says_what_to_install(
    tmp_path: Path, target: str, compiler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    emit_forest(read_model(MODELS / "classes.json"), "clf", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompilerError, match=rf"{compiler} is not installed.*apt-get install .*gcc|clang-22") as caught:
        measure(tmp_path, target=target)
    assert caught.value.exit_code == 6


def test_a_compiler_without_its_library_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emit_forest(read_model(MODELS / "classes.json"), "clf", tmp_path)
    stand_in = tmp_path / "bin" / "arm-none-eabi-gcc"
    stand_in.parent.mkdir()
    stand_in.write_text("#!/bin/sh\necho 'gcc: fatal error: cannot read spec file picolibc.specs' >&2; exit 1\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(stand_in.parent))
    with pytest.raises(CompilerError, match=r"arm-none-eabi-gcc has no C library.*picolibc-arm-none-eabi"):
        measure(tmp_path, target="cortex-m4")


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


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["rv32imc", "rv32imafc"])
def test_variables_lie_within_reach_of_gp(name: str, tmp_path: Path) -> None:
    """Also where none has an initial value: .bss once began below that, and some sizes of code did not link."""
    target = TARGETS[name]
    (tmp_path / "main.c").write_text("int counter[9];\nint main(void) { return counter[1]++; }\n")
    objects = []
    for source in (tmp_path / "main.c", *target.start):
        objects.append(tmp_path / f"{source.stem}.o")
        compile_object(target, source, objects[-1], ["-Os"])
    link(target, objects, tmp_path / "program")
    listed = subprocess.run(
        ["riscv64-unknown-elf-nm", tmp_path / "program"], capture_output=True, text=True, check=True
    )
    places = {line.split()[2]: int(line.split()[0], 16) for line in listed.stdout.splitlines()}
    assert 0 <= places["counter"] - (places["__global_pointer$"] - 0x800) < 0x100
