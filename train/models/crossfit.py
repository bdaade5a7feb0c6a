"""Answers to charges by models that have not seen their units: what calibration rests on.

Calibration units are answered by the final models. Where there are few of them, training units are left out in
turn as well, and answered by models of the others (cross-conformal prediction, Vovk 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import HISTORY_FEATURES, EstimateRules, Prototypes
from train.artifact import ModelFile
from train.compress.forest_combination import reduced
from train.compress.forest_task import forest_task
from train.config import Config
from train.errors import TrainError
from train.features import AnswerRules, device_answers, extract
from train.models.alone import rows_alone
from train.models.answering import BoardModel, Forests, course_seconds, remaining_columns
from train.models.courses import Asked, CourseRows, courses, elapsed_ms_of, joined_courses
from train.models.few import (
    FOREST_ON_PRIOR,
    TRANSFERS_BETWEEN_DEVICES,
    few_estimate,
    few_parameters,
    few_rows,
    with_prior,
)
from train.models.forest import load_forest, train_remaining_forest
from train.models.history import histories
from train.models.own import Few, charge_folds
from train.models.process import process_forest, several_units
from train.models.prototypes import fit_prototypes
from train.models.rows import TrainingRows
from train.models.split import UnitSplit, folds
from train.sessions.types import Charge

DEVICE_FILE = "device.json"
REMAINING_FILE = "remaining.json"
N_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Trained:
    """Models fitted on some rows, before calibration."""

    files: Mapping[str, bytes]
    forests: Forests
    estimate: EstimateRules
    prototypes: Prototypes | None

    def board_model(self, n_devices: int, config: Config) -> BoardModel:
        """What answers with these models, uncalibrated: neither temperature, nor thresholds, nor intervals."""
        device = None
        if self.forests.device is not None:
            bits = config.forest.device.leaf_bits
            device = ModelFile(DEVICE_FILE, self.forests.device.trees.scale_log2(bits), bits)
        bits = config.forest.remaining.leaf_bits
        remaining = ModelFile(REMAINING_FILE, self.forests.remaining.trees.scale_log2(bits), bits)
        rules = AnswerRules(
            n_devices=n_devices,
            remaining_shift=remaining.output_scale_log2,
            prototypes=self.prototypes,
            estimate=self.estimate,
        )
        return BoardModel(self.forests, device, remaining, rules)


@dataclass(frozen=True, slots=True)
class UnseenAnswers:
    """Rows with the margins of models that were not trained on their units, and the course of their charges."""

    rows: TrainingRows
    device_margin: NDArray[np.float64]  # [n, n_devices], no columns with one device
    unfamiliarity: NDArray[np.uint32]  # [n]
    course: CourseRows
    n_units: int


Grow = Callable[[str, TrainingRows, int, Config], bytes]
"""Trains one forest: kind (device, remaining), rows to learn from, number of devices, configuration."""


def grow_as_configured(kind: str, rows: TrainingRows, n_devices: int, config: Config) -> bytes:
    """A forest of the configuration's parameters after the steps it asks for, as XGBoost saves it."""
    task = forest_task(rows, "device" if kind == "device" else "remaining", n_devices, config)
    return reduced(task.train(task.configured), task.configured, task)


def train_models(
    rows: TrainingRows,
    devices: Sequence[str],
    config: Config,
    few: Few | None = None,
    grow: Grow = grow_as_configured,
) -> Trained:
    """Both models, trained on all of `rows`; raises TrainError when no charge of them gets full."""

    def forests(estimate: EstimateRules) -> Mapping[str, bytes]:
        return train_forests(rows, devices, config, estimate, few, grow)

    return trained_models(rows, devices, config, forests, few)


def trained_models(
    rows: TrainingRows,
    devices: Sequence[str],
    config: Config,
    train: Callable[[EstimateRules], Mapping[str, bytes]],
    few: Few | None = None,
) -> Trained:
    """Models whose forests `train` makes for the histories of `rows`; raises TrainError when no charge gets full."""
    if not np.any(rows.remaining_s >= 0):
        raise TrainError("no charge to train on gets full: minutes to full cannot be learnt; add charges that do")
    smoothing_s = config.forest.smoothing_s
    if few is None:
        estimate = EstimateRules(histories(rows, len(devices)), smoothing_s=smoothing_s)
    else:
        estimate = few_estimate(rows, len(devices), smoothing_s)
    files = train(estimate)
    return Trained(
        files=files,
        forests=load_forests(files, len(devices), rows.features.shape[1], "training"),
        estimate=estimate,
        prototypes=fit_prototypes(rows, len(devices), config.forest.seed) if len(devices) > 1 else None,
    )


