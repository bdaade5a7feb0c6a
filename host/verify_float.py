"""What quantisation costs: the trained float model (`train predict`) beside the integers of the reference.

The trained model's answer is that of docs/artifact.md in real numbers: margins are XGBoost's float32, the softmax has
the same temperature, seconds are neither scaled nor rounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from host.field_error import FieldError, charge_error, field_error
from host.messages import FLAG_UNKNOWN
from host.reference import ANSWER_FIELDS, Charge
from train.artifact import REMAINING_MAX_S, Artifact, EstimateRules

PHASE_FULL = 3
SETTLED_S = 10
CONFIDENCE = ANSWER_FIELDS.index("confidence_permille")
REMAINING = slice(ANSWER_FIELDS.index("remaining_10_s"), ANSWER_FIELDS.index("remaining_90_s") + 1)
FLAGS = ANSWER_FIELDS.index("flags")
N_BINS = 40


@dataclass(frozen=True, slots=True)
class FloatAnswers:
    """What the trained model answers to n samples, unrounded."""

    device: NDArray[np.intp]  # [n]
    confidence_permille: NDArray[np.float64]  # [n]; not a number without a classifier
    remaining_s: NDArray[np.float64]  # [n, 3], ascending


@dataclass(frozen=True, slots=True)
class Distribution:
    """Of the differences integer − float: size at 50 and 99 % and the largest, and a histogram for a picture."""

    p50: float
    p99: float
    largest: float
    edges: tuple[float, ...]  # [N_BINS + 1]
    counts: tuple[int, ...]  # [N_BINS]


@dataclass(frozen=True, slots=True)
class Price:
    """What the integers change against the trained float model, over all samples; None: there is no classifier."""

    samples: int
    devices_differ: int | None  # answers that name another device
    unknown_differs: int | None  # answers on the other side of the threshold of "unknown"
    margin: Distribution | None  # of all classes, in the trained model's own unit
    confidence_permille: Distribution | None
    remaining_s: Distribution
    error: FieldError  # the float model against the truth


def float_answers(artifact: Artifact, charge: Charge) -> FloatAnswers:
    """The trained model's answers to a charge; needs its margins in the reference."""
    n = len(charge.answers)
    remaining = float_remaining(artifact.estimate, charge)
    if artifact.softmax is None or artifact.device_model is None:
        return FloatAnswers(np.zeros(n, np.intp), np.full(n, np.nan), remaining)
    margin = charge.device_margin.astype(np.float64)
    below = margin.max(axis=1, keepdims=True) - margin
    # 1024 of the softmax's integer steps halve a probability.
    halvings = below * 2.0 ** (artifact.device_model.output_scale_log2 - artifact.softmax.shift - 10)
    weight = np.exp2(-halvings * artifact.softmax.multiplier)
    return FloatAnswers(margin.argmax(axis=1), 1000.0 / weight.sum(axis=1), remaining)


def float_remaining(rules: EstimateRules, charge: Charge) -> NDArray[np.float64]:
    """The estimate of docs/artifact.md in real numbers, [n, 3], for the devices that were answered."""
    phase, device = charge.answers[:, FLAGS] >> 1 & 3, charge.answers[:, 0]
    t_ms = np.array([sample.t_ms for sample in charge.samples], dtype=np.int64)
    elapsed_s = ((t_ms - t_ms[0]) % 2**32) / 1000
    seconds = charge.remaining_margin.astype(np.float64)
    if rules.of_duration:
        seconds = seconds * np.array([item.duration_s for item in rules.histories])[device][:, None]
    for index, table in enumerate(rules.baselines):
        own = device == index
        seconds[own] += np.interp(elapsed_s[own], table.step_s * np.arange(len(table.remaining_s)), table.remaining_s)[
            :, None
        ]
    ends = _smoothed(seconds + elapsed_s[:, None], elapsed_s, phase, rules.smoothing_s)
    starts = np.array([part.from_s for part in rules.intervals])
    offsets = np.array([(part.low_s, 0.0, part.high_s) for part in rules.intervals])
    offset = offsets[np.searchsorted(starts, elapsed_s, side="right") - 1]
    remaining = np.sort((ends - elapsed_s[:, None] + offset).clip(0, REMAINING_MAX_S), axis=1)
    remaining[phase == PHASE_FULL] = 0
    return np.asarray(remaining)


