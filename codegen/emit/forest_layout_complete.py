"""Trees padded to complete ones of equal depth, level by level, so that no split says where its sides are."""

from __future__ import annotations

from dataclasses import dataclass

from codegen.emit.forest_layout import StoredForest, TreeGroup, group_by_shift, unsigned_bits
from codegen.emit.forest_layout_stream import Place
from codegen.ir.forest import Leaf, Node, Split

PADDING = (0, 0)  # slot and position of a split whose sides are equal: what it says does not matter


@dataclass(frozen=True, slots=True)
class CompleteTrees:
    """Trees in groups: splits [trees][2**levels - 1] as (slot, position), leaves [trees][2**levels]."""

    levels: int
    leaf_type_bits: int  # 8 or 16
    groups: tuple[TreeGroup, ...]
    splits: tuple[tuple[tuple[int, int], ...], ...]
    leaves: tuple[tuple[int, ...], ...]

    @property
    def n_bytes(self) -> int:
        """Bytes of all trees and groups."""
        each = 2 * ((1 << self.levels) - 1) + (self.leaf_type_bits // 8 << self.levels)
        return each * len(self.splits) + 4 * len(self.groups)


def complete_trees(forest: StoredForest, levels: int, place: Place) -> CompleteTrees:
    """All trees with 2**levels leaves, copies of the one above where a tree is less deep."""
    bits = unsigned_bits((1 << forest.leaf_bits) - 1)
    groups = group_by_shift(forest.trees, bits)
    splits: list[tuple[tuple[int, int], ...]] = []
    leaves: list[tuple[int, ...]] = []
    for group in groups:
        for tree in group.trees:
            level: list[Node] = [tree.root]
            own: list[tuple[int, int]] = []
            for _ in range(levels):
                own += [place(node) if isinstance(node, Split) else PADDING for node in level]
                level = [side for node in level for side in _sides(node)]
            splits.append(tuple(own))
            leaves.append(tuple(tree.offset(node) >> group.shift for node in level if isinstance(node, Leaf)))
    return CompleteTrees(levels, bits, groups, tuple(splits), tuple(leaves))


def _sides(node: Node) -> tuple[Node, Node]:
    return (node.left, node.right) if isinstance(node, Split) else (node, node)
