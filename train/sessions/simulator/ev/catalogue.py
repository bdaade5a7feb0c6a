"""What can be simulated: cars.toml and equipment.toml as data; units are in the field names."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.errors import ConfigError

_FOLDER = Path(__file__).parent
DC_MAX_KW = 350.0
_RANGES: Mapping[str, tuple[float, float]] = {
    "kwh": (2, 250),
    "ac_phases": (1, 3),
    "ac_kw": (1, 43),
    "pilot_share": (0.5, 1),
    "start_s": (0, 300),
    "ramp_a_s": (0.05, 100),
    "response_s": (0, 60),
    "power_factor": (0.5, 1),
    "efficiency": (0.5, 1),
    "dc_efficiency": (0.5, 1),
    "taper_pct": (50, 99.9),
    "taper_steps": (1, 100),
    "taper_floor": (0.01, 1),
    "balance_w": (0, 3000),
    "balance_min": (0, 240),
    "heater_w": (0, 10_000),
    "pack_v": (40, 950),
}


@dataclass(frozen=True, slots=True)
class Car:
    """A model of car; the fields are explained in cars.toml."""

    name: str
    kwh: float
    ac_phases: int
    ac_kw: float
    dc_curve_kw: tuple[tuple[float, float], ...]
    pilot_share: float = 0.98
    start_s: float = 6.0
    ramp_a_s: float = 2.0
    response_s: float = 3.0
    power_factor: float = 0.985
    efficiency: float = 0.90
    dc_efficiency: float = 0.95
    taper_pct: float = 96.5
    taper_steps: int = 8
    taper_floor: float = 0.3
    balance_w: float = 150.0
    balance_min: float = 10.0
    heater_w: float = 1000.0
    pack_v: float = 380.0

    def dc_kw(self) -> NDArray[np.float64]:
        """Most input power at 0 … 100 % state of charge, [101] kW."""
        soc, power = zip(*self.dc_curve_kw, strict=True)
        values: NDArray[np.float64] = np.interp(np.arange(101), soc, power)
        return values


@dataclass(frozen=True, slots=True)
class Wallbox:
    """An AC charge point."""

    name: str
    phases: int
    max_a: float


@dataclass(frozen=True, slots=True)
class Station:
    """A DC charge point."""

    name: str
    kw: float
    max_a: float
    shared: bool


@cache
def cars() -> dict[str, Car]:
    """The built-in cars by name, in the order of the file."""
    return read_cars(_FOLDER / "cars.toml")


def read_cars(path: Path) -> dict[str, Car]:
    """The cars of a file like cars.toml; raises ConfigError naming file, car and field."""
    try:
        with path.open("rb") as stream:
            entries = tomllib.load(stream)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name a TOML file of cars") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from None
    return {name: _car(path, name, entry) for name, entry in entries.items()}


def _car(path: Path, name: str, entry: Any) -> Car:
    where = f"{path}: car {name}"
    if not isinstance(entry, dict):
        raise ConfigError(f"{where} is no table; write [{name}] and its fields below")
    known = {one.name: one for one in fields(Car) if one.name != "name"}
    if unknown := sorted(set(entry) - set(known)):
        raise ConfigError(f"{where}: {unknown[0]} is no field; fields are {', '.join(known)}")
    if missing := [key for key, one in known.items() if one.default is MISSING and key not in entry]:
        raise ConfigError(f"{where}: {', '.join(missing)} is missing")
    for key, (low, high) in _RANGES.items():
        value = entry.get(key, low)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ConfigError(f"{where}: {key} is {value!r}; give a number from {low:g} to {high:g}")
    for key in ("ac_phases", "taper_steps"):
        if not isinstance(entry.get(key, 1), int):
            raise ConfigError(f"{where}: {key} is {entry[key]!r}; give a whole number")
    return Car(**{**entry, "name": name, "dc_curve_kw": _curve(where, entry["dc_curve_kw"])})


def _curve(where: str, points: Any) -> tuple[tuple[float, float], ...]:
    example = "give [[0, 50], [80, 50], [100, 10]]: state of charge in % ascending, kW above 0 up to 350; [] without DC"
    try:
        found = tuple((float(soc), float(kw)) for soc, kw in points)
    except (TypeError, ValueError):
        raise ConfigError(f"{where}: dc_curve_kw is {points!r}; {example}") from None
    rising = all(a[0] < b[0] for a, b in pairwise(found))
    if not rising or not all(0 <= soc <= 100 and 0 < kw <= DC_MAX_KW for soc, kw in found):
        raise ConfigError(f"{where}: dc_curve_kw is {points!r}; {example}")
    return found


@cache
def _equipment() -> dict[str, Any]:
    with (_FOLDER / "equipment.toml").open("rb") as stream:
        return tomllib.load(stream)


@cache
def wallboxes() -> dict[str, Wallbox]:
    """All AC charge points by name."""
    return {name: Wallbox(name=name, **entry) for name, entry in _equipment()["wallbox"].items()}


@cache
def stations() -> dict[str, Station]:
    """All DC charge points by name."""
    return {name: Station(name=name, **entry) for name, entry in _equipment()["station"].items()}
