"""What is told of a charge, marked as an estimate: a DataTransfer's data. What is not known or not trusted is null."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from host.bridge.figures import minutes, utc
from host.bridge.ocpp.answerer import VehicleAnswer

VENDOR = "wattprint"
MESSAGE = "ChargeEstimate"

_PASSING = ("at", "minutes", "target_minutes")
"""These change by themselves as time passes; that alone is no news."""


def estimate(answer: VehicleAnswer, at_s: float) -> dict[str, Any]:
    """The figures of an answer given at `at_s`, seconds since 1970; keys as in docs/host.md.

    A car that is like none of the enrolled ones has a class, but no name and no times: another program acts on them.
    """
    trusted = not answer.unknown
    over = answer.phase == "done"
    times = [utc(at_s + seconds) for seconds in answer.done_s]
    return {
        "estimate": True,
        "at": datetime.fromtimestamp(int(at_s), UTC).isoformat().replace("+00:00", "Z"),
        "car": answer.cars[0] if trusted and len(answer.cars) == 1 else None,
        "likeliest": answer.car if trusted else None,
        "cars": list(answer.cars) if trusted else [],
        "unknown": answer.unknown,
        "confidence": answer.confidence_permille / 1000 if trusted else None,
        "phase": answer.phase,
        "phases": answer.phases,
        "direct": answer.direct,
        "power_class_w": answer.power_class_w,
        "minutes": [minutes(seconds) for seconds in answer.done_s] if trusted else None,
        "full_at": times if trusted and not over else None,
        "target_minutes": (
            [minutes(seconds) for seconds in answer.target_s] if trusted and answer.target_s is not None else None
        ),
        "energy_to_go_wh": answer.energy_to_go_wh if trusted else None,
    }


def is_news(figures: dict[str, Any], before: dict[str, Any] | None) -> bool:
    """Whether it says what was not said before; that time has passed as foreseen is none."""
    if before is None:
        return True
    return any(value != before.get(key) for key, value in figures.items() if key not in _PASSING)
