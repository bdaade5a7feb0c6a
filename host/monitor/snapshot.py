"""What the board says now, as one frozen value. Every view and every bridge shows this and nothing else.

Times that end in `at_s` are seconds since 1970 on this machine's clock, or since the start of a recording whose hour is
not known (`Snapshot.wall_clock` tells which).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from host.live_vehicle import VehicleReading
from host.messages import CHARGE_POINT, PHASES
from host.vehicle_answers import VehicleAnswer
from host.vehicle_messages import Advice

PHASE_FULL = PHASES.index("full")


class Status(StrEnum):
    """The one word above everything else."""

    CONNECTING = "connecting"  # the port is open, nobody has said hello yet
    NO_SENSOR = "no sensor"  # a board that only answers samples it is sent
    UNPLUGGED = "unplugged"
    CHARGING = "charging"
    FULL = "full"
    FAULT = "sensor fault"
    SILENT = "silent"  # was there, says nothing or measures nothing any more
    LOST = "disconnected"  # the port is gone; it is being opened again


STALE = frozenset((Status.CONNECTING, Status.SILENT, Status.LOST))
"""In these, what is known is of the past."""


@dataclass(frozen=True, slots=True)
class Board:
    """Who the board is, from its hello. `model` is the artifact's name, None where no artifact has its hash."""

    model_hash: str
    model: str | None
    n_devices: int
    firmware: str
    protocol: int
    boot: str

    @property
    def charge_point(self) -> bool:
        """Whether it follows vehicles' charges, not a charger's."""
        return self.protocol >> 4 == CHARGE_POINT


@dataclass(frozen=True, slots=True)
class Reading:
    """One sample of the board's sensor; `t_ms` from 0 at the first sample of the charge, on the board's clock."""

    sequence: int
    t_ms: int
    voltage_mv: int  # of a charge point's three phases the one that takes the same power, as the current
    current_ma: int
    vehicle: VehicleReading | None = None

    @property
    def power_mw(self) -> int:
        """v · i / 1000, halves away from zero: the board's own rule (docs/design.md, Power)."""
        return _rounded(self.voltage_mv * self.current_ma, 1000)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model makes of the charge so far. `remaining_s` at 10, 50 and 90 %."""

    sequence: int
    device: int
    device_name: str | None  # None: the names are not known, see Board.model
    confidence_permille: int | None  # None: the model has one device and no classifier
    unknown: bool
    phase: int
    remaining_s: tuple[int, int, int]
    vehicle: VehicleAnswer | None = None  # of a charge point's board; `device` is then the likeliest car

    @property
    def label(self) -> str:
        """The device's name, or its index where the names are not known."""
        return self.device_name or f"device {self.device}"

    @property
    def full(self) -> bool:
        """Whether the charge is over."""
        return self.phase == PHASE_FULL

    @property
    def phase_name(self) -> str:
        """`constant current` and so on."""
        return PHASES[self.phase] if self.vehicle is None else self.vehicle.phase


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge, from plug to unplug. Sums are of what this program has seen; `whole` tells if that is all of it."""

    ordinal: int  # counted by this program, from 1
    number: int | None  # counted by the board since its power-up; None: its plug event was missed
    whole: bool
    started_at_s: float
    elapsed_ms: int  # on the board's clock; it does not wrap
    reading: Reading | None
    answer: Answer | None
    charge_mah: float
    energy_mwh: float
    full_since_s: float | None
    advice: Advice | None  # of a charge point's board
    ended: str | None  # None while it lasts, else why it ended


@dataclass(frozen=True, slots=True)
class LinkHealth:
    """What happened on the line since the monitor began."""

    lines: int = 0
    damaged: int = 0
    missed_samples: int = 0
    missed_answers: int = 0
    restarts: int = 0  # hellos nobody asked for
    reconnects: int = 0
    heard_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the log: the board's own (`board`), or what the monitor noticed."""

    at_s: float
    text: str
    board: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the board says now. `version` grows with every change."""

    version: int
    at_s: float
    wall_clock: bool
    source: str
    status: Status
    detail: str  # a sentence for the user; empty when all is well
    board: Board | None
    charge: Charge | None  # the latest one, also after its end
    link: LinkHealth
    counters: Mapping[str, int]  # the board's own, by name
    pace: float  # seconds on the board's clock in one of ours; 1 for a board that measures in real time
    notes: tuple[Note, ...]

    @property
    def stale(self) -> bool:
        """Whether all that is shown is of the past."""
        return self.status in STALE

    @property
    def running(self) -> Charge | None:
        """The charge, while it lasts."""
        return self.charge if self.charge is not None and self.charge.ended is None else None

    @property
    def reading(self) -> Reading | None:
        """The latest sample of the charge that is running or was the last."""
        return self.charge.reading if self.charge is not None else None

    @property
    def answer(self) -> Answer | None:
        """The latest answer of the charge that is running or was the last."""
        return self.charge.answer if self.charge is not None else None

    @property
    def trusted(self) -> Answer | None:
        """The answer as far as it may be handed on to another program: of now, and of a device the model knows."""
        if self.status not in (Status.CHARGING, Status.FULL) or self.answer is None or self.answer.unknown:
            return None
        return self.answer

    def full_at_s(self) -> tuple[float, float, float] | None:
        """When it is full, at 10, 50 and 90 %; None where there is no clock to tell it by or nothing to tell."""
        running, answer = self.running, self.answer
        if not self.wall_clock or running is None or answer is None or answer.full or self.link.heard_at_s is None:
            return None
        low, middle, high = (self.link.heard_at_s + seconds / self.pace for seconds in answer.remaining_s)
        return low, middle, high


def _rounded(numerator: int, denominator: int) -> int:
    """Nearest, halves away from zero."""
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude
