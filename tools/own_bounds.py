"""What could be said of a unit's later charges by one who knows more than any model of its first ones: bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from train.evaluate.metrics import ChargeAnswers
from train.sessions.labels import full_t_ms
from train.sessions.types import Charge

Seconds = NDArray[np.float64]
BOUNDS: Mapping[str, str] = {
    "others": "median duration of all its other charges, later ones too",
    "hindsight": "median duration of those scored: what no level learnt before can beat by much",
    "to go": "told the charge still to be delivered: time left of its other charges at that",
}


def bound_answers(
    answered: Sequence[ChargeAnswers], units: Sequence[Sequence[Charge]]
) -> dict[str, list[ChargeAnswers]]:
    """The answers of each of BOUNDS to the charges `answered`, those of `units`, in place of a model's.

    None is given for a charge of a unit that has no other full one.
    """
    found: dict[str, list[ChargeAnswers]] = {name: [] for name in BOUNDS}
    scored = {item.session for item in answered}
    for item in answered:
        mates = next(unit for unit in units if any(one.session == item.session for one in unit))
        itself = next(one for one in mates if one.session == item.session)
        full = [one for one in mates if one.ended != "limit" and full_t_ms(one) is not None]
        others = [one for one in full if one is not itself]
        if others:
            at_s = item.elapsed_ms / 1000
            ends = {
                "others": _running_out([_duration_s(one) for one in others], at_s),
                "hindsight": _running_out([_duration_s(one) for one in full if one.session in scored], at_s),
                "to go": _left_at_same_charge(itself, others, at_s),
            }
            for name, left_s in ends.items():
                seconds = np.rint(np.maximum(left_s, 0)).astype(np.int32)
                found[name].append(replace(item, remaining_s=np.stack([seconds] * 3, axis=1)))
    return found


def _duration_s(charge: Charge) -> float:
    return ((full_t_ms(charge) or 0) - int(charge.t_ms[0])) / 1000


def _running_out(durations_s: Sequence[float], at_s: Seconds) -> Seconds:
    """Median duration of those still running, less the time gone by; [n]."""
    durations = np.array(durations_s)
    running = [durations[durations > at] for at in at_s]
    return np.array([np.median(some) - at if len(some) else 0.0 for some, at in zip(running, at_s, strict=True)])


def _left_at_same_charge(charge: Charge, others: Sequence[Charge], at_s: Seconds) -> Seconds:
    """Median time left of other charges when as much charge was still to be delivered as is now; [n].

    Where none ever had as much to go, the longest of their durations.
    """
    time_s, to_go = _to_go(charge)
    now = np.interp(at_s, time_s, to_go)
    found = []
    for other in others:
        other_s, other_to_go = _to_go(other)
        found.append(_duration_s(other) - np.interp(now, other_to_go[::-1], other_s[::-1], right=np.nan))
    left = np.array(found)
    left[:, np.all(np.isnan(left), axis=0)] = max(map(_duration_s, others))
    return np.asarray(np.nanmedian(left, axis=0), np.float64)


def _to_go(charge: Charge) -> tuple[Seconds, Seconds]:
    """Times in s up to full and the charge in mAh that is delivered from there to full, falling; [n] each."""
    time_s = (charge.t_ms - charge.t_ms[0]).astype(np.float64) / 1000
    kept = time_s <= _duration_s(charge)
    time_s, current = time_s[kept], np.maximum(charge.current_ma[kept], 0).astype(np.float64)
    delivered = np.concatenate([[0.0], np.cumsum(np.diff(time_s) * (current[1:] + current[:-1]) / 2)]) / 3600
    return time_s, delivered[-1] - delivered
