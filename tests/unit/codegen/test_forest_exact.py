"""The tables of the exact style, decoded again: pieces are the trees, blocks their thresholds, and leaves come back."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from codegen.emit.forest_exact import Leaves, code_files, store_leaves
from codegen.emit.forest_exact_blocks import slot_of, threshold_blocks
from codegen.emit.forest_exact_pieces import LEFT_MAX, SPLITS_MAX, Piece, cut, in_order
from codegen.emit.forest_layout import threshold_key
from codegen.errors import ModelError
from codegen.ir.forest import Forest, Leaf, Node, Split, Tree, walk
from codegen.passes import integer_features
from tests.unit.codegen.made_forests import FLOATS, Shape, balanced_tree, comb, random_forest

SHAPES = {
    "complete": Shape(trees=5, depth=6, split=1.0),
    "one more level": Shape(trees=5, depth=7, split=1.0),
    "sparse": Shape(trees=30, depth=9, split=0.6),
    "deep": Shape(trees=3, depth=12, split=0.85),
    "stumps": Shape(trees=9, depth=1),
}


def right_comb(depth: int) -> Node:
    return comb(depth).trees[0].root


def left_comb(depth: int) -> Node:
    """Goes on to the left at every split: the worst case for sizes of left subtrees."""
    node: Node = Leaf(0.5, depth)
    for level in range(depth):
        node = Split(0, float(level), False, node, Leaf(float(level), level))
    return node


ROOTS: dict[str, list[Node]] = {
    name: [tree.root for tree in random_forest(1, shape).trees] for name, shape in SHAPES.items()
}
ROOTS |= {
    "right comb": [right_comb(256)],
    "left comb": [left_comb(200)],
    "large": [balanced_tree(3000).trees[0].root],
    "two full pieces": [Split(0, 0.5, False, right_comb(63), right_comb(63))],
    "a leaf": [Leaf(1.0, 0)],
}


def rebuilt(piece: Piece) -> Node:
    """The tree of a piece and those it leads to, from sizes alone."""
    splits, leaves = iter(piece.splits), iter(piece.leaves)

    def subtree(n: int) -> Node:
        if n == 0:
            leaf = next(leaves)
            return leaf if isinstance(leaf, Leaf) else rebuilt(leaf)
        split, left = next(splits)
        below = subtree(left)
        return replace(split, left=below, right=subtree(n - 1 - left))

    return subtree(len(piece.splits))


@pytest.mark.parametrize("shape", ROOTS)
def test_pieces_are_the_tree(shape: str) -> None:
    for root in ROOTS[shape]:
        first = cut(root)
        assert rebuilt(first) == root
        for piece in in_order([first]):
            assert len(piece.leaves) == len(piece.splits) + 1
            assert len(piece.splits) <= SPLITS_MAX
            assert all(left <= LEFT_MAX for _, left in piece.splits[1:])
            assert piece.shape == len(piece.splits) + (piece.splits[0][1] // 16 * 64 if piece.splits else 0) < 256
        if len(list(walk(root))) <= 127 and shape == "complete":
            assert in_order([first]) == (first,)  # six levels need no cut


def test_few_pieces() -> None:
    """All but the first have more than 15 splits, so that links are a small part of the whole."""
    for roots in ROOTS.values():
        for root in roots:
            assert all(len(piece.splits) > LEFT_MAX for piece in in_order([cut(root)])[1:])


def blocks_of(roots: Iterable[Node]) -> None:
    pieces = in_order(cut(root) for root in roots)
    blocks = threshold_blocks(pieces)
    known = {(slot_of(split), threshold_key(split.threshold)) for piece in pieces for split, _ in piece.splits}
    assert set(blocks.place) == known
    for (_, key), (block, place) in blocks.place.items():
        assert blocks.blocks[block][place] == key
    assert sum(map(len, blocks.blocks)) == len(known)
    assert sum(n for _, n in blocks.slots) == len(blocks.blocks)
    assert [slot for slot, _ in blocks.slots] == sorted({slot for slot, _ in known})
    first = 0
    for _, n in blocks.slots:
        own = [key for keys in blocks.blocks[first : first + n] for key in keys]
        assert all(low < high for low, high in pairwise(own))
        first += n
    assert all(1 <= len(keys) <= 16 for keys in blocks.blocks)
    assert max(blocks.distances, default=0) < 1 << 8 * blocks.distance_bytes
    for piece in pieces:
        for split, left in piece.splits:
            _, place = blocks.place[slot_of(split), threshold_key(split.threshold)]
            assert (place << 4 | left & 15) != 255  # which stands for "all reached"


@pytest.mark.parametrize("shape", ROOTS)
def test_blocks_hold_every_threshold_once(shape: str) -> None:
    blocks_of(ROOTS[shape])


def test_blocks_of_the_whole_range_of_floats() -> None:
    forest = random_forest(4, Shape(trees=30, features=2, used=2, split=1.0), FLOATS)
    blocks_of(tree.root for tree in forest.trees)


@pytest.mark.parametrize(("step", "distance_bytes"), [(3, 2), (9_000, 2), (40_000, 3), (12_000_000, 4)])
def test_distances_are_as_wide_as_they_must_be(step: int, distance_bytes: int) -> None:
    """Thresholds `step` apart: short blocks with short distances can be cheaper than full ones."""
    root: Node = Leaf(0.0, 0)
    for index in range(64):
        root = Split(0, index * step, True, Leaf(1.0, 1), root)
    blocks = threshold_blocks(in_order([cut(root)]))
    assert blocks.distance_bytes == distance_bytes
    assert len(blocks.blocks) == (8 if step == 9_000 else 4)


def decoded(leaves: Leaves, index: int) -> float:
    """A leaf from its stored parts, by the words of the runtime's header."""
    mantissa, exponent = leaves.mantissas[index], leaves.exponents[index]
    if exponent == 0:
        return float(struct.unpack("<f", struct.pack("<I", leaves.specials[mantissa]))[0])
    negative = mantissa >> 23
    magnitude = (mantissa & 0x7FFFFF) | (0 if negative else 1 << 23)
    return float((magnitude - (1 << 24) * negative) * 2.0 ** (exponent + leaves.exponent_base - 150))


