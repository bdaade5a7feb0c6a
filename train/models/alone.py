"""Remaining time from few charges without a prior: what is learnt of them is used where it has shown that it helps."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from train.answer_rules import HISTORY_FEATURES, EstimateRules
from train.config import Config, Forest
from train.features import feature_names
from train.models.few import FOREST, OF_ONE_UNIT, TRANSFERS, FewRows, few_estimate, few_parameters, few_rows
from train.models.forest import load_forest, train_remaining_forest
from train.models.rows import TrainingRows

ENOUGH_OF_ONE_UNIT = 3  # charges that got full
FOREST_OF_ONE_UNIT = replace(FOREST, rounds=40, min_child_weight=0.3)
HELPS_BELOW = 0.8  # of the baseline's error, on charges that were left out
N_FOLDS = 5

F = TypeVar("F", bound=Forest)


def rows_alone(rows: TrainingRows, config: Config, estimate: EstimateRules) -> tuple[FewRows, Forest]:
    """Rows and parameters of the forest for the remaining time.

    Where each device has one unit, more transfers from charge to charge than between units, but a handful of charges
    may show it or not: it is used where it did better than the baseline on charges left out in turn.
    """
    n_charges = len(np.unique(rows.charge[rows.remaining_s >= 0]))
    lone = len(np.unique(rows.unit)) == len(np.unique(rows.device))
    parameters = few_parameters(config.forest.remaining, FOREST_OF_ONE_UNIT)
    if lone and n_charges >= ENOUGH_OF_ONE_UNIT and _helps(rows, parameters, len(estimate.histories), config):
        return few_rows(rows, estimate, OF_ONE_UNIT), parameters
    parameters = few_parameters(config.forest.remaining, FOREST)
    return few_rows(rows, estimate, TRANSFERS), fitted_to_few(parameters, n_charges)


def fitted_to_few(parameters: F, n_charges: int) -> F:
    """With few charges a leaf may rest on fewer: on a sixth of them or three, so that there is something to split."""
    return replace(parameters, min_child_weight=min(parameters.min_child_weight, max(3.0, n_charges / 6)))


def _helps(rows: TrainingRows, parameters: Forest, n_devices: int, config: Config) -> bool:
    known = rows.where(rows.remaining_s >= 0)
    numbers = np.unique(known.charge)
    off = baseline_off = 0.0
    for fold in range(min(N_FOLDS, len(numbers))):
        left = np.isin(known.charge, numbers[fold::N_FOLDS])
        rest = known.where(~left)
        estimate = few_estimate(rest, n_devices, 0)
        learnt, scored = (few_rows(part, estimate, OF_ONE_UNIT) for part in (rest, known.where(left)))
        data = train_remaining_forest(learnt.columns, learnt.target, learnt.weight, parameters, config.forest.seed)
        forest = load_forest(
            data,
            where="training",
            objective="reg:quantileerror",
            n_features=len(feature_names()) + len(HISTORY_FEATURES),
            n_outputs=3,
        )
        answer = forest.margins(scored.columns)[:, 1]
        off += float(np.sum(scored.weight * np.abs(answer - scored.target)))
        baseline_off += float(np.sum(scored.weight * np.abs(scored.target)))
    return off < HELPS_BELOW * baseline_off
