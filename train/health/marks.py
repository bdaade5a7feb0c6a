"""Capacity from marks of the state of charge: the energy between two marks, for the share that lies between them.

Marks come from the link: a car's own state of charge by ISO 15118, OCPP or DC. What is lost on the way to the battery
is learnt for AC and DC apart, from charges of known health.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from train.errors import DatasetError
from train.health.reading import Reading, Refusal, is_mild, soh_of
from train.sessions.types import Charge

LEAST_SPAN_PCT = 20.0
LEAST_UNITS = 3
PLAUSIBLE_SOH = (0.4, 1.15)  # beyond, it is another kind of battery, or the meter is wrong

Side = Literal["ac", "dc"]


@dataclass(frozen=True, slots=True)
class Marks:
    """The first and the last moment at which the state of charge was seen to move."""

    side: Side
    energy_wh: float
    span_pct: float
    sd: float  # of log(energy / span), from not knowing when within a sample's period it moved

    def whole_wh(self) -> float:
        """Energy for 0 to 100 %."""
        return self.energy_wh / self.span_pct * 100


def marks_of(charge: Charge) -> Marks | None:
    """None without a state of charge, or where it never moves twice; a state of charge that falls is not moved."""
    if charge.soc_pct is None:
        return None
    soc = np.maximum.accumulate(charge.soc_pct.astype(np.float64))
    moves = np.flatnonzero(np.diff(soc) > 0) + 1
    if len(moves) < 2:
        return None
    energy = _energy_wh(charge)
    first, last = moves[0], moves[-1]
    # It moved somewhere between a sample and the one before: in the middle, give or take a uniform spread.
    between = (energy[last] + energy[last - 1] - energy[first] - energy[first - 1]) / 2
    periods = np.array([energy[at] - energy[at - 1] for at in (first, last)])
    if between <= 0:
        return None
    side: Side = "dc" if charge.phases is None else "ac"
    sd = float(np.sqrt(np.sum(periods**2) / 12) / between)
    return Marks(side, float(between), float(soc[last] - soc[first]), sd)


def _energy_wh(charge: Charge) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Delivered so far, [n] Wh: the meter's, or the integral of voltage and current."""
    if charge.energy_wh is not None:
        return charge.energy_wh.astype(np.float64)
    watts = charge.voltage_mv / 1000 * (charge.current_ma / 1000)
    steps = np.diff(charge.t_ms.astype(np.float64)) * (watts[1:] + watts[:-1]) / 2 / 3.6e6
    return np.concatenate(([0.0], np.cumsum(steps)))


@dataclass(frozen=True, slots=True)
class MarksModel:
    """What is learnt of one kind of car: `log(soh) = log(whole_wh / rated_wh) - lost[side]`."""

    device: str
    rated_wh: float
    lost: dict[str, float]  # by side: log of what is drawn for each Wh stored
    unit_sd: float
    charge_sd: float
    step_sd: float
    n_units: int

    def read(self, charge: Charge) -> Reading | Refusal:
        """See Model."""
        marks = marks_of(charge)
        if marks is None or marks.side not in self.lost:
            return "no_marks"
        if not is_mild(charge):
            return "temperature"
        if marks.span_pct < LEAST_SPAN_PCT:
            return "short_span"
        return self.reading_of(marks)

    def reading_of(self, marks: Marks) -> Reading | Refusal:
        """As read, whatever the temperature and the span; the side is one that was learnt."""
        sd = float(np.hypot(self.charge_sd, marks.sd))
        log_soh = float(np.log(marks.whole_wh() / self.rated_wh)) - self.lost[marks.side]
        if not PLAUSIBLE_SOH[0] <= np.exp(log_soh) <= PLAUSIBLE_SOH[1]:
            return "out_of_family"
        return Reading(marks.side, log_soh, self.unit_sd, sd)


def fit_marks(charges: Sequence[Charge], rated_wh: float) -> MarksModel:
    """Learn from charges of one kind of car whose `soh_pct` is known; raises DatasetError where they are too few."""
    devices = sorted({charge.device for charge in charges})
    if len(devices) != 1:
        raise DatasetError(f"charges of {', '.join(devices) or 'no device'}: learn the health of one device at a time")
    rows = usable(charges, rated_wh)
    n_units = len({unit for unit, _, _ in rows})
    if n_units < LEAST_UNITS:
        raise DatasetError(
            f"{len(rows)} charges of {devices[0]} with soh_pct show {LEAST_SPAN_PCT:.0f} % or more of soc_pct in mild "
            f"rooms; capacity is learnt from charges of at least {LEAST_UNITS} units"
        )
    # Each unit left out in turn: what it is off by as a whole, and its charges around that.
    off: dict[str, list[float]] = {}
    for unit in sorted({row[0] for row in rows}):
        others = _lost([row for row in rows if row[0] != unit])
        off[unit] = [ratio - others[side] for one, side, ratio in rows if one == unit and side in others]
    shared = [float(np.mean(values)) for values in off.values() if values]
    alone = [float(np.var(values)) for values in off.values() if len(values) > 1]
    return MarksModel(
        device=devices[0],
        rated_wh=rated_wh,
        lost=_lost(rows),
        unit_sd=float(np.sqrt(np.mean(np.square(shared)))) if shared else 0.0,
        charge_sd=float(np.sqrt(np.mean(alone))) if alone else 0.0,
        step_sd=_step_sd(charges),
        n_units=n_units,
    )


Row = tuple[str, Side, float]  # unit, side, log(whole_wh / rated_wh / soh)


def usable(charges: Sequence[Charge], rated_wh: float) -> list[Row]:
    """The charges that can be learnt from."""
    rows: list[Row] = []
    for charge in filter(is_mild, charges):
        soh, marks = soh_of(charge), marks_of(charge)
        if soh and marks is not None and marks.span_pct >= LEAST_SPAN_PCT:
            ratio = float(np.log(marks.whole_wh() / rated_wh / soh))
            rows.append((charge.unit_key, marks.side, ratio))
    return rows


def _lost(rows: Sequence[Row]) -> dict[str, float]:
    """The middle unit's ratio by side."""
    found: dict[str, float] = {}
    for side in ("ac", "dc"):
        units: dict[str, list[float]] = {}
        for unit, where, ratio in rows:
            if where == side:
                units.setdefault(unit, []).append(ratio)
        if units:
            found[side] = float(np.median([np.mean(values) for values in units.values()]))
    return found


def _step_sd(charges: Sequence[Charge]) -> float:
    """How much the true health changes between two charges of a unit that follow each other."""
    steps = [
        float(np.log(soh_of(after) / soh_of(before)))
        for before, after in pairwise(charges)
        if before.unit_key == after.unit_key and soh_of(before) and soh_of(after)
    ]
    return float(np.sqrt(np.mean(np.square(steps)))) if steps else 0.0
