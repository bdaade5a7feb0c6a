"""Parts of the small style read back as its header and its page describe them."""

from __future__ import annotations

import numpy as np
import pytest

from codegen.emit.forest_layout import StoredForest, splits_of, store, threshold_key
from codegen.emit.forest_layout_bits import Bits
from codegen.emit.forest_layout_shapes import Shape, ShapeFormat, shape_formats, shape_of
from codegen.emit.forest_layout_tests import LIST_MAX, FeatureTests, find_tests
from codegen.emit.forest_small import best_plan, plans
from codegen.ir.forest import Forest, Leaf, Node, Split, depth
from codegen.passes import lower
from tests.unit.codegen.made_forests import FLOATS, balanced_tree, comb, random_forest
from tests.unit.codegen.made_forests import Shape as Made


def stored(forest: Forest, leaf_bits: int = 12) -> StoredForest:
    return store(lower(forest, "float32", "int32", None, leaf_bits))


def read(words: list[int], at: int, width: int) -> int:
    return sum(word << (32 * index) for index, word in enumerate(words)) >> at & ~(-1 << width)


def test_bits_read_back() -> None:
    rng = np.random.default_rng(1)
    widths = [int(width) for width in rng.integers(0, 40, 300)]
    values = [int(rng.integers(0, 1 << 62)) & ~(-1 << width) for width in widths]
    bits = Bits()
    at = []
    for value, width in zip(values, widths, strict=True):
        at.append(bits.n)
        bits.put(value, width)
    words = bits.words()
    assert all(0 <= word < 1 << 32 for word in words)
    assert len(words) == bits.n // 32 + 2
    assert [read(words, start, width) for start, width in zip(at, widths, strict=True)] == values


