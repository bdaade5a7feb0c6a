"""The figures a bridge hands on. What is not known, not trusted or of the past is null: another program acts on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from host.monitor.snapshot import Snapshot, Status

PRESENT = (Status.UNPLUGGED, Status.CHARGING, Status.FULL)
"""In these the board measures; in all others nothing is known of what it would measure."""

LIVE = (Status.CHARGING, Status.FULL)
"""In these something is plugged in, and what it does is known."""


def utc(at_s: float) -> str:
    """RFC 3339 to the minute, so that an estimate that wavers by seconds is the same one."""
    return datetime.fromtimestamp(round(at_s / 60) * 60, UTC).isoformat().replace("+00:00", "Z")


def minutes(seconds: int) -> float:
    """To a tenth."""
    return round(seconds / 60, 1)


def mqtt_figures(snapshot: Snapshot) -> dict[str, Any]:
    """The state of all entities that discovery declares, by key; those of a charge point alone are vehicle_figures'."""
    answer, trusted, charge = snapshot.answer, snapshot.trusted, snapshot.charge
    measured = _measured(snapshot)
    live = snapshot.status in LIVE
    remaining = (None, None, None) if trusted is None else tuple(minutes(seconds) for seconds in trusted.remaining_s)
    full = snapshot.full_at_s() if trusted is not None else None
    return {
        "device": _device(snapshot),
        "minutes_10": remaining[0],
        "minutes": remaining[1],
        "minutes_90": remaining[2],
        "full_at": None if full is None else utc(full[1]),
        **measured,
        "energy_wh": None if charge is None else round(charge.energy_mwh / 1000, 3),
        "plugged": live if snapshot.status in PRESENT else None,
        "charging": snapshot.status is Status.CHARGING if snapshot.status in PRESENT else None,
        "unknown": answer.unknown if live and answer is not None else None,
        "phase": answer.phase_name if live and answer is not None else None,
        "confidence_pct": _confidence(snapshot) if live else None,
        "link": snapshot.status.value,
        "lost_lines": snapshot.link.damaged + snapshot.link.missed_samples + snapshot.link.missed_answers,
    }


def _measured(snapshot: Snapshot) -> dict[str, float | None]:
    reading = snapshot.reading
    if snapshot.status is Status.UNPLUGGED:
        return {"power_w": 0.0, "voltage_v": None, "current_a": 0.0}
    if snapshot.status not in PRESENT or reading is None:
        return {"power_w": None, "voltage_v": None, "current_a": None}
    return {
        "power_w": reading.power_mw / 1000,
        "voltage_v": reading.voltage_mv / 1000,
        "current_a": reading.current_ma / 1000,
    }


def _device(snapshot: Snapshot) -> str | None:
    if snapshot.trusted is not None:
        return snapshot.trusted.label
    live = snapshot.status in LIVE
    return "unknown" if live and snapshot.answer is not None else None


def _confidence(snapshot: Snapshot) -> float | None:
    answer = snapshot.answer
    if answer is None or answer.confidence_permille is None:
        return None
    return answer.confidence_permille / 10
