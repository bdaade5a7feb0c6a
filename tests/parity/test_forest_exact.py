"""The exact style's C: margins equal to XGBoost's to the last bit, added as floats and as integers."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from codegen.emit.forest import emit_forest
from codegen.ir.forest import FeatureType, Forest, Leaf, Tree
from codegen.readers.xgboost import read_model
from tests.parity.compiled import WARNINGS, compile_folder, predict
from tests.unit.codegen.forests import PARAMETERS, evaluate, hostile_rows, margins, save, to_int32, train
from tests.unit.codegen.made_forests import FLOATS, Shape, balanced_tree, comb, random_forest, rows_of, source_of
from tests.unit.codegen.test_forest_exact import left_comb
from tests.unit.codegen.test_passes import integer_rows

pytestmark = pytest.mark.parity

RUNTIME = Path(__file__).resolve().parents[2] / "codegen" / "runtime"
FEATURE_TYPES: tuple[FeatureType, ...] = ("float32", "int32")
# Debian's clang comes without the sanitizers' libraries: it can only trap.
SANITIZED = {
    "gcc": ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all"),
    "clang": ("-O1", "-fsanitize=undefined", "-fsanitize-trap=undefined"),
}
ADDITIONS = ("-DWP_FOREST_EXACT_INTEGER_SUM=0", "-DWP_FOREST_EXACT_INTEGER_SUM=1")


def bits(values: np.ndarray) -> np.ndarray:
    return values.view(np.uint32)


@pytest.mark.parametrize("test", ["pairs", "random", "sums", "packing"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_integers_add_as_floats_do(compiler: str, test: str, tmp_path: Path) -> None:
    program = tmp_path / "float_sums"
    flags = ("-O2",) if test == "random" else SANITIZED[compiler]
    source = Path(__file__).with_name("float_sums.c")
    subprocess.run([compiler, *WARNINGS, *flags, "-I", str(RUNTIME), str(source), "-o", str(program)], check=True)
    done = subprocess.run([str(program), test], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("addition", ADDITIONS)
@pytest.mark.parametrize(("kind", "compiler"), list(zip(PARAMETERS, ("gcc", "clang") * 3, strict=True)))
def test_trained_on_floats(kind: str, compiler: str, addition: str, tmp_path: Path) -> None:
    booster = train(kind, rounds=12)
    source = read_model(save(booster, tmp_path / "m.json"))
    emit_forest(source, "clf", tmp_path / "c", style="exact")
    x = hostile_rows(source.forest, 2000, seed=51)
    out = predict(compile_folder(tmp_path / "c", compiler, "-Os", addition), "clf", x, source.forest.n_outputs)
    assert np.array_equal(bits(out), bits(margins(booster, x)))


@pytest.mark.parametrize("addition", ADDITIONS)
@pytest.mark.parametrize(("kind", "compiler"), list(zip(PARAMETERS, ("clang", "gcc") * 3, strict=True)))
def test_trained_on_integers(kind: str, compiler: str, addition: str, tmp_path: Path) -> None:
    """Integer features, XGBoost's float32 margins."""
    booster = train(kind, integer=True)
    source = read_model(save(booster, tmp_path / "m.json"))
    emit_forest(source, "clf", tmp_path / "c", style="exact", feature_type="int32")
    x = integer_rows(source.forest, 2000, seed=52)
    library = compile_folder(tmp_path / "c", compiler, "-O2", addition)
    out = predict(library, "clf", to_int32(x), source.forest.n_outputs)
    assert np.array_equal(out.view(np.uint32), bits(margins(booster, x)))


