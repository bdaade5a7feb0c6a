"""Forests without a budget, in float: what the same features and rows could give if the board were no matter.

A yardstick for evaluation, never an artifact. Parameters are XGBoost's common ones for tables of this size; how many
rounds is found by early stopping on the calibration units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDS_MAX = 1000
PATIENCE = 20  # rounds without gain on the calibration units before it stops
PARAMETERS: Mapping[str, Any] = {
    "tree_method": "hist",
    "nthread": 1,  # the sums of a histogram must not depend on the machine
    "max_depth": 6,
    "eta": 0.1,
    "min_child_weight": 2.0,
    "subsample": 0.7,
    "colsample_bytree": 0.5,
    "lambda": 1.0,
}
DEVICE_PARAMETERS: Mapping[str, Any] = {"eta": 0.3, "max_depth": 5, "min_child_weight": 0.1}


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """Rows to learn from or to stop by."""

    columns: NDArray[np.float32]  # [n, k], NaN is missing
    label: NDArray[np.floating] | NDArray[np.integer]  # [n] seconds, or class numbers
    weight: NDArray[np.float32]  # [n]


def unbounded_median(train: LabelledRows, stop: LabelledRows, columns: NDArray[np.float32], seed: int) -> NDArray[Any]:
    """Predicted seconds [m] for rows `columns` [m, k] of a forest for the least absolute error."""
    return _answers(train, stop, columns, {"objective": "reg:absoluteerror", "eval_metric": "mae"}, seed)


def unbounded_device(
    train: LabelledRows, stop: LabelledRows, columns: NDArray[np.float32], n_devices: int, seed: int
) -> NDArray[Any]:
    """Predicted class numbers [m] for rows `columns` [m, k]."""
    objective = {"objective": "multi:softmax", "num_class": n_devices, "eval_metric": "mlogloss", **DEVICE_PARAMETERS}
    return _answers(train, stop, columns, objective, seed).astype(np.intp)


def _answers(
    train: LabelledRows, stop: LabelledRows, columns: NDArray[np.float32], options: Mapping[str, Any], seed: int
) -> NDArray[Any]:
    import xgboost as xgb

    data, watched = (xgb.DMatrix(part.columns, label=part.label, weight=part.weight) for part in (train, stop))
    parameters = {**PARAMETERS, **options, "seed": seed}
    booster = xgb.train(
        parameters, data, ROUNDS_MAX, evals=[(watched, "stop")], early_stopping_rounds=PATIENCE, verbose_eval=False
    )
    return np.asarray(booster.predict(xgb.DMatrix(columns), iteration_range=(0, booster.best_iteration + 1)))
