"""What Home Assistant is told once: one retained message that declares the device and all its entities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from host.messages import PHASES
from host.monitor.snapshot import Board, Snapshot, Status
from host.vehicle_messages import PHASES as VEHICLE_PHASES

EXPIRES_S = 120
"""Beside the availability topics: a figure not repeated for so long is unavailable."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one board. `base` is as in --topic, `name` is the board's."""

    prefix: str
    base: str
    name: str

    @property
    def config(self) -> str:
        """Home Assistant's device discovery; retained."""
        return f"{self.prefix}/device/{self.name}/config"

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it has started."""
        return f"{self.prefix}/status"

    @property
    def state(self) -> str:
        """Figures as one JSON object; not retained: minutes of yesterday are no answer."""
        return f"{self.base}/{self.name}/state"

    @property
    def bridge(self) -> str:
        """`online` while the bridge runs, `offline` by its last will; retained."""
        return f"{self.base}/{self.name}/bridge"

    @property
    def board(self) -> str:
        """`online` while the board is heard; retained."""
        return f"{self.base}/{self.name}/board"


@dataclass(frozen=True, slots=True)
class _Entity:
    """One entity; `options` are Home Assistant's own keys."""

    key: str
    name: str
    options: dict[str, Any]
    platform: str = "sensor"
    template: str = "{{{{ value_json.{key} }}}}"
    diagnostic: bool = False


_MEASUREMENT = {"state_class": "measurement"}
_MINUTES = {"device_class": "duration", "unit_of_measurement": "min", **_MEASUREMENT}
_FLAG = "{{{{ 'None' if value_json.{key} is none else ('ON' if value_json.{key} else 'OFF') }}}}"

ENTITIES = (
    _Entity("device", "Device", {"icon": "mdi:cellphone-charging"}),
    _Entity("minutes", "Until full", {**_MINUTES, "suggested_display_precision": 0}),
    _Entity("minutes_10", "Until full, at least", {**_MINUTES, "suggested_display_precision": 0}),
    _Entity("minutes_90", "Until full, at most", {**_MINUTES, "suggested_display_precision": 0}),
    _Entity("full_at", "Full at", {"device_class": "timestamp"}),
    _Entity("power_w", "Power", {"device_class": "power", "unit_of_measurement": "W", **_MEASUREMENT}),
    _Entity(
        "energy_wh",
        "Energy of this charge",
        {"device_class": "energy", "unit_of_measurement": "Wh", "state_class": "total_increasing"},
    ),
    _Entity("voltage_v", "Voltage", {"device_class": "voltage", "unit_of_measurement": "V", **_MEASUREMENT}),
    _Entity("current_a", "Current", {"device_class": "current", "unit_of_measurement": "A", **_MEASUREMENT}),
    _Entity("plugged", "Plugged in", {"device_class": "plug"}, "binary_sensor", _FLAG),
    _Entity("charging", "Charging", {"device_class": "battery_charging"}, "binary_sensor", _FLAG),
    _Entity("unknown", "Unknown device", {"icon": "mdi:help-circle"}, "binary_sensor", _FLAG),
    _Entity("phase", "Phase", {"device_class": "enum", "options": list(PHASES)}),
    _Entity("confidence_pct", "Confidence", {"unit_of_measurement": "%", **_MEASUREMENT}, diagnostic=True),
    _Entity(
        "link",
        "Link",
        {"device_class": "enum", "options": [status.value for status in Status]},
        diagnostic=True,
    ),
    _Entity("lost_lines", "Lost lines", {"state_class": "total_increasing"}, diagnostic=True),
)

_LIST = "{{{{ (value_json.{key} | join(', '))[:255] if value_json.{key} else 'None' }}}}"

VEHICLE_ENTITIES = (
    _Entity("device", "Likeliest car", {"icon": "mdi:car-electric"}),
    _Entity("vehicles", "Cars still possible", {"icon": "mdi:car-multiple"}, template=_LIST),
    _Entity("phase", "Phase", {"device_class": "enum", "options": list(VEHICLE_PHASES)}),
    _Entity("target_minutes", "Until the target", {**_MINUTES, "suggested_display_precision": 0}),
    _Entity("target_minutes_10", "Until the target, at least", {**_MINUTES, "suggested_display_precision": 0}),
    _Entity("target_minutes_90", "Until the target, at most", {**_MINUTES, "suggested_display_precision": 0}),
    _Entity("energy_to_go_wh", "Energy to go", {"unit_of_measurement": "Wh", "icon": "mdi:ev-station", **_MEASUREMENT}),
    _Entity("soc_pct", "State of charge", {"device_class": "battery", "unit_of_measurement": "%", **_MEASUREMENT}),
    _Entity("pilot_a", "Pilot", {"device_class": "current", "unit_of_measurement": "A", **_MEASUREMENT}),
    _Entity("advice", "Advice", {"icon": "mdi:lightbulb-on-outline"}),
)
"""A charge point's board: these beside ENTITIES, or in the place of those of the same key."""


def entities_of(board: Board | None) -> list[_Entity]:
    """Those of a board, no key twice."""
    entities = {entity.key: entity for entity in ENTITIES}
    if board is not None and board.charge_point:
        entities |= {entity.key: entity for entity in VEHICLE_ENTITIES}
    return list(entities.values())


def discovery(topics: Topics, snapshot: Snapshot) -> dict[str, Any]:
    """The payload for `topics.config`. The link's own entity stays there while the board is silent: it says so."""
    board = snapshot.board
    here = {"topic": topics.bridge}
    device: dict[str, Any] = {"identifiers": [topics.name], "name": topics.name, "manufacturer": "wattprint"}
    if board is not None:
        device |= {"model": board.model or "charging model", "model_id": board.model_hash, "sw_version": board.firmware}
    return {
        "device": device,
        "origin": {"name": "wattprint"},
        "state_topic": topics.state,
        "availability": [here, {"topic": topics.board}],
        "availability_mode": "all",
        "components": {entity.key: _component(entity, topics, [here]) for entity in entities_of(board)},
    }


def _component(entity: _Entity, topics: Topics, here: list[dict[str, str]]) -> dict[str, Any]:
    component: dict[str, Any] = {
        "platform": entity.platform,
        "unique_id": f"{topics.name}_{entity.key}",
        "name": entity.name,
        "value_template": entity.template.format(key=entity.key),
        "expire_after": EXPIRES_S,
        **entity.options,
    }
    if entity.diagnostic:
        component["entity_category"] = "diagnostic"
    if entity.key == "link":
        component |= {"availability": here, "availability_mode": "all"}
    return component
