"""What a charge under constant current, then constant voltage, shows of the battery's capacity.

Three numbers decide it. How far below the limit the voltage starts says how empty the battery was; the charge from
there to the end of the tail is what was put in; and the charge of the tail alone, from half of the plateau's current
down, grows with the battery's resistance, by which the first two read too full and too little.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from train.sessions.types import Charge

SETTLED_S = 60.0  # after current began to flow: connectors, converters and the fast part of the cell have settled
TAIL_FROM, TAIL_TO = 0.5, 0.05  # of the plateau; 5 % is where docs/dataset.md calls a charge full
PLATEAU = 0.9  # of the first settled current: as long as more flows, the voltage still rises towards its limit
S_PER_H = 3600.0


@dataclass(frozen=True, slots=True)
class Course:
    """A charge as numbers: time, voltage, current and charge put in so far, [n] each."""

    t_s: NDArray[np.float64]
    voltage_mv: NDArray[np.float64]
    current_ma: NDArray[np.float64]
    charge_mah: NDArray[np.float64]

    def without_first(self, share: float) -> Course:
        """The same charge had the battery been fuller: this share of what was put in is cut off at the front.

        What such a charge would show in its first minutes, a rested battery's voltage rising, is not in it.
        """
        first = int(np.searchsorted(self.charge_mah, share * self.charge_mah[-1]))
        return Course(
            self.t_s[first:] - self.t_s[first],
            self.voltage_mv[first:],
            self.current_ma[first:],
            self.charge_mah[first:] - self.charge_mah[first],
        )


@dataclass(frozen=True, slots=True)
class Signature:
    """What capacity is learnt from."""

    below_limit_mv: float  # the settled voltage, below its highest on the plateau; about 0 when the charge starts late
    charge_mah: float  # put in from the first sample until the current has fallen to TAIL_TO of the plateau
    tail_mah: float  # of it from TAIL_FROM on

    def as_inputs(self) -> NDArray[np.float64]:
        """[3]; charges as logarithms, since capacity scales them."""
        volts, charge, tail = astuple(self)
        return np.array([volts, np.log(charge), np.log(tail)])


def course_of(charge: Charge) -> Course:
    """Time from 0; the current runs straight from sample to sample."""
    t = charge.t_ms.astype(np.float64) / 1000
    current = charge.current_ma.astype(np.float64)
    steps = np.diff(t) * (current[1:] + current[:-1]) / 2 / S_PER_H
    put_in = np.concatenate(([0.0], np.cumsum(steps)))
    return Course(t - t[0], charge.voltage_mv.astype(np.float64), current, put_in)


def plateau_ma(course: Course) -> float:
    """The current the charger gives while it is limited: the highest once settled; 0 where none was recorded."""
    settled = course.current_ma[course.t_s > SETTLED_S]
    return float(settled.max()) if len(settled) else 0.0


def signature_of(course: Course, plateau: float) -> Signature | None:
    """None where the charge does not show a whole tail from TAIL_FROM to TAIL_TO of the plateau (in mA)."""
    settled = course.t_s > SETTLED_S
    if settled.sum() < 2:
        return None
    volts, current, put_in = (values[settled] for values in (course.voltage_mv, course.current_ma, course.charge_mah))
    tail, end = (_charge_at(current, put_in, share * plateau) for share in (TAIL_FROM, TAIL_TO))
    if tail is None or end is None or end <= tail:
        return None
    highest = volts[current >= PLATEAU * current[0]].max()
    return Signature(float(highest - volts[0]), end, end - tail)


def _charge_at(current: NDArray[np.float64], put_in: NDArray[np.float64], level: float) -> float | None:
    """Charge at which the current first falls below a level; None where it starts there or never does."""
    below = np.flatnonzero(current < level)
    if not len(below) or below[0] == 0:
        return None
    k = below[0]
    into = (current[k - 1] - level) / (current[k - 1] - current[k])
    return float(put_in[k - 1] + into * (put_in[k] - put_in[k - 1]))
