"""Figures of some of the charges, or of some stretch of each: by ending, by slice, by the share of the charge done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.evaluate.metrics import (
    OVERALL,
    REFERENCE_HORIZON_S,
    ChargeAnswers,
    device_figures,
    horizon_key,
    remaining_figures,
)
from train.sessions.types import Charge

FIGURES = ("accuracy", "mae_minutes", "baseline_mae_minutes", "coverage")
OLD_BELOW_PCT = 80.0
COLD_BELOW_C, HOT_ABOVE_C = 10.0, 35.0
SHARES_DONE = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
JUMP_S = 60  # by which the time of full moves from one answer to the next
JUMPS_FROM_MS = 60_000


def slices_of(charge: Charge) -> tuple[str, ...]:
    """The slices a charge belongs to, as far as its row of sessions.csv tells."""
    found = []
    details = charge.details
    if details.get("soh_pct") and float(details["soh_pct"]) <= OLD_BELOW_PCT:
        found.append(f"battery health at most {OLD_BELOW_PCT:g} %")
    if details.get("ambient_decidegc"):
        ambient_c = float(details["ambient_decidegc"]) / 10
        if ambient_c < COLD_BELOW_C:
            found.append(f"below {COLD_BELOW_C:g} °C")
        if ambient_c > HOT_ABOVE_C:
            found.append(f"above {HOT_ABOVE_C:g} °C")
    if details.get("sensor"):
        found.append(f"sensor {details['sensor']}")
    return tuple(found)


def by_slice(charges: Sequence[ChargeAnswers]) -> dict[str, dict[str, Any]]:
    """Figures at REFERENCE_HORIZON_S and overall of the charges of each slice."""
    names = sorted({name for charge in charges for name in charge.slices})
    return {name: _figures([charge for charge in charges if name in charge.slices]) for name in names}


def by_ending(charges: Sequence[ChargeAnswers]) -> dict[str, dict[str, Any]]:
    """The same of charges that ended `full`, at a `limit`, `unplugged` or `unknown`."""
    names = sorted({charge.ended for charge in charges})
    return {name: _figures([charge for charge in charges if charge.ended == name]) for name in names}


def by_share_done(charges: Sequence[ChargeAnswers]) -> dict[str, dict[str, float]]:
    """Figures of the stretches of SHARES_DONE, of charges that get full: a share is time gone by over that to full."""
    table = {}
    for low, high in pairwise(SHARES_DONE):
        parts = [replace(charge, regular=_done(charge, low, high)) for charge in charges]
        figures = {**device_figures(parts), **remaining_figures(parts)}
        chosen = (*FIGURES, "interval_minutes")
        table[f"{low:g}-{high:g}"] = {key: figures[key][OVERALL] for key in chosen if OVERALL in figures[key]}
    return table


def jumps_per_hour(charges: Sequence[ChargeAnswers]) -> dict[str, float]:
    """How often an hour the answered time of full moves by JUMP_S or more from one regular answer to the next, in the
    mean over charges: of the answer, and of the baseline. The first minute does not count."""
    found: dict[str, list[float]] = {"answer": [], "baseline": []}
    for charge in charges:
        rows = np.flatnonzero(charge.regular & (charge.elapsed_ms >= JUMPS_FROM_MS) & (charge.true_remaining_s >= 0))
        if len(rows) < 2:
            continue
        at_s = charge.elapsed_ms[rows] / 1000
        hours = (at_s[-1] - at_s[0]) / 3600
        for name, answer in (("answer", charge.remaining_s[:, 1]), ("baseline", charge.baseline_s)):
            moves = np.abs(np.diff(at_s + answer[rows]))
            found[name].append(float(np.sum(moves >= JUMP_S)) / hours)
    return {name: float(np.mean(values)) for name, values in found.items() if values}


def _done(charge: ChargeAnswers, low: float, high: float) -> NDArray[np.bool_]:
    """Regular rows of a charge at which its share done lies in [low, high)."""
    elapsed_s, left = charge.elapsed_ms / 1000, charge.true_remaining_s
    share = elapsed_s / np.maximum(elapsed_s + left, 1e-9)
    return np.asarray(charge.regular & (left >= 0) & (share >= low) & (share < high))


def _figures(charges: Sequence[ChargeAnswers]) -> dict[str, Any]:
    figures: Mapping[str, Mapping[str, float]] = {**device_figures(charges), **remaining_figures(charges)}
    key = horizon_key(REFERENCE_HORIZON_S)
    return {
        "charges": len(charges),
        "units": len({charge.unit for charge in charges}),
        **{metric: {at: figures[metric][at] for at in (key, OVERALL) if at in figures[metric]} for metric in FIGURES},
    }
