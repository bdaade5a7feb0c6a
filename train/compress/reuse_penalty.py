"""Re-use penalties: a forest that grows mostly on comparisons it already has, after ToaD (arXiv 2510.26557).

ToaD charges a split for a feature, and for a threshold, that the forest does not use yet. XGBoost's split search cannot
be charged, so the choice is made a tree at a time: each tree is grown twice, on every threshold and on those used so
far (the features replaced by their rank among these), and the second is kept unless the first gains more by the penalty
for each new threshold and feature. What both gains count is the same loss, from the same margins.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.compress.forest_task import QUANTILES, CompressedForest, ForestTask
from train.compress.forest_trees import SavedForest, Tree, leaf_of_rows, read_forest, write_forest
from train.config import Forest
from train.models.thresholds import centre_thresholds

FEATURE_PENALTY = 4.0  # thresholds' worth that a feature used for the first time costs


def compress(task: ForestTask, *, penalty: float, leaf_bits: int = 12, **parameters: Any) -> CompressedForest:
    """Grow the task's small forest, `parameters` put over its; a new threshold costs `penalty` splits' mean gain."""
    return CompressedForest(write_forest(grow(task, replace(task.small, **parameters), penalty)), leaf_bits)


@dataclass(slots=True)
class Pool:
    """Comparisons in use: sorted thresholds by feature."""

    thresholds: dict[int, set[float]] = field(default_factory=lambda: defaultdict(set))

    def price(self, tree: Tree, penalty: float) -> float:
        """What the tree's new thresholds and features cost."""
        fresh: dict[int, set[float]] = defaultdict(set)
        for node in tree.order():
            if tree.left[node] >= 0:
                feature, value = int(tree.feature[node]), float(tree.threshold[node])
                if value not in self.thresholds.get(feature, ()):
                    fresh[feature].add(value)
        new = sum(len(values) for values in fresh.values())
        return penalty * (new + FEATURE_PENALTY * sum(1 for feature in fresh if feature not in self.thresholds))

    def add(self, tree: Tree) -> None:
        """Take in what a tree uses."""
        for node in tree.order():
            if tree.left[node] >= 0:
                self.thresholds[int(tree.feature[node])].add(float(tree.threshold[node]))

    def ranks(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Each value's rank among its feature's thresholds; features without any are missing."""
        ranked = np.full_like(features, np.nan)
        for feature, values in self.thresholds.items():
            column = features[:, feature]
            rank = np.searchsorted(np.array(sorted(values), np.float32), column, side="right").astype(np.float32)
            ranked[:, feature] = np.where(np.isnan(column), np.nan, rank)
        return ranked

    def unranked(self, tree: Tree) -> Tree:
        """A tree grown on ranks, on the features themselves: rank < r is value < the r-th threshold."""
        for node in tree.order():
            if tree.left[node] >= 0:
                values = sorted(self.thresholds[int(tree.feature[node])])
                position = int(np.ceil(tree.threshold[node])) - 1
                tree.threshold[node] = values[min(max(position, 0), len(values) - 1)]
        return tree


def grow(task: ForestTask, parameters: Forest, penalty: float) -> SavedForest:
    """The forest, round by round."""
    weight = task.weight(parameters.early_weight)
    first = replace(parameters, rounds=1)
    grown = read_forest(task.train(first))
    pool, margin = Pool(), np.tile(grown.base, (len(task.label), 1)).astype(np.float32)
    unit_price = penalty * _mean_gain(grown.trees)
    trees = grown.trees
    for number in range(parameters.rounds):
        if number:
            free = _round(task, parameters, task.features, margin, weight, centred=True)
            bound = [
                pool.unranked(tree) for tree in _round(task, parameters, pool.ranks(task.features), margin, weight)
            ]
            unit_price = penalty * _mean_gain(free)
            trees = []
            for new, reused in zip(free, bound, strict=True):
                better = _gain(new) - pool.price(new, unit_price) > _gain(reused)
                trees.append(new if better else reused)
                pool.add(trees[-1])
            grown.trees += trees
        for tree in trees:
            pool.add(tree)
            margin[:, tree.output] += tree.threshold[leaf_of_rows(tree, task.features)]
    return grown


def _round(
    task: ForestTask,
    parameters: Forest,
    features: NDArray[np.float32],
    margin: NDArray[np.float32],
    weight: NDArray[np.float32],
    *,
    centred: bool = False,
) -> list[Tree]:
    """One tree an output, fitted to what `margin` leaves."""
    import xgboost as xgb

    matrix = xgb.DMatrix(features, label=task.label, weight=weight, base_margin=margin, nthread=1)
    named: dict[str, Any] = {"objective": "reg:quantileerror", "quantile_alpha": list(QUANTILES)}
    if task.kind == "device":
        named = {"objective": "multi:softprob", "num_class": task.n_outputs}
    options = {
        **named,
        "tree_method": "hist",
        "nthread": 1,
        "seed": task.seed,
        "max_depth": parameters.max_depth,
        "eta": parameters.eta,
        "max_bin": parameters.max_bin if centred else 4096,
        "gamma": parameters.gamma,
        "min_child_weight": parameters.min_child_weight,
        "lambda": parameters.l2,
    }
    model = bytes(xgb.train(options, matrix, 1).save_raw("json"))
    return read_forest(centre_thresholds(model, features) if centred else model).trees


def _gain(tree: Tree) -> float:
    return float(sum(tree.gain[node] for node in tree.order() if tree.left[node] >= 0))


def _mean_gain(trees: list[Tree]) -> float:
    """Mean gain of a split."""
    gains = [float(tree.gain[node]) for tree in trees for node in tree.order() if tree.left[node] >= 0]
    return sum(gains) / max(1, len(gains))
