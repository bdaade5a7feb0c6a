"""Trees breadth first: below split i are the places 2 i and 2 i + 1, and a bit says what each place holds.

A place with a leaf has a hole, bit 1; one with a split has bit 0. The split at place p is number p + 1 less the holes
before p, counted in the same order; the leaf there is number "holes before p". All trees may be given a complete top
(a leaf repeated where a tree is less deep), whose places have no bits. Behind a tree's last split all places are holes
and have no bits either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from codegen.emit.forest_layout import StoredTree
from codegen.ir.forest import Leaf, Node, Split


@dataclass(frozen=True, slots=True)
class Shape:
    """One tree, breadth first."""

    splits: tuple[Split | None, ...]  # None: added, both sides are the same
    leaves: tuple[Leaf, ...]
    holes: tuple[bool, ...]  # of the places behind the top, up to the last split


@dataclass(frozen=True, slots=True)
class ShapeFormat:
    """How holes are written: a length in `length_bits`, then `most` - `unit` x length of them."""

    top: int  # places without a bit: 2**levels - 2
    most: int
    unit: int
    length_bits: int

    @property
    def is_long(self) -> bool:
        """Whether some tree's holes need more than a word, or a length that a shift by 32 would come from."""
        return self.most > 32 or (self.most == 32 and self.length_bits > 0)

    def length(self, shape: Shape) -> int:
        """The largest length that leaves room for all holes."""
        spare = (self.most - len(shape.holes)) // self.unit if self.length_bits else 0
        return min(spare, (1 << self.length_bits) - 1)

    def n_holes(self, shape: Shape) -> int:
        """Holes that are written."""
        return self.most - self.unit * self.length(shape)


def shape_of(tree: StoredTree, levels: int) -> Shape:
    """The tree with at least `levels` complete levels of splits."""
    splits: list[Split | None] = []
    leaves: list[Leaf] = []
    holes: list[bool] = []
    row: list[Node] = [tree.root]
    depth = 0
    while row:
        below: list[Node] = []
        for node in row:
            is_leaf = isinstance(node, Leaf) and depth >= levels
            holes.append(is_leaf)
            if isinstance(node, Split):
                splits.append(node)
                below += [node.left, node.right]
            elif is_leaf:
                leaves.append(node)
            else:
                splits.append(None)
                below += [node, node]
        row, depth = below, depth + 1
    end = max(place for place, hole in enumerate(holes) if not hole) + 1
    return Shape(tuple(splits), tuple(leaves), tuple(holes[(1 << levels) - 1 : end]))


def shape_formats(shapes: Iterable[Shape], levels: int) -> Iterator[ShapeFormat]:
    """Formats that hold these shapes: one length for all, or lengths in steps."""
    lengths = sorted({len(shape.holes) for shape in shapes})
    most, top = lengths[-1], (1 << levels) - 2
    yield ShapeFormat(top, most, 1, 0)
    for length_bits in range(1, (most - lengths[0]).bit_length() + 1):
        largest = (most - lengths[0]) // ((1 << length_bits) - 1)
        for unit in _steps(largest):
            yield ShapeFormat(top, most, unit, length_bits)


def _steps(largest: int) -> Sequence[int]:
    """Units up to the largest, all of them or, where there are many, powers of two."""
    return range(1, largest + 1) if largest <= 16 else [1 << bit for bit in range(largest.bit_length())]
