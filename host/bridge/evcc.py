"""The evcc bridge: the board as evcc's custom charger reads it, one JSON object over HTTP."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from host.bridge.figures import PRESENT, minutes, utc
from host.monitor.history import History
from host.monitor.serving import Listener, Response, json_response
from host.monitor.snapshot import Snapshot, Status

PATH = "/evcc"
NOT_CONNECTED, CONNECTED, CHARGING = "A", "B", "C"
"""States of IEC 61851 as evcc takes them: nothing plugged in, plugged in but full, charging."""


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
    """The object at PATH; keys as in docs/host.md. Null is what is not known, and soc never is: no model answers it."""
    trusted, charge, reading = snapshot.trusted, snapshot.charge, snapshot.reading
    live = snapshot.status in (Status.CHARGING, Status.FULL) and reading is not None
    full = snapshot.full_at_s() if trusted is not None else None
    low, middle, high = (None, None, None) if trusted is None else (minutes(s) for s in trusted.remaining_s)
    return {
        "status": _status(snapshot),
        "enabled": True,
        "identify": trusted.label if trusted is not None else "",
        "vehicles": [trusted.label] if trusted is not None else [],
        "unknown": snapshot.answer.unknown if live and snapshot.answer is not None else None,
        "soc": None,
        "finishTime": None if full is None else utc(full[1]),
        "remainingMinutes": middle,
        "remainingMinutesAtLeast": low,
        "remainingMinutesAtMost": high,
        "energyToGo": None,  # no model of a charger's output answers it
        "power": reading.power_mw / 1000 if live and reading is not None else 0.0,
        "current": reading.current_ma / 1000 if live and reading is not None else 0.0,
        "voltage": reading.voltage_mv / 1000 if live and reading is not None else None,
        "energy": round(meter_mwh / 1e6, 6),
        "chargedEnergy": None if charge is None else round(charge.energy_mwh / 1000, 3),
    }


def _status(snapshot: Snapshot) -> str:
    if snapshot.status is Status.CHARGING:
        return CHARGING
    return CONNECTED if snapshot.status is Status.FULL else NOT_CONNECTED


class EvccBridge:
    """A view that keeps the latest state for whoever asks."""

    def __init__(self, bind: str, port: int, allowed_hosts: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._latest: Snapshot | None = None
        self._meter = EnergyMeter()
        self._meter_mwh = 0.0
        self._listener = Listener(bind, port, {PATH: self._answer, "/": self._answer}, allowed_hosts)

    def __enter__(self) -> EvccBridge:
        if not self._listener.loopback:
            print(f"warning: {self.url} can be read by anybody who reaches this machine", file=sys.stderr)
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.stop()

    @property
    def url(self) -> str:
        """What evcc.yaml names."""
        return self._listener.url.rstrip("/") + PATH

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
