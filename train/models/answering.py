"""What the forests of a board answer to charges: features and rules by the core's C, leaves by XGBoost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.artifact import Artifact, ModelFile
from train.features import (
    WP_MISSING,
    AnswerRules,
    Features,
    history_features,
    remaining_answers,
    to_float,
)
from train.models.forest import ForestModel


@dataclass(frozen=True, slots=True)
class Forests:
    """The loaded forests of an artifact; no classifier with one device."""

    device: ForestModel | None
    remaining: ForestModel


@dataclass(frozen=True, slots=True)
class BoardModel:
    """All that answers: forests, the widths and scales of their leaves, and the rules."""

    forests: Forests
    device_file: ModelFile | None
    remaining_file: ModelFile
    rules: AnswerRules


@dataclass(frozen=True, slots=True)
class Outputs:
    """Integer outputs of either kind of model at some samples of a charge."""

    features: Features
    margin: NDArray[np.int32]  # [n, devices], or a column that means nothing with one device
    quantile: NDArray[np.int32]  # [n, 3]


@dataclass(frozen=True, slots=True)
class ForestOutputs:
    """Integer outputs at some rows, and what the remaining model was told of the answered device."""

    margin: NDArray[np.int32]  # [n, n_devices], or a column that means nothing with one device
    history: NDArray[np.int32]  # [n, 3]
    quantile: NDArray[np.int32]  # [n, 3]


def board_model(artifact: Artifact, forests: Forests) -> BoardModel:
    """The model of an artifact."""
    return BoardModel(forests, artifact.device_model, artifact.remaining_model, answer_rules(artifact))


def answer_rules(artifact: Artifact) -> AnswerRules:
    """The post-processing of an artifact, as the C core takes it."""
    softmax = artifact.softmax
    return AnswerRules(
        n_devices=len(artifact.devices),
        softmax_multiplier=softmax.multiplier if softmax else 0,
        softmax_shift=softmax.shift if softmax else 0,
        unknown_below_permille=artifact.unknown_below_permille,
        remaining_shift=artifact.remaining_model.output_scale_log2,
        prototypes=artifact.prototypes,
        estimate=artifact.estimate,
    )


def forest_outputs(model: BoardModel, found: Features) -> ForestOutputs:
    """What the forests give at these rows; each row stands alone."""
    features, rules = to_float(found.x), model.rules
    margin = np.zeros((len(features), 1), np.int32)
    device = np.zeros(len(features), np.intp)
    if model.forests.device is not None and model.device_file is not None:
        file = model.device_file
        margin = model.forests.device.outputs(features, file.output_scale_log2, file.leaf_bits)
        device = margin.argmax(axis=1)  # the first of the largest, as the core has it
    history = history_features(rules, found.x, device)
    columns = np.column_stack([features, history.astype(np.float32)])
    file = model.remaining_file
    quantile = model.forests.remaining.outputs(columns, file.output_scale_log2, file.leaf_bits)
    return ForestOutputs(margin, history, quantile)


def course_seconds(model: BoardModel, found: Features, elapsed_ms: NDArray[np.integer]) -> NDArray[np.int32]:
    """Answered seconds [n, 3] at the rows of one charge at which the board asks, from its first sample on."""
    outputs = forest_outputs(model, found)
    device = outputs.margin.argmax(axis=1)
    return remaining_answers(model.rules, elapsed_ms, found.phase, device, outputs.quantile)


def remaining_columns(
    rules: AnswerRules, features: NDArray[np.float32], device: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Rows [n, n_features] with the history features behind them, for devices [n]; NaN is missing."""
    whole = np.where(np.isnan(features), WP_MISSING, features.astype(np.float64)).astype(np.int32)
    return np.column_stack([features, history_features(rules, whole, device).astype(np.float32)])
