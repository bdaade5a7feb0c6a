"""What a person should know of a model of their own devices before trusting it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

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
    notes += _left_out(charges, [charge.unit_key for charge in own_charges], course, few.prior is not None)
    for device in sorted({charge.device for charge in own_charges}):
        full = sum(charge.device == device and full_t_ms(charge) is not None for charge in own_charges)
        if full < FOLDED_FROM:
            notes.append(_too_few(device, full))
    return notes


def _too_few(device: str, full: int) -> str:
    if full == 0:
        return f"no charge of {device} gets full: its minutes are those of all devices; record one until full"
    return f"{full} of {device}'s charges got full: too few to know how far its minutes are off; record more"


def _left_out(charges: Sequence[Charge], own_units: Collection[str], course: CourseRows, prior: bool) -> list[str]:
    """How far off one's own charges were answered by models without them, beside the baseline of the others."""
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
    if not off:
        return []
    answered, baseline_mean = float(np.mean(off)), float(np.mean(baseline_off))
    notes = [f"charges left out in turn: {len(off)}, answered {answered:.1f} min off, the baseline {baseline_mean:.1f}"]
    if prior and answered > baseline_mean:
        notes.append("the fleet does not help with these charges: they are unlike its devices'; take --prior none")
    return notes