@pytest.mark.parametrize("spread", [1.0, 12.0, 60.0])
def test_leaves_come_back_bit_for_bit(spread: float) -> None:
    rng = np.random.default_rng(3)
    values = (rng.normal(size=400) * 2.0 ** rng.normal(0.0, spread, 400).clip(-160, 120)).astype(np.float32)
    special = np.array([0.0, -0.0, 1.0, -1.0, -0.5, 1e-45, -1e-38, 3.4028235e38, -3.4028235e38], np.float32)
    values = np.concatenate([values[np.isfinite(values)], special])
    piece = Piece((), tuple(Leaf(float(value), index) for index, value in enumerate(values)))
    leaves = store_leaves([piece], 2)
    back = np.array([decoded(leaves, index) for index in range(len(values))], np.float32)
    assert np.array_equal(back.view(np.uint32), values.view(np.uint32))
    assert len(set(leaves.specials)) == len(leaves.specials)
    assert (leaves.exponents.count(0) < 20) == (spread == 1.0)
    assert all(mantissa < 1 << 24 for mantissa in leaves.mantissas)


def test_too_many_thresholds_are_refused() -> None:
    root: Node = Leaf(0.0, 0)
    for index in range(200):
        root = Split(index, 0.5, True, Leaf(1.0, 1), root)
    forest = Forest(tuple(Tree(root, 0) for _ in range(2)), (0.0,), 200, "reg:squarederror")
    assert "uint8_t below[200]" in code_files({**VALUES, "forest": forest})["m.c"]
    many = [Tree(Split(index, 0.5, True, Leaf(0.0, 0), Leaf(1.0, 1)), 0) for index in range(65_537)]
    with pytest.raises(ModelError, match="more thresholds than --emit exact holds"):
        code_files({**VALUES, "forest": replace(forest, trees=tuple(many), n_features=65_537)})


VALUES = {
    "name": "m",
    "NAME": "M",
    "stem": "m",
    "version": "0",
    "style": "exact",
    "file": "m.json",
    "sha256": "0",
    "xgboost_version": "3.2.0",
    "integer_features": False,
}


def test_integer_thresholds_take_two_bytes() -> None:
    forest = integer_features(random_forest(2, Shape(trees=40)))
    text = code_files({**VALUES, "forest": forest, "integer_features": True})["m.c"]
    assert "distance_low" in text
    assert "distance_mid" not in text
