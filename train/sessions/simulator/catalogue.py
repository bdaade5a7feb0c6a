"""What can be simulated: devices.toml and equipment.toml as data; units are in the field names."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.errors import ConfigError

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Charger:
    """A power supply; it gives the highest of its voltages that the device asks for."""

    name: str
    voltages_mv: tuple[int, ...]
    max_ma: int
    max_mw: int
    output_mohm: int
    pps: bool


@dataclass(frozen=True, slots=True)
class Sensor:
    """A voltage and current sensor with its shunt."""

    name: str
    voltage_step_uv: int
    current_step_ua: int
    full_scale_ma: int
    gain_error_permille: int
    noise_steps: float


@dataclass(frozen=True, slots=True)
class Device:
    """A model of device; the fields are explained in devices.toml."""

    name: str
    kind: str
    cell: str
    full_cell_mv: int
    n_series: int
    capacity_mah: int
    resistance_mohm: int
    efficiency_permille: int
    linear: bool
    power_mw: tuple[tuple[float, float], ...]
    charge_ma: tuple[tuple[float, float], ...]
    termination_ma: int
    input_mv: int
    input_max_ma: int
    pps: bool
    negotiation_ms: int
    before_ma: int
    ramp_ms: int
    ramp_steps: int
    idle_mw: int
    active_mw: int
    active_permille: int
    noise_mw: int
    heat_j_per_k: int
    heat_mk_per_w: int
    throttle_decidegc: int
    limit_pct: int
    full_mv: int
    chargers: tuple[str, ...]

    def power_w(self) -> NDArray[np.float64]:
        """Most input power at 0 … 100 % state of charge, [101] W."""
        return _curve(self.power_mw)

    def charge_a(self) -> NDArray[np.float64]:
        """Most current into the cell at 0 … 100 % state of charge, [101] A."""
        return _curve(self.charge_ma)


@dataclass(frozen=True, slots=True)
class Population:
    """How a fleet's units and chargers spread around the devices; `shifted` ones are for testing only."""

    salt: str  # sets its random streams apart
    spread: float  # factor on the tolerances of units and starts
    soh: float  # mean state of health
    load: float  # factor on the system's load
    noise: float  # factor on its ripple
    cells: Mapping[str, str]  # which cell stands in for which
    chargers: Mapping[str, str]  # which charger stands in for which


def _curve(points: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """Points (per cent, thousandths) at 0 … 100 %, [101]."""
    soc, value = zip(*points, strict=True)
    values: NDArray[np.float64] = np.interp(np.arange(101), soc, value) / 1000
    return values


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _entries(file: str) -> dict[str, Any]:
    with (_FOLDER / file).open("rb") as stream:
        return tomllib.load(stream)


@cache
def devices() -> dict[str, Device]:
    """All devices by name, in the order of the file."""
    return {
        name: Device(name=name, **{key: _frozen(value) for key, value in entry.items()})
        for name, entry in _entries("devices.toml").items()
    }


@cache
def chargers() -> dict[str, Charger]:
    """All chargers by name."""
    return {
        name: Charger(name=name, **{key: _frozen(value) for key, value in entry.items()})
        for name, entry in _entries("equipment.toml")["charger"].items()
    }


@cache
def sensors() -> dict[str, Sensor]:
    """All sensors by name."""
    return {name: Sensor(name=name, **entry) for name, entry in _entries("equipment.toml")["sensor"].items()}


@cache
def populations() -> dict[str, Population]:
    """The populations by name: `built-in`, which models are trained on, first."""
    return {name: Population(**entry) for name, entry in _entries("equipment.toml")["population"].items()}


def device_named(name: str) -> Device:
    """The device of this name; raises ConfigError naming the known ones."""
    if name not in devices():
        raise ConfigError(f"device {name!r} is not in the simulator's fleet; known: {', '.join(devices())}")
    return devices()[name]
