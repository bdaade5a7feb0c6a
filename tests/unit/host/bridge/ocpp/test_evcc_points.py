"""Cars at charge points as evcc reads them."""

from __future__ import annotations

import json
import time
import urllib.request
from datetime import datetime
from typing import Any
from urllib.error import HTTPError

from host.bridge.ocpp.answerer import VehicleSample
from host.bridge.ocpp.evcc_points import EvccPoints
from host.bridge.vehicle_figures import car_state
from tests.unit.host.bridge.ocpp.scripted import answer_of
from tests.unit.host.bridge.test_evcc import KEYS

SAMPLE = VehicleSample(0, (230_000, 229_000, 231_000), (16_000, 16_500, 15_500), 160, 1_234, 55)


def ask(url: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 (of this test)
            return answer.status, json.loads(answer.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


def test_a_car_that_is_known() -> None:
    now = time.time()
    state = car_state(SAMPLE, answer_of(3, SAMPLE), now)
    assert set(state) == KEYS - {"energy"}  # the charge point has a meter of its own
    assert (state["status"], state["identify"], state["vehicles"], state["unknown"]) == ("C", "zoe", ["zoe"], False)
    assert [state[f"remainingMinutes{end}"] for end in ("AtLeast", "", "AtMost")] == [110.0, 120.0, 135.0]
    assert abs(datetime.fromisoformat(state["finishTime"]).timestamp() - now - 7_200) <= 30
    assert (state["energyToGo"], state["chargedEnergy"], state["soc"]) == (20_000, 1_234, 55)
    assert (state["power"], state["current"], state["voltage"]) == (11_039.0, 16.5, 229.0)


def test_several_cars_are_a_set_and_no_name() -> None:
    state = car_state(SAMPLE, answer_of(1, SAMPLE), 0.0)
    assert (state["identify"], state["vehicles"]) == ("", ["zoe", "model_3"])
    assert state["remainingMinutes"] == 120.0


def test_an_unknown_car_is_nobody() -> None:
    answer = answer_of(3, SAMPLE)
    state = car_state(SAMPLE, type(answer)("zoe", ("zoe",), True, 1, "charging", 3, 11_000, (1, 2, 3), None, 4), 0.0)
    assert (state["identify"], state["vehicles"], state["unknown"]) == ("", [], True)
    assert (state["finishTime"], state["remainingMinutes"], state["energyToGo"]) == (None, None, None)


def test_what_is_not_told_is_null() -> None:
    still = VehicleSample(0, (0, 0, 0), (0, 0, 0))
    state = car_state(still, None, 0.0)
    assert (state["status"], state["soc"], state["chargedEnergy"], state["unknown"]) == ("B", None, None, None)
    assert car_state(None, None, 0.0)["status"] == "B"


def test_places_are_asked_for_by_name() -> None:
    with EvccPoints("127.0.0.1", 0, []) as points:
        assert ask(points.url)[0] == 503
        points.show("CP_1", "1", SAMPLE, None, there=True)
        assert ask(points.url)[1]["status"] == "C"
        points.connection("CP_1", there=False)
        assert ask(points.url) == (503, {"error": "disconnected", "detail": "CP_1 is not connected"})
        points.connection("CP_1", there=True)
        points.show("CP_1", "2", SAMPLE, None, there=False)
        code, which = ask(points.url)
        assert (code, which["detail"]) == (
            404,
            "several places; ask for one: ?point=CP_1&place=1, ?point=CP_1&place=2",
        )
        assert ask(f"{points.url}?point=CP_1&place=2")[1]["status"] == "A"
        assert ask(f"{points.url}?place=1")[1]["status"] == "C"
        assert ask(f"{points.url}?point=CP_7")[0] == 503
