"""What could be said of the time to full if the state of charge were known: bounds beside the model, never inputs.

A charger does not see the state of charge; recordings and simulated charges that hold it allow to ask what it is worth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from train.evaluate.metrics import ChargeAnswers, by_horizon, charge_values, error_minutes

LEVELS = np.arange(101, dtype=np.float64)  # percent
LEAST_RISE_PCT = 1.0  # before that no rate is known
LEAST_SHARE = 0.9  # of the charges: a figure of a few would stand beside those of all


def oracle_table(charges: Sequence[ChargeAnswers]) -> NDArray[np.float64]:
    """Absolute error in minutes of the SoC oracle, as `charge_values`.

    Its answer is the median, over the scored charges of all other units of the true device, of the time left at the
    same state of charge: it is told device and state of charge, and knows nothing of charger, power or limit.
    """
    answers: dict[int, NDArray[np.float64]] = {}
    by_device: dict[int, list[int]] = defaultdict(list)
    for number, charge in enumerate(charges):
        if charge.soc_pct is not None and charge.device >= 0:
            by_device[charge.device].append(number)
    for members in by_device.values():
        curves = np.array([_left_at_levels(charges[number]) for number in members])
        units = np.array([charges[number].unit for number in members])
        for unit in np.unique(units):
            left = _median(curves[units != unit])
            for number in np.array(members)[units == unit]:
                soc = charges[number].soc_pct
                if left is not None and soc is not None:
                    answers[number] = np.interp(soc, LEVELS, left)
    return _errors(charges, answers)


def linear_table(charges: Sequence[ChargeAnswers]) -> NDArray[np.float64]:
    """Absolute error in minutes of what a phone's own display does, as `charge_values`: what is missing to 100 % at
    the mean rate so far. NaN until the state of charge has risen by LEAST_RISE_PCT."""
    answers = {}
    for number, charge in enumerate(charges):
        if charge.soc_pct is not None:
            rise = charge.soc_pct - charge.soc_pct[0]
            elapsed_s = charge.elapsed_ms / 1000
            with np.errstate(divide="ignore", invalid="ignore"):
                left = elapsed_s * (100 - charge.soc_pct) / rise
            answers[number] = np.where(rise >= LEAST_RISE_PCT, left, np.nan)
    return _errors(charges, answers)


def linear_figures(charges: Sequence[ChargeAnswers]) -> dict[str, float]:
    """`linear_mae_minutes`: only at times when LEAST_SHARE of the charges have an answer."""
    errors = linear_table(charges)
    known = charge_values(charges, lambda c: error_minutes(c, c.remaining_s[:, 1]))
    enough = np.sum(~np.isnan(errors), axis=0) >= LEAST_SHARE * np.maximum(1, np.sum(~np.isnan(known), axis=0))
    return by_horizon(np.where(enough, errors, np.nan))


def _errors(charges: Sequence[ChargeAnswers], answers: dict[int, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Errors of answers [n rows] by charge number."""
    numbered = {id(charge): number for number, charge in enumerate(charges)}

    def values(charge: ChargeAnswers) -> NDArray[np.float64] | None:
        answer = answers.get(numbered[id(charge)])
        return None if answer is None else error_minutes(charge, answer)

    return charge_values(charges, values)


def _left_at_levels(charge: ChargeAnswers) -> NDArray[np.float64]:
    """Seconds to full at each of LEVELS, NaN where the charge was not or its end is not known."""
    known = charge.true_remaining_s >= 0
    if charge.soc_pct is None or not known.any():
        return np.full(len(LEVELS), np.nan)
    soc = np.maximum.accumulate(charge.soc_pct[known])
    return np.interp(LEVELS, soc, charge.true_remaining_s[known], left=np.nan, right=np.nan)


def _median(curves: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Median of curves [n, levels] at each level, straight across levels that none of them has; None without any."""
    some = ~np.all(np.isnan(curves), axis=0) if len(curves) else np.zeros(len(LEVELS), np.bool_)
    if not some.any():
        return None
    return np.interp(LEVELS, LEVELS[some], np.nanmedian(curves[:, some], axis=0))
