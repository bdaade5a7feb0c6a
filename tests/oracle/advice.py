"""Advice, once more: plain Python from docs/advice.md, no line of it taken from the C."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from train.features.advice import AdviceSettings

WEEK = 604_800
MOST_MA = 524_287


@dataclass
class Charge:
    """What is remembered of one charge; moments are on the clock, modulo 2^32."""

    settings: AdviceSettings
    began: int
    wished: int | None = None
    drawn: int | None = None
    needed: tuple[int, int, int] | None = None
    needed_ma: int = 0
    reached: int | None = None
    stopped: bool = False
    waiting: bool = False
    waited: bool = False
    lowered: bool = False
    on: bool = True
    switched: int = 0
    changed: int = 0
    limit: int = 0
    calls: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.switched = self.changed = self.began
        self.limit = self.settings.most_ma


def since(now: int, then: int) -> int:
    ago = (now - then) % 2**32
    return 0 if ago >= 2**31 else min(ago, WEEK)


def ready_by(charge: Charge, now: int, in_s: int) -> None:
    charge.wished = None if in_s < 0 else (now + min(in_s, WEEK)) % 2**32
    charge.waiting = charge.waited = charge.lowered = charge.stopped = False
    charge.reached = None


def update(charge: Charge, now: int, values: Sequence[int]) -> list[int]:
    """values: drawing, current, full at 10/50/90 %, target at 50/90 % (10 % is that at 50 %)."""
    drawing, current, *full = values[:5]
    target = [values[5], values[5], values[6]]
    one = charge.settings
    if drawing:
        goal = target if one.to_target else full
        charge.drawn = now if charge.drawn is None else charge.drawn
        if min(goal) >= 0:
            charge.needed = (min(goal[0], WEEK), min(goal[1], WEEK), min(goal[2], WEEK))
            charge.needed_ma = min(max(current, 1), MOST_MA)
        if target[1] == 0:
            charge.reached = now if charge.reached is None else charge.reached
            charge.stopped = charge.stopped or since(now, charge.reached) >= one.confirm_s
        else:
            charge.reached = None
    late, start, lowest = proposal(charge, now)
    wait = wait_of(charge, start)
    observed = charge.drawn is not None and since(now, charge.drawn) >= one.observe_s
    want_on = wanted(charge, now, wait, observed)
    want_limit = lowest if one.wishes & 4 and observed else one.most_ma
    changed = False
    if want_on != charge.on and since(now, charge.switched) >= (one.on_s if charge.on else one.off_s):
        charge.on, charge.switched, changed = want_on, now, True
    may_change = want_limit > charge.limit or (want_limit < charge.limit and not charge.lowered)
    if may_change and since(now, charge.changed) >= one.change_s:
        charge.lowered |= want_limit < charge.limit
        charge.limit, charge.changed, changed = want_limit, now, True
    if changed:
        charge.calls.append((int(charge.on), charge.limit))
    still = wait if charge.waiting else 0
    ready = [-1, -1, -1] if charge.needed is None else [max(still, 0) + each for each in charge.needed]
    return [int(charge.stopped), int(late), start, lowest, *ready, int(charge.on), charge.limit]


def proposal(charge: Charge, now: int) -> tuple[bool, int, int]:
    one = charge.settings
    if charge.wished is None or charge.needed is None:
        return False, -1, one.most_ma
    left = since(charge.wished, now)
    available = left - one.margin_s
    needed, current = charge.needed[2], charge.needed_ma
    late = needed * current > left * one.most_ma if current < one.most_ma else needed > left
    start = max(available - needed, 0)
    if available <= 0:
        return late, start, one.most_ma
    exact = ceil(Fraction(needed * current, available))
    stepped = ceil(Fraction(exact, one.step_ma)) * one.step_ma
    return late, start, min(max(stepped, one.least_ma), one.most_ma)


def wait_of(charge: Charge, start: int) -> int:
    one = charge.settings
    if start <= 0 or charge.needed is None or not one.wishes & 4 or charge.needed_ma <= one.least_ma:
        return start
    longer = ceil(Fraction(charge.needed[2] * charge.needed_ma, one.least_ma)) - charge.needed[2]
    return max(start - longer, 0)


def wanted(charge: Charge, now: int, wait: int, observed: bool) -> bool:
    one = charge.settings
    if one.wishes & 1 and charge.stopped:
        return False
    if charge.waiting:
        if wait > 0:
            return False
        charge.waiting, charge.waited = False, True
        return True
    free = observed and not charge.waited and since(now, charge.switched) >= one.on_s
    charge.waiting = bool(one.wishes & 2) and free and wait >= one.off_s
    return not charge.waiting
