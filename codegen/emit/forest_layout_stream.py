"""Trees as a stream of bytes, each split followed by its left side and then its right one.

    tree    size of its root, then the root
    split   slot, position, left side, right side; a left side that is a split has its size before it
    leaf    a first byte of at least `mark`, then the lower bytes of the value

A slot and a size begin with a byte below `mark`, so that a leaf is told from either. Numbers of several bytes have
their most significant byte first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from codegen.emit.forest_layout import StoredTree, TreeGroup, bytes_of, group_by_shift
from codegen.ir.forest import Leaf, Node, Split

Place = Callable[[Split], tuple[int, int]]  # slot and position of a split


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """Widths, in bytes unless they say bits."""

    slot: int
    skip: int  # size of a left side
    leaf: int
    leaf_bits: int
    size: int  # of a tree

    @property
    def mark(self) -> int:
        """First bytes from here on are a leaf's: its value's highest byte is added to the mark."""
        return 256 - (1 << (self.leaf_bits - 8 * (self.leaf - 1)))


@dataclass(frozen=True, slots=True)
class Stream:
    """Trees as bytes, in groups."""

    format: StreamFormat
    groups: tuple[TreeGroup, ...]
    trees: tuple[tuple[int, ...], ...]  # bytes of each tree, in the order of the groups

    @property
    def n_bytes(self) -> int:
        """Bytes of all trees."""
        return sum(map(len, self.trees))


def stream(trees: tuple[StoredTree, ...], leaf_bits: int, n_slots: int, place: Place) -> Stream:
    """The smallest stream of trees whose leaves need at most leaf_bits bits (16 or less)."""
    form = _smallest(trees, leaf_bits, n_slots)
    groups = group_by_shift(trees, form.leaf_bits)
    encoded = []
    for group in groups:
        for tree in group.trees:
            root = list(_encode(tree.root, tree, group.shift, form, place))
            encoded.append((*bytes_of(len(root), form.size), *root))
    return Stream(form, groups, tuple(encoded))


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the size of a subtree depends on."""

    splits: int
    skips: int  # splits with a split on the left

    def size(self, slot: int, skip: int, leaf: int) -> int:
        return self.splits * (slot + 1) + self.skips * skip + (self.splits + 1) * leaf


def _smallest(trees: tuple[StoredTree, ...], leaf_bits: int, n_slots: int) -> StreamFormat:
    """Of all formats that hold the forest, the one of fewest bytes, a group's four included."""
    slot = next(width for width in (1, 2, 3) if n_slots <= 255 << (8 * (width - 1)))
    left_sides: set[_Shape] = set()
    roots = [_shape(tree.root, left_sides) for tree in trees]
    found: list[tuple[int, StreamFormat]] = []  # never empty: leaves of three bytes leave 255 first bytes to the others
    for leaf in (1, 2, 3):
        for bits in range(max(leaf_bits, 8 * (leaf - 1)), min(8 * leaf, 17)):
            mark = 256 - (1 << (bits - 8 * (leaf - 1)))
            skip = _skip(left_sides, slot, leaf, mark)
            if n_slots > mark << (8 * (slot - 1)) or skip is None:
                continue
            sizes = [shape.size(slot, skip, leaf) for shape in roots]
            size = _width(max(sizes))
            total = sum(sizes) + size * len(sizes) + 4 * len(group_by_shift(trees, bits))
            found.append((total, StreamFormat(slot, skip, leaf, bits, size)))
    return min(found, key=lambda pair: pair[0])[1]


def _skip(left_sides: Iterable[_Shape], slot: int, leaf: int, mark: int) -> int | None:
    """Least width of the size of every left side, first byte below mark; None when there is none up to four."""
    for width in (1, 2, 3, 4):
        largest = max((shape.size(slot, width, leaf) for shape in left_sides), default=0)
        if largest < mark << (8 * (width - 1)):
            return width
    return None


def _width(largest: int) -> int:
    return max((largest.bit_length() + 7) // 8, 1)


def _shape(node: Node, left_sides: set[_Shape]) -> _Shape:
    if isinstance(node, Leaf):
        return _Shape(0, 0)
    left, right = _shape(node.left, left_sides), _shape(node.right, left_sides)
    if left.splits:
        left_sides.add(left)
    return _Shape(left.splits + right.splits + 1, left.skips + right.skips + (left.splits > 0))


def _encode(node: Node, tree: StoredTree, shift: int, form: StreamFormat, place: Place) -> Iterator[int]:
    if isinstance(node, Leaf):
        high, *low = bytes_of(tree.offset(node) >> shift, form.leaf)
        yield from (form.mark + high, *low)
        return
    slot, position = place(node)
    yield from (*bytes_of(slot, form.slot), position)
    left = list(_encode(node.left, tree, shift, form, place))
    if isinstance(node.left, Split):
        yield from bytes_of(len(left), form.skip)
    yield from left
    yield from _encode(node.right, tree, shift, form, place)
