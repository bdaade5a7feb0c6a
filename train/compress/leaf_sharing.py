"""Leaf sharing: few distinct leaf values for the whole forest, by weighted k-means on one line.

Two leaves of a split that come to share a value make the split needless; it goes. The values left are those of
weight sharing in networks (Han et al. 2016), and a table of them would need log2 of their number a leaf.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.compress.forest_task import CompressedForest, ForestTask
from train.compress.forest_trees import SavedForest, Tree, read_forest, write_forest
from train.compress.slice_rounds import sliced

ITERATIONS = 50


def compress(task: ForestTask, *, n_values: int, rounds: int = 50, leaf_bits: int = 12) -> CompressedForest:
    """Share `n_values` values an output among the leaves of the first `rounds`."""
    forest = sliced(read_forest(task.uncompressed), rounds)
    share(forest, n_values)
    return CompressedForest(write_forest(forest), leaf_bits)


def share(forest: SavedForest, n_values: int) -> None:
    """Snap leaves to the nearest of `n_values` centres, in place, and merge leaves that became equal."""
    if forest.document["learner"]["objective"]["name"] == "multi:softprob":
        groups = [forest.trees]
    else:
        groups = [[tree for tree in forest.trees if tree.output == output] for output in range(len(forest.base))]
    for trees in groups:
        leaves = [np.array([node for node in tree.order() if tree.left[node] < 0]) for tree in trees]
        values = np.concatenate([tree.threshold[own] for tree, own in zip(trees, leaves, strict=True)])
        cover = np.concatenate([tree.cover[own] for tree, own in zip(trees, leaves, strict=True)])
        centres = k_means(values.astype(np.float64), np.maximum(cover, 1e-9), n_values)
        for tree, own in zip(trees, leaves, strict=True):
            nearest = np.abs(tree.threshold[own][:, None] - centres[None, :]).argmin(axis=1)
            tree.threshold[own] = centres[nearest].astype(np.float32)
            merge_equal(tree)


def merge_equal(tree: Tree) -> None:
    """Collapse splits whose two leaves are equal, from below upward."""
    for node in reversed(tree.order()):
        left, right = int(tree.left[node]), int(tree.right[node])
        if left >= 0 and tree.left[left] < 0 and tree.left[right] < 0 and tree.threshold[left] == tree.threshold[right]:
            value = tree.threshold[left]
            tree.collapse(node)
            tree.threshold[node] = value


def k_means(values: NDArray[np.float64], weight: NDArray[np.float64], n_centres: int) -> NDArray[np.float64]:
    """Centres [at most n_centres] of values [n] on a line, started at their weighted quantiles (Lloyd)."""
    order = np.argsort(values, kind="stable")
    values, weight = values[order], weight[order]
    heavy = np.cumsum(weight)
    at = np.searchsorted(heavy, (np.arange(n_centres) + 0.5) / n_centres * heavy[-1])
    centres = np.unique(values[np.minimum(at, len(values) - 1)])
    for _ in range(ITERATIONS):
        nearest = np.searchsorted((centres[1:] + centres[:-1]) / 2, values)
        mass = np.bincount(nearest, weight, len(centres))
        mean = np.bincount(nearest, weight * values, len(centres)) / np.maximum(mass, 1e-300)
        moved = np.where(mass > 0, mean, centres)
        if np.array_equal(moved, centres):
            break
        centres = np.unique(moved)
    return centres
