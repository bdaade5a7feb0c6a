"""Figures of merit over the answers to whole charges; every charge weighs the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

HORIZONS_S = (5, 10, 30, 60, 300, 1800)
OVERALL = "overall"
REFERENCE_HORIZON_S = 60  # of the confusion matrix and the figures per device


@dataclass(frozen=True, slots=True)
class ChargeAnswers:
    """The answers to one charge beside the truth; all arrays have one row a sample."""

    device: int  # index of the true device, -1 if the model has no such class
    unit: str  # device/unit
    elapsed_ms: NDArray[np.int64]  # [n]
    regular: NDArray[np.bool_]  # [n] rows of even spacing, which "overall" is the mean of
    answer_device: NDArray[np.int32]  # [n]
    unknown: NDArray[np.bool_]  # [n]
    remaining_s: NDArray[np.int32]  # [n, 3] quantiles, ascending
    baseline_s: NDArray[np.int32]  # [n]
    true_remaining_s: NDArray[np.int32]  # [n], -1 where censored or past full


def horizon_key(seconds: int) -> str:
    """The key of a horizon: `60s`."""
    return f"{seconds}s"


HORIZON_KEYS = (*map(horizon_key, HORIZONS_S), OVERALL)


def rows_at(charge: ChargeAnswers, key: str) -> slice | NDArray[np.bool_]:
    """Rows of a charge that count at a horizon: the answer then in force, or all of them overall.

    Empty when the charge is over, recorded no further, or has reached full before that.
    """
    if key == OVERALL:
        return charge.regular
    at_ms = int(key.removesuffix("s")) * 1000
    if len(charge.elapsed_ms) == 0 or charge.elapsed_ms[-1] < at_ms:
        return slice(0, 0)
    row = int(np.searchsorted(charge.elapsed_ms, at_ms, side="right")) - 1
    return slice(row, row + 1)


def device_figures(charges: Sequence[ChargeAnswers]) -> dict[str, dict[str, float]]:
    """`accuracy`, `unknown_rate` (known devices called unknown) and `unknown_caught` (others called unknown)."""
    return {
        "accuracy": _by_horizon(charges, _correct),
        "unknown_rate": _by_horizon(charges, lambda c: c.unknown.astype(np.float64) if c.device >= 0 else None),
        "unknown_caught": _by_horizon(charges, lambda c: c.unknown.astype(np.float64) if c.device < 0 else None),
    }


def remaining_figures(charges: Sequence[ChargeAnswers]) -> dict[str, dict[str, float]]:
    """`mae_minutes`, `baseline_mae_minutes`, `coverage` and `interval_minutes` where the truth is known."""
    return {
        "mae_minutes": _by_horizon(charges, lambda c: _error_minutes(c, c.remaining_s[:, 1])),
        "baseline_mae_minutes": _by_horizon(charges, lambda c: _error_minutes(c, c.baseline_s)),
        "coverage": _by_horizon(charges, _covered),
        "interval_minutes": _by_horizon(charges, _width_minutes),
    }


def confusion_matrix(charges: Sequence[ChargeAnswers], n_devices: int) -> list[list[int]]:
    """Charges [true][answered] at REFERENCE_HORIZON_S; devices the model does not know are left out."""
    matrix = np.zeros((n_devices, n_devices), dtype=np.int64)
    for charge in charges:
        rows = rows_at(charge, horizon_key(REFERENCE_HORIZON_S))
        if charge.device >= 0:
            for answer in charge.answer_device[rows]:
                matrix[charge.device, answer] += 1
    return [[int(count) for count in row] for row in matrix]


def per_device(charges: Sequence[ChargeAnswers], devices: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Counts, and the figures at REFERENCE_HORIZON_S and overall, of each device's own charges."""
    key = horizon_key(REFERENCE_HORIZON_S)
    table: dict[str, dict[str, Any]] = {}
    for index, name in enumerate(devices):
        own = [charge for charge in charges if charge.device == index]
        if own:
            figures = {**device_figures(own), **remaining_figures(own)}
            if len(devices) == 1:
                figures["accuracy"] = {}  # no classifier
            table[name] = {
                "charges": len(own),
                "units": len({charge.unit for charge in own}),
                **{
                    metric: {at: figures[metric][at] for at in (key, OVERALL) if at in figures[metric]}
                    for metric in ("accuracy", "mae_minutes", "baseline_mae_minutes", "coverage")
                },
            }
    return table


def _by_horizon(charges: Sequence[ChargeAnswers], values_of: Any) -> dict[str, float]:
    """Mean over charges of the mean over their rows; a horizon nothing is known about has no key."""
    means: dict[str, list[float]] = {key: [] for key in HORIZON_KEYS}
    for charge in charges:
        values = values_of(charge)
        if values is None:
            continue
        for key in HORIZON_KEYS:
            here = values[rows_at(charge, key)]
            here = here[~np.isnan(here)]
            if len(here):
                means[key].append(float(here.mean()))
    return {key: float(np.mean(found)) for key, found in means.items() if found}


def _correct(charge: ChargeAnswers) -> NDArray[np.float64] | None:
    return (charge.answer_device == charge.device).astype(np.float64) if charge.device >= 0 else None


def _where_known(charge: ChargeAnswers, values: NDArray[Any]) -> NDArray[np.float64]:
    return np.where(charge.true_remaining_s >= 0, values.astype(np.float64), np.nan)


def _error_minutes(charge: ChargeAnswers, answer_s: NDArray[np.int32]) -> NDArray[np.float64]:
    return _where_known(charge, np.abs(answer_s.astype(np.int64) - charge.true_remaining_s) / 60)


def _covered(charge: ChargeAnswers) -> NDArray[np.float64]:
    low, high = charge.remaining_s[:, 0], charge.remaining_s[:, 2]
    return _where_known(charge, (low <= charge.true_remaining_s) & (charge.true_remaining_s <= high))


def _width_minutes(charge: ChargeAnswers) -> NDArray[np.float64]:
    return _where_known(charge, (charge.remaining_s[:, 2].astype(np.int64) - charge.remaining_s[:, 0]) / 60)
