"""What a person should know of a model of their own devices before trusting it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.models.courses import CourseRows
from train.models.own import FOLDED_FROM, Few
from train.sessions.labels import full_t_ms
from train.sessions.types import Charge


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How far off each of one's own charges was answered by a model without it, beside the baseline of the others."""

    answered: NDArray[np.float64]  # [n] minutes
    baseline: NDArray[np.float64]  # [n]

    def __len__(self) -> int:
        return len(self.answered)


def own_notes(few: Few | None, charges: Sequence[Charge], course: CourseRows) -> list[str]:
    """What to know of a model of one's own devices: what stands beside them, and how far its own answers are off."""
    if few is None:
        return []
    notes = []
    if few.beside:
        notes.append(f"{len({charge.device for charge in few.beside})} of the fleet's devices are told as well")
    own_charges = _own(charges, few)
    limits = sum(charge.ended == "limit" and full_t_ms(charge) is None for charge in own_charges)
    if limits:
        notes.append(f"charges that a limit stopped count as unplugged: {limits}; when they would be full is not known")
    found = left_out_minutes(charges, few, course)
    if len(found):
        answered, baseline = found.answered.mean(), found.baseline.mean()
        notes.append(
            f"charges left out in turn: {len(found)}, answered {answered:.1f} min off, the baseline {baseline:.1f}"
        )
        if few.prior is not None and answered > baseline:
            instead = "--own-only, which leaves it out then" if few.beside else "--prior none"
            notes.append(f"the fleet does not help with these charges: they are unlike its devices'; take {instead}")
    for device in sorted({charge.device for charge in own_charges}):
        full = sum(charge.device == device and full_t_ms(charge) is not None for charge in own_charges)
        if full < FOLDED_FROM:
            notes.append(_too_few(device, full))
    return notes


def _own(charges: Sequence[Charge], few: Few) -> list[Charge]:
    elsewhere = {charge.unit_key for charge in few.beside}
    return [charge for charge in charges if charge.unit_key not in elsewhere]


def _too_few(device: str, full: int) -> str:
    if full == 0:
        return f"no charge of {device} gets full: its minutes are those of all devices; record one until full"
    return f"{full} of {device}'s charges got full: too few to know how far its minutes are off; record more"


def left_out_minutes(charges: Sequence[Charge], few: Few, course: CourseRows) -> LeftOut:
    """What the answers of `course` to one's own of `charges`, which it numbers, were off."""
    own_units = {charge.unit_key for charge in _own(charges, few)}
    off, baseline_off = [], []
    numbers = [int(number) for number in np.unique(course.charge) if charges[number].unit_key in own_units]
    for number in numbers:
        rows = course.charge == number
        left_s, elapsed_s = course.remaining_s[rows], course.elapsed_s[rows]
        others = np.array([
            (full - int(charge.t_ms[0])) // 1000
            for index, charge in enumerate(charges)
            if index != number and charge.device == charges[number].device
            and charge.unit_key in own_units and (full := full_t_ms(charge)) is not None
        ])  # fmt: skip
        if len(others):
            running = [others[others > at] for at in elapsed_s]
            baseline = np.array(
                [np.median(one) - at if len(one) else 0 for one, at in zip(running, elapsed_s, strict=True)]
            )
            off.append(np.abs(course.quantile_s[rows, 1] - left_s).mean() / 60)
            baseline_off.append(np.abs(baseline - left_s).mean() / 60)
    return LeftOut(np.array(off), np.array(baseline_off))
