"""A vehicle's answer as every bridge hands it on. What is not trusted is null: another program acts on it."""

from __future__ import annotations

from typing import Any, Protocol

from host.bridge.figures import LIVE, minutes, utc
from host.monitor import vehicle_wording
from host.monitor.snapshot import Snapshot
from host.vehicle_answers import Three, VehicleAnswer

NOT_CONNECTED, CONNECTED, CHARGING = "A", "B", "C"
"""States of IEC 61851 as evcc takes them: nothing plugged in, plugged in but full, charging."""

DRAWING_MA = 1_000
"""From here on a vehicle is charging."""


class Measured(Protocol):
    """What was measured at a charge point; below 0 what is not told."""

    @property
    def voltage_mv(self) -> Three:
        """By phase."""

    @property
    def current_ma(self) -> Three:
        """By phase."""

    @property
    def energy_wh(self) -> int:
        """From the charge's beginning."""

    @property
    def soc_pct(self) -> int:
        """As the vehicle told it."""


def vehicle_figures(answer: VehicleAnswer) -> dict[str, Any]:
    """What an answer says, without the hour; keys as in docs/host.md.

    A car that is like none of the enrolled ones has a class, but no name, no times and no energy.
    """
    trusted = not answer.unknown
    return {
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
        "target_minutes": (
            [minutes(seconds) for seconds in answer.target_s] if trusted and answer.target_s is not None else None
        ),
        "energy_to_go_wh": answer.energy_to_go_wh if trusted else None,
    }


def ends_at(answer: VehicleAnswer, at_s: float, pace: float = 1.0) -> list[str] | None:
    """When the car ends the charge, at 10, 50 and 90 %, answered at `at_s`, seconds since 1970; None where it has."""
    if answer.unknown or answer.phase == "done":
        return None
    return [utc(at_s + seconds / pace) for seconds in answer.done_s]


def mqtt_vehicle_figures(snapshot: Snapshot) -> dict[str, Any]:
    """The state of the entities that only a charge point's board has, by key; all null while nothing is plugged in."""
    live = snapshot.status in LIVE
    reading = snapshot.reading.vehicle if live and snapshot.reading is not None else None
    answer = snapshot.trusted.vehicle if snapshot.trusted is not None else None
    advice = snapshot.charge.advice if live and snapshot.charge is not None else None
    told = {} if answer is None else vehicle_figures(answer)
    low, middle, high = told.get("target_minutes") or (None, None, None)
    return {
        "vehicles": told.get("cars"),
        "target_minutes_10": low,
        "target_minutes": middle,
        "target_minutes_90": high,
        "energy_to_go_wh": told.get("energy_to_go_wh"),
        "soc_pct": None if reading is None or reading.soc_pct < 0 else reading.soc_pct,
        "pilot_a": None if reading is None or reading.pilot_da < 0 else reading.pilot_da / 10,
        "advice": None if advice is None else vehicle_wording.advice(advice),
    }


def nobody() -> dict[str, Any]:
    """evcc's object of a place where no car is."""
    return {
        "status": NOT_CONNECTED,
        "enabled": True,
        "identify": "",
        "vehicles": [],
        "unknown": None,
        "soc": None,
        "finishTime": None,
        "remainingMinutes": None,
        "remainingMinutesAtLeast": None,
        "remainingMinutesAtMost": None,
        "energyToGo": None,
        "power": 0.0,
        "current": 0.0,
        "voltage": None,
        "chargedEnergy": None,
    }


def car_state(sample: Measured | None, answer: VehicleAnswer | None, at_s: float, pace: float = 1.0) -> dict[str, Any]:
    """evcc's object of a place with a car; `at_s` is when it was answered, seconds since 1970. Null is not known.

    A name is told when one car alone is possible: evcc takes it for who is there.
    """
    state = {**nobody(), "status": CONNECTED}
    if sample is not None:
        state |= _measured(sample)
    if answer is None:
        return state
    told, times = vehicle_figures(answer), ends_at(answer, at_s, pace)
    low, middle, high = told["minutes"] or (None, None, None)
    return state | {
        "identify": told["car"] or "",
        "vehicles": told["cars"],
        "unknown": told["unknown"],
        "finishTime": None if times is None else times[1],
        "remainingMinutes": middle,
        "remainingMinutesAtLeast": low,
        "remainingMinutesAtMost": high,
        "energyToGo": told["energy_to_go_wh"],
    }


def _measured(sample: Measured) -> dict[str, Any]:
    power_uw = sum(v * i for v, i in zip(sample.voltage_mv, sample.current_ma, strict=True))
    current_ma = max(sample.current_ma)
    return {
        "status": CHARGING if current_ma >= DRAWING_MA else CONNECTED,
        "soc": None if sample.soc_pct < 0 else sample.soc_pct,
        "power": round(power_uw / 1e6, 3),
        "current": current_ma / 1000,
        "voltage": sample.voltage_mv[sample.current_ma.index(current_ma)] / 1000,
        "chargedEnergy": None if sample.energy_wh < 0 else sample.energy_wh,
    }
