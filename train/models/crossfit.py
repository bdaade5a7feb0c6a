"""Answers to charges by models that have not seen their units: what calibration rests on.

Calibration units are answered by the final models. Where there are few of them, training units are left out in
turn as well, and answered by models of the others (cross-conformal prediction, Vovk 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from train.config import Config, Forest
from train.errors import TrainError
from train.models.forest import ForestModel, load_forest, train_device_forest, train_remaining_forest
from train.models.rows import TrainingRows
from train.models.split import UnitSplit, folds

DEVICE_FILE = "device.json"
REMAINING_FILE = "remaining.json"
N_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Forests:
    """The loaded forests of an artifact; no classifier with one device."""

    device: ForestModel | None
    remaining: ForestModel


@dataclass(frozen=True, slots=True)
class UnseenAnswers:
    """Rows with the margins of models that were not trained on their units."""

    rows: TrainingRows
    device_margin: NDArray[np.float64]  # [n, n_devices], no columns with one device
    remaining_margin: NDArray[np.float64]  # [n, 3]
    n_units: int


Grow = Callable[[str, TrainingRows, int, Config], bytes]
"""Trains one forest: kind (device, remaining), rows to learn from, number of devices, configuration."""


def grow_as_configured(kind: str, rows: TrainingRows, n_devices: int, config: Config) -> bytes:
    """A forest of the configuration's parameters, as XGBoost saves it."""
    forest = config.forest
    if kind == "device":
        weight = rows.weight(forest.device.early_weight)
        return train_device_forest(rows.features, rows.device, weight, n_devices, forest.device, forest.seed)
    return train_remaining_forest(
        rows.features,
        rows.remaining_s.astype(np.float32),
        rows.weight(forest.remaining.early_weight),
        fitted_to_few(forest.remaining, len(np.unique(rows.charge))),
        forest.seed,
    )


def train_forests(
    rows: TrainingRows, devices: Sequence[str], config: Config, grow: Grow = grow_as_configured
) -> dict[str, bytes]:
    """The model files of an artifact, trained on all of `rows`; raises TrainError when none of them gets full."""
    files: dict[str, bytes] = {}
    if len(devices) > 1:
        files[DEVICE_FILE] = grow("device", rows, len(devices), config)
    known = rows.where(rows.remaining_s >= 0)
    if len(known) == 0:
        raise TrainError("no charge to train on gets full: minutes to full cannot be learnt; add charges that do")
    files[REMAINING_FILE] = grow("remaining", known, len(devices), config)
    return files


def fitted_to_few(parameters: Forest, n_charges: int) -> Forest:
    """With few charges a leaf may rest on fewer: on a sixth of them or three, so that there is something to split."""
    return replace(parameters, min_child_weight=min(parameters.min_child_weight, max(3.0, n_charges / 6)))


def load_forests(
    files: Mapping[str, bytes],
    n_devices: int,
    n_features: int,
    where: str,
    *,
    device_file: str = DEVICE_FILE,
    remaining_file: str = REMAINING_FILE,
) -> Forests:
    """Load the model files of an artifact; `where` names the folder in messages. Raises ArtifactError."""
    device = None
    if n_devices > 1:
        device = load_forest(
            files[device_file],
            where=f"{where}/{device_file}",
            objective="multi:softprob",
            n_features=n_features,
            n_outputs=n_devices,
        )
    remaining = load_forest(
        files[remaining_file],
        where=f"{where}/{remaining_file}",
        objective="reg:quantileerror",
        n_features=n_features,
        n_outputs=3,
    )
    return Forests(device, remaining)


def unseen_answers(
    rows: TrainingRows,
    split: UnitSplit,
    devices: Sequence[str],
    final: Forests,
    config: Config,
    grow: Grow = grow_as_configured,
) -> UnseenAnswers:
    """Calibration rows and their margins; no rows when there is neither a calibration unit nor one to leave out."""
    parts = [_answer(rows.of_units(split.calibration), final, config)]
    units = len(split.calibration)
    if units < config.split.enough_calibration_units:
        for left_out in folds(split.train, N_FOLDS, config.split.seed):
            rest = rows.of_units(set(split.train) - left_out)
            if np.any(rest.remaining_s >= 0):
                files = train_forests(rest, devices, config, grow)
                models = load_forests(files, len(devices), rows.features.shape[1], "left out")
                parts.append(_answer(rows.of_units(left_out), models, config))
                units += len(left_out)
    return UnseenAnswers(
        rows=TrainingRows.concatenate([part.rows for part in parts]),
        device_margin=np.concatenate([part.device_margin for part in parts]),
        remaining_margin=np.concatenate([part.remaining_margin for part in parts]),
        n_units=units,
    )


def _answer(rows: TrainingRows, models: Forests, config: Config) -> UnseenAnswers:
    device = np.empty((len(rows.features), 0))
    if models.device is not None:
        device = models.device.board_margins(rows.features, config.forest.device.leaf_bits)
    remaining = models.remaining.board_margins(rows.features, config.forest.remaining.leaf_bits)
    return UnseenAnswers(rows, device, remaining, 0)
