"""What a model of health reads off one charge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from train.sessions.types import Charge

MILD_DECIDEGC = (100, 350)  # learnt from and answered within: a cold battery takes its charge as an old one does

Refusal = Literal["temperature", "no_whole_tail", "no_marks", "short_span", "out_of_family"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One charge's estimate; spreads are standard deviations of log(soh)."""

    start: str  # how it was read: `empty` or `late` by the tail, `ac` or `dc` by marks
    log_soh: float
    unit_sd: float  # what all charges of a unit are off by together
    charge_sd: float  # what this one is off by besides


class Model(Protocol):
    """Anything that reads charges of one kind of battery."""

    @property
    def step_sd(self) -> float:
        """How much log(soh) changes between two charges of a unit."""

    def read(self, charge: Charge) -> Reading | Refusal:
        """The reading, or why there is none."""


def is_mild(charge: Charge) -> bool:
    """Whether the room was neither cold nor hot, as far as is known."""
    known = charge.details.get("ambient_decidegc")
    return known is None or MILD_DECIDEGC[0] <= float(known) <= MILD_DECIDEGC[1]


def soh_of(charge: Charge) -> float:
    """The true state of health, 0 … 1; 0 where it is not known."""
    return float(charge.details.get("soh_pct") or 0) / 100
