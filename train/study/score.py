"""How good a model is on the scored charges, and how sure its difference to the uncompressed one is.

Answers are integers as the board's: outputs of quantised leaves, rounded to seconds, the interval moved by the
calibration units' offsets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.artifact import REMAINING_MAX_S
from train.models import calibrate
from train.models.rows import TrainingRows
from train.study.data import ScoredRows

N_RESAMPLES = 2000
PHASE_FULL = 3  # wp_phase of the core


@dataclass(frozen=True, slots=True)
class ChargeScores:
    """Figures of each charge; NaN where a charge does not count."""

    correct_60s: NDArray[np.float64]  # [n_charges] 0 or 1
    error_min: NDArray[np.float64]  # [n_charges] mean absolute error of the median
    covered: NDArray[np.float64]  # [n_charges] share of time within the interval

    def means(self) -> dict[str, float]:
        """The figures of the table: every charge weighs the same."""
        return {
            "accuracy": _mean(self.correct_60s),
            "mae_minutes": _mean(self.error_min),
            "coverage": _mean(self.covered),
        }


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.nanmean(values)) if np.any(~np.isnan(values)) else float("nan")


def device_scores(rows: ScoredRows, output: NDArray[np.int32]) -> NDArray[np.float64]:
    """Whether the device is right 60 s after plugging in, [n_charges], from outputs [n at 60 s, n_devices]."""
    correct = np.full(len(rows.unit), np.nan)
    correct[rows.charge[rows.at_60s]] = output.argmax(axis=1) == rows.device[rows.at_60s]
    return correct


def interval_offsets(rows: TrainingRows, output: NDArray[np.int32], scale_log2: int) -> tuple[int, int, int]:
    """Conformal offsets in seconds from calibration rows and their outputs [n, 3], one a tail."""
    known = (rows.remaining_s >= 0) & (rows.phase != PHASE_FULL)
    left, charge = rows.remaining_s[known], rows.charge[known]
    if len(charge) == 0:
        return 0, 0, 0
    seconds = np.sort(quantile_seconds(output[known], scale_log2), axis=1)
    weight = calibrate.charge_weights(charge)
    m = len(np.unique(charge))
    low, high = (
        calibrate.weighted_quantile(off.astype(np.float64), weight, 0.9 * (m + 1) / m)
        for off in (seconds[:, 0] - left, left - seconds[:, 2])
    )
    return -round(low), 0, round(high)


def quantile_seconds(output: NDArray[np.int32], scale_log2: int) -> NDArray[np.int64]:
    """Whole seconds [n, 3] of outputs: docs/artifact.md, to nearest."""
    half = (1 << scale_log2) >> 1
    return (output.astype(np.int64) + half) >> scale_log2


def remaining_scores(
    rows: ScoredRows, output: NDArray[np.int32], scale_log2: int, offsets_s: tuple[int, int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean error in minutes and share of time covered, [n_charges] each, from outputs [n, 3]."""
    moved = quantile_seconds(output, scale_log2) + np.array(offsets_s)
    answer = np.sort(np.clip(moved, 0, REMAINING_MAX_S), axis=1)
    answer[rows.phase == PHASE_FULL] = 0
    truth = rows.remaining_s
    error = np.abs(answer[:, 1] - truth) / 60
    inside = (answer[:, 0] <= truth) & (truth <= answer[:, 2])
    return _by_charge(rows, error), _by_charge(rows, inside.astype(np.float64))


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
    drawn = np.random.default_rng(seed).multinomial(n_units, np.full(n_units, 1 / n_units), size=N_RESAMPLES)
    means = (drawn @ total) / np.maximum(drawn @ number, 1)
    low, high = np.quantile(means, (0.025, 0.975))
    return {"value": float(total.sum() / number.sum()), "low": float(low), "high": float(high)}


def relative_difference(
    new: NDArray[np.float64], old: NDArray[np.float64], unit: NDArray[np.intp], seed: int = 1
) -> dict[str, float]:
    """mean(new) / mean(old) - 1 with its 95 % interval, as `difference`."""
    counts = ~np.isnan(new) & ~np.isnan(old)
    n_units = int(unit.max()) + 1
    sums = [np.bincount(unit[counts], values[counts], n_units) for values in (new, old)]
    drawn = np.random.default_rng(seed).multinomial(n_units, np.full(n_units, 1 / n_units), size=N_RESAMPLES)
    ratios = (drawn @ sums[0]) / (drawn @ sums[1]) - 1
    low, high = np.quantile(ratios, (0.025, 0.975))
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
