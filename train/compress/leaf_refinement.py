"""Leaf refinement, after Buschjäger & Morik 2021 (arXiv 2110.10075): all leaves of a forest fitted again together.

Structure stays. Each tree was fitted to what those before it had left; after
pruning or snapping that is no longer what is left, and leaves may help one another. Leaf by leaf the best step is
taken with all others held: for the device a damped Newton step on the log loss, for the remaining time the weighted
quantile of what is left, which no step of a gradient finds as fast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.compress.forest_task import QUANTILES, CompressedForest, ForestTask
from train.compress.forest_trees import SavedForest, leaf_of_rows, read_forest, write_forest
from train.compress.slice_rounds import sliced

PASSES = {"device": 3, "remaining": 2}
STEP = 0.3  # of the best step: all trees of a round move at once
L2 = 1.0  # charges' worth of rows that pull a step to nothing


def compress(task: ForestTask, *, rounds: int, leaf_bits: int = 12) -> CompressedForest:
    """Slice the uncompressed forest and refine what is left."""
    forest = sliced(read_forest(task.uncompressed), rounds)
    refine(forest, task)
    return CompressedForest(write_forest(forest), leaf_bits)


def refine(forest: SavedForest, task: ForestTask, early_weight: float | None = None) -> None:
    """Fit all leaves again on the task's rows, in place."""
    weight = task.weight(task.small.early_weight if early_weight is None else early_weight).astype(np.float64)
    leaves = [leaf_of_rows(tree, task.features) for tree in forest.trees]
    margin = np.tile(forest.base, (len(task.label), 1))
    for tree, leaf in zip(forest.trees, leaves, strict=True):
        margin[:, tree.output] += tree.threshold[leaf]
    step = _device_pass if task.kind == "device" else _remaining_pass
    for _ in range(PASSES[task.kind]):
        step(forest, leaves, margin, task.label, weight)


def _device_pass(
    forest: SavedForest,
    leaves: list[NDArray[np.int16]],
    margin: NDArray[np.float64],
    label: NDArray[np.float32],
    weight: NDArray[np.float64],
) -> None:
    """One pass over all rounds: Newton steps for the trees of a round at once."""
    n_outputs = margin.shape[1]
    truth = label.astype(np.int64)
    for first in range(0, len(forest.trees), n_outputs):
        shifted = np.exp(margin - margin.max(axis=1, keepdims=True))
        probability = shifted / shifted.sum(axis=1, keepdims=True)
        for tree, leaf in zip(forest.trees[first : first + n_outputs], leaves[first : first + n_outputs], strict=True):
            p = probability[:, tree.output]
            n_nodes = len(tree.left)
            gradient = np.bincount(leaf, weight * (p - (truth == tree.output)), n_nodes)
            curvature = np.bincount(leaf, weight * p * (1 - p), n_nodes)
            move = np.where(tree.is_leaf, -STEP * gradient / (curvature + L2), 0.0)
            tree.threshold[:] += move.astype(np.float32)
            margin[:, tree.output] += move[leaf]


def _remaining_pass(
    forest: SavedForest,
    leaves: list[NDArray[np.int16]],
    margin: NDArray[np.float64],
    label: NDArray[np.float32],
    weight: NDArray[np.float64],
) -> None:
    """One pass over all trees: each leaf towards the quantile of its rows' residuals."""
    for tree, leaf in zip(forest.trees, leaves, strict=True):
        residual = label - margin[:, tree.output]
        order = np.lexsort((residual, leaf))
        sorted_leaf, heavy = leaf[order], np.cumsum(weight[order])
        starts = np.flatnonzero(np.diff(sorted_leaf, prepend=-1))
        ends = np.append(starts[1:], len(order))
        move = np.zeros(len(tree.left))
        for start, end in zip(starts, ends, strict=True):
            before = heavy[start - 1] if start else 0.0
            mass = heavy[end - 1] - before
            at = np.searchsorted(heavy[start:end], before + QUANTILES[tree.output] * mass)
            best = residual[order[start + min(int(at), end - start - 1)]]
            move[sorted_leaf[start]] = STEP * best * mass / (mass + L2)
        tree.threshold[:] += np.where(tree.is_leaf, move, 0.0).astype(np.float32)
        margin[:, tree.output] += move[leaf]
