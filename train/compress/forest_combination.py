"""Combinations: the steps that help, one after the other. What the search draws from.

Fewer features → a small forest (grown with re-use penalties or not) → weakest links pruned → thresholds shared →
leaves refined → leaves narrow. Each step is the one of its own file; one that is not asked for is left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from train.compress.cost_complexity import prune
from train.compress.fewer_features import only_features
from train.compress.forest_task import CompressedForest, ForestTask
from train.compress.forest_trees import SavedForest, read_forest, write_forest
from train.compress.leaf_refinement import refine
from train.compress.leaf_sharing import share
from train.compress.reuse_penalty import grow
from train.compress.threshold_sharing import share_thresholds

MEDIAN = 1  # among the quantiles


def compress(
    task: ForestTask,
    *,
    n_features: int | None = None,
    penalty: float = 0.0,
    keep: float = 1.0,
    tails: float = 1.0,
    thresholds: float = 1.0,
    n_values: int | None = None,
    refined: bool = False,
    leaf_bits: int = 12,
    style: str = "small",
    **parameters: Any,
) -> CompressedForest:
    """Train the configuration's forest, `parameters` put over it, and take the steps asked for.

    n_features  kept                    penalty     of re-use (0: none)
    keep        share of splits         thresholds  share of distinct comparisons
    n_values    distinct leaves         refined     whether leaves are fitted again in the end
    tails       share of the splits of the 10 and 90 % trees, which the interval's calibration makes up for
    style       of the C it is deployed in
    """
    chosen = replace(task.tuned, **parameters)
    narrowed = task if n_features is None else replace(task, features=only_features(task, n_features))
    forest = grow(narrowed, chosen, penalty) if penalty else read_forest(narrowed.train(chosen))
    if keep < 1.0:
        prune(forest, round(keep * forest.n_splits))
    if tails < 1.0 and task.kind == "remaining":
        outer = SavedForest(forest.document, [tree for tree in forest.trees if tree.output != MEDIAN])
        prune(outer, round(tails * outer.n_splits))
    if thresholds < 1.0:
        share_thresholds(forest, task, round(thresholds * len(forest.thresholds())))
    if refined:
        refine(forest, task)
    if n_values is not None:
        share(forest, n_values)
    return CompressedForest(write_forest(forest), leaf_bits, style)
