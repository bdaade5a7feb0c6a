"""Threshold sharing: the distinct comparisons of a forest, fewer of them, and leaves fitted again.

A table of 2-byte nodes pays for each distinct threshold once; and few thresholds make narrow node fields. Neighbouring
thresholds of a feature are merged where the fewest training rows lie between them (Ward's criterion on the ranks,
over all features together); the one that more rows pass stays.
"""

from __future__ import annotations

import heapq
from collections import defaultdict

import numpy as np

from train.compress.forest_task import CompressedForest, ForestTask
from train.compress.forest_trees import SavedForest, read_forest, write_forest
from train.compress.leaf_refinement import refine
from train.compress.slice_rounds import sliced


def compress(task: ForestTask, *, share: float, rounds: int = 50, leaf_bits: int = 12) -> CompressedForest:
    """Keep `share` of the distinct thresholds of the uncompressed forest's first `rounds`."""
    forest = sliced(read_forest(task.uncompressed), rounds)
    share_thresholds(forest, task, round(share * len(forest.thresholds())))
    refine(forest, task)
    return CompressedForest(write_forest(forest), leaf_bits)


def share_thresholds(forest: SavedForest, task: ForestTask, n_thresholds: int) -> None:
    """Merge thresholds until `n_thresholds` distinct ones are left (or one a feature), in place."""
    kept = merged_thresholds(forest, task, n_thresholds)
    for tree in forest.trees:
        for node in tree.order():
            if tree.left[node] >= 0:
                tree.threshold[node] = kept[int(tree.feature[node]), float(tree.threshold[node])]


def merged_thresholds(forest: SavedForest, task: ForestTask, n_thresholds: int) -> dict[tuple[int, float], float]:
    """What each (feature, threshold) becomes."""
    cover: dict[int, dict[float, float]] = defaultdict(lambda: defaultdict(float))
    for tree in forest.trees:
        for node in tree.order():
            if tree.left[node] >= 0:
                cover[int(tree.feature[node])][float(tree.threshold[node])] += max(float(tree.cover[node]), 1e-9)
    chains = {feature: _Chain(task, feature, found) for feature, found in cover.items()}
    left = sum(len(chain.members) for chain in chains.values())
    heap = [(cost, feature, i, j) for feature, chain in chains.items() for cost, i, j in chain.costs()]
    heapq.heapify(heap)
    while heap and left > n_thresholds:
        cost, feature, i, j = heapq.heappop(heap)
        chain = chains[feature]
        if chain.following.get(i) == j and chain.cost(i, j) == cost:
            for renewed in chain.merge(i, j):
                heapq.heappush(heap, (chain.cost(*renewed), feature, *renewed))
            left -= 1
    return {(feature, value): kept for feature, chain in chains.items() for value, kept in chain.kept()}


class _Chain:
    """The thresholds of a feature in order, as groups that merge with their neighbours."""

    def __init__(self, task: ForestTask, feature: int, cover: dict[float, float]) -> None:
        values = sorted(cover)
        column = task.features[:, feature]
        column = np.sort(column[~np.isnan(column)])
        ranks = np.searchsorted(column, values) / max(1, len(column))
        self.members = {index: [value] for index, value in enumerate(values)}
        self.weight = {index: cover[value] for index, value in enumerate(values)}
        self.place = dict(enumerate(map(float, ranks)))
        self.heaviest = {index: (cover[value], value) for index, value in enumerate(values)}
        self.following = {index: index + 1 for index in range(len(values) - 1)}

    def costs(self) -> list[tuple[float, int, int]]:
        return [(self.cost(i, j), i, j) for i, j in self.following.items()]

    def cost(self, i: int, j: int) -> float:
        """Ward's: the spread that merging adds."""
        a, b = self.weight[i], self.weight[j]
        return a * b / (a + b) * (self.place[j] - self.place[i]) ** 2

    def merge(self, i: int, j: int) -> list[tuple[int, int]]:
        """Let group i take in its follower j; returns the pairs that cost otherwise now."""
        a, b = self.weight[i], self.weight[j]
        self.place[i] = (a * self.place[i] + b * self.place[j]) / (a + b)
        self.weight[i] = a + b
        self.members[i] += self.members.pop(j)
        self.heaviest[i] = max(self.heaviest[i], self.heaviest[j])
        after = self.following.pop(j, None)
        if after is None:
            del self.following[i]
        else:
            self.following[i] = after
        before = next((k for k, follower in self.following.items() if follower == i), None)
        return [pair for pair in ((before, i), (i, after)) if None not in pair]  # type: ignore[misc]

    def kept(self) -> list[tuple[float, float]]:
        return [(value, self.heaviest[group][1]) for group, values in self.members.items() for value in values]
