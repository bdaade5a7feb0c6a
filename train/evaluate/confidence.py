"""How much the confidence is worth, and how well devices that a model has never seen are told by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import Prototypes
from train.evaluate.metrics import (
    HORIZON_KEYS,
    REFERENCE_HORIZON_S,
    ChargeAnswers,
    correct,
    horizon_key,
    rows_at,
)

N_BINS = 10
FALSE_ALARMS = 0.05  # share of known devices' charges that may be called unknown
FAMILIAR_FROM_MS = 30_000  # BEGUN_MS of the core: the unfamiliarity counts from then on


def strangeness(
    confidence_permille: NDArray[np.integer],
    unfamiliarity: NDArray[np.integer],
    elapsed_ms: NDArray[np.integer],
    unknown_below_permille: int,
    prototypes: Prototypes | None,
) -> NDArray[np.float64]:
    """One score [n] of how unknown the device is: above 1 exactly where the board sets its flag (docs/artifact.md).

    The larger of how far the confidence has fallen towards its threshold, and the unfamiliarity by its own.
    """
    score = (1000 - confidence_permille.astype(np.float64)) / (1000 - unknown_below_permille)
    if prototypes is None:
        return score
    unfamiliar = unfamiliarity / max(1, prototypes.unfamiliar_above)
    return np.where(elapsed_ms >= FAMILIAR_FROM_MS, np.maximum(score, unfamiliar), score)


def auroc(known: NDArray[np.float64], strange: NDArray[np.float64]) -> float:
    """Probability that a stranger scores higher than a known one, ties counting half (Mann and Whitney 1947)."""
    ranked = np.sort(known)
    below = np.searchsorted(ranked, strange, side="left") + np.searchsorted(ranked, strange, side="right")
    return float(below.mean() / 2 / len(known))


def caught_at(known: NDArray[np.float64], strange: NDArray[np.float64], false_alarms: float = FALSE_ALARMS) -> float:
    """Share of strangers above the score that this share of the known ones exceeds."""
    limit = np.quantile(known, 1 - false_alarms, method="higher")
    return float((strange > limit).mean())


def unknown_figures(charges: Sequence[ChargeAnswers]) -> dict[str, dict[str, float]]:
    """`unknown_auroc` and `unknown_caught_at_5` by horizon; no keys unless there are known and unknown devices."""
    figures: dict[str, dict[str, float]] = {"unknown_auroc": {}, "unknown_caught_at_5": {}}
    for key in HORIZON_KEYS:
        score = np.array([_at(charge.strangeness, charge, key) for charge in charges])
        strange = np.array([charge.device < 0 for charge in charges], dtype=np.bool_)
        known, other = score[~strange & ~np.isnan(score)], score[strange & ~np.isnan(score)]
        if len(known) and len(other):
            figures["unknown_auroc"][key] = auroc(known, other)
            figures["unknown_caught_at_5"][key] = caught_at(known, other)
    return figures


def calibration_error(charges: Sequence[ChargeAnswers]) -> dict[str, float]:
    """Expected calibration error of the confidence by horizon: mean over N_BINS bins of equal width of the distance
    between mean confidence and share right, each weighing its charges (Naeini et al. 2015)."""
    figures = {}
    for key in HORIZON_KEYS:
        bins = _bins(charges, key)
        weight = sum(row["weight"] for row in bins)
        if weight:
            figures[key] = sum(row["weight"] * abs(row["confidence"] - row["right"]) for row in bins) / weight
    return figures


def calibration(charges: Sequence[ChargeAnswers]) -> dict[str, Any]:
    """The calibration plot at REFERENCE_HORIZON_S: mean confidence, share right and charges of each bin with any."""
    key = horizon_key(REFERENCE_HORIZON_S)
    bins = [
        {"confidence": round(row["confidence"], 4), "right": round(row["right"], 4), "charges": round(row["weight"])}
        for row in _bins(charges, key)
    ]
    return {"at": key, "bins": bins}


def _bins(charges: Sequence[ChargeAnswers], key: str) -> list[dict[str, float]]:
    """Bins of answers about known devices: their weight in charges, mean confidence and share right."""
    parts: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]] = []
    for charge in charges:
        right = correct(charge)
        rows = rows_at(charge, key)
        if right is None or charge.confidence is None or not len(right[rows]):
            continue
        n = len(right[rows])
        parts.append((charge.confidence[rows], right[rows], np.full(n, 1 / n)))
    if not parts:
        return []
    confidence, right, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    number = np.minimum((confidence * N_BINS).astype(np.intp), N_BINS - 1)
    total = np.bincount(number, weight, N_BINS)
    return [
        {
            "weight": float(total[index]),
            "confidence": float(np.sum((weight * confidence)[number == index]) / total[index]),
            "right": float(np.sum((weight * right)[number == index]) / total[index]),
        }
        for index in np.flatnonzero(total)
    ]


def _at(values: NDArray[np.float64] | None, charge: ChargeAnswers, key: str) -> float:
    if values is None:
        return float("nan")
    here = values[rows_at(charge, key)]
    return float(here.mean()) if len(here) else float("nan")
