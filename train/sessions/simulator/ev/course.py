"""The slow side of charges: power and state of charge on a coarse grid, many charges at once.

In AC the charge point's limit decides, and near the end the on-board charger's staircase; in DC the car's curve over
the state of charge, less in the cold, and the station.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.sessions.simulator.ev.draws import ChargeDraw
from train.sessions.simulator.ev.limits import LEAST_A

AC_STEP_S, DC_STEP_S = 15.0, 4.0
AC_STEPS_MAX, DC_STEPS_MAX = 7200, 3600  # 30 h and 4 h; whoever is not done then is unplugged
MAINS_V = 230.0
COLD_C = 5.0  # a battery below this is heated
WARM_C, COLDEST_C, COLD_SHARE = 25.0, -5.0, 0.3  # power in DC: all of it when warm, this share when coldest
HEAT_KWH_PER_K_KWH = 0.0017  # heat capacity a kWh of battery: 6 kg of 1 kJ/(kg K)
DC_HEATER_KW = 4.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Course:
    """One charge on its grid, [n] each; its last step is the one in which it ended."""

    step_s: float
    power_kw: Floats  # true power from the charge point
    soc: Floats  # 0 … 1, after the step
    done: bool  # by reaching its target or being full; otherwise the grid ended


def run(draws: Sequence[ChargeDraw]) -> list[Course]:
    """The courses of charges that are all in AC or all in DC."""
    return (
        _march(draws, _ac_step(draws), AC_STEP_S, AC_STEPS_MAX)
        if draws[0].side == "ac"
        else (_march(draws, _dc_step(draws), DC_STEP_S, DC_STEPS_MAX))
    )


# From the number of the step, state of charge and battery temperature [b]: power from the charge point, power into the
# battery and heat, in kW, [b] each.
Step = Callable[[int, Floats, Floats], tuple[Floats, Floats, Floats]]


def _march(draws: Sequence[ChargeDraw], step: Step, step_s: float, n_max: int) -> list[Course]:
    soc = _of(draws, lambda one: one.arrival_soc)
    celsius = _of(draws, lambda one: one.battery_c)
    target = np.minimum(_of(draws, lambda one: one.target_soc), 1.0)
    capacity = _of(draws, lambda one: one.unit.capacity_kwh)
    n = np.zeros(len(draws), dtype=np.intp)
    powers, socs = [], []
    for k in range(n_max):
        power, stored, heat = step(k, soc, celsius)
        running = soc < target
        if not running.any():
            break
        n += running
        soc = np.minimum(soc + np.where(running, stored, 0) * step_s / 3600 / capacity, 1.0)
        celsius = celsius + heat * step_s / 3600 / (HEAT_KWH_PER_K_KWH * capacity)
        powers.append(power)
        socs.append(soc)
    power_all, soc_all = np.array(powers).T, np.array(socs).T
    return [
        Course(step_s, power_all[b, : n[b]], soc_all[b, : n[b]], bool(soc[b] >= target[b])) for b in range(len(draws))
    ]


def _of(draws: Sequence[ChargeDraw], value: Callable[[ChargeDraw], float]) -> Floats:
    return np.array([value(one) for one in draws], dtype=np.float64)


def n_phases(draw: ChargeDraw) -> int:
    """Phases that carry current: no more than car and wallbox have."""
    return min(draw.unit.car.ac_phases, draw.unit.wallbox.phases)


def _ac_step(draws: Sequence[ChargeDraw]) -> Step:
    grid = AC_STEP_S * np.arange(AC_STEPS_MAX, dtype=np.float64)
    allowed = np.empty((AC_STEPS_MAX, len(draws)), dtype=np.float32)
    for b, one in enumerate(draws):
        allowed[:, b] = one.limits.at(grid - one.unit.car.response_s)
        allowed[: int(np.ceil(one.unit.car.start_s / AC_STEP_S)), b] = 0
    return ac_step(draws, allowed)


def ac_step(draws: Sequence[ChargeDraw], allowed: NDArray[np.float32]) -> Step:
    """What these cars do with what they are allowed, [n_steps, b] in A; the array may still change ahead."""
    cars = [one.unit.car for one in draws]
    phases = _of(draws, n_phases)
    factor = _of(draws, lambda one: one.unit.power_factor)
    largest_kw = np.array([car.ac_kw for car in cars]) * factor
    car_a = largest_kw * 1000 / (np.array([car.ac_phases for car in cars]) * MAINS_V)
    cable_a = _of(draws, lambda one: one.unit.cable_a)
    share = _of(draws, lambda one: one.unit.car.pilot_share * one.unit.share_factor)
    true_power = np.array([car.power_factor for car in cars])
    efficiency = _of(draws, lambda one: min(one.unit.car.efficiency * one.unit.efficiency_factor, 0.97))
    heater_kw = np.array([car.heater_w / 1000 for car in cars])

    def step(k: int, soc: Floats, celsius: Floats) -> tuple[Floats, Floats, Floats]:
        limit = np.minimum(allowed[k], cable_a)
        amperes = np.where(limit >= LEAST_A, np.minimum(limit * share, car_a), 0.0)
        power = np.minimum(phases * MAINS_V * amperes * true_power / 1000, largest_kw * staircase(draws, soc))
        heat = np.where(celsius < COLD_C, np.minimum(heater_kw, power), 0.0)
        stored = (power - heat) * efficiency
        return power, stored, heat + 0.3 * (power - heat - stored)

    return step


def staircase(draws: Sequence[ChargeDraw], soc: Floats) -> Floats:
    """Share of its largest power that each on-board charger takes at a state of charge, [b]."""
    begin = np.array([one.unit.car.taper_pct / 100 for one in draws])
    steps = np.array([one.unit.car.taper_steps for one in draws])
    floor = np.array([one.unit.car.taper_floor for one in draws])
    number = np.clip(np.floor((soc - begin) / (1 - begin) * steps) + 1, 0, steps)
    return np.asarray(1 - (1 - floor) * number / steps)


def _dc_step(draws: Sequence[ChargeDraw]) -> Step:
    curves = np.array([one.unit.car.dc_kw() for one in draws])  # [b, 101]
    grid = DC_STEP_S * np.arange(DC_STEPS_MAX, dtype=np.float64)
    allowed = np.array([one.limits.at(grid - one.unit.car.response_s) for one in draws]).T
    begin = np.array([int(np.ceil(one.unit.car.start_s / DC_STEP_S)) for one in draws])
    amperes = np.array([one.station.max_a if one.station else 500.0 for one in draws])
    efficiency = _of(draws, lambda one: min(one.unit.car.dc_efficiency * one.unit.efficiency_factor, 0.985))
    factor = _of(draws, lambda one: one.unit.power_factor)
    which = np.arange(len(draws))

    def step(k: int, soc: Floats, celsius: Floats) -> tuple[Floats, Floats, Floats]:
        at = np.minimum((soc * 100).astype(np.intp), 99)
        part = soc * 100 - at
        curve = (curves[which, at] * (1 - part) + curves[which, at + 1] * part) * factor
        cold = np.clip((celsius - COLDEST_C) / (WARM_C - COLDEST_C), 0, 1)
        wanted = curve * (COLD_SHARE + (1 - COLD_SHARE) * cold)
        power = np.minimum(np.minimum(wanted, allowed[k]), amperes * pack_v(draws, soc, wanted) / 1000)
        power = np.where(k < begin, 0.0, power)
        stored = power * efficiency
        heater = np.where((celsius < 15) & (power > 0), np.minimum(DC_HEATER_KW, 0.1 * power), 0.0)
        return power, stored, power - stored + heater

    return step


_REST_SOC = (0.0, 0.1, 0.5, 0.9, 1.0)
_REST_SHARE = (0.84, 0.94, 1.0, 1.08, 1.13)  # of the voltage at 50 %


def pack_v(draws: Sequence[ChargeDraw], soc: Floats, power_kw: Floats) -> Floats:
    """Voltage of each battery while it takes this power, [b] or, of one charge, [n]: 3 % more at 1 C."""
    nominal = np.array([one.unit.car.pack_v for one in draws])
    capacity = np.array([one.unit.capacity_kwh for one in draws])
    return np.asarray(nominal * np.interp(soc, _REST_SOC, _REST_SHARE) * (1 + 0.03 * power_kw / capacity))
