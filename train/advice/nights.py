"""One night of a battery at its charger, and figures over many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.features.advice import LATER, SLOWLY, STOP

PLANS = {
    "as it comes": 0,
    "stop at 80 %": STOP,
    "start later": LATER,
    "slowly": SLOWLY,
    "slowly, later": LATER | SLOWLY,
}
HIGH_SOC, FULL_SOC = 0.8, 0.95
STEP_S = 60.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Night:
    """What one battery went through between plug and unplug, by one plan."""

    plan: str  # of PLANS
    device: str
    soc: Floats  # [n] 0 … 1, once a minute
    peak_c: float  # of the cell or battery
    ready: bool  # full, or at the target where the plan is to stop there, when it was wanted
    n_switched: int  # times the charger was told something


def figures(nights: Sequence[Night]) -> dict[str, Any]:
    """By plan: means over nights, and the share that was ready."""
    return {
        plan: _of([night for night in nights if night.plan == plan])
        for plan in PLANS
        if any(night.plan == plan for night in nights)
    }


def _of(nights: Sequence[Night]) -> dict[str, float]:
    peaks = np.array([night.peak_c for night in nights])
    return {
        "nights": len(nights),
        "hours_above_80_pct": float(np.mean([(night.soc >= HIGH_SOC).sum() * STEP_S / 3600 for night in nights])),
        "hours_above_95_pct": float(np.mean([(night.soc >= FULL_SOC).sum() * STEP_S / 3600 for night in nights])),
        "soc_at_end_pct": float(np.mean([100 * night.soc[-1] for night in nights])),
        "soc_at_end_sd_pct": float(np.std([100 * night.soc[-1] for night in nights])),
        "peak_c": float(peaks.mean()),
        "peak_c_hottest_tenth": float(np.quantile(peaks, 0.9)),
        "ready_share": float(np.mean([night.ready for night in nights])),
        "switched_most": max(night.n_switched for night in nights),
    }


def text_of(found: dict[str, Any]) -> str:
    """The figures as a table."""
    row = "{:<16}{:>10}{:>10}{:>9}{:>9}{:>13}{:>8}{:>10}".format
    lines = [row("plan", "h > 80 %", "h > 95 %", "% at end", "peak °C", "hottest 1/10", "ready", "switched")]
    for plan, one in found.items():
        lines.append(
            row(
                plan,
                f"{one['hours_above_80_pct']:.1f}",
                f"{one['hours_above_95_pct']:.1f}",
                f"{one['soc_at_end_pct']:.0f}",
                f"{one['peak_c']:.1f}",
                f"{one['peak_c_hottest_tenth']:.1f}",
                f"{one['ready_share']:.0%}",
                f"{one['switched_most']:.0f}",
            )
        )
    return "\n".join(lines)
