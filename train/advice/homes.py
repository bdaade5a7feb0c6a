"""Households of cars in simulated nights: what their charge point's board answers, by the C of firmware/lib/vehicle.

Three cars share a charge point and are enrolled with their past charges, as `train fit --profile ev` does it. The meter
is read once a minute; the state of charge is told in those charges in which the car's draw says so, a quarter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.features.household import answer_charge
from train.features.vehicle import extract_vehicle
from train.household.answered import Tables, enrol_household
from train.household.history import past_of
from train.household.pooled import Pooled, load_pooled
from train.sessions.labels import VEHICLE
from train.sessions.simulator.ev.course import AC_STEP_S, MAINS_V, Course, n_phases
from train.sessions.simulator.ev.draws import ChargeDraw
from train.sessions.types import Charge, Ended, Phases

CARS = 3  # of a household
PERIOD_S = 60.0
EVERY = int(PERIOD_S / AC_STEP_S)
AFTER_STEPS = int(600 / AC_STEP_S)  # a past charge is recorded so long after its end
IDLE_MA = 25.0
NOISE = 0.0015  # of the meter's current
UNKNOWN = 1  # flag

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Flow:
    """What a charge point measures, [n] each, on the grid of AC_STEP_S."""

    pilot_a: Floats
    power_kw: Floats
    wh: Floats
    soc: Floats


@dataclass(frozen=True, slots=True)
class Home:
    """A charge point with its cars enrolled."""

    tables: Tables
    pooled: Pooled

    def left_s(self, draw: ChargeDraw, flow: Flow) -> tuple[list[int], list[int]]:
        """Until full and until 80 %, at 10, 50, 90 %, after the last sample; −1 where it is not known."""
        x = extract_vehicle(charge_of(draw, flow, "unknown")).x
        answers = answer_charge(self.tables.tables, self.tables.rules(self.pooled), x)
        if answers.column("flags")[-1] & UNKNOWN:
            return [-1] * 3, [-1] * 3
        return answers.done_s[-1].tolist(), answers.target_s[-1].tolist()


def homes_of(
    nights: Sequence[ChargeDraw], past: Sequence[Sequence[ChargeDraw]], courses: Sequence[Course]
) -> list[Home]:
    """The home of each night; `courses` are those of the past charges, one car's after the other's.

    Every third of the list is another car of a household, so that cars of one model fall to different ones.
    """
    pooled, n_each = load_pooled(), len(past[0])
    n_homes = -(-len(nights) // CARS)
    homes = []
    for home in range(n_homes):
        members = range(home, len(nights), n_homes)
        charges = {
            f"{nights[b].unit.car.name}/{nights[b].unit.name}": [
                past_of(charge_of(draw, flow_of(draw, course), "full"))
                for draw, course in zip(past[b], courses[n_each * b : n_each * (b + 1)], strict=True)
            ]
            for b in members
        }
        homes.append(Home(enrol_household(charges, pooled), pooled))
    return [homes[b % n_homes] for b in range(len(nights))]


def flow_of(draw: ChargeDraw, course: Course) -> Flow:
    """A past charge with its limit left alone, and what follows it."""
    kw = np.concatenate((course.power_kw, np.zeros(AFTER_STEPS)))
    soc = np.concatenate((course.soc, np.full(AFTER_STEPS, course.soc[-1])))
    return Flow(np.full(len(kw), draw.limits.value[0]), kw, np.cumsum(kw) * 1000 * course.step_s / 3600, soc)


def charge_of(draw: ChargeDraw, flow: Flow, ended: Ended) -> Charge:
    """The samples of a meter that is read once a minute."""
    used, car = n_phases(draw), draw.unit.car
    kw, n = flow.power_kw[::EVERY], len(flow.power_kw[::EVERY])
    random = np.random.default_rng([draw.index, used, int(1000 * draw.arrival_soc)])
    current = np.zeros((n, 3))
    current[:, :used] = (kw * 1e6 / (used * MAINS_V * car.power_factor))[:, None]
    current[:, :used] *= 1 + random.normal(0, NOISE, (n, used))
    current[:, 0] += IDLE_MA
    voltage = np.zeros((n, 3), np.int32)
    voltage[:, :used] = int(1000 * MAINS_V)
    phases = Phases(voltage, np.rint(current).astype(np.int32))
    whole_mv, whole_ma = phases.as_one()
    return Charge(
        session=f"c{draw.index:03d}",
        device=car.name,
        unit=draw.unit.name,
        charger=draw.unit.wallbox.name,
        ended=ended,
        t_ms=(np.arange(n) * PERIOD_S * 1000).astype(np.uint32),
        voltage_mv=whole_mv,
        current_ma=whole_ma,
        details={"profile": VEHICLE},
        soc_pct=np.floor(flow.soc[::EVERY] * 100 + 1e-9).astype(np.float32) if draw.tells_soc else None,
        phases=phases,
        pilot_da=np.rint(flow.pilot_a[::EVERY] * 10).astype(np.int32),
        energy_wh=flow.wh[::EVERY].astype(np.int32),
    )
