"""Every target answers as XGBoost does, and tells what it costs to the instruction."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost

from codegen.emit.artifact import emit_artifact
from codegen.emit.forest import emit_forest
from codegen.errors import CodegenError, CompilerError
from codegen.measure import count_on_target, measure, run_on_target
from codegen.measure_inputs import sample_rows
from codegen.measure_targets import TARGETS
from codegen.readers.xgboost import read_model
from tests.golden.test_forest_golden import MODELS, artifact
from tests.unit.codegen.measuring import FACE, NETWORK_C, network, on_targets, reference


@pytest.mark.parametrize("target", on_targets())
def test_float_margins_are_the_same_bits_on_a_target(tmp_path: Path, target: str) -> None:
    model = MODELS / "classes.json"
    emit_forest(read_model(model), "clf", tmp_path, feature_type="float32")
    trees = json.loads(model.read_text())["learner"]["gradient_booster"]["model"]["trees"]
    thresholds = np.unique(np.concatenate([tree["split_conditions"] for tree in trees])).astype(np.float32)
    source = np.random.default_rng(1)
    near = np.concatenate([np.nextafter(thresholds, np.float32(way)) for way in (-1e9, 1e9)] + [thresholds])
    x = source.choice(near, size=(500, 40))  # exactly on a threshold, or one step beside it
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


@pytest.mark.parametrize("target", on_targets())
def test_a_crash_is_no_answer(tmp_path: Path, target: str) -> None:
    folder = network(tmp_path / "net")
    trap = "if (input[0] == 42) { __builtin_trap(); }"
    (folder / "net.c").write_text(NETWORK_C.replace("s->calls++;", f"s->calls++; {trap}"))
    assert len(run_on_target(folder, target, [[41, 0, 0]])) == 1
    with pytest.raises(CompilerError, match="failed"):
        run_on_target(folder, target, [[41, 0, 0], [42, 0, 0]])


@pytest.mark.parametrize("target", on_targets(but=("host",)))
def test_costs_of_a_forest(tmp_path: Path, target: str) -> None:
    emit_forest(read_model(MODELS / "classes.json"), "clf", tmp_path / "c", feature_type="int32")
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).integers(-3000, 9000, size=(200, 40)))
    first = measure(tmp_path / "c", target=target, inputs=tmp_path / "x.npz")
    assert first == measure(tmp_path / "c", target=target, inputs=tmp_path / "x.npz")
    assert first["instructions"]["rows"] == 200
    assert 100 < first["instructions"]["mean"] <= first["instructions"]["max"] < 1000
    assert first["stack_bytes"] >= 40 * 4
    nothing = "void clf_predict(const int32_t x[], int32_t out[]) { (void)x; (void)out; }"
    (tmp_path / "c" / "clf.c").write_text(f"#include <stdint.h>\n{nothing}\n")
    empty = measure(tmp_path / "c", target=target, inputs=tmp_path / "x.npz")
    assert empty["instructions"]["max"] < 12  # the call, the return, and arguments into registers
    assert empty["flash_bytes"] < 40


COUNTED_LOOPS = {
    "rv32imc": "1: addi %0, %0, -1\\n bnez %0, 1b",
    "rv32imafc": "1: addi %0, %0, -1\\n bnez %0, 1b",
    "cortex-m4": "1: subs %0, %0, #1\\n bne 1b",
    "lx6": "1: addi %0, %0, -1\\n bnez %0, 1b",
}


@pytest.mark.parametrize("target", on_targets(but=("host",)))
def test_instructions_are_counted_one_by_one(tmp_path: Path, target: str) -> None:
    """Turns of a loop of two instructions, as many as the first feature says."""
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "a.h").write_text("#include <stdint.h>\n" + FACE.format(name="a", NAME="A", type="int32_t"))
    loop = f'__asm__ volatile("{COUNTED_LOOPS[target]}" : "+r"(turns) : : "memory");'
    (folder / "a.c").write_text(
        f'#include "a.h"\nvoid a_predict(const int32_t x[2], int32_t out[1])\n'
        f"{{\n    int32_t turns = x[0];\n    {loop}\n    out[0] = turns;\n}}\n"
    )
    turns = np.array([1, 2, 3, 4, 5, 6, 7, 8, 1000, 100_000, 1, 1])
    counted = count_on_target(folder, target, np.stack([turns, turns], axis=1)).astype(int)
    assert (counted - counted[0]).tolist() == (2 * (turns - 1)).tolist()
    if target == "cortex-m4":  # its counter has 24 bits of 3.2 an instruction
        with pytest.raises(CompilerError, match="more instructions than"):
            count_on_target(folder, target, [[3_000_000, 0]])


@pytest.mark.parametrize("target", on_targets(but=("host",)))
def test_stack_is_what_calls_need_or_what_is_touched(tmp_path: Path, target: str) -> None:
    folder = network(tmp_path / "net")
    code = (folder / "net.c").read_text()
    deep = "__attribute__((noinline)) static int deep(int n) { volatile char a[1000]; a[n] = 1; return a[n]; }\n"
    (folder / "net.c").write_text(
        code.replace("void net_reset", deep + "void net_reset").replace("s->calls++;", "s->calls += deep(input[0]);")
    )
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 3)))
    shallow = measure(network(tmp_path / "plain"), target=target, inputs=tmp_path / "x.npz")["stack_bytes"]
    assert 1000 <= measure(folder, target=target, inputs=tmp_path / "x.npz")["stack_bytes"] - shallow < 1100


@pytest.mark.parametrize("target", on_targets(but=("host",)))
def test_stack_that_no_compiler_knows_of_is_seen(tmp_path: Path, target: str) -> None:
    folder = network(tmp_path / "net")
    below = "*((volatile char *)__builtin_frame_address(0) - 3000) = 1; s->calls++;"
    (folder / "net.c").write_text(NETWORK_C.replace("s->calls++;", below))
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 3)))
    assert 2900 < measure(folder, target=target, inputs=tmp_path / "x.npz")["stack_bytes"] < 3100


@pytest.mark.parametrize("target", on_targets(but=("host",)))
def test_an_emulator_that_does_not_count_is_found_out(
    tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that is too coarse to tell instructions apart, or none of executed instructions."""
    counting = () if target.startswith("rv32") else ("-icount", "shift=0")
    monkeypatch.setitem(TARGETS, target, replace(TARGETS[target], counting=counting))
    with pytest.raises(CompilerError, match="does not count executed instructions"):
        count_on_target(network(tmp_path / "net"), target, np.zeros((2, 3), np.int8))


