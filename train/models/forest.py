"""Boosted forests: XGBoost trains them, and its saved JSON is what an artifact holds.

The integer outputs of docs/artifact.md are computed here from XGBoost's own leaf choices, so that what is evaluated
is what the board answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.artifact import QUANTILES_PERMILLE
from train.compress.leaves import output_scale_log2, quantised
from train.config import Forest
from train.errors import ArtifactError
from train.models.thresholds import centre_thresholds

CHUNK_ROWS = 65_536  # rows of features held as float32 and leaves at a time


@dataclass(frozen=True, slots=True)
class Trees:
    """What of a saved forest its integer outputs need; one row a tree, padded with zeros to the largest tree."""

    base: NDArray[np.float64]  # [n_outputs] base margins
    group: NDArray[np.int32]  # [n_trees] output each tree adds to
    leaf: NDArray[np.float32]  # [n_trees, n_nodes] leaf values by node id, 0 at splits
    is_leaf: NDArray[np.bool_]  # [n_trees, n_nodes]
    n_splits: int

    def scale_log2(self, leaf_bits: int | None = None) -> int:
        """The output scale this forest can take with leaves of that width."""
        largest = np.abs(self.leaf).max(axis=1, initial=0.0).astype(np.float64)
        return output_scale_log2(self.base, largest, self.group, leaf_bits)


@dataclass(frozen=True, slots=True)
class ForestModel:
    """A forest as XGBoost runs it, with its tables."""

    booster: Any  # xgboost.Booster
    trees: Trees

    def leaves(self, features: NDArray[np.float32]) -> NDArray[np.int32]:
        """Node ids [n, n_trees] of the leaves that rows [n, n_features] reach; NaN is missing."""
        if len(features) == 0:
            return np.empty((0, len(self.trees.group)), dtype=np.int32)
        return self._predict(features, pred_leaf=True).astype(np.int32)

    def margins(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """XGBoost's own margins [n, n_outputs] of rows [n, n_features]."""
        if len(features) == 0:
            return np.empty((0, len(self.trees.base)), dtype=np.float32)
        return self._predict(features, output_margin=True).astype(np.float32)

    def outputs(
        self, features: NDArray[np.float32], scale_log2: int, leaf_bits: int | None = None
    ) -> NDArray[np.int32]:
        """Integer outputs [n, n_outputs] at a scale of 2**scale_log2, a chunk of rows at a time."""
        parts = [
            integer_outputs(self.trees, self.leaves(features[start : start + CHUNK_ROWS]), scale_log2, leaf_bits)
            for start in range(0, max(1, len(features)), CHUNK_ROWS)
        ]
        return np.concatenate(parts)

    def _predict(self, features: NDArray[np.float32], **options: bool) -> NDArray[Any]:
        import xgboost as xgb

        answer = np.asarray(self.booster.predict(xgb.DMatrix(features), **options))
        return answer.reshape(len(features), -1)


def integer_outputs(
    trees: Trees, leaves: NDArray[np.int32], scale_log2: int, leaf_bits: int | None = None
) -> NDArray[np.int32]:
    """The outputs [n, n_outputs] of docs/artifact.md from leaf node ids [n, n_trees]."""
    table = quantised(trees.leaf, scale_log2, leaf_bits, trees.is_leaf)
    base = np.rint(trees.base * 2.0**scale_log2).astype(np.int64)
    totals = np.repeat(base[:, np.newaxis], len(leaves), axis=1)  # [n_outputs, n]: one tree adds to one row of it
    for tree, (output, nodes) in enumerate(zip(trees.group, np.ascontiguousarray(leaves.T), strict=True)):
        totals[output] += table[tree, nodes]
    return np.ascontiguousarray(totals.T.astype(np.int32))


def train_device_forest(
    features: NDArray[np.float32],
    device: NDArray[np.int32],
    weight: NDArray[np.float32],
    n_devices: int,
    parameters: Forest,
    seed: int,
) -> bytes:
    """Fit a classifier on rows [n, n_features]; returns XGBoost's JSON."""
    options = device_options(n_devices)
    return _train(features, device.astype(np.float32), weight, options, parameters, seed)


def train_remaining_forest(
    features: NDArray[np.float32],
    remaining_s: NDArray[np.float32],
    weight: NDArray[np.float32],
    parameters: Forest,
    seed: int,
) -> bytes:
    """Fit QUANTILES_PERMILLE on rows [n, n_features] of known remaining time; returns XGBoost's JSON."""
    return _train(features, remaining_s, weight, remaining_options(), parameters, seed)


