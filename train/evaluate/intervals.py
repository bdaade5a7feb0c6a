"""The headline figures with 95 % intervals: bootstrap over units, all figures of the same draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.bootstrap import drawn_means, drawn_units, interval
from train.evaluate.metrics import (
    HORIZON_KEYS,
    ChargeAnswers,
    answer_error,
    baseline_error,
    by_horizon,
    charge_values,
    correct,
    covered,
    width,
)
from train.evaluate.soc import oracle_table

N_DRAWS = 1000
LEAST_UNITS = 5  # of fewer, draws with replacement say nothing


def headline(charges: Sequence[ChargeAnswers]) -> dict[str, Any]:
    """`intervals` {figure {horizon [low, high]}}, and the figures that are means of means or of ratios:
    `macro_accuracy`, `of_baseline` (mean error over the baseline's) and `oracle_mae_minutes`."""
    tables = {
        "accuracy": charge_values(charges, correct),
        "mae_minutes": charge_values(charges, answer_error),
        "baseline_mae_minutes": charge_values(charges, baseline_error),
        "oracle_mae_minutes": oracle_table(charges),
        "coverage": charge_values(charges, covered),
        "interval_minutes": charge_values(charges, width),
    }
    units = sorted({charge.unit for charge in charges})
    index = {unit: number for number, unit in enumerate(units)}
    unit = np.array([index[charge.unit] for charge in charges], np.intp)
    device = np.array([charge.device for charge in charges], np.intp)
    once = np.ones((1, len(units)))
    drawn = drawn_units(len(units), N_DRAWS) if len(units) >= LEAST_UNITS else np.empty((0, len(units)))

    def ratio(draws: NDArray[np.float64]) -> NDArray[np.float64]:
        error, baseline = (drawn_means(tables[key], unit, draws) for key in ("mae_minutes", "baseline_mae_minutes"))
        return np.divide(error, baseline, out=np.full_like(error, np.nan), where=baseline > 0)

    def macro(draws: NDArray[np.float64]) -> NDArray[np.float64]:
        return _macro(tables["accuracy"], device, unit, draws)

    means = {name: drawn_means(table, unit, drawn) for name, table in tables.items()}
    means |= {"of_baseline": ratio(drawn), "macro_accuracy": macro(drawn)}
    return {
        "oracle_mae_minutes": by_horizon(tables["oracle_mae_minutes"]),
        "macro_accuracy": by_horizon(macro(once)),
        "of_baseline": by_horizon(ratio(once)),
        "intervals": {name: _intervals(found) for name, found in means.items()},
    }


def _macro(
    right: NDArray[np.float64], device: NDArray[np.intp], unit: NDArray[np.intp], drawn: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean over devices of the share of each one's charges that are named rightly, [n_draws, n_keys]."""
    total, number = np.zeros((len(drawn), right.shape[1])), np.zeros((len(drawn), right.shape[1]))
    for index in np.unique(device[device >= 0]):
        own = device == index
        shares = drawn_means(right[own], unit[own], drawn)
        total += np.nan_to_num(shares)
        number += ~np.isnan(shares)
    return np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0)


def _intervals(means: NDArray[np.float64]) -> dict[str, list[float]]:
    found = {key: interval(column) for key, column in zip(HORIZON_KEYS, means.T, strict=True)}
    return {key: [round(value, 4) for value in pair] for key, pair in found.items() if pair is not None}
