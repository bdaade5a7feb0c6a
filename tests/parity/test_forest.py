"""Emitted C against XGBoost: float margins bit for bit, integer outputs equal to scaled leaves of XGBoost's choice."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from codegen.emit.forest import emit_forest
from codegen.ir.forest import FEATURE_MAX, Forest
from codegen.readers.xgboost import read_model
from codegen.reference import check_margins, outputs_from_leaves
from tests.parity.compiled import WARNINGS, compile_folder, predict
from tests.unit.codegen.forests import PARAMETERS, Rows, features, hostile_rows, margins, save, to_int32, train
from tests.unit.codegen.test_passes import integer_rows

pytestmark = pytest.mark.parity


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("kind", PARAMETERS)
def test_float_margins_are_bit_equal(kind: str, compiler: str, tmp_path: Path) -> None:
    booster = train(kind)
    source = read_model(save(booster, tmp_path / "m.json"))
    emit_forest(source, "clf", tmp_path / "c")
    x = hostile_rows(source.forest, 2000, seed=21)
    out = predict(compile_folder(tmp_path / "c", compiler), "clf", x, source.forest.n_outputs)
    assert np.array_equal(out.view(np.uint32), margins(booster, x).view(np.uint32))


def reference(booster: xgb.Booster, forest: Forest, x: Rows, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """Integer outputs of XGBoost's own leaves, and its margins."""
    data = xgb.DMatrix(x)
    leaves = booster.predict(data, pred_leaf=True).astype(np.int64).reshape(len(x), -1)
    margin = booster.predict(data, output_margin=True).reshape(len(x), -1)
    return outputs_from_leaves(forest, leaves, scale), margin


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("kind", PARAMETERS)
def test_integer_outputs_are_equal(kind: str, compiler: str, tmp_path: Path) -> None:
    booster = train(kind, integer=True)
    source = read_model(save(booster, tmp_path / "m.ubj"))
    emitted = emit_forest(source, "clf", tmp_path / "c", feature_type="int32").forest
    assert emitted.output_scale_log2 is not None
    x = integer_rows(source.forest, 2000, seed=22)
    expected, margin = reference(booster, source.forest, x, emitted.output_scale_log2)
    check_margins(source.forest, expected, margin, emitted.output_scale_log2, kind)
    out = predict(compile_folder(tmp_path / "c", compiler), "clf", to_int32(x), emitted.n_outputs)
    assert np.array_equal(out, expected)


@pytest.mark.parametrize("feature_type", ["float32", "int32"])
def test_large_trees_cut_into_functions_are_equal(feature_type: str, tmp_path: Path) -> None:
    shape: dict[str, Any] = {
        "max_depth": 0,
        "max_leaves": 700,
        "grow_policy": "lossguide",
        "min_child_weight": 0,
        "max_bin": 2048,
    }
    booster = train("regression", n_rows=3000, rounds=2, integer=True, **shape)
    source = read_model(save(booster, tmp_path / "m.json"))
    emitted = emit_forest(source, "big", tmp_path / "c", feature_type=feature_type).forest  # type: ignore[arg-type]
    assert "_part_" in (tmp_path / "c" / "big.c").read_text()
    x = integer_rows(source.forest, 2000, seed=23)
    library = compile_folder(tmp_path / "c", "gcc", "-O1")
    if feature_type == "float32":
        assert np.array_equal(predict(library, "big", x, 1), margins(booster, x))
    else:
        expected, _ = reference(booster, source.forest, x, emitted.output_scale_log2 or 0)
        assert np.array_equal(predict(library, "big", to_int32(x), 1), expected)


@pytest.mark.parametrize("threshold", [FEATURE_MAX - 1, FEATURE_MAX, -FEATURE_MAX, -FEATURE_MAX + 1])
def test_the_ends_of_the_range(threshold: int, tmp_path: Path) -> None:
    """Thresholds at, within and beyond +-FEATURE_MAX, which hist puts behind the largest value it has seen."""
    x = np.array([[threshold - 1], [threshold], [threshold + 1], [0]] * 8, dtype=np.float32)
    x = np.vstack([x, np.full((8, 1), np.nan, np.float32)])
    label = np.where(np.isnan(x[:, 0]), 5.0, np.sign(x[:, 0] - threshold))
    booster = xgb.train({"max_depth": 4, "eta": 1.0, "min_child_weight": 0}, xgb.DMatrix(x, label), 3)
    source = read_model(save(booster, tmp_path / "m.json"))
    emitted = emit_forest(source, "end", tmp_path / "c", feature_type="int32").forest
    rows = x[np.isnan(x[:, 0]) | (np.abs(x[:, 0]) <= FEATURE_MAX)]
    expected, _ = reference(booster, source.forest, rows, emitted.output_scale_log2 or 0)
    assert np.array_equal(predict(compile_folder(tmp_path / "c", "gcc"), "end", to_int32(rows), 1), expected)


