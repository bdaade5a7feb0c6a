"""Figures of merit over the answers to whole charges; every charge weighs the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.artifact import QUANTILES_PERMILLE
from train.models.calibrate import weighted_quantile

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
    classified: bool = True  # False with one device: there is no classifier
    session: str = ""
    ended: str = "unknown"
    slices: tuple[str, ...] = ()  # what is special about it: docs/evaluation.md
    confidence: NDArray[np.float64] | None = None  # [n] 0 to 1
    strangeness: NDArray[np.float64] | None = None  # [n] above 1 the board answers "unknown"
    soc_pct: NDArray[np.float64] | None = None  # [n] where the source knows it: never an input


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


Values = Callable[[ChargeAnswers], "NDArray[np.float64] | None"]
"""A figure at each row of a charge, NaN where it says nothing; None for a charge that does not count."""


def charge_values(charges: Sequence[ChargeAnswers], values_of: Values) -> NDArray[np.float64]:
    """The figure of each charge at each of HORIZON_KEYS: the mean of its rows there, [n_charges, n_keys], or NaN."""
    table = np.full((len(charges), len(HORIZON_KEYS)), np.nan)
    for number, charge in enumerate(charges):
        values = values_of(charge)
        if values is None:
            continue
        for column, key in enumerate(HORIZON_KEYS):
            here = values[rows_at(charge, key)]
            here = here[~np.isnan(here)]
            if len(here):
                table[number, column] = here.mean()
    return table


def by_horizon(table: NDArray[np.float64]) -> dict[str, float]:
    """Means over charges of `charge_values`; a horizon nothing is known about has no key."""
    return {
        key: float(np.nanmean(column))
        for key, column in zip(HORIZON_KEYS, table.T, strict=True)
        if not np.all(np.isnan(column))
    }


def device_figures(charges: Sequence[ChargeAnswers]) -> dict[str, dict[str, float]]:
    """`accuracy`, `unknown_rate` (known devices called unknown) and `unknown_caught` (others called unknown)."""
    return {
        "accuracy": _by_horizon(charges, correct),
        "unknown_rate": _by_horizon(charges, lambda c: c.unknown.astype(np.float64) if c.device >= 0 else None),
        "unknown_caught": _by_horizon(charges, lambda c: c.unknown.astype(np.float64) if c.device < 0 else None),
    }


def remaining_figures(charges: Sequence[ChargeAnswers]) -> dict[str, dict[str, float]]:
    """`mae_minutes`, `baseline_mae_minutes`, `coverage`, `interval_minutes`, `pinball_minutes` and
    `p90_error_minutes` where the truth is known."""
    return {
        "mae_minutes": _by_horizon(charges, answer_error),
        "baseline_mae_minutes": _by_horizon(charges, baseline_error),
        "coverage": _by_horizon(charges, covered),
        "interval_minutes": _by_horizon(charges, width),
        "pinball_minutes": _by_horizon(charges, pinball),
        "p90_error_minutes": p90_error(charges),
    }


def p90_error(charges: Sequence[ChargeAnswers]) -> dict[str, float]:
    """The absolute error of the 50 % answer that nine in ten answers stay within, each charge weighing the same."""
    found: dict[str, float] = {}
    errors = [answer_error(charge) for charge in charges]
    for key in HORIZON_KEYS:
        parts = [error[rows_at(charge, key)] for charge, error in zip(charges, errors, strict=True)]
        known = [part[~np.isnan(part)] for part in parts]
        known = [part for part in known if len(part)]
        if known:
            weight = np.concatenate([np.full(len(part), 1 / len(part)) for part in known])
            found[key] = weighted_quantile(np.concatenate(known), weight, 0.9)
    return found


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
            table[name] = {
                "charges": len(own),
                "units": len({charge.unit for charge in own}),
                **{
                    metric: {at: figures[metric][at] for at in (key, OVERALL) if at in figures[metric]}
                    for metric in ("accuracy", "mae_minutes", "baseline_mae_minutes", "coverage")
                },
            }
    return table


def _by_horizon(charges: Sequence[ChargeAnswers], values_of: Values) -> dict[str, float]:
    return by_horizon(charge_values(charges, values_of))


def correct(charge: ChargeAnswers) -> NDArray[np.float64] | None:
    """1 where the device is named rightly; None for a device the model has not, and where there is no classifier."""
    if charge.device < 0 or not charge.classified:
        return None
    return np.where(charge.answer_device == charge.device, 1.0, 0.0)


def where_known(charge: ChargeAnswers, values: NDArray[Any]) -> NDArray[np.float64]:
    """Values [n], NaN where the time to full is not known."""
    return np.where(charge.true_remaining_s >= 0, values.astype(np.float64), np.nan)


def answer_error(charge: ChargeAnswers) -> NDArray[np.float64]:
    """Absolute error of the 50 % answer, minutes."""
    return error_minutes(charge, charge.remaining_s[:, 1])


def baseline_error(charge: ChargeAnswers) -> NDArray[np.float64]:
    """Absolute error of the baseline, minutes."""
    return error_minutes(charge, charge.baseline_s)


def error_minutes(charge: ChargeAnswers, answer_s: NDArray[Any]) -> NDArray[np.float64]:
    """Absolute error of answered seconds [n], minutes; NaN answers stay NaN."""
    return where_known(charge, np.abs(answer_s.astype(np.float64) - charge.true_remaining_s) / 60)


def covered(charge: ChargeAnswers) -> NDArray[np.float64]:
    """1 where the truth lies within the 10 and 90 % answers."""
    low, high = charge.remaining_s[:, 0], charge.remaining_s[:, 2]
    return where_known(charge, (low <= charge.true_remaining_s) & (charge.true_remaining_s <= high))


def width(charge: ChargeAnswers) -> NDArray[np.float64]:
    """From the 10 to the 90 % answer, minutes."""
    return where_known(charge, (charge.remaining_s[:, 2].astype(np.int64) - charge.remaining_s[:, 0]) / 60)


def pinball(charge: ChargeAnswers) -> NDArray[np.float64]:
    """Mean pinball loss of the three quantiles, minutes (Koenker and Bassett 1978): the lower the better, and least
    when each quantile is what it says."""
    below = charge.true_remaining_s[:, None].astype(np.float64) - charge.remaining_s
    levels = np.array(QUANTILES_PERMILLE) / 1000
    return where_known(charge, np.maximum(levels * below, (levels - 1) * below).mean(axis=1) / 60)