def sequences(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Bases [n] and leaves [n, 60]: sums that cancel, round to ties, overflow, become subnormal, stay at -0."""
    rng = np.random.default_rng(seed)
    rows: list[np.ndarray] = []
    for spread in (0.0, 2.0, 8.0):
        for middle in (-148.0, -126.0, -24.0, 0.0, 23.0, 126.0):
            exponents = (middle + rng.normal(0.0, spread + 0.01, (8, 61))).clip(-149.0, 127.9)
            rows += list((rng.choice([-1.0, 1.0], (8, 61)) * 2.0**exponents).astype(np.float32))
    ties = rng.integers(-(1 << 25), 1 << 25, (60, 61)) * 2.0 ** rng.integers(-3, 1, (60, 61))
    rows += list(ties.astype(np.float32))
    for small in (0.5, 1.0, 1.5, 3.0):  # half a unit of 2**24 and 2**25, to either side of where the unit changes
        rows += [np.array([side * 2.0**24, *[-side * small, side * small / 2] * 30], np.float32) for side in (-1, 1)]
    rows += [np.array([first, *([value] * 60)], np.float32) for first in (0.0, -0.0) for value in (0.0, -0.0, 1e-45)]
    rows += [np.array([side * 3.4028235e38, *[side * 1e31, -side * 2e31] * 30], np.float32) for side in (-1, 1)]
    rows += [np.array([side * 3.4e38, *[side * 1.5e36] * 30, *[-side * 3e38] * 30], np.float32) for side in (-1, 1)]
    # Up to the last finite number, over it by rounding alone, and back: infinity stays. Eight rows are one forest.
    over = [3.4028235e38, *[-2e31, 2e31] * 9, 1.5e31, *[-1e32] * 41]
    rows = [np.array(over, np.float32) * side for side in (-1, 1) * 4] + rows
    table = np.stack(rows)
    return table[:, 0], table[:, 1:]


@pytest.mark.parametrize("addition", ADDITIONS)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.slow
def test_sums_of_any_leaves(compiler: str, addition: str, tmp_path: Path) -> None:
    """Trees of one leaf; the oracle is the processor's float32 addition, one leaf after the other."""
    bases, leaves = sequences(seed=6)
    expected = bases.copy()
    with np.errstate(over="ignore"):
        for column in leaves.T:
            expected = expected + column
    assert expected.dtype == np.float32
    assert np.isinf(expected).any()
    assert (bits(expected) == 0x80000000).any()
    trees = tuple(Tree(Leaf(float(value), 0), output) for column in leaves.T for output, value in enumerate(column))
    forest = Forest(trees, tuple(map(float, bases)), 1, "reg:squarederror")
    # All exponents at once leave most leaves to the list of specials; one output at a time has its own window.
    emit_forest(source_of(forest), "all", tmp_path / "all", style="exact")
    out = predict(
        compile_folder(tmp_path / "all", compiler, *SANITIZED[compiler], addition),
        "all",
        np.zeros((1, 1), np.float32),
        len(bases),
    )
    assert np.array_equal(bits(out[0]), bits(expected))
    for begin in range(0, len(bases), 8):
        part = tuple(replace(tree, output=tree.output - begin) for tree in trees if begin <= tree.output < begin + 8)
        some = replace(forest, trees=part, base=forest.base[begin : begin + 8])
        emit_forest(source_of(some), f"part{begin}", tmp_path / "parts", style="exact")
    library = compile_folder(tmp_path / "parts", compiler, *SANITIZED[compiler], addition)
    for begin in range(0, len(bases), 8):
        own = expected[begin : begin + 8]
        out = predict(library, f"part{begin}", np.zeros((1, 1), np.float32), len(own))
        assert np.array_equal(bits(out[0]), bits(own)), begin


def left_forest(depth: int) -> Forest:
    return Forest((Tree(left_comb(depth), 0),), (0.5,), 1, "reg:squarederror")


def constant_forest() -> Forest:
    return Forest((Tree(Leaf(0.5, 0), 1), Tree(Leaf(-0.25, 0), 1)), (0.5, -0.0), 3, "reg:squarederror")


MADE = {
    "complete trees of six levels": random_forest(11, Shape(trees=30, depth=6, split=1.0)),
    "of seven": random_forest(12, Shape(trees=9, depth=7, split=1.0)),
    "deep and sparse": random_forest(13, Shape(trees=12, depth=14, split=0.75)),
    "right comb": comb(256),
    "left comb": left_forest(200),
    "more than 256 blocks": random_forest(14, Shape(trees=200, features=40, used=40, thresholds=200)),
    "thresholds of all sizes": random_forest(15, Shape(trees=20, outputs=2), FLOATS),
    "missing goes both ways": random_forest(16, Shape(trees=60, missing_left=0.5)),
    "a thousand features": random_forest(17, Shape(trees=60, features=1000, used=900, thresholds=3)),
    "more distances than 16 bits count": balanced_tree(80_000),
    "no split": constant_forest(),
    "no tree": Forest((), (1.5, -0.0), 2, "reg:squarederror"),
}


@pytest.mark.parametrize("feature_type", FEATURE_TYPES)
@pytest.mark.parametrize("made", MADE)
@pytest.mark.slow
def test_made_forests(made: str, feature_type: FeatureType, tmp_path: Path) -> None:
    forest = MADE[made]
    emitted = emit_forest(source_of(forest), "made", tmp_path, style="exact", feature_type=feature_type).forest
    x = rows_of(forest, feature_type, 250, seed=9)
    expected = bits(evaluate(emitted, x))
    for compiler, addition in zip(("gcc", "clang"), ADDITIONS, strict=True):
        out = predict(compile_folder(tmp_path, compiler, *SANITIZED[compiler], addition), "made", x, emitted.n_outputs)
        assert np.array_equal(out.view(np.uint32), expected)


# What -ffast-math stands for. By that name gcc links code that makes this whole process flush subnormals to zero.
FAST_MATH = (
    *("-fassociative-math", "-ffinite-math-only", "-fno-math-errno"),
    *("-fno-signed-zeros", "-fno-trapping-math", "-freciprocal-math"),
)


def test_fast_math_changes_nothing(tmp_path: Path) -> None:
    booster = train("multi")
    source = read_model(save(booster, tmp_path / "m.json"))
    emit_forest(source, "clf", tmp_path / "c", style="exact")
    x = hostile_rows(source.forest, 500, seed=53)
    library = compile_folder(tmp_path / "c", "gcc", "-O3", *FAST_MATH)
    out = predict(library, "clf", x, source.forest.n_outputs)
    assert np.array_equal(bits(out), bits(margins(booster, x)))


@pytest.mark.parametrize("name", ["wp_forest_exact.h", "wp_forest_float.h"])
def test_headers_compile_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / "alone.c").write_text(f'#include "{name}"\nextern int alone;\nint alone;\n')
    for compiler in ("gcc", "clang"):
        for addition in ADDITIONS:
            command = [compiler, *WARNINGS, addition, "-I", str(RUNTIME), "-fsyntax-only", str(tmp_path / "alone.c")]
            subprocess.run(command, check=True)


