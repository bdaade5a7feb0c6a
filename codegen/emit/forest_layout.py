"""What the table styles share: trees with small unsigned leaves, thresholds as sorted integers, C initialisers."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from codegen.ir.forest import Forest, Leaf, Node, Number, Split, Tree, share_left, walk

COLUMNS = 100


@dataclass(frozen=True, slots=True)
class StoredTree:
    """A tree of at least one split. Its leaves are stored less the least of them, which its output's base takes."""

    root: Split
    output: int
    least: int  # value of the least leaf
    shift: int  # low bits that are 0 in every leaf less `least`
    bits: int  # that remain of the largest

    def offset(self, leaf: Leaf) -> int:
        """What is left of a leaf's value: at least 0."""
        return int(leaf.value) - self.least


@dataclass(frozen=True, slots=True)
class TreeGroup:
    """Neighbouring trees of one output whose leaves are stored shifted by the same number of bits."""

    output: int
    shift: int
    trees: tuple[StoredTree, ...]


@dataclass(frozen=True, slots=True)
class StoredForest:
    """A lowered forest as the table styles store it."""

    trees: tuple[StoredTree, ...]  # by output
    base: tuple[int, ...]  # [n_outputs], with the least leaf of each tree
    leaf_bits: int  # of the widest tree, at least 1


def store(forest: Forest) -> StoredForest:
    """Sort the trees of an integer forest by output, and take each tree's least leaf to the base.

    A partial sum in that order holds the least leaves of the trees to come, so scale_leaves' bound on the sum of
    any leaves holds for it too.
    """
    base = [int(value) for value in forest.base]
    trees: list[StoredTree] = []
    for tree in forest.trees:
        values = sorted({int(leaf.value) for leaf in leaves_of(tree)})
        base[tree.output] += values[0]
        if isinstance(tree.root, Split):
            shift = trailing_zeros(value - values[0] for value in values)
            bits = ((values[-1] - values[0]) >> shift).bit_length()
            trees.append(StoredTree(tree.root, tree.output, values[0], shift, bits))
    trees.sort(key=lambda tree: tree.output)
    return StoredForest(tuple(trees), tuple(base), max((tree.bits for tree in trees), default=1))


def group_by_shift(trees: Iterable[StoredTree], bits: int) -> tuple[TreeGroup, ...]:
    """As few groups as leaves of that many bits allow: a finer shift than a tree needs is as good while it fits.

    Raises ValueError for a tree whose leaves need more bits.
    """
    trees = tuple(trees)
    if any(tree.bits > bits for tree in trees):
        raise ValueError(f"leaves of {max(tree.bits for tree in trees)} bits do not fit {bits}")
    groups: list[TreeGroup] = []
    left = sorted(trees, key=lambda tree: (tree.output, tree.shift))
    while left:
        output, shift = left[0].output, left[0].shift
        fits = [tree.output == output and tree.bits + tree.shift - shift <= bits for tree in left]
        groups.append(TreeGroup(output, shift, tuple(tree for tree, own in zip(left, fits, strict=True) if own)))
        left = [tree for tree, own in zip(left, fits, strict=True) if not own]
    return tuple(groups)


def leaves_of(tree: Tree | StoredTree) -> Iterator[Leaf]:
    """The leaves of a tree, from left to right."""
    return (node for node in walk(tree.root) if isinstance(node, Leaf))


def splits_of(trees: Iterable[StoredTree]) -> Iterator[Split]:
    """The splits of trees, parents first, left before right."""
    return (node for tree in trees for node in walk(tree.root) if isinstance(node, Split))


def count_splits(root: Node) -> int:
    """Splits under and including root."""
    return sum(isinstance(node, Split) for node in walk(root))


def visits(root: Node) -> float:
    """Splits a row of the training set meets on its way to a leaf, on average."""
    total = 0.0
    stack = [(root, 1.0)]
    while stack:
        node, share = stack.pop()
        if isinstance(node, Split):
            total += share
            left = share * share_left(node)
            stack += [(node.left, left), (node.right, share - left)]
    return total


def trailing_zeros(values: Iterable[int]) -> int:
    """Low bits that are 0 in all values, none of them negative; 0 where all are 0."""
    union = 0
    for value in values:
        union |= value
    return (union & -union).bit_length() - 1 if union else 0


def threshold_key(threshold: Number) -> int:
    """An int32 that orders as thresholds do; for float32 the magnitude's bits with its sign, so that -0 equals 0."""
    if isinstance(threshold, int):
        return threshold
    bits: int = struct.unpack("<I", struct.pack("<f", threshold))[0]
    magnitude = bits & 0x7FFFFFFF
    return -magnitude if bits >> 31 else magnitude


def bytes_of(value: int, width: int) -> list[int]:
    """Bytes of an unsigned number, most significant first."""
    return list(value.to_bytes(width, "big"))


def unsigned_bits(largest: int) -> int:
    """Width of the narrowest unsigned C type that holds a value."""
    return next(bits for bits in (8, 16, 32, 64) if largest < 1 << bits)


def initialiser(items: Iterable[str], indent: str = "    ") -> str:
    """Items separated by commas, in lines of at most COLUMNS."""
    lines: list[str] = []
    line = indent
    for item in items:
        if line != indent and len(line) + len(item) + 1 > COLUMNS:
            lines.append(line.rstrip())
            line = indent
        line += f"{item}, "
    return "\n".join([*lines, line.rstrip()])
