"""Float32 thresholds on integer features become integers: x < t is x < ceil(t) for an integer x."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from codegen.ir.forest import FEATURE_MAX, Forest, Leaf, Node


def integer_features(forest: Forest) -> Forest:
    """Integer thresholds in -FEATURE_MAX .. FEATURE_MAX + 1, for features in +-FEATURE_MAX or missing.

    A threshold beyond that range is the same as the nearer end of it: no feature goes left at -FEATURE_MAX, all that
    are not missing do at FEATURE_MAX + 1. prune_unreachable removes such splits where missing goes the same way.
    """
    if forest.feature_type != "float32":
        raise ValueError("features are integers already")
    trees = tuple(replace(tree, root=_integer(tree.root)) for tree in forest.trees)
    return replace(forest, trees=trees, feature_type="int32")


def _integer(node: Node) -> Node:
    if isinstance(node, Leaf):
        return node
    threshold = min(max(ceil(node.threshold), -FEATURE_MAX), FEATURE_MAX + 1)
    return replace(node, threshold=threshold, left=_integer(node.left), right=_integer(node.right))
