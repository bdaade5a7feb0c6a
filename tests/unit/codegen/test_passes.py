"""Each pass gives the same outputs before and after, on rows that sit on every threshold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codegen.errors import ModelError
from codegen.ir.forest import FEATURE_MAX, Forest, Leaf, Node, Number, Split, Tree, dump, validate, walk
from codegen.passes import integer_features, lower_to_int32, merge_equal_leaves, prune_unreachable, scale_leaves
from codegen.readers.xgboost import read_model
from tests.unit.codegen.forests import PARAMETERS, Rows, evaluate, features, save, thresholds_of, to_int32, train


def integer_rows(forest: Forest, n_rows: int, seed: int) -> Rows:
    """Integer-valued rows: around thresholds, at the ends of the range, and missing."""
    rng = np.random.default_rng(seed)
    x = features(n_rows, seed, integer=True)
    ends = np.array([FEATURE_MAX, -FEATURE_MAX, FEATURE_MAX - 1, 0, np.nan])
    for feature, own in thresholds_of(forest).items():
        near = np.floor(np.concatenate([own, own + 1, own - 1]).astype(np.float64)).clip(-FEATURE_MAX, FEATURE_MAX)
        chosen = rng.random(n_rows)
        x[:, feature] = np.where(chosen < 0.6, rng.choice(near, n_rows), x[:, feature])
        x[:, feature] = np.where(chosen > 0.9, rng.choice(ends, n_rows), x[:, feature])
    return x


@pytest.mark.parametrize("kind", PARAMETERS)
def test_each_pass_keeps_every_output(kind: str, tmp_path: Path) -> None:
    forest = read_model(save(train(kind, integer=True), tmp_path / "m.json")).forest
    x = integer_rows(forest, 200, seed=11)
    rows, margins = to_int32(x), evaluate(forest, x)
    for change in (integer_features, prune_unreachable, merge_equal_leaves):
        forest = validate(change(forest))
        assert np.array_equal(evaluate(forest, rows).view(np.uint32), margins.view(np.uint32)), change.__name__
    forest = validate(scale_leaves(forest))
    scaled = evaluate(forest, rows)
    assert forest.output_scale_log2 is not None
    n_terms = 1 + max(sum(tree.output == j for tree in forest.trees) for j in range(forest.n_outputs))
    rounding = n_terms * 2.0 ** -(forest.output_scale_log2 + 1) + n_terms * 2.0**-24 * np.abs(margins).max() * 2
    assert np.abs(scaled * 2.0**-forest.output_scale_log2 - margins).max() <= rounding
    assert np.array_equal(evaluate(validate(merge_equal_leaves(forest)), rows), scaled)


def test_passes_keep_weights(tmp_path: Path) -> None:
    forest = read_model(save(train("multi", integer=True), tmp_path / "m.json")).forest
    lowered = lower_to_int32(forest)
    for before, after in zip(forest.trees, lowered.trees, strict=True):
        weights = {node.weight for node in walk(before.root)}
        assert None not in weights
        assert {node.weight for node in walk(after.root)} <= weights
        assert after.root.weight == before.root.weight


def test_a_merged_leaf_has_the_weight_of_its_split() -> None:
    split = Split(0, 1.0, True, Leaf(0.5, 1, 30.0), Leaf(0.5, 2, 10.0), 40.0)
    merged = merge_equal_leaves(Forest((Tree(split, 0),), (0.0,), 1, "reg:squarederror"))
    assert merged.trees[0].root.weight == 40.0


def one_split(threshold: float, *, default_left: bool, below: Node | None = None) -> Forest:
    split = Split(0, threshold, default_left, below or Leaf(-1.0, 1), Leaf(1.0, 2))
    return Forest((Tree(split, 0),), (0.0,), n_features=1, objective="reg:squarederror")


@pytest.mark.parametrize("default_left", [False, True])
@pytest.mark.parametrize(
    "threshold", [3.2, 3.0, -3.2, -0.0, 1e-45, 16777215.0, 16777216.0, 1e30, -16777215.0, -16777216.0, -1e30]
)
def test_thresholds_become_their_ceiling_or_a_constant(threshold: float, default_left: bool) -> None:
    forest = one_split(float(np.float32(threshold)), default_left=default_left)
    values = [-FEATURE_MAX, -4, -3, -1, 0, 1, 3, 4, FEATURE_MAX - 1, FEATURE_MAX, np.nan]
    x = np.array(values, dtype=np.float32).reshape(-1, 1)
    lowered = prune_unreachable(validate(integer_features(forest)))
    assert np.array_equal(evaluate(lowered, to_int32(x)), evaluate(forest, x))
    constant = threshold > FEATURE_MAX if default_left else threshold <= -FEATURE_MAX
    assert isinstance(lowered.trees[0].root, Leaf) == constant


def test_a_side_that_nothing_reaches_is_dropped() -> None:
    inner = Split(0, 3.7, False, Leaf(5.0, 3), Leaf(6.0, 4))
    forest = prune_unreachable(integer_features(one_split(3.2, default_left=False, below=inner)))
    root = forest.trees[0].root
    assert isinstance(root, Split)
    assert root.left == Leaf(5.0, 3)


def test_missing_keeps_a_side_alive() -> None:
    inner = Split(0, 3.7, False, Leaf(5.0, 3), Leaf(6.0, 4))
    forest = one_split(3.2, default_left=True, below=inner)
    lowered = prune_unreachable(integer_features(forest))
    x = np.array([[2.0], [4.0], [np.nan]], dtype=np.float32)
    assert list(evaluate(lowered, to_int32(x))[:, 0]) == [5.0, 1.0, 6.0]


def test_the_scale_is_the_largest_that_fits() -> None:
    forest = integer_features(one_split(1.0, default_left=True))
    assert scale_leaves(forest).output_scale_log2 == 24
    big = Forest((Tree(Leaf(900.0, 0), 0), Tree(Leaf(-100.0, 0), 0)), (24.0,), 1, "reg:squarederror", "int32")
    assert scale_leaves(big).output_scale_log2 == 19  # 1024 x 2^20 is 2^30: one too many
    with pytest.raises(ModelError, match=r"over 2\^30"):
        scale_leaves(big, 20)
    with pytest.raises(ModelError, match=r"within 0\.\.24"):
        scale_leaves(forest, 25)
    huge = Forest((Tree(Leaf(2.0**30, 0), 0),), (0.0,), 1, "reg:squarederror", "int32")
    with pytest.raises(ModelError, match=r"over 2\^30"):
        scale_leaves(huge)


def test_leaves_round_to_nearest_even() -> None:
    values = (0.5, 1.5, 2.5, -0.5, -1.5, 0.75)
    forest = Forest(tuple(Tree(Leaf(value, 0), 0) for value in values), (0.25,), 1, "reg:squarederror", "int32")
    scaled = scale_leaves(forest, 0)
    assert [tree.root for tree in scaled.trees] == [Leaf(value, 0) for value in (0, 2, 2, 0, -2, 1)]


def test_leaves_that_differ_in_sign_only_are_kept_apart() -> None:
    forest = one_split(1.0, default_left=True, below=Leaf(0.0, 1))
    root = forest.trees[0].root
    assert isinstance(root, Split)
    zero = Split(0, 1.0, True, Leaf(0.0, 1), Leaf(-0.0, 2))
    same = Split(0, 1.0, True, Leaf(0.5, 1), Leaf(0.5, 2))
    kept = merge_equal_leaves(Forest((Tree(zero, 0), Tree(same, 0)), (0.0,), 1, "reg:squarederror"))
    assert [tree.root for tree in kept.trees] == [zero, Leaf(0.5, 1)]


def test_leaves_are_quantised_as_if_nothing_had_been_pruned() -> None:
    """A leaf that no integer reaches counts for the step of its tree: docs/artifact.md knows nothing of passes."""
    inner = Split(0, 3.7, False, Leaf(5.3, 3), Leaf(600.0, 4))
    forest = one_split(3.2, default_left=False, below=inner)

    def values(some: Forest) -> dict[int, Number]:
        return {leaf.node_id: leaf.value for leaf in walk(some.trees[0].root) if isinstance(leaf, Leaf)}

    whole, lowered = values(scale_leaves(forest, 4, 4)), values(lower_to_int32(forest, 4, 4))
    assert 4 not in lowered
    assert lowered == {node: whole[node] for node in lowered}
    assert 3 in lowered
    pruned_first = scale_leaves(prune_unreachable(integer_features(forest)), 4, 4)
    assert values(pruned_first) != lowered


def test_passes_refuse_to_run_twice() -> None:
    lowered = lower_to_int32(one_split(1.0, default_left=True))
    for change in (integer_features, scale_leaves):
        with pytest.raises(ValueError, match="already"):
            change(lowered)
    with pytest.raises(ValueError, match="integer_features first"):
        prune_unreachable(one_split(1.0, default_left=True))


def test_dump_shows_every_node() -> None:
    assert dump(one_split(2.5, default_left=False)) == (
        "forest reg:squarederror features 1 float32 scale_log2 None base 0.0\n"
        "tree 0 output 0\n"
        "  x[0] < 2.5 missing right\n"
        "    leaf -1.0 (node 1)\n"
        "    leaf 1.0 (node 2)\n"
    )


@pytest.mark.parametrize(
    ("forest", "word"),
    [
        (Forest((Tree(Leaf(0.1, 0), 0),), (0.0,), 1, "o"), "tree 0: leaf 0.1"),
        (Forest((Tree(Leaf(1.0, 0), 1),), (0.0,), 1, "o"), "output 1 of 1"),
        (Forest((Tree(Split(1, 0.5, True, Leaf(0.0, 1), Leaf(0.0, 2)), 0),), (0.0,), 1, "o"), "feature 1 of 1"),
        (Forest((Tree(Split(0, 0.5, True, Leaf(0.0, 1), Leaf(0.0, 2)), 0),), (0.0,), 1, "o", "int32"), "threshold 0.5"),
        (Forest((), (float("nan"),), 1, "o"), "base nan"),
        (Forest((), (1 << 31,), 1, "o", "int32", 3), "not an int32"),
    ],
)
def test_validate_names_what_is_wrong(forest: Forest, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        validate(forest)
