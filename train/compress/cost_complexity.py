"""Cost-complexity pruning (Breiman et al. 1984, weakest link): the splits that gain least, counted with all below them.

A split's link is the mean gain a split of its whole subtree brings; the weakest link of the forest goes first.
XGBoost's pruning looks at one split at a time, so that a good split under a poor one keeps the poor one; here they
are weighed together. Gains are XGBoost's second-order loss reductions, so the order holds across trees.
"""

from __future__ import annotations

import heapq

from train.compress.forest_task import CompressedForest, ForestTask
from train.compress.forest_trees import SavedForest, Tree, read_forest, write_forest
from train.compress.leaf_refinement import refine


def compress(
    task: ForestTask, *, keep: float, rounds: int | None = None, refined: bool = True, leaf_bits: int = 12
) -> CompressedForest:
    """Keep that share of the uncompressed forest's splits (of its first `rounds`), then fit the leaves again."""
    forest = read_forest(task.uncompressed)
    if rounds is not None:
        forest.trees = forest.trees[: rounds * task.n_outputs]
    prune(forest, round(keep * forest.n_splits))
    if refined:
        refine(forest, task)
    return CompressedForest(write_forest(forest), leaf_bits)


def prune(forest: SavedForest, n_splits: int) -> None:
    """Collapse weakest links until at most `n_splits` are left, in place."""
    parents = [_parents(tree) for tree in forest.trees]
    sums = [_sums(tree) for tree in forest.trees]
    left = sum(below[0][1] for below in sums if 0 in below)
    heap = [(gain / count, index, node) for index, below in enumerate(sums) for node, (gain, count) in below.items()]
    heapq.heapify(heap)
    while heap and left > n_splits:
        link, index, node = heapq.heappop(heap)
        tree, below = forest.trees[index], sums[index]
        if node not in below or below[node][0] / below[node][1] != link:
            continue  # collapsed with a split above it, or weighed anew since
        gain, count = below[node]
        for inner in _subtree(tree, node):
            below.pop(inner, None)
        tree.collapse(node)
        left -= count
        above = parents[index].get(node)
        while above is not None:
            below[above] = (below[above][0] - gain, below[above][1] - count)
            heapq.heappush(heap, (below[above][0] / below[above][1], index, above))
            above = parents[index].get(above)


def _subtree(tree: Tree, node: int) -> list[int]:
    found = [node]
    for inner in found:
        if tree.left[inner] >= 0:
            found += [int(tree.left[inner]), int(tree.right[inner])]
    return found


def _parents(tree: Tree) -> dict[int, int]:
    return {
        int(child): node
        for node in tree.order()
        if tree.left[node] >= 0
        for child in (tree.left[node], tree.right[node])
    }


def _sums(tree: Tree) -> dict[int, tuple[float, int]]:
    """Gain and number of splits of each split's subtree."""
    below: dict[int, tuple[float, int]] = {}
    for node in reversed(tree.order()):
        if tree.left[node] >= 0:
            gain, count = max(float(tree.gain[node]), 0.0), 1
            for child in (int(tree.left[node]), int(tree.right[node])):
                more = below.get(child, (0.0, 0))
                gain, count = gain + more[0], count + more[1]
            below[node] = (gain, count)
    return below
