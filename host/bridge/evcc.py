"""The evcc bridge: the board as evcc's custom charger reads it, one JSON object over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from host.bridge.evcc_server import EvccServer
from host.bridge.figures import LIVE, PRESENT, minutes, utc
from host.bridge.vehicle_figures import CHARGING, CONNECTED, NOT_CONNECTED, car_state, nobody
from host.monitor.history import History
from host.monitor.serving import Response, json_response
from host.monitor.snapshot import Snapshot, Status


class EnergyMeter:
    """Energy of all charges since the bridge began: evcc takes differences, so it must not fall."""

    def __init__(self) -> None:
        self._ended_mwh = 0.0
        self._ordinal: int | None = None
        self._charge_mwh = 0.0

    def take(self, snapshot: Snapshot) -> float:
        """The meter in mWh at this moment."""
        charge = snapshot.charge
        if charge is not None:
            if charge.ordinal != self._ordinal:
                self._ended_mwh += self._charge_mwh
                self._ordinal = charge.ordinal
            self._charge_mwh = charge.energy_mwh
        return self._ended_mwh + self._charge_mwh


def evcc_state(snapshot: Snapshot, meter_mwh: float) -> dict[str, Any]:
    """The object at PATH; keys as in docs/host.md. Null is what is not known; soc is what a vehicle tells, or null."""
    vehicles = snapshot.board is not None and snapshot.board.charge_point
    charge = snapshot.charge
    return {
        **(_car(snapshot) if vehicles else _device(snapshot)),
        "energy": round(meter_mwh / 1e6, 6),
        "chargedEnergy": None if charge is None else round(charge.energy_mwh / 1000, 3),
    }


def _car(snapshot: Snapshot) -> dict[str, Any]:
    """Of a charge point's board that reads its meter. The meter's energy is not that of a charge."""
    if snapshot.status not in LIVE:
        return nobody()
    reading = None if snapshot.reading is None else snapshot.reading.vehicle
    answer = None if snapshot.answer is None else snapshot.answer.vehicle
    heard_at_s = snapshot.at_s if snapshot.link.heard_at_s is None else snapshot.link.heard_at_s
    return car_state(reading, answer, heard_at_s, snapshot.pace)


def _device(snapshot: Snapshot) -> dict[str, Any]:
    """Of a charger's board: no model of a charger's output answers state of charge or energy to go."""
    trusted, reading = snapshot.trusted, snapshot.reading
    live = snapshot.status in LIVE and reading is not None
    full = snapshot.full_at_s() if trusted is not None else None
    low, middle, high = (None, None, None) if trusted is None else (minutes(s) for s in trusted.remaining_s)
    return nobody() | {
        "status": _status(snapshot),
        "identify": trusted.label if trusted is not None else "",
        "vehicles": [trusted.label] if trusted is not None else [],
        "unknown": snapshot.answer.unknown if live and snapshot.answer is not None else None,
        "finishTime": None if full is None else utc(full[1]),
        "remainingMinutes": middle,
        "remainingMinutesAtLeast": low,
        "remainingMinutesAtMost": high,
        "power": reading.power_mw / 1000 if live and reading is not None else 0.0,
        "current": reading.current_ma / 1000 if live and reading is not None else 0.0,
        "voltage": reading.voltage_mv / 1000 if live and reading is not None else None,
    }


def _status(snapshot: Snapshot) -> str:
    if snapshot.status is Status.CHARGING:
        return CHARGING
    return CONNECTED if snapshot.status is Status.FULL else NOT_CONNECTED


class EvccBridge(EvccServer):
    """A view that keeps the latest state for whoever asks."""

    def __init__(self, bind: str, port: int, allowed_hosts: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._latest: Snapshot | None = None
        self._meter = EnergyMeter()
        self._meter_mwh = 0.0
        super().__init__(bind, port, allowed_hosts)

    def show(self, snapshot: Snapshot, _: History | None) -> None:
        """Make it the latest state."""
        with self._lock:
            self._latest = snapshot
            self._meter_mwh = self._meter.take(snapshot)

    def _answer(self, _: Mapping[str, str]) -> Response:
        """503 while nothing is known: evcc then shows a charger out of order, not one that says `A`."""
        with self._lock:
            snapshot, meter_mwh = self._latest, self._meter_mwh
        if snapshot is None or snapshot.status not in PRESENT:
            status = "connecting" if snapshot is None else snapshot.status.value
            return json_response({"error": status, "detail": "" if snapshot is None else snapshot.detail}, 503)
        return json_response(evcc_state(snapshot, meter_mwh))