def train_forests(
    rows: TrainingRows,
    devices: Sequence[str],
    config: Config,
    estimate: EstimateRules,
    few: Few | None = None,
    grow: Grow = grow_as_configured,
) -> dict[str, bytes]:
    """The model files of an artifact, trained on all of `rows`, some of which get full."""
    files: dict[str, bytes] = {}
    if len(devices) > 1:
        told = rows if few is None else few.balanced(rows)
        files[DEVICE_FILE] = grow("device", told, len(devices), config)
    if few is not None:
        files[REMAINING_FILE] = _few_forest(rows, config, estimate, few)
    else:
        files[REMAINING_FILE] = grow("remaining", with_history(rows, estimate), len(devices), config)
    return files


def with_history(rows: TrainingRows, estimate: EstimateRules) -> TrainingRows:
    """Rows of known remaining time, with the history features of their devices behind the others."""
    known = rows.where(rows.remaining_s >= 0)
    rules = AnswerRules(len(estimate.histories), estimate=estimate)
    return replace(known, features=remaining_columns(rules, known.features, known.device))


def _few_forest(rows: TrainingRows, config: Config, estimate: EstimateRules, few: Few) -> bytes:
    if few.prior is None and several_units(rows):
        return process_forest(rows, config, estimate, smooth=few.smooth)
    parameters = few_parameters(config.forest.remaining, FOREST_ON_PRIOR)
    if few.prior is None:
        found, parameters = rows_alone(rows, config, estimate)
    else:
        others = few.of_fleet(rows)
        found = with_prior(few_rows(rows.where(~others), estimate, TRANSFERS_BETWEEN_DEVICES), few.prior)
        if np.any(others):
            found = few_rows(rows.where(others), estimate, TRANSFERS_BETWEEN_DEVICES).joined(found)
    return train_remaining_forest(found.columns, found.target, found.weight, parameters, config.forest.seed)


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
        n_features=n_features + len(HISTORY_FEATURES),
        n_outputs=3,
    )
    return Forests(device, remaining)


def unseen_answers(
    rows: TrainingRows,
    charges: Sequence[Charge],
    split: UnitSplit,
    devices: Sequence[str],
    final: Trained,
    config: Config,
    few: Few | None = None,
    grow: Grow = grow_as_configured,
) -> UnseenAnswers:
    """Calibration rows and their margins; no rows when there is neither a calibration unit nor one to leave out.

    With few units, the charges of a device that has a single one are left out in turn instead (train/models/own.py).
    rows are of `charges`, numbered as they stand.
    """
    parts = [_answer(rows.of_units(split.calibration), charges, len(devices), final, config)]
    units = len(split.calibration)
    if units < config.split.enough_calibration_units:
        for left_out in folds(split.train, N_FOLDS, config.split.seed):
            rest = rows.of_units(set(split.train) - left_out)
            if np.any(rest.remaining_s >= 0):
                models = train_models(rest, devices, config, few, grow)
                parts.append(_answer(rows.of_units(left_out), charges, len(devices), models, config))
                units += len(left_out)
    if few is not None:
        for numbers in charge_folds(rows, split.train):
            left = np.isin(rows.charge, list(numbers))
            rest = rows.where(~left).of_units(split.train)
            models = train_models(rest, devices, config, few, grow)
            parts.append(_answer(rows.where(left), charges, len(devices), models, config))
    return UnseenAnswers(
        rows=TrainingRows.concatenate([part.rows for part in parts]),
        device_margin=np.concatenate([part.device_margin for part in parts]),
        unfamiliarity=np.concatenate([part.unfamiliarity for part in parts]),
        course=joined_courses([part.course for part in parts]),
        n_units=units,
    )


def _answer(
    rows: TrainingRows, charges: Sequence[Charge], n_devices: int, models: Trained, config: Config
) -> UnseenAnswers:
    margin = np.empty((len(rows), 0))
    unfamiliarity = np.zeros(len(rows), np.uint32)
    model = models.board_model(n_devices, config)
    if models.forests.device is not None and model.device_file is not None:
        file = model.device_file
        outputs = models.forests.device.outputs(rows.features, file.output_scale_log2, file.leaf_bits)
        margin = outputs.astype(np.float64) * 2.0**-file.output_scale_log2
        elapsed_ms = 1000 * rows.elapsed_s.astype(np.int64)
        found = device_answers(model.rules, rows.whole_features(), outputs, elapsed_ms, rows.phase)
        unfamiliarity = found.unfamiliarity
    return UnseenAnswers(rows, margin, unfamiliarity, courses(charges, rows, partial(_seconds_at, model)), 0)


def _seconds_at(model: BoardModel, charge: Charge, asked: NDArray[np.intp]) -> Asked:
    found = extract(charge, asked)
    return found.phase, course_seconds(model, found, elapsed_ms_of(charge)[asked])
