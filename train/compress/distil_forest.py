"""Distillation (Hinton et al. 2015): a small forest learns what a large one says instead of what was recorded.

The teacher's answers come from folds of units it was not trained on; on its own training rows it would hand on its
certainty, not its knowledge. The student of the device learns a mix of the teacher's probabilities and the truth by
the gradient of their cross entropy; those of the remaining time learn the teacher's quantiles by squared error.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.compress.forest_task import UNCOMPRESSED, CompressedForest, ForestTask
from train.compress.forest_trees import read_forest, write_forest
from train.config import Forest
from train.models.thresholds import centre_thresholds

N_FOLDS = 2
TEACHER = replace(UNCOMPRESSED, max_bin=64)


def compress(
    task: ForestTask, *, teacher_share: float = 0.7, leaf_bits: int = 12, **parameters: Any
) -> CompressedForest:
    """Train a small forest, `parameters` put over the task's, on the teacher's answers.

    teacher_share  of the device's target that is the teacher's; the rest is the truth
    """
    student = replace(task.small, **parameters)
    answers = teacher_margins(task)
    model = (
        _device(task, student, answers, teacher_share) if task.kind == "device" else _remaining(task, student, answers)
    )
    return CompressedForest(centre_thresholds(model, task.features), leaf_bits)


def teacher_margins(task: ForestTask) -> NDArray[np.float64]:
    """Margins [n, n_outputs] of forests that have not seen a row's unit."""
    import xgboost as xgb

    margins = np.empty((len(task.label), task.n_outputs))
    for fold in range(N_FOLDS):
        out = task.unit % N_FOLDS == fold
        teacher = xgb.Booster({"nthread": 1}, model_file=bytearray(task.with_rows(~out).train(TEACHER)))
        margins[out] = teacher.predict(xgb.DMatrix(task.features[out], nthread=1), output_margin=True)
    return margins


def _options(task: ForestTask, parameters: Forest) -> dict[str, Any]:
    return {
        "tree_method": "hist",
        "nthread": 1,
        "seed": task.seed,
        "max_depth": parameters.max_depth,
        "eta": parameters.eta,
        "max_bin": parameters.max_bin,
        "gamma": parameters.gamma,
        "min_child_weight": parameters.min_child_weight,
        "lambda": parameters.l2,
    }


def _device(task: ForestTask, student: Forest, margins: NDArray[np.float64], share: float) -> bytes:
    import xgboost as xgb

    target = share * _softmax(margins)
    target[np.arange(len(target)), task.label.astype(np.int64)] += 1 - share
    weight = task.weight(student.early_weight)[:, None]

    def cross_entropy(predicted: NDArray[np.float32], _: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        p = _softmax(predicted.reshape(target.shape).astype(np.float64))
        return weight * (p - target), np.maximum(2 * weight * p * (1 - p), 1e-16)

    options = {**_options(task, student), "objective": "multi:softprob", "num_class": task.n_outputs, "base_score": 0.5}
    matrix = xgb.DMatrix(task.features, label=task.label, nthread=1)
    booster = xgb.train(options, matrix, student.rounds, obj=cross_entropy)
    return bytes(booster.save_raw("json"))


def _remaining(task: ForestTask, student: Forest, margins: NDArray[np.float64]) -> bytes:
    """One squared-error forest a quantile, put together as one of XGBoost's quantile regression."""
    import xgboost as xgb

    shape = read_forest(task.train(replace(student, rounds=1, max_depth=1)))
    shape.trees, base = [], []
    for output in range(task.n_outputs):
        matrix = xgb.DMatrix(
            task.features, label=margins[:, output], weight=task.weight(student.early_weight), nthread=1
        )
        options = {**_options(task, student), "objective": "reg:squarederror"}
        single = read_forest(bytes(xgb.train(options, matrix, student.rounds).save_raw("json")))
        base += list(single.base)
        for tree in single.trees:
            tree.output = output
        shape.trees += single.trees
    parameters = shape.document["learner"]["learner_model_param"]
    parameters["base_score"] = "[" + ",".join(repr(float(np.float32(value))) for value in base) + "]"
    return write_forest(shape)


def _softmax(margin: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = np.exp(margin - margin.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
