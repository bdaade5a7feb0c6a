"""How good a model is on the scored charges, and how sure its difference to the uncompressed one is.

Answers are the board's, by its own C: outputs of quantised leaves to seconds that do not jump, the interval moved by
what the calibration units say. The board asks every ten seconds; here it is asked at the scored rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import EstimateRules, Interval
from train.bootstrap import LEVELS, drawn_units
from train.features import AnswerRules, remaining_answers
from train.models import calibrate
from train.models.rows import TrainingRows
from train.study.data import ScoredRows

N_RESAMPLES = 2000
PHASE_FULL = 3  # wp_phase of the core


def device_scores(rows: ScoredRows, output: NDArray[np.int32]) -> NDArray[np.float64]:
    """Whether the device is right 60 s after plugging in, [n_charges], from outputs [n at 60 s, n_devices]."""
    correct = np.full(len(rows.unit), np.nan)
    correct[rows.charge[rows.at_60s]] = output.argmax(axis=1) == rows.device[rows.at_60s]
    return correct


def calibrated(
    estimate: EstimateRules,
    rows: TrainingRows,
    device: NDArray[np.integer[Any]],
    output: NDArray[np.int32],
    scale_log2: int,
) -> EstimateRules:
    """The estimate with its interval, as `fit` has it, from calibration rows and their outputs [n, 3]."""
    seconds = answered_seconds(estimate, rows, device, output, scale_log2)
    known = (rows.remaining_s >= 0) & (rows.phase != PHASE_FULL)
    if not known.any():
        return estimate
    columns = (rows.elapsed_s, seconds, rows.remaining_s, rows.charge)
    found: Sequence[Interval] = calibrate.intervals(*(column[known] for column in columns))
    return replace(estimate, intervals=tuple(found))


def answered_seconds(
    estimate: EstimateRules,
    rows: TrainingRows | ScoredRows,
    device: NDArray[np.integer[Any]],
    output: NDArray[np.int32],
    scale_log2: int,
) -> NDArray[np.int32]:
    """Seconds [n, 3] that the core answers at rows with answered devices [n] and outputs [n, 3]."""
    rules = AnswerRules(len(estimate.histories), remaining_shift=scale_log2, estimate=estimate)
    elapsed_ms = 1000 * rows.elapsed_s.astype(np.int64)
    starts = np.flatnonzero(np.diff(rows.charge, prepend=-1))
    parts = [
        remaining_answers(rules, elapsed_ms[own], rows.phase[own], device[own], output[own])
        for own in map(slice, starts, np.append(starts[1:], len(rows.charge)))
    ]
    return np.concatenate(parts)


def remaining_scores(rows: ScoredRows, seconds: NDArray[np.int32]) -> dict[str, NDArray[np.float64]]:
    """By charge [n_charges], from answered seconds [n, 3]: mean error, share of time covered, width of the interval."""
    truth = rows.remaining_s
    error = np.abs(seconds[:, 1] - truth) / 60
    inside = (seconds[:, 0] <= truth) & (truth <= seconds[:, 2])
    width = (seconds[:, 2] - seconds[:, 0]) / 60
    found = {"error_min": error, "covered": inside.astype(np.float64), "width_min": width}
    return {name: _by_charge(rows, values) for name, values in found.items()}


def _by_charge(rows: ScoredRows, values: NDArray[np.float64]) -> NDArray[np.float64]:
    weight = np.where(rows.remaining_s >= 0, rows.share, 0.0)
    n = len(rows.unit)
    total = np.bincount(rows.charge, weight, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, np.bincount(rows.charge, weight * values, n) / total, np.nan)


def difference(
    new: NDArray[np.float64], old: NDArray[np.float64], unit: NDArray[np.intp], seed: int = 1
) -> dict[str, float]:
    """new - old, mean over charges, and its 95 % interval: units drawn again with replacement (paired bootstrap)."""
    counts = ~np.isnan(new) & ~np.isnan(old)
    if not counts.any():
        return {"value": float("nan"), "low": float("nan"), "high": float("nan")}
    n_units = int(unit.max()) + 1
    total = np.bincount(unit[counts], (new - old)[counts], n_units)
    number = np.bincount(unit[counts], minlength=n_units).astype(np.float64)
    drawn = drawn_units(n_units, N_RESAMPLES, seed)
    means = (drawn @ total) / np.maximum(drawn @ number, 1)
    low, high = np.quantile(means, LEVELS)
    return {"value": float(total.sum() / number.sum()), "low": float(low), "high": float(high)}


def relative_difference(
    new: NDArray[np.float64], old: NDArray[np.float64], unit: NDArray[np.intp], seed: int = 1
) -> dict[str, float]:
    """mean(new) / mean(old) - 1 with its 95 % interval, as `difference`."""
    counts = ~np.isnan(new) & ~np.isnan(old)
    n_units = int(unit.max()) + 1
    sums = [np.bincount(unit[counts], values[counts], n_units) for values in (new, old)]
    drawn = drawn_units(n_units, N_RESAMPLES, seed)
    ratios = (drawn @ sums[0]) / (drawn @ sums[1]) - 1
    low, high = np.quantile(ratios, LEVELS)
    return {"value": float(sums[0].sum() / sums[1].sum() - 1), "low": float(low), "high": float(high)}


def rounded(value: Any, digits: int = 6) -> Any:
    """Floats of nested plain values rounded, NaN as None, for JSON."""
    if isinstance(value, dict):
        return {key: rounded(inner, digits) for key, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner, digits) for inner in value]
    if isinstance(value, float):
        return None if value != value else round(value, digits)
    return value
