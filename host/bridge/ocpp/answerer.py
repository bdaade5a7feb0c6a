"""What answers the samples of a vehicle's charge, whatever it is: a board, or in tests a script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from host.vehicle_answers import Three as Three  # re-exported
from host.vehicle_answers import VehicleAnswer as VehicleAnswer

NOT_TOLD = -1
"""Pilot, energy or state of charge that a charge point does not tell (wp/vehicle.h)."""


class VehicleSample(NamedTuple):
    """One measurement, in the units of `wp_vehicle_sample`; in DC voltage and current stand in the first phase."""

    t_ms: int
    voltage_mv: Three
    current_ma: Three
    pilot_da: int = NOT_TOLD
    energy_wh: int = NOT_TOLD
    soc_pct: int = NOT_TOLD


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wanted of a charge: a state of charge, an energy since the plug, or neither; the energy wins."""

    target_pct: int | None = None
    energy_wh: int | None = None


class Answerer(Protocol):
    """Answers one charge at a time. Every method raises HostError, PortError where the board is gone."""

    @property
    def model_hash(self) -> str:
        """The 16 hexadecimal digits of the artifact that answers."""

    def begin(self, goal: Goal) -> None:
        """A charge begins; all samples before are forgotten."""

    def answer(self, sample: VehicleSample) -> VehicleAnswer:
        """Take a sample and answer it."""

    def close(self) -> None:
        """Let go of the board; harmless when repeated."""
