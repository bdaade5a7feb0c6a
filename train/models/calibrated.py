"""The rules of an artifact that come from answers to units it has not learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from train.answer_rules import Prototypes, estimate_entries, prototype_entries
from train.artifact import Softmax
from train.features import AnswerRules, device_answers
from train.models import calibrate
from train.models.crossfit import UnseenAnswers
from train.models.learnt import Learnt

UNKNOWN_FROM_S = 60  # confidence is judged once this much of a charge has been seen


def device_entries(learnt: Learnt, devices: Sequence[str]) -> dict[str, Any]:
    """The manifest's keys about the classifier, calibrated on the answers to unseen units."""
    model, unseen = learnt.device_model, learnt.unseen
    if model is None:
        return {"device_model": None, "softmax": None, "unknown_below_permille": 0, "prototypes": None}
    scale = int(model["output_scale_log2"])
    rows = unseen.rows
    temperature = 1.0
    if len(rows.charge):
        temperature = calibrate.fit_temperature(
            unseen.device_margin, rows.device, calibrate.charge_weights(rows.charge)
        )
    softmax = calibrate.softmax_integers(temperature, scale)
    below, prototypes = unknown_rules(learnt.prototypes, unseen, softmax, scale)
    return {
        "device_model": dict(model),
        "softmax": {"multiplier": softmax.multiplier, "shift": softmax.shift},
        "unknown_below_permille": below,
        **prototype_entries(prototypes, devices),
    }


def unknown_rules(
    prototypes: Prototypes | None, unseen: UnseenAnswers, softmax: Softmax, scale: int
) -> tuple[int, Prototypes | None]:
    """What is unknown: the least confidence that is not, and prototypes with their threshold; none when there was
    nothing to calibrate on."""
    late = unseen.rows.elapsed_s >= UNKNOWN_FROM_S
    if not np.any(late):
        return 0, None
    rows = unseen.rows.where(late)
    margin = np.rint(unseen.device_margin[late] * 2.0**scale).astype(np.int32)
    rules = AnswerRules(margin.shape[1], softmax.multiplier, softmax.shift)
    elapsed_ms = 1000 * rows.elapsed_s.astype(np.int64)
    confidence = device_answers(rules, rows.whole_features(), margin, elapsed_ms, rows.phase).confidence_permille
    weight = calibrate.charge_weights(rows.charge)
    if prototypes is None:
        return calibrate.unknown_threshold_permille(confidence, weight), None
    below = calibrate.unknown_threshold_permille(confidence, weight, calibrate.UNSURE)
    above = calibrate.unfamiliar_threshold(unseen.unfamiliarity[late], confidence < below, weight)
    return below, replace(prototypes, unfamiliar_above=above)


def remaining_entries(learnt: Learnt, devices: Sequence[str]) -> dict[str, Any]:
    """The manifest's keys about the remaining time, its interval calibrated on the answers to unseen units."""
    course = learnt.unseen.course
    intervals = calibrate.intervals(course.elapsed_s, course.quantile_s, course.remaining_s, course.charge)
    return {
        "remaining_model": dict(learnt.remaining_model),
        **estimate_entries(replace(learnt.estimate, intervals=intervals), devices),
    }
