"""Layouts of the balanced style: what is chosen, and what a tree is as bytes."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from codegen.emit.forest_balanced import best_plan, code_files
from codegen.emit.forest_layout import (
    COLUMNS,
    StoredForest,
    group_by_shift,
    initialiser,
    leaves_of,
    splits_of,
    store,
    threshold_key,
    visits,
)
from codegen.emit.forest_layout_complete import CompleteTrees, complete_trees
from codegen.emit.forest_layout_lists import Lists, threshold_lists
from codegen.emit.forest_layout_stream import Stream, StreamFormat, _Shape, _skip, stream
from codegen.ir.forest import Forest, Leaf, Node, Split, Tree, depth
from codegen.passes import lower
from tests.unit.codegen.made_forests import EXTREMES, Shape, balanced_tree, comb, random_forest


def stored(forest: Forest, leaf_bits: int = 12) -> StoredForest:
    return store(lower(forest, "float32", "int32", None, leaf_bits))


def lists_of(forest: StoredForest) -> Lists:
    return threshold_lists(splits_of(forest.trees))


def stream_of(forest: StoredForest) -> Stream:
    lists = lists_of(forest)
    return stream(forest.trees, forest.leaf_bits, lists.n_slots, lists.slot)


def tree(root: Node, leaf_bits: int = 12) -> StoredForest:
    return stored(Forest((Tree(root, 0),), (0.0,), 3, "reg:squarederror"), leaf_bits)


def test_a_tree_as_bytes() -> None:
    """Three splits; leaves 0, 1, 2 and 3 become 0, 1365, 2730 and 4095 of 12 bits, less what their shift takes."""
    left = Split(1, 5.0, True, Leaf(1.0, 3), Leaf(2.0, 4))
    forest = tree(Split(2, 7.0, True, left, Split(1, 6.0, True, Leaf(0.0, 5), Leaf(3.0, 6))))
    encoded = stream_of(forest)
    assert encoded.format == StreamFormat(slot=1, skip=1, leaf=1, leaf_bits=2, size=1)
    assert encoded.trees == ((11, 1, 0, 4, 0, 0, 253, 254, 0, 1, 252, 255),)
    fine = tree(Split(2, 7.0, True, left, Leaf(1.0 + 2.0**-10, 7)))
    assert stream_of(fine).format.leaf == 2


def test_slots_beyond_two_bytes() -> None:
    forest = stored(random_forest(1, Shape(trees=5)))
    assert stream(forest.trees, 12, 70_000, lists_of(forest).slot).format.slot == 3


def test_a_left_leaf_has_no_size() -> None:
    forest = tree(Split(0, 7.0, True, Leaf(0.0, 1), Leaf(1.0, 2)))
    assert stream_of(forest).trees == ((4, 0, 0, 254, 255),)


@pytest.mark.parametrize(
    ("forest", "leaf_bits", "widths"),
    [
        (random_forest(1, Shape(trees=5)), 5, (1, 1, 1, 1)),
        (random_forest(1, Shape(trees=5)), 12, (1, 1, 2, 1)),
        (random_forest(1, Shape(trees=5)), 16, (1, 1, 3, 1)),
        (random_forest(1, Shape(trees=90, depth=3, features=400, used=400)), 12, (2, 1, 2, 1)),
        (random_forest(1, Shape(trees=2, depth=8, split=1.0)), 12, (1, 2, 2, 2)),
        pytest.param(balanced_tree(70_000), 12, (2, 3, 2, 3), marks=pytest.mark.slow),
    ],
)
def test_widths_of_a_stream(forest: Forest, leaf_bits: int, widths: tuple[int, ...]) -> None:
    """Slots, sizes of left sides, leaves and sizes of trees take the bytes they need."""
    form = stream_of(stored(forest, leaf_bits)).format
    assert (form.slot, form.skip, form.leaf, form.size) == widths


@pytest.mark.parametrize(("skips", "width"), [(1, 1), (2, 2)])
def test_a_size_begins_below_the_mark(skips: int, width: int) -> None:
    """59 splits with leaves of two bytes and 1 or 2 sizes are 239 or 240 bytes."""
    side = _Shape(59, skips)
    assert side.size(slot=1, skip=1, leaf=2) == 238 + skips
    assert _skip([side], 1, 2, 240) == width


def walk_stream(code: tuple[int, ...], form: StreamFormat) -> Node | None:
    """The tree again, as the page says it is laid out; thresholds are positions, features slots."""

    def number(at: int, width: int) -> int:
        return int.from_bytes(bytes(code[at : at + width]), "big")

    def node(at: int) -> tuple[Node, int]:
        if code[at] >= form.mark:
            return Leaf(number(at, form.leaf) - (form.mark << (8 * (form.leaf - 1))), 0), at + form.leaf
        slot, position, begin = number(at, form.slot), code[at + form.slot], at + form.slot + 1
        skip = form.skip if code[begin] < form.mark else 0
        left, end = node(begin + skip)
        assert not skip or end == begin + skip + number(begin, form.skip)
        right, end = node(end)
        return Split(slot, position, True, left, right), end

    assert number(0, form.size) == len(code) - form.size
    root, end = node(form.size)
    assert end == len(code)
    return root


@pytest.mark.parametrize("seed", range(8))
def test_a_stream_reads_back(seed: int) -> None:
    shape = Shape(trees=20, depth=3 + seed, split=0.6, features=200, used=1 + 25 * seed)
    forest = stored(random_forest(seed, shape), leaf_bits=4 + seed)
    lists = lists_of(forest)
    encoded = stream(forest.trees, forest.leaf_bits, lists.n_slots, lists.slot)
    codes = iter(encoded.trees)
    for group in encoded.groups:
        for own in group.trees:

            def as_stored(node: Node, own: object = own, shift: int = group.shift) -> Node:
                if isinstance(node, Leaf):
                    return Leaf(own.offset(node) >> shift, 0)  # type: ignore[attr-defined]
                slot, position = lists.slot(node)
                return Split(slot, position, True, as_stored(node.left), as_stored(node.right))

            assert walk_stream(next(codes), encoded.format) == as_stored(own.root)
    assert next(codes, None) is None


@pytest.mark.parametrize(
    ("shape", "kind", "ranks"),
    [
        (Shape(trees=40, depth=4, split=1.0), CompleteTrees, True),
        (Shape(trees=40, depth=7, split=0.6), Stream, True),
        (Shape(trees=2, depth=3, features=30, used=30), Stream, False),
        (Shape(trees=90, depth=4, split=1.0, features=300, used=300), Stream, False),
    ],
)
def test_the_layout_follows_the_forest(shape: Shape, kind: type, ranks: bool) -> None:
    forest = stored(random_forest(2, shape))
    plan = best_plan(forest, lists_of(forest), integer=False)
    assert (type(plan.trees), plan.ranks) == (kind, ranks)


def test_complete_trees_repeat_the_leaf_above() -> None:
    forest = tree(Split(0, 7.0, True, Leaf(0.0, 1), Split(1, 8.0, True, Leaf(1.0, 2), Leaf(3.0, 3))))
    complete = complete_trees(forest, 2, lists_of(forest).slot)
    assert complete.splits == (((0, 0), (0, 0), (1, 0)),)
    assert complete.leaves == ((0, 0, 1, 3),)


def test_missing_both_ways_gives_two_slots_and_many_thresholds_several_lists() -> None:
    forest = stored(balanced_tree(600))
    lists = lists_of(forest)
    assert [len(one.keys) for one in lists.lists] == [255, 255, 90]
    assert lists.n_slots == 6
    split = Split(0, 255.0, False, Leaf(0, 0), Leaf(0, 0))
    assert lists.slot(split) == (3, 0)
    assert lists.slot(replace(split, default_left=True)) == (2, 0)


def balanced_code(*splits: Split) -> str:
    trees = tuple(Tree(split, 0) for split in splits for _ in range(20))
    forest = lower(Forest(trees, (0.0,), 400, "reg:squarederror"), "float32", "int32", None, 12)
    values = {"name": "c", "NAME": "C", "stem": "c", "version": "0", "style": "balanced", "file": "c", "sha256": "0"}
    known = {**values, "xgboost_version": "3", "forest": forest, "integer_features": False, "leaf_bits": 12}
    return code_files(known)["c.c"]


def test_lists_hold_only_what_differs() -> None:
    """A column of one byte where all fit, and no sides where a missing value goes the same way in all lists."""
    right = Split(3, 7.0, False, Leaf(0.0, 1), Leaf(1.0, 2))
    alike = balanced_code(right, replace(right, feature=255))
    assert "#define WP_FOREST_COLUMN uint8_t" in alike
    assert "#define WP_FOREST_SIDES (WP_FOREST_RIGHT)" in alike
    assert "{3, 1}, {255, 1}," in alike
    differing = balanced_code(right, replace(right, feature=256, default_left=True))
    assert "#define WP_FOREST_COLUMN uint16_t" in differing
    assert "WP_FOREST_SIDES" not in differing
    assert "{3, 1, WP_FOREST_RIGHT}, {256, 1, WP_FOREST_LEFT}," in differing


def test_groups_take_the_finest_shift_that_fits() -> None:
    """Leaves of 2 bits each, at shifts 0, 3 and 9 of the scale: in 8 bits the first two share one."""
    roots = [Split(0, 1.0, True, Leaf(0.0, 1), Leaf(3.0 * 2.0**k, 2)) for k in (-9, -6, 0)]
    forest = stored(Forest(tuple(Tree(root, 0) for root in roots), (2.0**20,), 1, "reg:squarederror"))
    shifts = [group.shift for group in group_by_shift(forest.trees, 8)]
    assert len(shifts) == 2
    assert shifts[1] - shifts[0] == 9
    assert len(group_by_shift(forest.trees, 2)) == 3
    assert len(group_by_shift(forest.trees, 16)) == 1
    with pytest.raises(ValueError, match="do not fit"):
        group_by_shift(forest.trees, 1)


def test_the_base_takes_every_trees_least_leaf() -> None:
    forest = lower(random_forest(3, Shape()), "float32", "int32", None, 12)
    base = list(forest.base)
    for one in forest.trees:
        base[one.output] += min(int(leaf.value) for leaf in leaves_of(one))
    assert store(forest).base == tuple(base)
    assert all(min(one.offset(leaf) for leaf in leaves_of(one)) == 0 for one in store(forest).trees)


def test_keys_order_as_floats_do() -> None:
    rng = np.random.default_rng(5)
    values = rng.integers(0, 1 << 32, 2000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    values = np.sort(np.concatenate([values[np.isfinite(values)], EXTREMES[4:]]))
    keys = [threshold_key(float(value)) for value in values]
    assert keys == sorted(keys)
    assert [a == b for a, b in itertools.pairwise(keys)] == list(values[:-1] == values[1:])


def test_visits_count_splits_by_weight() -> None:
    right = Split(0, 2.0, True, Leaf(0.0, 3, 1.0), Leaf(0.0, 4, 2.0), 3.0)
    assert visits(Split(0, 1.0, True, Leaf(0.0, 1, 9.0), right, 12.0)) == 1.25
    assert visits(comb(3).trees[0].root) == 1.75
    assert depth(comb(3).trees[0].root) == 3


def test_initialisers_stay_within_their_columns() -> None:
    text = initialiser(map(str, range(0, 10**6, 997)))
    assert max(map(len, text.splitlines())) <= COLUMNS
    assert min(map(len, text.splitlines()[:-1])) > COLUMNS - 9
    assert [int(item) for item in text.replace("\n", " ").rstrip(",").split(",")] == list(range(0, 10**6, 997))


def test_constants_need_no_runtime() -> None:
    forest = lower(Forest((), (1.0,), 2, "reg:squarederror"), "int32", "int32")
    values = {"name": "c", "NAME": "C", "stem": "c", "version": "0", "style": "balanced", "file": "c", "sha256": "0"}
    known = {**values, "xgboost_version": "3", "forest": forest, "integer_features": True}
    assert list(code_files(known)) == ["c.c"]