def _smoothed(
    ends: NDArray[np.float64], elapsed_s: NDArray[np.float64], phase: NDArray[np.int64], smoothing_s: int
) -> NDArray[np.float64]:
    """Predicted ends [n, 3] averaged over the moments at which a board asks its model, and held between them."""
    slot = np.where(elapsed_s < 60, np.floor(elapsed_s), 54 + np.floor(elapsed_s / 10))
    due = np.append(True, np.diff(slot) != 0) if smoothing_s else np.ones(len(slot), np.bool_)
    found, latest = np.empty_like(ends), 0
    for k in range(len(ends)):
        tau = min(smoothing_s, elapsed_s[k] / 4)
        if k == 0 or (due[k] and phase[k] != PHASE_FULL and (elapsed_s[k] < SETTLED_S or tau == 0)):
            found[k], latest = ends[k], k
        elif due[k] and phase[k] != PHASE_FULL:
            step = elapsed_s[k] - elapsed_s[latest]
            found[k], latest = found[k - 1] + (ends[k] - found[k - 1]) * step / (tau + step), k
        else:
            found[k] = found[k - 1]
    return found


def price(artifact: Artifact, charges: Sequence[Charge], device_names: Sequence[str]) -> Price | None:
    """Compare float and integers over all charges; None where the reference has no float margins."""
    if any(charge.remaining_margin.shape[1] != 3 for charge in charges):
        return None
    trained = [float_answers(artifact, charge) for charge in charges]
    integer = np.concatenate([charge.answers for charge in charges])
    confidence = np.concatenate([answers.confidence_permille for answers in trained])
    device = np.concatenate([answers.device for answers in trained])
    remaining = np.concatenate([answers.remaining_s for answers in trained])
    known = bool(np.isfinite(confidence).all())
    unsure = integer[:, CONFIDENCE] < artifact.unknown_below_permille
    errors = [
        charge_error(
            charge,
            answers.device,
            answers.remaining_s[:, 1],
            _unknown(artifact, charge, answers),
            device_names,
        )
        for charge, answers in zip(charges, trained, strict=True)
    ]
    return Price(
        samples=len(integer),
        devices_differ=int((device != integer[:, 0]).sum()) if known else None,
        unknown_differs=int(((confidence < artifact.unknown_below_permille) != unsure).sum()) if known else None,
        margin=_margin(artifact, charges) if known else None,
        confidence_permille=_distribution(integer[:, CONFIDENCE] - confidence) if known else None,
        remaining_s=_distribution((integer[:, REMAINING] - remaining).ravel()),
        error=field_error(errors),
    )


def _unknown(artifact: Artifact, charge: Charge, answers: FloatAnswers) -> NDArray[np.bool_]:
    """Too unsure, or unfamiliar: flagged although the integers' confidence would do. The latter rests on features."""
    flagged = (charge.answers[:, FLAGS] & FLAG_UNKNOWN) != 0
    unfamiliar = flagged & (charge.answers[:, CONFIDENCE] >= artifact.unknown_below_permille)
    return np.asarray(unfamiliar | (answers.confidence_permille < artifact.unknown_below_permille))


def _margin(artifact: Artifact, charges: Sequence[Charge]) -> Distribution | None:
    if artifact.device_model is None or any(charge.device_output.shape[1] == 0 for charge in charges):
        return None
    scale = 2.0**-artifact.device_model.output_scale_log2
    pairs = [(charge.device_output, charge.device_margin.astype(np.float64)) for charge in charges]
    return _distribution(np.concatenate([(output * scale - margin).ravel() for output, margin in pairs]))


def _distribution(differences: NDArray[np.float64]) -> Distribution:
    size = np.abs(differences)
    p50, p99 = np.percentile(size, (50, 99))
    low, high = float(differences.min()), float(differences.max())
    counts, edges = np.histogram(differences, bins=N_BINS, range=(low, max(high, low + 1e-6)))
    return Distribution(
        p50=_digits(p50),
        p99=_digits(p99),
        largest=_digits(size.max()),
        edges=tuple(map(_digits, edges)),
        counts=tuple(map(int, counts)),
    )


def _digits(value: float) -> float:
    return float(f"{value:.6g}")
