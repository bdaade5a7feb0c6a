"""The sampled values of OCPP as quantities: kinds, phases, units and multipliers of versions 1.6 and 2.0.1."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Quantity(Enum):
    """A quantity that is read, named by its measurand."""

    VOLTAGE = "Voltage"
    CURRENT = "Current.Import"
    OFFERED = "Current.Offered"
    POWER = "Power.Active.Import"
    ENERGY = "Energy.Active.Import.Register"
    SOC = "SoC"


DEFAULT_MEASURAND = Quantity.ENERGY.value
WHOLE = 0
"""In place of a phase: the value is of all of them, or of the only one."""

UNITS: Mapping[Quantity, Mapping[str, float]] = {
    Quantity.VOLTAGE: {"V": 1.0, "mV": 1e-3, "kV": 1e3},
    Quantity.CURRENT: {"A": 1.0, "mA": 1e-3},
    Quantity.OFFERED: {"A": 1.0, "mA": 1e-3},
    Quantity.POWER: {"W": 1.0, "kW": 1e3},
    Quantity.ENERGY: {"Wh": 1.0, "kWh": 1e3},
    Quantity.SOC: {"Percent": 1.0, "%": 1.0},
}
"""Factors to V, A, W, Wh and %."""

PHASES = {
    "L1": 1, "L2": 2, "L3": 3, "L1-N": 1, "L2-N": 2, "L3-N": 3, "L1-L2": -1, "L2-L3": -2, "L3-L1": -3,
}  # fmt: skip
"""Numbers of phases; negative between two: of a voltage, √3 times that to neutral."""

LARGEST = {Quantity.VOLTAGE: 1_048.0, Quantity.CURRENT: 524.0, Quantity.OFFERED: 1e3, Quantity.POWER: 1e6}
"""What no charge point measures is not a measurement: V, A, W."""


@dataclass(slots=True)
class Values:
    """What one moment's sampled values say: by quantity and phase, in V, A, W, Wh and %."""

    told: dict[Quantity, dict[int, float]] = field(default_factory=dict)
    n_unread: int = 0  # of quantities that are read, but with a unit, phase or number that is none
    unread: str = ""  # the first of them

    def of(self, quantity: Quantity) -> Mapping[int, float]:
        """By phase; empty where it is not told."""
        return self.told.get(quantity, {})

    def add(self, sampled: Any) -> None:
        """Take one sampledValue of either version; measurands that are not read are left out."""
        if not isinstance(sampled, dict):
            self._object(repr(sampled))
            return
        name = sampled.get("measurand", DEFAULT_MEASURAND)
        quantity = next((known for known in Quantity if known.value == name), None)
        if quantity is None or sampled.get("format") == "SignedData" or _elsewhere(quantity, sampled.get("location")):
            return
        value = _value(sampled, quantity)
        phase = _phase(sampled.get("phase"), quantity)
        if value is None or phase is None or abs(value) > LARGEST.get(quantity, 2e12):
            self._object(f"{name} {sampled.get('value')!r} {_unit(sampled) or ''} {sampled.get('phase') or ''}".strip())
        elif phase != NEUTRAL:
            # Between phases stands behind to neutral.
            by_phase = self.told.setdefault(quantity, {})
            if phase < 0:
                by_phase.setdefault(-phase, value / math.sqrt(3))
            else:
                by_phase[phase] = value

    def add_all(self, sampled: Any) -> None:
        """Take a list of them."""
        if not isinstance(sampled, Iterable) or isinstance(sampled, (str, dict)):
            self._object(repr(sampled))
            return
        for one in sampled:
            self.add(one)

    def _object(self, text: str) -> None:
        self.n_unread += 1
        self.unread = self.unread or text[:80]


NEUTRAL = 9
"""The neutral conductor: told, and of no use."""


def _elsewhere(quantity: Quantity, location: object) -> bool:
    """Whether it is measured where it says nothing of the vehicle: at the grid's side, inside the charge point."""
    return quantity is not Quantity.SOC and location in ("Inlet", "Body", "Upstream")


def _unit(sampled: Mapping[str, Any]) -> Any:
    unit = sampled.get("unitOfMeasure")
    return unit.get("unit") if isinstance(unit, dict) else sampled.get("unit")


def _value(sampled: Mapping[str, Any], quantity: Quantity) -> float | None:
    """In the quantity's unit; None where it is no number or of another unit. Without a unit it is the usual one."""
    raw, unit, measure = sampled.get("value"), _unit(sampled), sampled.get("unitOfMeasure")
    multiplier = measure.get("multiplier", 0) if isinstance(measure, dict) else 0
    factor = 1.0 if unit is None else UNITS[quantity].get(unit) if isinstance(unit, str) else None
    if factor is None or isinstance(raw, bool) or not isinstance(raw, (str, int, float)):
        return None
    if not isinstance(multiplier, int) or abs(multiplier) > 12:
        return None
    try:
        value = float(raw) * factor * 10.0**multiplier
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _phase(phase: object, quantity: Quantity) -> int | None:
    """Its number; None where it is not known."""
    if phase is None or phase == "":
        return WHOLE
    if phase == "N":
        return NEUTRAL
    number = PHASES.get(phase) if isinstance(phase, str) else None
    return None if number is None or (number < 0 and quantity is not Quantity.VOLTAGE) else number
