"""What the report draws: figures over the time gone by with their intervals, and the charges that went worst."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.bootstrap import drawn_means, drawn_units, interval
from train.evaluate.intervals import LEAST_UNITS
from train.evaluate.metrics import ChargeAnswers, answer_error, baseline_error, correct, covered

TIMES_S = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 45, 60, 120, 300, 600, 1200, 1800, 2700, 3600, 5400, 7200, 10800)
LEAST_CHARGES = 20  # at a time; of fewer the curve would be noise
N_DRAWS = 500
N_WORST = 4
POINTS = 120  # of a charge drawn

SERIES = {
    "accuracy": correct,
    "mae_minutes": answer_error,
    "baseline_mae_minutes": baseline_error,
    "coverage": covered,
}


def curves(charges: Sequence[ChargeAnswers]) -> dict[str, Any]:
    """`elapsed_s`, and of each of SERIES `mean`, `low` and `high` (95 %, over units) at those times, None where fewer
    than LEAST_CHARGES count. Answers in force count, as in the table of figures; late, the long charges are left."""
    units = sorted({charge.unit for charge in charges})
    index = {unit: number for number, unit in enumerate(units)}
    unit = np.array([index[charge.unit] for charge in charges], np.intp)
    n_draws = N_DRAWS if len(units) >= LEAST_UNITS else 0
    drawn = drawn_units(len(units), n_draws) if n_draws else np.empty((0, len(units)))
    found: dict[str, Any] = {"elapsed_s": list(TIMES_S)}
    for name, values_of in SERIES.items():
        table = np.array([_at_times(charge, values_of(charge)) for charge in charges])
        few = np.sum(~np.isnan(table), axis=0) < min(LEAST_CHARGES, len(charges))
        table[:, few] = np.nan
        means = drawn_means(table, unit, drawn)
        bounds = [interval(column) or (None, None) for column in means.T]
        middle = [None if np.all(np.isnan(column)) else float(np.nanmean(column)) for column in table.T]
        found[name] = {
            "mean": _rounded(middle),
            "low": _rounded([low for low, _ in bounds]),
            "high": _rounded([high for _, high in bounds]),
        }
    return found


def worst_charges(charges: Sequence[ChargeAnswers], devices: Sequence[str]) -> list[dict[str, Any]]:
    """The N_WORST charges of the largest mean error of minutes, as curves of at most POINTS points."""
    errors = []
    for number, charge in enumerate(charges):
        values = answer_error(charge)[charge.regular]
        if np.any(~np.isnan(values)):
            errors.append((float(np.nanmean(values)), number))
    return [_course(charges[number], error, devices) for error, number in sorted(errors, reverse=True)[:N_WORST]]


def _course(charge: ChargeAnswers, error: float, devices: Sequence[str]) -> dict[str, Any]:
    rows = np.flatnonzero(charge.true_remaining_s >= 0)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(POINTS, len(rows))).round().astype(np.intp))]
    baseline = baseline_error(charge)[charge.regular]
    answered = np.bincount(charge.answer_device[charge.regular & (charge.true_remaining_s >= 0)], minlength=1)
    return {
        "session": charge.session,
        "unit": charge.unit,
        "ended": charge.ended,
        "answered": devices[int(answered.argmax())],
        "slices": list(charge.slices),
        "mae_minutes": round(error, 2),
        "baseline_mae_minutes": round(float(np.nanmean(baseline)), 2),
        "elapsed_s": (charge.elapsed_ms[rows] // 1000).tolist(),
        "true_remaining_s": charge.true_remaining_s[rows].tolist(),
        "remaining_s": charge.remaining_s[rows].tolist(),
        "baseline_s": charge.baseline_s[rows].tolist(),
        "right": (charge.answer_device[rows] == charge.device).tolist(),
        "unknown": charge.unknown[rows].tolist(),
    }


def _at_times(charge: ChargeAnswers, values: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Values in force at TIMES_S, NaN behind the end of the charge."""
    at_ms = 1000 * np.array(TIMES_S)
    if values is None or not len(charge.elapsed_ms):
        return np.full(len(at_ms), np.nan)
    row = np.searchsorted(charge.elapsed_ms, at_ms, side="right") - 1
    return np.where(at_ms <= charge.elapsed_ms[-1], values[np.maximum(row, 0)], np.nan)


def _rounded(values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else round(value, 4) for value in values]
