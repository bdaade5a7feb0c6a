"""What answers the samples of a vehicle's charge, whatever it is: a board, or in tests a script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

NOT_TOLD = -1
"""Pilot, energy or state of charge that a charge point does not tell (wp/vehicle.h)."""

Three = tuple[int, int, int]


class VehicleSample(NamedTuple):
    """One measurement, in the units of `wp_vehicle_sample`; in DC voltage and current stand in the first phase."""

    t_ms: int
    voltage_mv: Three
    current_ma: Three
    pilot_da: int = NOT_TOLD
    energy_wh: int = NOT_TOLD
    soc_pct: int = NOT_TOLD


@dataclass(frozen=True, slots=True)
class VehicleAnswer:
    """What is answered to a sample. Times in s at 10, 50 and 90 %."""

    car: str  # the likeliest of the possible; with `unknown` the nearest
    cars: tuple[str, ...]  # those still possible
    unknown: bool  # like none of the enrolled cars
    confidence_permille: int
    phase: str  # waiting, charging, taper, paused or done
    phases: int  # that carry current; 0 before any did
    power_class_w: int  # the least usual rating that holds the largest power so far; 0 before any
    done_s: Three  # until the car ends the charge
    target_s: Three | None  # until the target or the end, whichever is first; None where it cannot be told
    energy_to_go_wh: int
    direct: bool = False  # DC


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
