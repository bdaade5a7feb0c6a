"""What can be simulated: devices.toml, equipment.toml and ocv.json as data; units are in the field names."""

from __future__ import annotations

import json
import tomllib
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
    table: str
    full_cell_mv: int
    n_series: int
    capacity_mah: int
    resistance_mohm: int
    diffusion_s: int
    efficiency_permille: int
    linear: bool
    power_mw: tuple[tuple[float, float], ...]
    termination_ma: int
    input_mv: int
    input_max_ma: int
    pps: bool
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

    def ocv_v(self) -> NDArray[np.float64]:
        """Open-circuit voltage of a cell at 0 … 100 % state of charge, [101] V.

        The table is raised to full_cell_mv with the square of the state of charge: cells made for a higher voltage
        differ near full and little in the middle.
        """
        table = _ocv()[self.table]
        raised: NDArray[np.float64] = table + (self.full_cell_mv / 1000 - table[-1]) * np.linspace(0, 1, 101) ** 2
        return raised

    def power_w(self) -> NDArray[np.float64]:
        """Input power asked for at 0 … 100 % state of charge, [101] W."""
        soc, power = zip(*self.power_mw, strict=True)
        watts: NDArray[np.float64] = np.interp(np.arange(101), soc, power) / 1000
        return watts


@cache
def _ocv() -> dict[str, NDArray[np.float64]]:
    tables = json.loads((_FOLDER / "ocv.json").read_text(encoding="ascii"))
    return {name: np.array(values) / 1000 for name, values in tables.items() if name != "source"}


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


def device_named(name: str) -> Device:
    """The device of this name; raises ConfigError naming the known ones."""
    if name not in devices():
        raise ConfigError(f"device {name!r} is not in the simulator's fleet; known: {', '.join(devices())}")
    return devices()[name]
