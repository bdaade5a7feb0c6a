"""Rows drawn around thresholds, and the error of quantised leaves against XGBoost's own margins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codegen.ir.forest import FEATURE_MAX, Leaf, Split, Tree
from codegen.leaf_error import error_bound, worst_error
from codegen.passes import lower
from codegen.readers.xgboost import read_model
from codegen.rows import drawn_rows, leaves, reached_leaves
from tests.unit.codegen.forests import PARAMETERS, evaluate, hostile_rows, margins, save, thresholds_of, train


@pytest.mark.parametrize("kind", PARAMETERS)
def test_leaves_reached_add_up_to_xgboosts_margins(kind: str, tmp_path: Path) -> None:
    booster = train(kind)
    forest = read_model(save(booster, tmp_path / "m.json")).forest
    x = hostile_rows(forest, 500, seed=51)
    total = np.tile(np.array(forest.base, np.float32), (len(x), 1))
    for tree in forest.trees:
        values = np.array([leaf.value for leaf in leaves(tree)], np.float32)
        total[:, tree.output] += values[reached_leaves(tree, x)]
    assert np.array_equal(total.view(np.uint32), margins(booster, x).view(np.uint32))


@pytest.mark.parametrize("leaf_bits", [3, 12])
def test_the_error_on_rows_is_that_of_the_emitted_forest_and_within_the_bound(leaf_bits: int, tmp_path: Path) -> None:
    booster = train("multi")
    forest = read_model(save(booster, tmp_path / "m.json")).forest
    emitted = lower(forest, "float32", "int32", None, leaf_bits)
    scale = emitted.output_scale_log2
    assert scale is not None
    x = drawn_rows(forest, 300)
    worst = worst_error(forest, scale, leaf_bits, x)
    answers = evaluate(emitted, x) * 2.0**-scale
    assert worst == pytest.approx(np.abs(answers - margins(booster, x)).max(), abs=1e-9)
    assert 0.2 * error_bound(forest, scale, leaf_bits) < worst <= error_bound(forest, scale, leaf_bits) + 1e-5


def test_the_bound_is_every_trees_worst_leaf() -> None:
    from codegen.ir.forest import Forest

    tree = Tree(Split(0, 1.0, True, Leaf(0.3, 1), Leaf(1.4, 2)), 0)
    forest = Forest((tree, tree), (0.25,), 1, "reg:squarederror")
    assert error_bound(forest, 0, None) == pytest.approx(0.25 + 2 * 0.4)


def test_drawn_rows_fall_on_every_side(tmp_path: Path) -> None:
    forest = read_model(save(train("regression", integer=True), tmp_path / "m.json")).forest
    x = drawn_rows(forest, 2000)
    assert np.array_equal(x, drawn_rows(forest, 2000), equal_nan=True)
    for feature, own in thresholds_of(forest).items():
        sides = np.searchsorted(own, x[:, feature][~np.isnan(x[:, feature])], side="right")
        assert set(sides) == set(range(len(own) + 1))
        assert np.isin(own, x[:, feature]).mean() > 0.5
    assert 0.01 < np.isnan(x).mean() < 0.03
    whole = drawn_rows(forest, 50, "int32")
    known = whole[~np.isnan(whole)]
    assert np.array_equal(known, np.floor(known))
    assert np.abs(known).max() <= FEATURE_MAX