def train_labelled_forest(
    features: NDArray[np.float32],
    labels: NDArray[np.float32],
    weight: NDArray[np.float32],
    parameters: Forest,
    seed: int,
) -> bytes:
    """Fit QUANTILES_PERMILLE that are known of each row: features [n, n_features], labels [n, 3]; as XGBoost saves it.

    Squares are least where a quantile is given and need not be found; what is saved is a forest of quantiles.
    """
    import xgboost as xgb

    data = xgb.DMatrix(features, label=labels, weight=weight, nthread=1)
    options = {"objective": "reg:squarederror", "multi_strategy": "one_output_per_tree", "base_score": 0.0}
    booster = xgb.train(xgboost_parameters(options, parameters, seed), data, parameters.rounds)
    model = json.loads(bytes(booster.save_raw("json")))
    model["learner"]["objective"] = {
        "name": "reg:quantileerror",
        "quantile_loss_param": {"quantile_alpha": json.dumps([q / 1000 for q in QUANTILES_PERMILLE])},
    }
    return as_saved(centre_thresholds(json.dumps(model).encode("ascii"), features))


def device_options(n_devices: int) -> dict[str, Any]:
    """XGBoost's objective for the devices."""
    return {"objective": "multi:softprob", "num_class": n_devices}


def remaining_options() -> dict[str, Any]:
    """XGBoost's objective for QUANTILES_PERMILLE of the remaining seconds."""
    return {"objective": "reg:quantileerror", "quantile_alpha": [q / 1000 for q in QUANTILES_PERMILLE]}


def _train(
    features: NDArray[np.float32],
    label: NDArray[np.float32],
    weight: NDArray[np.float32],
    options: Mapping[str, Any],
    parameters: Forest,
    seed: int,
) -> bytes:
    import xgboost as xgb

    data = xgb.DMatrix(features, label=label, weight=weight, nthread=1)
    booster = xgb.train(xgboost_parameters(options, parameters, seed), data, parameters.rounds)
    return as_saved(centre_thresholds(bytes(booster.save_raw("json")), features))


def xgboost_parameters(options: Mapping[str, Any], parameters: Forest, seed: int) -> dict[str, Any]:
    """What XGBoost is told, beside the number of rounds.

    One thread: the sums of a histogram, and so the last bits of a split, must not depend on the machine.
    """
    return {
        **options,
        "tree_method": "hist",
        "nthread": 1,
        "seed": seed,
        "max_depth": parameters.max_depth,
        "eta": parameters.eta,
        "max_bin": parameters.max_bin,
        "gamma": parameters.gamma,
        "min_child_weight": parameters.min_child_weight,
        "lambda": parameters.l2,
        "subsample": parameters.subsample,
        "colsample_bytree": parameters.colsample,
    }


def as_saved(data: bytes) -> bytes:
    """A forest in JSON as XGBoost itself writes it."""
    import xgboost as xgb

    return bytes(xgb.Booster(model_file=bytearray(data)).save_raw("json"))


def load_forest(data: bytes, *, where: str, objective: str, n_features: int, n_outputs: int) -> ForestModel:
    """Load a saved forest; raises ArtifactError naming `where` if it is not XGBoost's or not of that shape."""
    import xgboost as xgb

    try:
        model = json.loads(data)
        trees = _tables(model, n_outputs)
        found = model["learner"]["objective"]["name"]
        width = int(model["learner"]["learner_model_param"]["num_feature"])
        # All cores: unlike training, a prediction is a sum over trees for each row alone.
        booster = xgb.Booster({"nthread": 0}, model_file=bytearray(data))
    except (ValueError, KeyError, TypeError, IndexError, xgb.core.XGBoostError):
        raise ArtifactError(f"{where}: is not a model that XGBoost saved as JSON; train again") from None
    if found != objective or width != n_features:
        raise ArtifactError(
            f"{where}: is a {found} model of {width} features, needed is {objective} of {n_features}; train again"
        )
    return ForestModel(booster, trees)


def _tables(model: Mapping[str, Any], n_outputs: int) -> Trees:
    learner = model["learner"]
    forest = learner["gradient_booster"]["model"]
    base = np.atleast_1d(np.asarray(json.loads(learner["learner_model_param"]["base_score"]), dtype=np.float32))
    group = np.asarray(forest["tree_info"], dtype=np.int32)
    if len(base) != n_outputs or len(group) == 0 or int(group.max()) >= n_outputs or int(group.min()) < 0:
        raise ValueError("outputs do not match")
    leaf = np.zeros((len(group), max(len(tree["left_children"]) for tree in forest["trees"])), dtype=np.float32)
    is_leaf = np.zeros(leaf.shape, dtype=np.bool_)
    n_splits = 0
    for row, marks, tree in zip(leaf, is_leaf, forest["trees"], strict=True):
        ends = np.asarray(tree["left_children"]) < 0
        row[: len(ends)] = np.where(ends, np.asarray(tree["split_conditions"], dtype=np.float32), 0)
        marks[: len(ends)] = ends
        n_splits += int(np.count_nonzero(~ends))
    return Trees(base.astype(np.float64), group, leaf, is_leaf, n_splits)