def test_forests_without_a_split(tmp_path: Path) -> None:
    booster = train("quantiles", min_child_weight=1e9)
    source = read_model(save(booster, tmp_path / "m.json"))
    assert source.forest.n_splits == 0
    x = features(3, seed=1)
    for compiler in ("gcc", "clang"):
        emit_forest(source, "flat", tmp_path / "f")
        out = predict(compile_folder(tmp_path / "f", compiler), "flat", x, 3)
        assert np.array_equal(out.view(np.uint32), margins(booster, x).view(np.uint32))
        emit_forest(source, "flat", tmp_path / "i", feature_type="int32")
        compile_folder(tmp_path / "i", compiler)


def test_two_models_link_together_and_headers_stand_alone(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    boosters = {"first": train("multi", seed=1), "second": train("regression", seed=2)}
    for name, booster in boosters.items():
        emit_forest(read_model(save(booster, tmp_path / f"{name}.json")), name, folder)
    library = compile_folder(folder, "gcc")
    x = features(100, seed=3)
    assert np.array_equal(predict(library, "first", x, 4), margins(boosters["first"], x))
    assert np.array_equal(predict(library, "second", x, 1), margins(boosters["second"], x))
    command = ["nm", "-g", "--defined-only", str(folder / "lib_gcc.so")]
    names = subprocess.run(command, capture_output=True, text=True, check=True)
    external = {line.split()[-1] for line in names.stdout.splitlines()}
    assert {name for name in external if not name.startswith(("_", "first_", "second_"))} == set()
    for language, compiler in (("c", "gcc"), ("c++", "g++")):
        for name in boosters:
            command = [
                compiler,
                "-x",
                language,
                "-fsyntax-only",
                "-Wall",
                "-Wextra",
                "-Werror",
                str(folder / f"{name}.h"),
            ]
            subprocess.run(command, check=True)


def test_fast_math_is_stopped_by_the_compiler(tmp_path: Path) -> None:
    emit_forest(read_model(save(train("binary", rounds=1), tmp_path / "m.json")), "clf", tmp_path / "c")
    command = ["gcc", "-ffast-math", "-c", "clf.c", "-o", "clf.o"]
    done = subprocess.run(command, cwd=tmp_path / "c", capture_output=True, text=True, check=False)
    assert done.returncode
    assert "no -ffast-math" in done.stderr


def mutants(code: str) -> list[str]:
    """The code with each integer threshold one higher, in turn."""
    found = re.finditer(r"(?<=< )-?\d+(?=\) \{\n)", code)
    return [code[: match.start()] + str(int(match[0]) + 1) + code[match.end() :] for match in found]


def test_a_threshold_changed_by_one_is_noticed(tmp_path: Path) -> None:
    """Rows on every threshold kill every mutant whose two branches differ."""
    booster = train("regression", integer=True, rounds=2, max_depth=3)
    source = read_model(save(booster, tmp_path / "m.json"))
    emitted = emit_forest(source, "clf", tmp_path / "c", feature_type="int32").forest
    x = integer_rows(source.forest, 3000, seed=24)
    expected, _ = reference(booster, source.forest, x, emitted.output_scale_log2 or 0)
    code = (tmp_path / "c" / "clf.c").read_text()
    changed = mutants(code)
    assert len(changed) == emitted.n_splits
    for index, mutant in enumerate(changed):
        folder = tmp_path / f"mutant{index}"
        folder.mkdir()
        (folder / "clf.h").write_bytes((tmp_path / "c" / "clf.h").read_bytes())
        (folder / "clf.c").write_text(mutant)
        out = predict(compile_folder(folder, "gcc", "-O0"), "clf", to_int32(x), 1)
        assert not np.array_equal(out, expected), f"mutant {index} survives"


def test_literals_reach_the_compiler_bit_for_bit(tmp_path: Path) -> None:
    from codegen.emit.literals import float32_literal

    bits = np.random.default_rng(6).integers(0, 1 << 32, 3000, dtype=np.uint64).astype(np.uint32)
    bits = np.concatenate([bits, np.array([0, 1, 0x80000000, 0x80000001, 0x7F7FFFFF, 0x007FFFFF], np.uint32)])
    values = bits.view(np.float32)
    values = values[np.isfinite(values)]
    lines = ",\n".join(float32_literal(float(value)) for value in values)
    (tmp_path / "literals.c").write_text(f"extern const float v[];\nconst float v[] = {{\n{lines}\n}};\n")
    for compiler in ("gcc", "clang"):
        subprocess.run([compiler, *WARNINGS, "-c", "literals.c", "-o", "literals.o"], cwd=tmp_path, check=True)
        command = ["objcopy", "-O", "binary", "--only-section=.rodata", "literals.o", "literals.bin"]
        subprocess.run(command, cwd=tmp_path, check=True)
        assert (tmp_path / "literals.bin").read_bytes()[: values.nbytes] == values.tobytes()
