"""Rows to judge a forest on where the user gives none, and the leaves that rows reach."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from codegen.ir.forest import FEATURE_MAX, FeatureType, Forest, Leaf, Split, Tree, walk

Rows = NDArray[np.float32]

_MISSING_SHARE = 0.02


def drawn_rows(forest: Forest, n_rows: int, feature_type: FeatureType = "float32", seed: int = 1) -> Rows:
    """Rows [n_rows, n_features] that fall on either side of every threshold alike; 2 % of the values are missing.

    Each value is drawn from between two neighbouring thresholds of its feature, or is a threshold itself. Features
    are drawn one by one, so what is true of real rows (current and power rise together) is not true of these.
    """
    thresholds: dict[int, set[float]] = {}
    for tree in forest.trees:
        for node in walk(tree.root):
            if isinstance(node, Split):
                thresholds.setdefault(node.feature, set()).add(float(node.threshold))
    random = np.random.default_rng(seed)
    rows: Rows = np.zeros((n_rows, forest.n_features), dtype=np.float32)
    for feature in sorted(thresholds):
        own = np.array(sorted(thresholds[feature]), dtype=np.float32).astype(np.float64)
        reach = max(own[-1] - own[0], 1.0) * 0.1
        edges = np.concatenate([[own[0] - reach], own, [own[-1] + reach]]).clip(-3e38, 3e38)
        place = random.integers(0, len(own) + 1, n_rows)
        share = random.random(n_rows) * (random.random(n_rows) < 0.9)  # a tenth lie on the lower edge itself
        rows[:, feature] = edges[place] * (1 - share) + edges[place + 1] * share
    rows[random.random(rows.shape) < _MISSING_SHARE] = np.nan
    return np.floor(rows).clip(-FEATURE_MAX, FEATURE_MAX) if feature_type == "int32" else rows


def reached_leaves(tree: Tree, rows: Rows) -> NDArray[np.intp]:
    """Which of the tree's leaves (in the order of `leaves`) each row [n, n_features] reaches."""
    nodes = list(walk(tree.root))
    index = {id(node): place for place, node in enumerate(nodes)}
    splits = [node if isinstance(node, Split) else None for node in nodes]
    feature = np.array([node.feature if node else 0 for node in splits])
    threshold = np.array([node.threshold if node else 0.0 for node in splits], dtype=np.float32)
    default_left = np.array([bool(node and node.default_left) for node in splits])
    left = np.array([index[id(node.left)] if node else place for place, node in enumerate(splits)])
    right = np.array([index[id(node.right)] if node else place for place, node in enumerate(splits)])
    at, every = np.zeros(len(rows), dtype=np.intp), np.arange(len(rows))
    while True:
        value = rows[every, feature[at]]
        goes_left = np.where(np.isnan(value), default_left[at], value < threshold[at])
        following = np.where(goes_left, left[at], right[at])
        if np.array_equal(following, at):
            order = np.cumsum([isinstance(node, Leaf) for node in nodes]) - 1
            reached: NDArray[np.intp] = order[at]
            return reached
        at = following


def leaves(tree: Tree) -> Iterator[Leaf]:
    """The leaves of a tree, left to right."""
    return (node for node in walk(tree.root) if isinstance(node, Leaf))
