"""What a source of samples reports, whatever it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from host.live_vehicle import VehicleReading
from host.messages import Prediction


@dataclass(frozen=True, slots=True)
class Begun:
    """A device is plugged in, or still is: `number` counts charges, 0 where it is not known."""

    number: int
    model_hash: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """A sample; `sequence` counts from 0 within a charge."""

    sequence: int
    t_ms: int
    voltage_mv: int
    current_ma: int
    vehicle: VehicleReading | None = None  # of a charge point's board: what the two above were made of


@dataclass(frozen=True, slots=True)
class Answered:
    """What the board made of the sample before."""

    answer: Prediction


@dataclass(frozen=True, slots=True)
class Ended:
    """The charge is over; `ended` as in the table of charges."""

    ended: str


@dataclass(frozen=True, slots=True)
class Restarted:
    """The board has started anew: sequence and time begin again, though the device may be the same."""


@dataclass(frozen=True, slots=True)
class Noted:
    """Something for the user to know."""

    text: str


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Nothing more will come."""


SourceEvent = Begun | Measured | Answered | Ended | Restarted | Noted | Exhausted


class Source(Protocol):
    """Where samples come from."""

    @property
    def name(self) -> str:
        """`board`, or what --from names."""

    @property
    def speed(self) -> float | None:
        """So many times real time; None where its clock and the host's have nothing in common."""

    def events(self, timeout_s: float) -> list[SourceEvent]:
        """What happened, waiting at most so long; raises HostError where nothing can be had any more."""
