"""The fast style's C: outputs equal to quantised leaves of XGBoost's own choice, in keys and in ranks."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from numpy.typing import NDArray

from codegen.emit import forest_fast
from codegen.emit.forest import emit_forest
from codegen.emit.forest_fast_slots import choose_slots
from codegen.ir.forest import FeatureType, Leaf, Split, Tree, walk
from codegen.readers.xgboost import ModelSource, read_model
from codegen.reference import check_margins, outputs_from_leaves
from tests.parity.compiled import WARNINGS, compile_folder, predict
from tests.unit.codegen.forests import PARAMETERS, Rows, hostile_rows, save, to_int32, train
from tests.unit.codegen.test_passes import integer_rows

pytestmark = pytest.mark.parity


@pytest.fixture(params=["keys", "ranks"])
def either_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the style take keys, and then ranks, whatever it would choose."""
    monkeypatch.setattr(forest_fast, "choose_slots", partial(choose_slots, kinds=[request.param]))


def leaves_of(booster: xgb.Booster, x: Rows) -> NDArray[np.int64]:
    """XGBoost's leaf of every tree; inplace rows with infinities are taken as they are."""
    data = xgb.DMatrix(np.where(np.isinf(x), np.copysign(np.float32(3.4028235e38), x), x))
    return np.asarray(booster.predict(data, pred_leaf=True)).astype(np.int64).reshape(len(x), -1)


def expected(
    booster: xgb.Booster, source: ModelSource, x: Rows, scale_log2: int | None, leaf_bits: int
) -> NDArray[np.int64]:
    assert scale_log2 is not None
    outputs = outputs_from_leaves(source.forest, leaves_of(booster, x), scale_log2, leaf_bits)
    margin = np.asarray(booster.inplace_predict(x, predict_type="margin"), np.float32).reshape(len(x), -1)
    check_margins(source.forest, outputs, margin, scale_log2, "model", leaf_bits)
    return outputs


@pytest.mark.usefixtures("either_kind")
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("model", PARAMETERS)
def test_float_features(model: str, compiler: str, tmp_path: Path) -> None:
    """Thresholds met exactly, one ulp beside them, NaN of both signs, infinities, -0."""
    booster = train(model)
    source = read_model(save(booster, tmp_path / "m.json"))
    emitted = emit_forest(source, "clf", tmp_path / "c", style="fast").forest
    x = hostile_rows(source.forest, 1500, seed=41)
    negative_nan = np.array([0xFFC00000], np.uint32).view(np.float32)[0]
    x[::2] = np.where(np.isnan(x[::2]), negative_nan, x[::2])
    library = compile_folder(tmp_path / "c", compiler, "-Os")
    out = predict(library, "clf", x, emitted.n_outputs).view(np.int32)
    assert np.array_equal(out, expected(booster, source, x, emitted.output_scale_log2, 12))


@pytest.mark.usefixtures("either_kind")
@pytest.mark.parametrize(("model", "leaf_bits"), [*zip(PARAMETERS, (2, 16, 8, 12, 4, 10), strict=True)])
def test_integer_features(model: str, leaf_bits: int, tmp_path: Path) -> None:
    booster = train(model, integer=True)
    source = read_model(save(booster, tmp_path / "m.json"))
    emitted = emit_forest(source, "clf", tmp_path / "c", style="fast", feature_type="int32", leaf_bits=leaf_bits).forest
    x = integer_rows(source.forest, 1500, seed=42)
    out = predict(compile_folder(tmp_path / "c", "gcc"), "clf", to_int32(x), emitted.n_outputs)
    assert np.array_equal(out, expected(booster, source, x, emitted.output_scale_log2, leaf_bits))


@pytest.mark.usefixtures("either_kind")
@pytest.mark.parametrize("feature_type", ["float32", "int32"])
@pytest.mark.slow
def test_large_forests(feature_type: FeatureType, tmp_path: Path) -> None:
    """Trees beyond a function's size, thousands of thresholds a feature, sanitizers silent."""
    shape: dict[str, Any] = {"max_depth": 0, "max_leaves": 900, "grow_policy": "lossguide", "min_child_weight": 0}
    booster = train("regression", n_rows=4000, rounds=4, integer=True, max_bin=4096, **shape)
    source = read_model(save(booster, tmp_path / "m.json"))
    thresholds = [
        (node.feature, node.threshold)
        for tree in source.forest.trees
        for node in walk(tree.root)
        if isinstance(node, Split)
    ]
    assert len(set(thresholds)) > 5 * 255
    emitted = emit_forest(source, "big", tmp_path / "c", style="fast", feature_type=feature_type).forest
    x = integer_rows(source.forest, 1500, seed=43)
    flags = ("-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all")
    library = compile_folder(tmp_path / "c", "gcc", *flags)
    out = predict(library, "big", x if feature_type == "float32" else to_int32(x), 1).view(np.int32)
    assert np.array_equal(out, expected(booster, source, x, emitted.output_scale_log2, 12))


