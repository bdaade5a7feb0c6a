"""A split between two leaves of one value decides nothing and becomes that leaf."""

from __future__ import annotations

import struct
from dataclasses import replace

from codegen.ir.forest import Forest, Leaf, Node


def merge_equal_leaves(forest: Forest) -> Forest:
    """Merge bottom-up. Values are compared by their bits: a float sum can tell 0 from -0."""
    return replace(forest, trees=tuple(replace(tree, root=_merge(tree.root)) for tree in forest.trees))


def _merge(node: Node) -> Node:
    if isinstance(node, Leaf):
        return node
    left, right = _merge(node.left), _merge(node.right)
    if isinstance(left, Leaf) and isinstance(right, Leaf) and _bits(left) == _bits(right):
        return replace(left, weight=node.weight)
    return replace(node, left=left, right=right)


def _bits(leaf: Leaf) -> bytes:
    return struct.pack("<d", leaf.value)
