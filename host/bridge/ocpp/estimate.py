"""What is told of a charge, marked as an estimate: a DataTransfer's data. What is not known or not trusted is null."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from host.bridge.vehicle_figures import ends_at, vehicle_figures
from host.vehicle_answers import VehicleAnswer

VENDOR = "wattprint"
MESSAGE = "ChargeEstimate"

_PASSING = ("at", "minutes", "target_minutes")
"""These change by themselves as time passes; that alone is no news."""


def estimate(answer: VehicleAnswer, at_s: float) -> dict[str, Any]:
    """The figures of an answer given at `at_s`, seconds since 1970; keys as in docs/host.md."""
    return {
        "estimate": True,
        "at": datetime.fromtimestamp(int(at_s), UTC).isoformat().replace("+00:00", "Z"),
        **vehicle_figures(answer),
        "full_at": ends_at(answer, at_s),
    }


def is_news(figures: dict[str, Any], before: dict[str, Any] | None) -> bool:
    """Whether it says what was not said before; that time has passed as foreseen is none."""
    if before is None:
        return True
    return any(value != before.get(key) for key, value in figures.items() if key not in _PASSING)
