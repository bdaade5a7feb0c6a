"""The trees of a saved forest as arrays that techniques change, and back into XGBoost's JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_NODE = -1
NO_PARENT = 2147483647


@dataclass(slots=True)
class Tree:
    """One tree; all arrays have one entry a node, the root is node 0. Techniques change them in place."""

    output: int
    left: NDArray[np.int64]  # NO_NODE at leaves
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]  # of splits; at leaves their value
    default_left: NDArray[np.bool_]
    gain: NDArray[np.float64]  # loss that a split takes away, XGBoost's
    cover: NDArray[np.float64]  # sum of second derivatives of the rows that came by

    @property
    def is_leaf(self) -> NDArray[np.bool_]:
        """Mask of leaves; nodes out of reach count as what they are."""
        return self.left < 0

    def order(self) -> list[int]:
        """Nodes within reach, parents before children."""
        found = [0]
        for node in found:
            if self.left[node] >= 0:
                found += [int(self.left[node]), int(self.right[node])]
        return found

    def collapse(self, node: int) -> None:
        """Make a split a leaf: the mean of the leaves under it, by cover."""
        value, cover = self._mean(node)
        self.left[node] = self.right[node] = NO_NODE
        self.threshold[node] = value
        self.cover[node] = cover
        self.gain[node] = 0.0

    def _mean(self, node: int) -> tuple[float, float]:
        if self.left[node] < 0:
            return float(self.threshold[node]), max(float(self.cover[node]), 1e-12)
        (a, m), (b, n) = self._mean(int(self.left[node])), self._mean(int(self.right[node]))
        return (a * m + b * n) / (m + n), m + n


@dataclass(slots=True)
class SavedForest:
    """A saved forest taken apart: the document without its trees, and the trees."""

    document: dict[str, Any]
    trees: list[Tree] = field(default_factory=list)

    @property
    def base(self) -> NDArray[np.float64]:
        """Base margins [n_outputs] as the file has them."""
        return np.atleast_1d(
            np.asarray(json.loads(self.document["learner"]["learner_model_param"]["base_score"]), dtype=np.float64)
        )

    @property
    def n_splits(self) -> int:
        """Splits within reach."""
        return sum(sum(1 for node in tree.order() if tree.left[node] >= 0) for tree in self.trees)

    def thresholds(self) -> set[tuple[int, float]]:
        """The distinct comparisons: (feature, threshold)."""
        return {
            (int(tree.feature[node]), float(tree.threshold[node]))
            for tree in self.trees
            for node in tree.order()
            if tree.left[node] >= 0
        }


def read_forest(model: bytes) -> SavedForest:
    """Take a model that XGBoost saved as JSON apart."""
    document = json.loads(model)
    saved = document["learner"]["gradient_booster"]["model"]
    trees = [_tree(tree, int(output)) for tree, output in zip(saved["trees"], saved["tree_info"], strict=True)]
    saved["trees"] = saved["tree_info"] = None
    return SavedForest(document, trees)


def _tree(tree: dict[str, Any], output: int) -> Tree:
    return Tree(
        output=output,
        left=np.array(tree["left_children"], dtype=np.int64),
        right=np.array(tree["right_children"], dtype=np.int64),
        feature=np.array(tree["split_indices"], dtype=np.int64),
        threshold=np.array(tree["split_conditions"], dtype=np.float32),
        default_left=np.array(tree["default_left"], dtype=np.bool_),
        gain=np.array(tree["loss_changes"], dtype=np.float64),
        cover=np.array(tree["sum_hessian"], dtype=np.float64),
    )


def write_forest(forest: SavedForest) -> bytes:
    """XGBoost's JSON of the forest: nodes out of reach are left out, and so are trees that add nothing.

    A round keeps one tree an output, so that XGBoost can still count its rounds.
    """
    trees = _whole_rounds(forest.trees, len(forest.base))
    n_features = int(forest.document["learner"]["learner_model_param"]["num_feature"])
    document = json.loads(json.dumps(forest.document))
    saved = document["learner"]["gradient_booster"]["model"]
    saved["trees"] = [_saved_tree(tree, index, n_features) for index, tree in enumerate(trees)]
    saved["tree_info"] = [tree.output for tree in trees]
    saved["gbtree_model_param"]["num_trees"] = str(len(trees))
    saved["iteration_indptr"] = list(range(0, len(trees) + 1, len(forest.base)))
    document["learner"]["attributes"] = {}
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def _whole_rounds(trees: Sequence[Tree], n_outputs: int) -> list[Tree]:
    """The trees dealt into rounds of one an output; where an output has fewer, a single leaf of 0 stands in."""
    by_output: list[list[Tree]] = [[] for _ in range(n_outputs)]
    for tree in trees:
        if tree.left[0] >= 0 or tree.threshold[0] != 0:
            by_output[tree.output].append(tree)
    n_rounds = max(1, *(len(members) for members in by_output))
    return [
        members[turn] if turn < len(members) else leaf_tree(output, 0.0)
        for turn in range(n_rounds)
        for output, members in enumerate(by_output)
    ]


def leaf_tree(output: int, value: float) -> Tree:
    """A tree of a single leaf."""
    one = np.zeros(1)
    nodes = np.array([NO_NODE])
    return Tree(
        output, nodes, nodes.copy(), np.zeros(1, np.int64), np.array([value], np.float32), one > 0, one, one.copy()
    )


def _saved_tree(tree: Tree, index: int, n_features: int) -> dict[str, Any]:
    order = tree.order()
    place = {node: position for position, node in enumerate(order)}
    split = [tree.left[node] >= 0 for node in order]
    parents = [NO_PARENT] * len(order)
    for node in order:
        if tree.left[node] >= 0:
            parents[place[int(tree.left[node])]] = parents[place[int(tree.right[node])]] = place[node]
    zeros = [0] * len(order)
    return {
        "base_weights": [0.0] * len(order),
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "default_left": [int(tree.default_left[node]) for node in order],
        "id": index,
        "left_children": [place[int(tree.left[node])] if yes else -1 for node, yes in zip(order, split, strict=True)],
        "loss_changes": [float(tree.gain[node]) for node in order],
        "parents": parents,
        "right_children": [place[int(tree.right[node])] if yes else -1 for node, yes in zip(order, split, strict=True)],
        "split_conditions": [float(tree.threshold[node]) for node in order],
        "split_indices": [int(tree.feature[node]) for node in order],
        "split_type": zeros,
        "sum_hessian": [float(tree.cover[node]) for node in order],
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(n_features),
            "num_nodes": str(len(order)),
            "size_leaf_vector": "1",
        },
    }


def leaf_of_rows(tree: Tree, features: NDArray[np.float32]) -> NDArray[np.int16]:
    """The node [n] that each row [n, n_features] ends in; NaN goes the default direction, as XGBoost has it."""
    at = np.zeros(len(features), dtype=np.int16)
    pending = [(0, np.arange(len(features)))]
    while pending:
        node, rows = pending.pop()
        if tree.left[node] < 0:
            at[rows] = node
            continue
        values = features[rows, tree.feature[node]]
        goes_left = np.where(np.isnan(values), tree.default_left[node], values < tree.threshold[node])
        pending += [(int(tree.left[node]), rows[goes_left]), (int(tree.right[node]), rows[~goes_left])]
    return at
