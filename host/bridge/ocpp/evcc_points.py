"""Cars at charge points as evcc reads them: the object of host/bridge/evcc.py, one a charge point and place."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from host.bridge.evcc import CHARGING, CONNECTED, NOT_CONNECTED, PATH
from host.bridge.figures import minutes, utc
from host.bridge.ocpp.answerer import NOT_TOLD, VehicleAnswer, VehicleSample
from host.monitor.serving import Listener, Response, json_response

DRAWING_MA = 1_000

NOBODY: Mapping[str, Any] = {
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
"""A place where no car is."""


def car_state(sample: VehicleSample | None, answer: VehicleAnswer | None, at_s: float) -> dict[str, Any]:
    """A place with a car; `at_s` is when it was answered, seconds since 1970. Null is what is not known.

    A name is told when one car alone is possible: evcc takes it for who is there.
    """
    state = {**NOBODY, "status": CONNECTED}
    if sample is not None:
        state |= _measured(sample)
    if answer is None:
        return state
    state["unknown"] = answer.unknown
    if answer.unknown:
        return state
    low, middle, high = (minutes(seconds) for seconds in answer.done_s)
    return state | {
        "identify": answer.cars[0] if len(answer.cars) == 1 else "",
        "vehicles": list(answer.cars),
        "finishTime": None if answer.phase == "done" else utc(at_s + answer.done_s[1]),
        "remainingMinutes": middle,
        "remainingMinutesAtLeast": low,
        "remainingMinutesAtMost": high,
        "energyToGo": answer.energy_to_go_wh,
    }


def _measured(sample: VehicleSample) -> dict[str, Any]:
    power_uw = sum(v * i for v, i in zip(sample.voltage_mv, sample.current_ma, strict=True))
    current_ma = max(sample.current_ma)
    return {
        "status": CHARGING if current_ma >= DRAWING_MA else CONNECTED,
        "soc": None if sample.soc_pct == NOT_TOLD else sample.soc_pct,
        "power": round(power_uw / 1e6, 3),
        "current": current_ma / 1000,
        "voltage": sample.voltage_mv[sample.current_ma.index(current_ma)] / 1000,
        "chargedEnergy": None if sample.energy_wh == NOT_TOLD else sample.energy_wh,
    }


class EvccPoints:
    """Keeps the latest state of each place for whoever asks: `/evcc?point=CP_1&place=1`, or `/evcc` where it is one."""

    def __init__(self, bind: str, port: int, allowed_hosts: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._states: dict[tuple[str, str], dict[str, Any]] = {}
        self._gone: set[str] = set()
        self._listener = Listener(bind, port, {PATH: self._answer, "/": self._answer}, allowed_hosts)

    def __enter__(self) -> EvccPoints:
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
        """Where it answers."""
        return self._listener.url.rstrip("/") + PATH

    def show(
        self, point: str, place: str, sample: VehicleSample | None, answer: VehicleAnswer | None, *, there: bool
    ) -> None:
        """What is known of a place now; not `there`: no car is."""
        state = car_state(sample, answer, time.time()) if there else dict(NOBODY)
        with self._lock:
            self._states[(point, place)] = state

    def connection(self, point: str, *, there: bool) -> None:
        """A charge point has come or gone: of one that is gone nothing is known."""
        with self._lock:
            (self._gone.discard if there else self._gone.add)(point)

    def _answer(self, query: Mapping[str, str]) -> Response:
        """503 where nothing is known: evcc then shows a charger out of order, not one that says `A`."""
        with self._lock:
            states, gone = dict(self._states), set(self._gone)
        found = {
            key: state
            for key, state in states.items()
            if query.get("point", key[0]) == key[0] and query.get("place", key[1]) == key[1]
        }
        if len(found) == 1:
            (((point, _), state),) = found.items()
            if point in gone:
                return json_response({"error": "disconnected", "detail": f"{point} is not connected"}, 503)
            return json_response(state)
        if not found:
            return json_response({"error": "connecting", "detail": "no charge has been seen there"}, 503)
        names = [f"?point={point}&place={place}" for point, place in sorted(found)]
        return json_response({"error": "which", "detail": f"several places; ask for one: {', '.join(names)}"}, 404)
