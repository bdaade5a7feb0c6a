"""What a person should know of a model of their own devices before trusting it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from train.models.courses import CourseRows
from train.models.own import FOLDED_FROM, Few
from train.sessions.labels import full_t_ms
from train.sessions.types import Charge


def own_notes(few: Few | None, charges: Sequence[Charge], course: CourseRows) -> list[str]:
    """What to know of a model of one's own devices: where the prior is from, and how far its own answers are off."""
    if few is None:
        return []
    notes = []
    if few.prior is not None:
        beside = len({charge.device for charge in few.beside})
        also = f", and {beside} of its devices are told as well" if beside else ""
        notes.append(f"minutes rest on the simulated fleet too{also}")
    elsewhere = {charge.unit_key for charge in few.beside}
    own_charges = [charge for charge in charges if charge.unit_key not in elsewhere]
    limits = sum(charge.ended == "limit" and full_t_ms(charge) is None for charge in own_charges)
    if limits:
        notes.append(f"charges that a limit stopped count as unplugged: {limits}; when they would be full is not known")
    off = [
        np.abs(course.quantile_s[own, 1] - course.remaining_s[own]).mean() / 60
        for number in np.unique(course.charge)
        if charges[number].unit_key not in elsewhere and np.any(own := course.charge == number)
    ]
    if off:
        notes.append(f"charges left out in turn: {len(off)}, answered {np.mean(off):.1f} min off all along")
    for device in sorted({charge.device for charge in own_charges}):
        full = sum(charge.device == device and full_t_ms(charge) is not None for charge in own_charges)
        if full < FOLDED_FROM:
            notes.append(_too_few(device, full))
    return notes


def _too_few(device: str, full: int) -> str:
    if full == 0:
        return f"no charge of {device} gets full: its minutes are those of all devices; record one until full"
    return f"{full} of {device}'s charges got full: too few to know how far its minutes are off; record more"