@pytest.mark.parametrize("target", on_targets(but=("host",)))
def test_costs_of_a_whole_answer(tmp_path: Path, target: str) -> None:
    emit_artifact(artifact(tmp_path / "artifact"), tmp_path / "c")
    inputs = reference(tmp_path / "r.npz", 600, 3)
    cost = measure(tmp_path / "c", target=target, inputs=inputs)
    assert cost["instructions"]["rows"] == 600
    assert 1000 < cost["instructions"]["mean"] <= cost["instructions"]["max"] < 20_000
    assert cost["flash_bytes"] < 32_768
    assert 162 <= cost["ram_bytes"] < 1024
    assert cost["stack_bytes"] < 1024


WIDE = """#include <stdint.h>
#include <string.h>
#define A_N_FEATURES 4
#define A_N_OUTPUTS 18
typedef int32_t a_feature;
typedef int32_t a_output;
void a_predict(const a_feature x[A_N_FEATURES], a_output out[A_N_OUTPUTS]);
"""
WIDE_C = """#include "a.h"
void a_predict(const a_feature x[A_N_FEATURES], a_output out[A_N_OUTPUTS])
{
    uint64_t a, b, r[9];
    memcpy(&a, x, sizeof a);
    memcpy(&b, x + 2, sizeof b);
    const int64_t sa = (int64_t)a, sb = (int64_t)b;
    const uint32_t n = (uint32_t)b & 63u;
    r[0] = a * b;
    r[1] = a / b;
    r[2] = a % b;
    r[3] = (uint64_t)(sa / sb);
    r[4] = (uint64_t)(sa % sb);
    r[5] = a << n;
    r[6] = a >> n;
    r[7] = (uint64_t)(sa >> n);
    uint8_t bytes[24];
    memset(bytes, (int)(n & 7u), sizeof bytes);
    memcpy(bytes + 8, &a, sizeof a);
    memmove(bytes + 8 - (n & 7u), bytes + 8, 9);
    memmove(bytes + 12, bytes + 12 - (n & 7u), 9);
    memcpy(&r[8], bytes + 10, sizeof r[8]);
    r[8] += (uint64_t)(memcmp(bytes, bytes + 8, 8) > 0);
    memcpy(out, r, sizeof r);
}
"""


