"""Interrupted charges: is what comes now still the same one?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from host.recording.charge_file import ChargeFile
from host.recording.csv_source import STANDARD_INPUT
from host.recording.events import Measured
from host.recording.folder import VEHICLE
from host.recording.full_rule import FullRule
from host.recording.note import Interrupted, interrupted, settled

CLOCK_TOLERANCE_S = 30.0
CLOCK_TOLERANCE = 0.02
"""So far the board's clock and the host's may be apart over an interruption, and by this share of it."""


def same_clock(step_ms: int, passed_s: float, speed: float | None) -> bool:
    """Whether a step of the samples' clock fits the time that passed; any does where the two clocks are strangers."""
    if not speed:
        return True
    return abs(step_ms / 1000 / speed - passed_s) <= CLOCK_TOLERANCE_S + CLOCK_TOLERANCE * passed_s


@dataclass(slots=True)
class Resumption:
    """An interrupted charge, its files open, and what it holds so far."""

    file: ChargeFile
    samples: Sequence[tuple[int, int, int]]
    stopped_at: float  # seconds since 1970

    def goes_on(self, sample: Measured, number: int, model_hash: str, speed: float | None) -> bool:
        """Whether a sample, the first that comes, is of this charge.

        A board's charge is known by its number and its clock, a file by its name: it is read again from its start.
        """
        if self.file.labels.profile == VEHICLE:
            return False  # its central system does not send again what was missed
        origin = self.file.origin
        step_ms = sample.t_ms + origin.offset_ms - (self.samples[-1][0] if self.samples else 0)
        if origin.source == "board":
            same = (origin.number, origin.model_hash) == (number, model_hash) and step_ms > 0
            return same and same_clock(step_ms, time.time() - self.stopped_at, speed)
        reread = origin.source != STANDARD_INPUT and not origin.source.startswith("socket:")
        return reread or step_ms > 0

    def end(self) -> bool:
        """Nothing more comes of it; False where it is no charge that a dataset takes."""
        if self.file.labels.profile == VEHICLE:
            return self.file.finish("unknown", None)  # training holds it against the vehicles' own rule
        rule = FullRule()
        for t_ms, _, current_ma in self.samples:
            rule.add(t_ms, current_ma)
        return self.file.finish("unknown" if rule.full_t_ms is None else "full", rule.full_t_ms)


def find_interrupted(folder: Path) -> list[Interrupted]:
    """The charges of a folder that nobody records any more and whose end is not known, the latest first."""
    return [charge for charge in interrupted(folder) if not settled(folder, charge.session)]


def take_up(folder: Path, charge: Interrupted) -> Resumption | None:
    """Open an interrupted charge; None where another recorder has it by now."""
    found = ChargeFile.reopen(folder, charge.session)
    return None if found is None else Resumption(found[0], found[1], charge.stopped_at)
