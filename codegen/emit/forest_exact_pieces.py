"""Trees as codegen/runtime/wp_forest_exact.h walks them: lists of splits and leaves, cut where sizes would not fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from codegen.ir.forest import Leaf, Node, Split

# A piece is told by a byte: its splits, and the high bits of how many are left of its root. Of every other split four
# bits say how many are left of it.
SPLITS_MAX = 63
LEFT_MAX = 15


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Part of a tree, parents first, left before right; in place of a leaf may stand the piece that goes on there."""

    splits: tuple[tuple[Split, int], ...]  # each with the number of splits in its left subtree
    leaves: tuple[Leaf | Piece, ...]

    @property
    def shape(self) -> int:
        """The byte that tells it."""
        return len(self.splits) | (self.splits[0][1] // (LEFT_MAX + 1) * 64 if self.splits else 0)


def cut(root: Node) -> Piece:
    """The tree as its first piece."""
    return _cut(root).piece()


def in_order(first: Iterable[Piece]) -> tuple[Piece, ...]:
    """Those pieces, and then all that they lead to."""
    pieces = list(first)
    for piece in pieces:  # grows on the way
        pieces += [leaf for leaf in piece.leaves if isinstance(leaf, Piece)]
    return tuple(pieces)


@dataclass(slots=True)
class _Part:
    """A subtree that may still become part of its parent's piece."""

    splits: list[tuple[Split, int]] = field(default_factory=list)
    leaves: list[Leaf | Piece] = field(default_factory=list)

    def piece(self) -> Piece:
        return Piece(tuple(self.splits), tuple(self.leaves))

    def close(self) -> None:
        """Make it a piece of its own; what remains is a leaf that leads there."""
        self.splits, self.leaves = [], [self.piece()]

    @property
    def is_root_only(self) -> bool:
        return bool(self.splits) and self.splits[0][1] > LEFT_MAX


def _cut(node: Node) -> _Part:
    """Bottom-up, cutting as late as possible: pieces have more than LEFT_MAX splits, except the one with the root."""
    if isinstance(node, Leaf):
        return _Part(leaves=[node])
    parts = (_cut(node.left), _cut(node.right))
    for part in parts:
        if part.is_root_only:
            part.close()
    while sum(len(part.splits) for part in parts) >= SPLITS_MAX:
        max(parts, key=lambda part: len(part.splits)).close()
    left, right = parts
    return _Part(
        [(node, len(left.splits)), *left.splits, *right.splits],
        [*left.leaves, *right.leaves],
    )