@pytest.mark.parametrize(("value", "width"), [(-1, 4), (16, 4), (1, 0)])
def test_bits_refuse_what_does_not_fit(value: int, width: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Bits().put(value, width)


def keys_of(one: FeatureTests, words: list[int], at: int) -> list[int]:
    """Thresholds as wp_forest_small.h draws them."""
    keys = [one.keys[0]]
    for index in range(len(one.keys) - 1):
        bucket = next(number for number, end in enumerate(one.ends) if index < end)
        distance = bucket << one.low | read(words, at + index * one.low, one.low)
        keys.append(one.keys[0] + (distance << one.step))
    return keys


@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize(
    "forest",
    [
        random_forest(1, Made(trees=60, thresholds=300)),
        random_forest(2, Made(trees=9, features=50, used=50, thresholds=4)),
        random_forest(3, Made(trees=30), FLOATS),
        balanced_tree(700),
    ],
)
def test_lists_of_tests_read_back(forest: Forest, alike: bool) -> None:
    own = stored(forest)
    tests = find_tests(splits_of(own.trees), alike=alike)
    bits, numbered = Bits(), []
    starts = []
    for one in tests.lists:
        starts.append(bits.n)
        one.put(bits)
        numbered += [(one.feature, key, not right) for key, right in zip(one.keys, one.right, strict=True)]
    for one, start in zip(tests.lists, starts, strict=True):
        assert keys_of(one, bits.words(), start) == list(one.keys)
        assert len(one.keys) <= LIST_MAX
        assert len(one.ends) <= LIST_MAX
        if one.missing == "WP_FOREST_DIFFER":
            assert not alike
            at = start + (len(one.keys) - 1) * one.low
            assert [read(bits.words(), at + i, 1) for i in range(len(one.right))] == list(one.right)
    wanted = {(s.feature, threshold_key(s.threshold), s.default_left) for s in splits_of(own.trees)}
    assert sorted(numbered) == sorted(wanted)
    assert tests.n == len(wanted)
    for split in splits_of(own.trees):
        assert numbered[tests.number(split)] == (split.feature, threshold_key(split.threshold), split.default_left)


def test_steps_of_thresholds_are_left_out() -> None:
    """Whole numbers have low bits of 0 as float32, which are not stored."""
    tests = find_tests(splits_of(stored(balanced_tree(200)).trees), alike=True)
    bits = Bits()
    for one in tests.lists:
        one.put(bits)
    assert min(one.step for one in tests.lists if len(one.keys) > 1) >= 15
    assert bits.n < 6 * tests.n


def test_wide_gaps_divide_lists() -> None:
    """Thresholds around -4 and 4 are half of all keys apart."""
    values = [sign * (4.0 + index / 64) for sign in (-1, 1) for index in range(60)]
    shape = Made(trees=60, features=1, used=1, missing_left=0.0)
    tests = find_tests(splits_of(stored(random_forest(8, shape, values)).trees))
    assert [one.keys[0] < 0 for one in tests.lists] == [True, False]
    assert max(one.low for one in tests.lists) < 8


def tree_of(shape: Shape, levels: int) -> Node:
    """The tree again, by the rule of forest_layout_shapes."""
    top = (1 << levels) - 2

    def at(place: int) -> Node:
        bits = [False] * top + list(shape.holes)
        hole = bits[place] if place < len(bits) else True
        before = sum(bits[:place]) + max(place - len(bits), 0)
        return shape.leaves[before] if hole else node(place + 1 - before)

    def node(number: int) -> Node:
        split = shape.splits[number]
        left, right = at(2 * number), at(2 * number + 1)
        if split is None:
            assert left == right
            return left
        return Split(split.feature, split.threshold, split.default_left, left, right, split.weight)

    return node(0)


@pytest.mark.parametrize("levels", [1, 2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_shapes_read_back(seed: int, levels: int) -> None:
    forest = stored(random_forest(seed, Made(trees=8, depth=2 + 2 * seed, split=0.75)))
    for tree in forest.trees:
        shape = shape_of(tree, levels)
        assert tree_of(shape, levels) == tree.root
        assert len(shape.leaves) == len(shape.splits) + 1
        assert not shape.holes or not shape.holes[-1]


def test_every_format_holds_every_shape() -> None:
    forest = stored(random_forest(5, Made(trees=40, depth=7, split=0.7)))
    for levels in (1, 3):
        shapes = [shape_of(tree, levels) for tree in forest.trees]
        formats = list(shape_formats(shapes, levels))
        assert len(formats) == len(set(formats)) > 3
        for form in formats:
            for shape in shapes:
                assert len(shape.holes) <= form.n_holes(shape) <= form.most
                assert form.length(shape) < 1 << form.length_bits


def test_holes_of_one_word() -> None:
    assert not ShapeFormat(0, 32, 1, 0).is_long
    assert ShapeFormat(0, 32, 4, 2).is_long
    assert ShapeFormat(0, 33, 1, 0).is_long
    assert not ShapeFormat(0, 31, 4, 3).is_long


@pytest.mark.parametrize(
    ("shape", "top", "most"),
    [(Made(trees=40, depth=4, split=1.0), 14, 0), (Made(trees=400, depth=5, split=0.7, thresholds=200), 0, 30)],
)
def test_the_format_follows_the_forest(shape: Made, top: int, most: int) -> None:
    forest = stored(random_forest(6, shape))
    form = best_plan(forest, find_tests(splits_of(forest.trees))).format
    assert (form.top, form.most) == (top, most)


def test_no_plan_is_smaller_by_much() -> None:
    """Speed is worth a little, at most a tenth of the bytes here."""
    forest = stored(random_forest(7, Made(trees=60, depth=6, split=0.85)))
    tests = find_tests(splits_of(forest.trees))
    best = best_plan(forest, tests)
    assert best.n_bits < 1.1 * min(plan.n_bits for plan in plans(forest, tests))


@pytest.mark.parametrize(
    ("forest", "leaf_bits", "widths"),
    [
        (balanced_tree(40), 12, (8, 6, 2)),
        (balanced_tree(256), 12, (8, 8, 0)),
        (balanced_tree(257), 12, (16, 9, 7)),
        (random_forest(9, Made(trees=200, thresholds=100)), 3, (16, 11, 3)),
        pytest.param(balanced_tree(70_000), 12, (32, 17, 15), marks=pytest.mark.slow),
    ],
)
def test_widths_of_items(forest: Forest, leaf_bits: int, widths: tuple[int, int, int]) -> None:
    """Type, test number, and how much of a leaf fits beside it."""
    own = stored(forest, leaf_bits)
    items = next(plans(own, find_tests(splits_of(own.trees)))).items
    assert (items.type_bits, items.test_bits) == widths[:2]
    assert items.low_bits == min(widths[2], items.leaf_bits)
    assert items.rest_bits == items.leaf_bits - items.low_bits


def test_deep_trees_have_shapes() -> None:
    forest = stored(comb(256))
    (tree,) = forest.trees
    assert depth(tree.root) == 256
    shape = shape_of(tree, 1)
    assert isinstance(shape.leaves[0], Leaf)
    assert len(shape.holes) == 2 * 255