def test_two_models_share_the_runtime(tmp_path: Path) -> None:
    boosters = {"first": train("multi", seed=1), "second": train("regression", seed=2)}
    for name, booster in boosters.items():
        emit_forest(read_model(save(booster, tmp_path / "m.json")), name, tmp_path / "c", style="exact")
    x = hostile_rows(read_model(tmp_path / "m.json").forest, 300, seed=54)
    library = compile_folder(tmp_path / "c", "clang", "-O2")
    for name, booster in boosters.items():
        expected = margins(booster, x)
        assert np.array_equal(bits(predict(library, name, x, expected.shape[1])), bits(expected))


def mutants(code: str, table: str) -> list[str]:
    """The code with one number of a table changed, in turn."""
    start = code.index(f" {table}[] = {{") + len(f" {table}[] = {{")
    end = code.index("};", start)
    numbers = [number.strip() for number in code[start:end].split(",")][:-1]
    changed = []
    for index, number in enumerate(numbers):
        other = [*numbers[:index], str(int(number) + 1), *numbers[index + 1 :]]
        changed.append(f"{code[:start]}{','.join(other)}{code[end:]}")
    return changed


@pytest.mark.parametrize("table", ["block_last", "distance_low", "leaf_low"])
def test_a_number_changed_by_one_is_noticed(table: str, tmp_path: Path) -> None:
    """Rows on every threshold, one ulp beside it, and reaching every leaf kill every mutant."""
    booster = train("regression", rounds=1, max_depth=3, base_score=0.0)  # a leaf's last bit is the margin's
    source = read_model(save(booster, tmp_path / "m.json"))
    emit_forest(source, "clf", tmp_path / "c", style="exact")
    x = hostile_rows(source.forest, 4000, seed=55)
    expected = bits(margins(booster, x))
    code = (tmp_path / "c" / "clf.c").read_text()
    changed = mutants(code, table)
    assert len(changed) >= 2
    for index, mutant in enumerate(changed):
        folder = tmp_path / f"mutant{index}"
        folder.mkdir()
        for header in (tmp_path / "c").glob("*.h"):
            (folder / header.name).write_bytes(header.read_bytes())
        (folder / "clf.c").write_text(mutant)
        out = predict(compile_folder(folder, "gcc", "-O0"), "clf", x, 1)
        assert not np.array_equal(bits(out), expected), f"mutant {index} of {table} survives"
