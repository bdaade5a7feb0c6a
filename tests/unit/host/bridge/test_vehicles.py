"""A charge point's board that reads its meter, as evcc and Home Assistant are told of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from host.bridge.discovery import Topics, discovery
from host.bridge.evcc import evcc_state
from host.bridge.figures import mqtt_figures
from host.bridge.ocpp.estimate import estimate
from host.bridge.vehicle_figures import mqtt_vehicle_figures
from host.messages import SENSOR_FAULT, UNPLUG, BoardMessage, Event, Prediction
from host.monitor.snapshot import Snapshot
from host.vehicle_messages import LiveRest, SamplePhases, VehicleAnswer
from tests.unit.host.bridge.test_evcc import KEYS
from tests.unit.host.monitor.test_vehicle import sample, watched

NOTHING: dict[str, Any] = {
    "vehicles": None,
    "target_minutes_10": None,
    "target_minutes": None,
    "target_minutes_90": None,
    "energy_to_go_wh": None,
    "soc_pct": None,
    "pilot_a": None,
    "advice": None,
}


def evcc(*messages: BoardMessage) -> dict[str, Any]:
    state = evcc_state(watched(*messages).snapshot(5.0), 0.0)
    assert set(state) == KEYS
    return state


def mqtt(snapshot: Snapshot) -> dict[str, Any]:
    return mqtt_figures(snapshot) | mqtt_vehicle_figures(snapshot)


def changed(**told: int) -> list[BoardMessage]:
    """The sample of test_vehicle, with another first line of its answer."""
    return [replace(each, **told) if isinstance(each, VehicleAnswer) else each for each in sample(0)]


def test_evcc_has_the_set_the_minutes_and_the_energy() -> None:
    state = evcc(*sample(0))
    assert (state["status"], state["identify"], state["vehicles"], state["unknown"]) == (
        "C",
        "",
        ["id_3_58", "model_3"],
        False,
    )
    assert [state[f"remainingMinutes{end}"] for end in ("AtLeast", "", "AtMost")] == [50.0, 60.0, 80.0]
    assert (state["energyToGo"], state["soc"]) == (12_300, 61)
    assert (state["current"], state["voltage"]) == (15.95, 229.0)
    assert state["power"] == pytest.approx((230.1 * 15.9 + 231.0 * 15.8 + 229.0 * 15.95), abs=0.001)
    assert state["finishTime"] == "1970-01-01T01:00:00Z"  # an hour after the lines' clock
    assert state["chargedEnergy"] == 0.0  # of this charge: the meter's own 1234 kWh are no charge's


def test_one_car_alone_is_who_is_there() -> None:
    state = evcc(*changed(possible=0b010, state=1 << 5 | 3 << 12))
    assert (state["identify"], state["vehicles"]) == ("id_3_58", ["id_3_58"])


def test_an_unknown_car_has_no_name_and_no_end() -> None:
    phases, rest, told, prediction, advice = changed(state=1 << 5 | 3 << 12 | 1)
    assert isinstance(prediction, Prediction)
    messages = (phases, rest, told, replace(prediction, flags=prediction.flags | 1), advice)
    state = evcc(*messages)
    assert (state["status"], state["identify"], state["vehicles"], state["unknown"]) == ("C", "", [], True)
    assert (state["remainingMinutes"], state["finishTime"], state["energyToGo"]) == (None, None, None)
    figures = mqtt(watched(*messages).snapshot(5.0))
    assert (figures["device"], figures["vehicles"], figures["energy_to_go_wh"]) == ("unknown", None, None)


def test_a_car_that_waits_is_connected() -> None:
    still: list[BoardMessage] = [SamplePhases(0, 230_000, 0, 230_000, 0, 230_000, 0), LiveRest(0, 0, -1, 0, -1, -1001)]
    state = evcc(*still, *sample(0)[2:])
    assert (state["status"], state["power"], state["soc"]) == ("B", 0.0, None)


def test_unplugged_is_nobody() -> None:
    state = evcc(*sample(0), Event(UNPLUG, 1))
    assert (state["status"], state["vehicles"], state["remainingMinutes"], state["energyToGo"]) == ("A", [], None, None)


def test_home_assistant_has_them_too() -> None:
    figures = mqtt(watched(*sample(0)).snapshot(5.0))
    assert figures["vehicles"] == ["id_3_58", "model_3"]
    assert [figures[key] for key in ("minutes_10", "minutes", "minutes_90")] == [50.0, 60.0, 80.0]
    assert [figures[f"target_minutes{end}"] for end in ("_10", "", "_90")] == [10.0, 15.0, 25.0]
    assert (figures["energy_to_go_wh"], figures["soc_pct"], figures["pilot_a"]) == (12_300, 61, 16.0)
    assert figures["advice"] == "on, at most 16 A; may wait 30 min; 9 A would do"


@pytest.mark.parametrize("event", [Event(UNPLUG, 1), Event(SENSOR_FAULT, 1)], ids=["unplugged", "fault"])
def test_what_is_of_the_past_is_null(event: Event) -> None:
    assert mqtt_vehicle_figures(watched(*sample(0), event).snapshot(5.0)) == NOTHING


def test_every_entity_of_a_charge_point_has_its_figure() -> None:
    snapshot = watched(*sample(0)).snapshot(5.0)
    components = discovery(Topics("homeassistant", "wattprint", "bench"), snapshot)["components"]
    figures = mqtt(snapshot)
    assert set(components) == set(figures)
    for key, component in components.items():
        assert f"value_json.{key}" in component["value_template"]
        assert figures[key] in component.get("options", [figures[key]])
    assert (components["device"]["name"], components["vehicles"]["name"]) == ("Likeliest car", "Cars still possible")


def test_all_bridges_say_the_same() -> None:
    snapshot = watched(*sample(0)).snapshot(5.0)
    answer = snapshot.answer
    assert answer is not None
    assert answer.vehicle is not None
    told, state, figures = estimate(answer.vehicle, 3.5), evcc_state(snapshot, 0.0), mqtt(snapshot)
    assert told["cars"] == state["vehicles"] == figures["vehicles"]
    assert told["energy_to_go_wh"] == state["energyToGo"] == figures["energy_to_go_wh"]
    assert told["minutes"][1] == state["remainingMinutes"] == figures["minutes"]
    assert told["target_minutes"][1] == figures["target_minutes"]
    assert told["full_at"][1] == state["finishTime"] == figures["full_at"]
