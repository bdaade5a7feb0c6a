"""Calibration on units the forests have not seen: temperature, unknown threshold, interval offsets.

Every charge weighs the same, however many rows it has.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import Interval
from train.artifact import Softmax

TEMPERATURE_LIMITS = (0.1, 10.0)
FALSE_ALARMS = 0.05  # share of known devices' answers that may be called unknown
UNSURE = 0.01  # share of them that confidence alone may call unknown where there are prototypes
THRESHOLD_MAX_PERMILLE = 900
# Errors change little within these: a stretch holds one of the times that are reported, or less.
INTERVALS_FROM_S = (0, 4, 8, 20, 45, 180, 600, 1200, 2400, 3600, 5400, 7200, 10800)
ENOUGH_CHARGES = 40
TAIL = 0.9  # share of charges that each bound of the interval is to hold
TAIL_OF_OTHERS = 0.9105  # share of calibration charges it is made to hold: docs/evaluation.md, The interval
MULTIPLIER_LIMIT = 1 << 31  # the product with a margin difference below 2**32 fits unsigned 64 bits
SHIFT_MAX = 47


def charge_weights(charge: NDArray[np.integer]) -> NDArray[np.float64]:
    """Weights [n] of rows with charge numbers [n]: those of a charge add up to 1."""
    if len(charge) == 0:
        return np.empty(0)
    _, inverse, count = np.unique(charge, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / count[inverse])


def weighted_quantile(values: NDArray[np.floating], weight: NDArray[np.float64], level: float) -> float:
    """Smallest value below or at which at least `level` of the weight lies; the largest for a level of 1 or more."""
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weight[order])
    index = int(np.searchsorted(cumulative, level * cumulative[-1] * (1 - 1e-12)))
    return float(values[order[min(index, len(order) - 1)]])


def fit_temperature(margin: NDArray[np.float64], device: NDArray[np.int32], weight: NDArray[np.float64]) -> float:
    """Temperature that minimises the weighted log loss of softmax(margin / temperature).

    margin [n, n_devices], true device [n], weight [n]. One parameter by golden section on its logarithm: the loss is
    convex in 1/temperature (Guo et al. 2017, "On Calibration of Modern Neural Networks").
    """
    rows = np.arange(len(margin))
    centred = margin - margin.max(axis=1, keepdims=True)

    def loss(log_temperature: float) -> float:
        z = centred / math.exp(log_temperature)
        return float(np.sum(weight * (np.log(np.exp(z).sum(axis=1)) - z[rows, device])))

    low, high = (math.log(limit) for limit in TEMPERATURE_LIMITS)
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(40):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def softmax_integers(temperature: float, scale_log2: int) -> Softmax:
    """Multiplier and shift that hold 1024 * log2(e) / (2**scale_log2 * temperature) to 30 bits."""
    factor = 1024 * math.log2(math.e) / (2.0**scale_log2 * temperature)
    shift = min(SHIFT_MAX, math.floor(math.log2((MULTIPLIER_LIMIT - 1) / factor)))
    return Softmax(round(factor * 2.0**shift), shift)


def unknown_threshold_permille(
    confidence_permille: NDArray[np.integer], weight: NDArray[np.float64], false_alarms: float = FALSE_ALARMS
) -> int:
    """Highest threshold up to THRESHOLD_MAX_PERMILLE below which at most false_alarms of known devices' answers fall.

    Where calibration units are told apart without error, nearly every answer is near 1000; the limit keeps a threshold
    there from calling anything short of certainty unknown.
    """
    level = weighted_quantile(confidence_permille.astype(np.float64), weight, false_alarms)
    return min(THRESHOLD_MAX_PERMILLE, int(level))


def unfamiliar_threshold(
    unfamiliarity: NDArray[np.integer], unsure: NDArray[np.bool_], weight: NDArray[np.float64]
) -> int:
    """Unfamiliarity above which an answer is unknown, so that FALSE_ALARMS of known devices' are, `unsure` ones
    included."""
    sure = ~unsure
    if not np.any(sure):
        return (1 << 32) - 1
    flagged = float(weight[unsure].sum() / weight.sum())
    level = 1 - max(0.0, FALSE_ALARMS - flagged) / (1 - flagged)
    return int(weighted_quantile(unfamiliarity[sure].astype(np.float64), weight[sure], level))


def intervals(
    elapsed_s: NDArray[np.integer],
    quantile_s: NDArray[np.integer],
    remaining_s: NDArray[np.integer],
    charge: NDArray[np.integer],
) -> tuple[Interval, ...]:
    """Conformal corrections for each stretch of INTERVALS_FROM_S that ENOUGH_CHARGES reach; others join the one before.

    A correction over all times at once would cover too much late in a charge and too little early.
    """
    starts = [0]
    for start in INTERVALS_FROM_S[1:]:
        if len(np.unique(charge[elapsed_s >= start])) >= ENOUGH_CHARGES:
            starts.append(start)
    found = []
    for start, end in zip(starts, [*starts[1:], 1 << 31], strict=True):
        rows = (elapsed_s >= start) & (elapsed_s < end)
        low, _, high = interval_offsets_s(quantile_s[rows], remaining_s[rows], charge[rows])
        found.append(Interval(start, low, high))
    return tuple(found)


def interval_offsets_s(
    quantile_s: NDArray[np.integer], remaining_s: NDArray[np.integer], charge: NDArray[np.integer]
) -> tuple[int, int, int]:
    """Conformal corrections of the 10 and 90 % quantiles (Romano et al. 2019, "Conformalized Quantile Regression").

    quantile_s   [n, 3] whole-second quantiles before correction
    remaining_s  [n] what it was
    charge       [n] charge numbers

    The median is left alone. The two tails are corrected apart; levels carry the (m + 1)/m of a finite sample of
    m charges, the exchangeable unit here. From 86 charges on TAIL_OF_OTHERS is more: charges to come are of other
    units, chargers and rooms. A bound that is to hold a share of all populations within a chi-square ball around the
    calibration's must hold more of that one (Cauchois et al. 2020, "Robust Validation").
    """
    if len(charge) == 0:
        return 0, 0, 0
    weight = charge_weights(charge)
    m = len(np.unique(charge))
    level = max(TAIL * (m + 1) / m, TAIL_OF_OTHERS)
    low = weighted_quantile((quantile_s[:, 0] - remaining_s).astype(np.float64), weight, level)
    high = weighted_quantile((remaining_s - quantile_s[:, 2]).astype(np.float64), weight, level)
    return -round(low), 0, round(high)