@pytest.mark.usefixtures("either_kind")
def test_a_thousand_features(tmp_path: Path) -> None:
    rng = np.random.default_rng(44)
    x = rng.normal(0.0, 9.0, (400, 1000)).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = np.nan
    label = np.nansum(x[:, ::7], axis=1) + np.nan_to_num(x[:, 999])
    booster = xgb.train({"max_depth": 5, "nthread": 1, "colsample_bynode": 0.2}, xgb.DMatrix(x, label), 12)
    source = read_model(save(booster, tmp_path / "m.json"))
    emitted = emit_forest(source, "wide", tmp_path / "c", style="fast").forest
    assert max(node.feature for tree in emitted.trees for node in walk(tree.root) if isinstance(node, Split)) > 255
    out = predict(compile_folder(tmp_path / "c", "clang"), "wide", x, 1).view(np.int32)
    assert np.array_equal(out, expected(booster, source, x, emitted.output_scale_log2, 12))


@pytest.mark.usefixtures("either_kind")
def test_integers_beyond_sixteen_bits(tmp_path: Path) -> None:
    """And rows beside every threshold, where a table of int16 would have wrapped."""
    x = np.random.default_rng(45).integers(-(1 << 23), 1 << 23, (800, 5)).astype(np.float32)
    booster = xgb.train({"max_depth": 4, "nthread": 1}, xgb.DMatrix(x, x[:, 0] - np.abs(x[:, 1])), 8)
    source = read_model(save(booster, tmp_path / "m.json"))
    emitted = emit_forest(source, "far", tmp_path / "c", style="fast", feature_type="int32").forest
    rows = integer_rows(source.forest, 1500, seed=46)
    out = predict(compile_folder(tmp_path / "c", "gcc"), "far", to_int32(rows), 1)
    assert np.array_equal(out, expected(booster, source, rows, emitted.output_scale_log2, 12))


@pytest.mark.parametrize("feature_type", ["float32", "int32"])
def test_deep_trees(feature_type: FeatureType, tmp_path: Path) -> None:
    """A comb of 250 splits: deeper than compilers nest braces."""
    node: Leaf | Split = Leaf(7.0, 250)
    for level in range(249, -1, -1):
        node = Split(0, float(level), level % 2 == 0, Leaf(float(level * 3 % 17), level), node)
    source = read_model(save(train("regression", rounds=1), tmp_path / "m.json"))
    forest = source.forest
    deep = type(forest)((Tree(node, 0),), (0.5,), 1, forest.objective)
    emitted = emit_forest(
        ModelSource(deep, "deep.json", "0" * 64, "3.2.0"),
        "deep",
        tmp_path / "c",
        style="fast",
        feature_type=feature_type,
    ).forest
    x = np.arange(-1, 252, dtype=np.float32)[:, None]
    rows = x if feature_type == "float32" else to_int32(x)
    out = predict(compile_folder(tmp_path / "c", "clang"), "deep", rows, 1).view(np.int32)
    first_above = np.arange(0, 253)  # thresholds are 0 ... 249
    value = np.where(first_above > 249, 7, first_above * 3 % 17) + 0.5
    assert np.array_equal(out[:, 0], (value * 2.0 ** (emitted.output_scale_log2 or 0)).astype(np.int64))


def test_a_constant_and_a_single_leaf(tmp_path: Path) -> None:
    source = read_model(save(train("quantiles", min_child_weight=1e9), tmp_path / "m.json"))
    assert source.forest.n_splits == 0
    feature_types: tuple[FeatureType, ...] = ("float32", "int32")
    for feature_type in feature_types:
        for compiler in ("gcc", "clang"):
            folder = tmp_path / f"{feature_type}_{compiler}"
            emitted = emit_forest(source, "flat", folder, style="fast", feature_type=feature_type).forest
            out = predict(compile_folder(folder, compiler), "flat", np.zeros((1, 5), np.int32), 3)
            sums = np.array(emitted.base)
            for tree in emitted.trees:
                assert isinstance(tree.root, Leaf)
                sums[tree.output] += tree.root.value
            assert np.array_equal(out[0], sums)


def test_two_models_share_a_program(tmp_path: Path) -> None:
    boosters = {"first": train("multi", seed=1), "second": train("regression", seed=2)}
    for name, booster in boosters.items():
        emit_forest(read_model(save(booster, tmp_path / f"{name}.json")), name, tmp_path / "c", style="fast")
    compile_folder(tmp_path / "c", "gcc")
    command = ["nm", "-g", "--defined-only", str(tmp_path / "c" / "lib_gcc.so")]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = {line.split()[-1] for line in listed.splitlines()}
    assert {name for name in names if not name.startswith("_")} == {"first_predict", "second_predict"}


def test_it_compiles_without_gnu_extensions(tmp_path: Path) -> None:
    emit_forest(read_model(save(train("multi", rounds=2), tmp_path / "m.json")), "clf", tmp_path / "c", style="fast")
    command = [
        "gcc",
        *WARNINGS,
        "-U__GNUC__",
        "-I",
        str(tmp_path / "c"),
        "-fsyntax-only",
        str(tmp_path / "c" / "clf.c"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
