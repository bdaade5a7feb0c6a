"""Combinations: the steps that help, one after the other. What the search draws from, and how `fit` grows forests.

Fewer features → a small forest (grown with re-use penalties or not) → weakest links pruned → thresholds shared →
leaves refined → leaves narrow. Each step is the one of its own file; one that is not asked for is left out.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from train.compress.cost_complexity import prune
from train.compress.fewer_features import only_features
from train.compress.forest_task import CompressedForest, ForestTask
from train.compress.forest_trees import SavedForest, read_forest, write_forest
from train.compress.leaf_refinement import refine
from train.compress.leaf_sharing import share
from train.compress.reuse_penalty import grow
from train.compress.threshold_sharing import share_thresholds
from train.config import Forest, RemainingForest
from train.models.forest import as_saved

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
    """Train a small forest, `parameters` put over the task's, and take the steps asked for.

    n_features  kept                    penalty     of re-use (0: none)
    keep        share of splits         thresholds  share of distinct comparisons
    n_values    distinct leaves         refined     whether leaves are fitted again in the end
    tails       share of the splits of the 10 and 90 % trees, which the interval's calibration makes up for
    style       of the C it is deployed in
    """
    chosen = replace(task.small, **parameters)
    narrowed = task if n_features is None else replace(task, features=only_features(task, n_features))
    forest = grow(narrowed, chosen, penalty) if penalty else read_forest(narrowed.train(chosen))
    cut(forest, keep, tails if task.kind == "remaining" else 1.0)
    if thresholds < 1.0:
        share_thresholds(forest, task, round(thresholds * len(forest.thresholds())))
    if refined:
        refine(forest, task, chosen.early_weight)
    if n_values is not None:
        share(forest, n_values)
    return CompressedForest(write_forest(forest), leaf_bits, style)


def cut(forest: SavedForest, keep: float, tails: float) -> None:
    """Keep that share of all splits, then that share of those of the quantiles around the median, in place."""
    if keep < 1.0:
        prune(forest, round(keep * forest.n_splits))
    if tails < 1.0:
        outer = SavedForest(forest.document, [tree for tree in forest.trees if tree.output != MEDIAN])
        prune(outer, round(tails * outer.n_splits))


def reduced(model: bytes, parameters: Forest, task: ForestTask | None) -> bytes:
    """A trained forest after the steps of the configuration, as XGBoost saves it; where there are none, itself.

    task  the rows that leaves are fitted to again; None leaves them as they are
    """
    tails = _tails(parameters)
    fits_again = parameters.refined and task is not None
    if parameters.kept_splits == tails == 1.0 and not fits_again:
        return model
    forest = read_forest(model)
    cut(forest, parameters.kept_splits, tails)
    if parameters.refined and task is not None:
        refine(forest, task, parameters.early_weight)
    return as_saved(write_forest(forest))


def settings_of(parameters: Forest) -> dict[str, Any]:
    """The settings of `compress` that make the forest of a configuration."""
    steps = {"kept_splits": "keep", "kept_tails": "tails"}
    return {steps.get(key, key): value for key, value in asdict(parameters).items()}


def _tails(parameters: Forest) -> float:
    return parameters.kept_tails if isinstance(parameters, RemainingForest) else 1.0