def wide_answers(a: int, b: int) -> list[int]:
    """The same in Python's integers, but for the bytes moved about."""
    whole = 2**64 - 1
    sa, sb = (value - 2**64 if value >> 63 else value for value in (a, b))
    quotient = abs(sa) // abs(sb) * (1 if (sa < 0) == (sb < 0) else -1)
    n = b & 63
    signed = [quotient, sa - quotient * sb]
    return [each & whole for each in (a * b, a // b, a % b, *signed, a << n, a >> n, sa >> n)]


@pytest.mark.parametrize("target", on_targets(but=("host",)))
def test_wide_arithmetic(tmp_path: Path, target: str) -> None:
    """64 bits and bytes in memory, by the compiler's library or, on LX6, by the board's own."""
    (tmp_path / "a.h").write_text(WIDE)
    (tmp_path / "a.c").write_text(WIDE_C)
    source = np.random.default_rng(5)
    edges = [0, 1, 2, 3, 0xFFFF, 0x10000, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63, 2**64 - 1]
    pairs = [(a, b) for a in edges for b in edges if b and (a, b) != (2**63, 2**64 - 1)]
    widths = source.integers(1, 65, size=(1500, 2))
    drawn = source.integers(0, 2**64, size=(1500, 2), dtype=np.uint64) >> (64 - widths).astype(np.uint64)
    pairs += [(int(a), max(1, int(b))) for a, b in drawn]
    rows = np.array(pairs, dtype=np.uint64).view(np.int32)
    results = run_on_target(tmp_path, target, rows).copy().view(np.uint64)
    assert results[:, :8].tolist() == [wide_answers(a, b) for a, b in pairs]
    assert results[:, 8].tolist() == run_on_target(tmp_path, "host", rows).copy().view(np.uint64)[:, 8].tolist()


DEEP_C = """#include "a.h"
static int32_t calls = 41; /* an initial value, which somebody has to have put into RAM */
typedef uint32_t u;
__attribute__((noinline)) static u deep(u n, u a, u b, u c, u d, u e)
{
    if (n == 0) {
        return a ^ b ^ c ^ d ^ e;
    }
    const u below = deep(n - 1, a + n, b + a, c + 3, d ^ b, e + d);
    /* All six have to have survived; no compiler makes a loop of this. */
    return ((((((below ^ n) * 5 + a) ^ b) * 3 + c) ^ d) * 7) ^ e;
}
void a_predict(const a_feature x[2], a_output out[1])
{
    calls++;
    out[0] = (int32_t)(deep((u)x[0], (u)x[1], 7, 11, 13, 17) >> 1) + calls;
}
"""


def deep(n: int, a: int, b: int, c: int, d: int, e: int) -> int:
    if n == 0:
        return a ^ b ^ c ^ d ^ e
    below = deep(n - 1, a + n, b + a, c + 3, d ^ b, e + d)
    return (((((((below ^ n) * 5 + a) ^ b) * 3 + c) ^ d) * 7) ^ e) & (2**32 - 1)


@pytest.mark.parametrize("target", on_targets())
def test_what_the_start_sets_up(tmp_path: Path, target: str) -> None:
    """Variables with a value, a stack, and on LX6 windows of registers that spill and come back."""
    (tmp_path / "a.h").write_text("#include <stdint.h>\n" + FACE.format(name="a", NAME="A", type="int32_t"))
    (tmp_path / "a.c").write_text(DEEP_C)
    rows = [[n, 1000 - n] for n in (0, 1, 3, 5, 6, 7, 8, 9, 15, 16, 17, 40)]
    outputs = run_on_target(tmp_path, target, rows)
    assert outputs[:, 0].tolist() == [(deep(n, a, 7, 11, 13, 17) >> 1) + 42 + k for k, (n, a) in enumerate(rows)]


@pytest.mark.parity
def test_many_rows_are_run_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.h").write_text("#include <stdint.h>\n" + FACE.format(name="a", NAME="A", type="int32_t"))
    (tmp_path / "a.c").write_text(
        '#include "a.h"\nvoid a_predict(const int32_t x[2], int32_t o[1]) { o[0] = x[0] + x[1]; }\n'
    )
    rows = np.arange(2000).reshape(1000, 2)
    monkeypatch.setattr("codegen.measure.ROWS_AT_ONCE_BYTES", 8 * 333)
    assert run_on_target(tmp_path, "host", rows)[:, 0].tolist() == rows.sum(axis=1).tolist()
    with pytest.raises(CodegenError, match="at most 888 at once of what keeps state"):
        run_on_target(network(tmp_path / "net"), "host", np.zeros((889, 3), np.int8))
    with pytest.raises(CodegenError, match="too many to count at once"):
        count_on_target(tmp_path, "rv32imc", rows)
    with pytest.raises(CodegenError, match="no counter"):
        count_on_target(tmp_path, "host", rows)
