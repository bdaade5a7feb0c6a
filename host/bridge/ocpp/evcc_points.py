"""Cars at charge points as evcc reads them: one object a charge point and place."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from host.bridge.evcc_server import EvccServer
from host.bridge.ocpp.answerer import VehicleAnswer, VehicleSample
from host.bridge.vehicle_figures import car_state, nobody
from host.monitor.serving import Response, json_response


class EvccPoints(EvccServer):
    """Keeps the latest state of each place for whoever asks: `/evcc?point=CP_1&place=1`, or `/evcc` where it is one."""

    def __init__(self, bind: str, port: int, allowed_hosts: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._states: dict[tuple[str, str], dict[str, Any]] = {}
        self._gone: set[str] = set()
        super().__init__(bind, port, allowed_hosts)

    def show(
        self, point: str, place: str, sample: VehicleSample | None, answer: VehicleAnswer | None, *, there: bool
    ) -> None:
        """What is known of a place now; not `there`: no car is."""
        state = car_state(sample, answer, time.time()) if there else nobody()
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
