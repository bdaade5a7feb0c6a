"""A unit's state of health over its charges: estimate, interval, and what is out of the ordinary.

What a unit's charges are off by together stays, however many there are; what each is off by alone averages out. So the
filter follows the second, with a health that wanders from charge to charge (a local level model; Harvey 1989), and the
first is added to its interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from train.health.reading import Model, Reading
from train.sessions.types import Charge

Z_80 = 1.2816  # of a normal distribution, 10 and 90 %
JUMP = 3.0  # standard deviations from what the unit's charges so far say
LEAST_BEFORE = 3  # charges, before one can be out of line with them


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one charge says, and all of the unit's so far; states of health are 0 … 1."""

    session: str
    start: str  # as in Reading; `unanswered` without a number, for the reason in `flag`
    soh: float | None  # of this charge alone
    trend: float | None  # of all so far
    low: float | None  # the trend's interval, 10 and 90 %
    high: float | None
    flag: str = ""  # a Refusal, `jump` or empty


def estimate(model: Model, charges: Iterable[Charge]) -> Iterator[Estimate]:
    """Estimates of one unit's charges, which come in the order they were made in."""
    level, variance, n_before = 0.0, np.inf, 0
    for charge in charges:
        seen = model.read(charge)
        if not isinstance(seen, Reading):
            yield Estimate(charge.session, "unanswered", None, None, None, None, seen)
            continue
        noise = seen.charge_sd**2
        variance += model.step_sd**2
        spread = max(float(np.sqrt(variance + noise)), 1e-9)
        surprise = abs(seen.log_soh - level) / spread if n_before else 0.0
        gain = 1.0 if np.isinf(variance) else variance / max(variance + noise, 1e-12)
        level += gain * (seen.log_soh - level)
        variance = noise if np.isinf(variance) else variance * (1 - gain)
        reach = Z_80 * float(np.sqrt(variance + seen.unit_sd**2))
        low, high = float(np.exp(level - reach)), float(np.exp(level + reach))
        flag = "jump" if n_before >= LEAST_BEFORE and surprise > JUMP else ""
        n_before += 1
        yield Estimate(charge.session, seen.start, float(np.exp(seen.log_soh)), float(np.exp(level)), low, high, flag)
