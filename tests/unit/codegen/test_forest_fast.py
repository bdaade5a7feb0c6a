"""The fast style's blocks and slots, evaluated in Python: merging and ranking change no sum."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from codegen.emit.forest_fast import SPLITS_PER_FUNCTION, fast_code
from codegen.emit.forest_fast_blocks import IMMEDIATES, Block, Comparison, output_sums, visits
from codegen.emit.forest_fast_slots import Slots, choose_slots, ordered
from codegen.ir.forest import FeatureType, Forest, Leaf, Node, Split, Tree
from codegen.passes import lower
from codegen.readers.xgboost import read_model
from tests.unit.codegen.forests import PARAMETERS, evaluate, features, hostile_rows, save, to_int32, train


def split(
    feature: int, threshold: float, left: Node | float, right: Node | float, *, missing_left: bool = True
) -> Split:
    """Numbers stand for leaves that few (left) or many (right) rows reach."""
    first = left if isinstance(left, (Leaf, Split)) else Leaf(left, 0, 1.0)
    last = right if isinstance(right, (Leaf, Split)) else Leaf(right, 0, 2.0)
    return Split(feature, threshold, missing_left, first, last)


def forest(*roots: Node, feature_type: FeatureType = "int32") -> Forest:
    trees = tuple(Tree(root, 0) for root in roots)
    return Forest(trees, (100,), 3, "reg:squarederror", feature_type, 0)


def holds(comparison: Comparison, row: NDArray[np.float32] | NDArray[np.int32]) -> bool:
    value = row[comparison.feature]
    missing = bool(np.isnan(value)) if row.dtype.kind == "f" else int(value) == -(1 << 31)
    return comparison.default_left if missing else bool(value < comparison.threshold)


def added(block: Block, row: NDArray[np.float32] | NDArray[np.int32]) -> int:
    total = sum(value << unit for unit, value in block.adds)
    for branch in block.branches:
        total += added(branch.left if holds(branch.comparison, row) else branch.right, row)
    return total


@pytest.mark.parametrize("leaf_bits", [2, 5, 12, 16])
@pytest.mark.parametrize("kind", PARAMETERS)
def test_blocks_add_up_to_the_forest(kind: str, leaf_bits: int, tmp_path: Path) -> None:
    source = read_model(save(train(kind), tmp_path / "m.json"))
    lowered = lower(source.forest, "float32", "int32", None, leaf_bits)
    sums = output_sums(lowered)
    x = hostile_rows(source.forest, 200, seed=31)
    found = [[output.constant + added(output.block, row) for output in sums] for row in x]
    assert np.array_equal(found, evaluate(lowered, x))
    assert sum(output.block.n_splits for output in sums) <= lowered.n_splits


def test_equal_comparisons_become_one_at_every_level() -> None:
    tree = split(0, 5, split(1, 7, 0, 10), 20)
    other = split(0, 5, split(1, 7, 1, 2), split(2, 9, 3, 4))
    block = output_sums(forest(tree, other))[0].block
    (root,) = block.branches
    assert root.comparison == Comparison(0, 5, True)
    assert [branch.comparison.feature for branch in root.left.branches] == [1]
    assert block.n_splits == 3
    assert block.depth == 2


def test_another_default_direction_is_another_comparison() -> None:
    trees = split(0, 5, 0, 10), split(0, 5, 0, 10, missing_left=False)
    assert len(output_sums(forest(*trees))[0].block.branches) == 2


def test_the_commonest_leaf_costs_nothing() -> None:
    output = output_sums(forest(split(0, 5, 3, 11)))[0]
    assert output.constant == 111
    (branch,) = output.block.branches
    assert branch.right.empty
    assert branch.left.adds == ((3, -1),)  # 3 - 11, in steps of 2**3


def test_leaves_fit_one_immediate_where_they_can() -> None:
    """4096 steps of 2**4: counted from the middle, not from the commonest."""
    leaves = split(1, 1, split(2, 1, -2048 * 16, 2047 * 16), split(2, 2, 16, 2046 * 16))
    (branch,) = output_sums(forest(leaves))[0].block.branches
    values = [value for arm, _ in visits(Block(branches=(branch,))) for _, value in (*arm.left.adds, *arm.right.adds)]
    assert values
    assert all(value in IMMEDIATES for value in values)


def test_branches_of_equal_arms_disappear() -> None:
    """Two trees whose differences cancel out."""
    assert output_sums(forest(split(0, 5, 0, 8), split(0, 5, 8, 0)))[0].block.empty


def test_float_keys_are_in_the_order_of_floats() -> None:
    values = np.array([-np.inf, -3.4e38, -1.0, -1e-45, -0.0, 1e-45, 1.0, 3.4e38], np.float32)
    bits = values.view(np.uint32)
    keys = bits ^ np.where(bits >> 31, np.uint32(0xFFFFFFFF), np.uint32(0x80000000))
    for threshold in (-1.0, -0.0, 0.0, float(np.float32(1e-45)), 1.0):
        assert np.array_equal(keys < ordered(threshold, "float32"), values < threshold)


def test_ranks_count_from_a_zero_that_makes_the_hottest_comparisons_free() -> None:
    """Threshold 30 is at every root: its comparison is with 0 or 1."""
    roots = [split(0, 30, split(0, 10 + i, 0, 8 + i), split(0, 50 + i, 4, 40 + i)) for i in range(9)]
    slots = choose_slots(output_sums(forest(*roots)), "int32", ["ranks"])
    assert slots.constants[Comparison(0, 30, True)] in (0, 1)
    assert slots.thresholds == (*range(10, 19), 30, *range(50, 59))


def rank(slots: Slots, place: int, row: NDArray[np.int32]) -> int:
    """Slow, and by the definition: how many thresholds are not above the feature."""
    slot = slots.slots[place]
    search = next(search for search in slots.searches if search.slot.feature == slot.feature)
    ends = sorted({s.start for s in slots.searches} | {len(slots.thresholds)})
    table = slots.thresholds[search.start : ends[ends.index(search.start) + 1]]
    value = int(row[slot.feature])
    zero = search.zero - search.start
    if value == -(1 << 31):
        return 0 - zero if slot.missing_left else len(table) - zero
    return sum(threshold <= value for threshold in table) - zero


def test_comparing_ranks_is_comparing_features(tmp_path: Path) -> None:
    source = read_model(save(train("regression", integer=True), tmp_path / "m.json"))
    lowered = lower(source.forest, "int32", "int32", None, 12)
    slots = choose_slots(output_sums(lowered), "int32", ["ranks"])
    rows = to_int32(np.vstack([features(100, 1, integer=True), features(100, 2, integer=True, missing=0.6)]))
    assert {slot.missing_left for slot in slots.slots} == {True, False}
    for place, slot in enumerate(slots.slots):
        for row in rows:
            for comparison, constant in slots.constants.items():
                if (comparison.feature, comparison.default_left) == slot:
                    assert (rank(slots, place, row) < constant) == holds(comparison, row)


def test_few_visits_take_keys_and_many_take_ranks() -> None:
    few = forest(split(0, 1.5, 0, 8), feature_type="float32")
    assert choose_slots(output_sums(few), "float32").kind == "keys"
    many = forest(
        *(split(0, 1.5 + i, split(0, 0.5 + i, 0, 9), split(0, 2.5 + i, 4, 7)) for i in range(200)),
        feature_type="float32",
    )
    assert choose_slots(output_sums(many), "float32").kind == "ranks"


def test_large_forests_are_cut_into_functions() -> None:
    roots = [split(0, i, split(1, i, 0, 8 + i), split(2, i, 4, 40 + i)) for i in range(2 * SPLITS_PER_FUNCTION)]
    lowered = forest(*roots)
    sums = output_sums(lowered)
    code = fast_code(sums, choose_slots(sums, "int32"))
    sizes = [len(re.findall(r"\bif \(", function)) for function in code.functions]
    assert sum(sizes) == lowered.n_splits
    assert max(sizes) <= SPLITS_PER_FUNCTION
    assert len(code.sums[0]) == 1 + len(code.functions)


def test_one_large_tree_is_cut_too() -> None:
    def complete(depth: int, place: int) -> Node:
        if depth == 0:
            return Leaf(place * place % 4093, 0, 1.0)
        return split(depth % 3, place, complete(depth - 1, 2 * place), complete(depth - 1, 2 * place + 1))

    sums = output_sums(forest(complete(12, 1)))
    code = fast_code(sums, choose_slots(sums, "int32"))
    sizes = [len(re.findall(r"\bif \(", function)) for function in code.functions]
    assert sum(sizes) == sums[0].block.n_splits
    assert max(sizes) <= SPLITS_PER_FUNCTION
    assert max(len(line) for function in code.functions for line in function.splitlines()) <= 110
