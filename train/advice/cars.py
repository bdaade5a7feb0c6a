"""Simulated nights of cars at home, advised by a charge point that remembers the energy of each car's last charges.

The loop is closed: every ten minutes the advice, by the C of firmware/lib/advice, sets what the charge point allows,
and the car follows. What is still to charge is told by the energies of the car's past charges, at the present power: to
full by those above what has been delivered, since it still charges, to 80 % by all. The state of charge is not told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from train.advice.nights import HIGH_SOC, PLANS, STEP_S, Floats, Night
from train.features.advice import STOP, AdviceSettings, advise
from train.sessions.simulator.ev.catalogue import cars
from train.sessions.simulator.ev.course import AC_STEP_S, HEAT_KWH_PER_K_KWH, Course, ac_step, run
from train.sessions.simulator.ev.draws import ChargeDraw, draw_unit
from train.sessions.simulator.ev.limits import fixed

NIGHT_H = 12
N_PAST = 12
DECIDE_S = 600
COOLING_H = 24.0  # time constant of a parked car's battery against the air; assumed
LEAST_KW = 0.5  # less is no charging
FULL_SOC = 0.99
QUANTILES = (0.1, 0.5, 0.9)
N_STEPS = int(NIGHT_H * 3600 / AC_STEP_S)


@dataclass(frozen=True, slots=True)
class Past:
    """What is remembered of a car's charges here, [n_charges] each."""

    full_wh: Floats
    target_wh: Floats
    tail_s: float  # how much longer they took than their energy at full power; the median


def draw_nights(seed: int, n_units: int) -> tuple[list[ChargeDraw], list[list[ChargeDraw]]]:
    """A night of each of so many units of each car, and N_PAST charges of it before; left alone until full."""
    nights, past = [], []
    for car in cars().values():
        for index in range(n_units):
            drawn = [_left_alone(draw) for draw in draw_unit(car, seed, index, N_PAST + 1, ("ac",))]
            nights.append(drawn[-1])
            past.append(drawn[:-1])
    return nights, past


def _left_alone(draw: ChargeDraw) -> ChargeDraw:
    largest = fixed(min(draw.unit.wallbox.max_a, draw.unit.cable_a))
    return replace(draw, target_soc=2.0, unplugged_after=2.0, preheat_s=-1.0, limits=largest)


def car_nights(seed: int, n_units: int) -> list[Night]:
    """Nights of all cars by each plan, and of those in them that can be full by morning."""
    nights, past = draw_nights(seed, n_units)
    courses = run([draw for each in past for draw in each])
    remembered = [_past(courses[N_PAST * k : N_PAST * (k + 1)]) for k in range(len(nights))]
    found: list[Night] = []
    for plan, wishes in PLANS.items():
        settings = [_settings(draw, wishes) for draw in nights]
        found += _march(plan, nights, remembered, settings)
    possible = [night.ready for night in found if night.plan == next(iter(PLANS))]
    return [night for k, night in enumerate(found) if possible[k % len(nights)]]


def _past(courses: Sequence[Course]) -> Past:
    full, target, tail = [], [], []
    for course in courses:
        wh = np.cumsum(course.power_kw) * 1000 * course.step_s / 3600
        full.append(wh[-1])
        tail.append(len(wh) * course.step_s - wh[-1] / (course.power_kw.max() * 1000) * 3600)
        if course.soc[0] < HIGH_SOC:
            target.append(wh[np.argmax(course.soc >= HIGH_SOC)])
    return Past(np.array(full), np.array(target or full), float(np.median(tail)))


def _settings(draw: ChargeDraw, wishes: int) -> AdviceSettings:
    most = int(1000 * draw.limits.value[0])
    return AdviceSettings(wishes=wishes, least_ma=min(6000, most), most_ma=most)


def target_s(wh: Floats, delivered_wh: float, power_w: float) -> list[int]:
    """Until so much has been delivered as past charges took to the target, at 10, 50, 90 %."""
    left = np.maximum(np.quantile(wh, QUANTILES) - delivered_wh, 0)
    return [int(value / power_w * 3600) for value in left]


def full_s(wh: Floats, delivered_wh: float, power_w: float, tail_s: float) -> list[int]:
    """Until a charge of one of these energies ends, at 10, 50, 90 %, of those that are not over yet."""
    beyond = wh[wh > delivered_wh]
    if len(beyond) < 3:
        return [0, int(tail_s / 2), int(tail_s)]
    left = np.quantile(beyond, QUANTILES) - delivered_wh
    return [int(value / power_w * 3600 + tail_s) for value in left]


@dataclass(slots=True)
class _Garage:
    """The state of all nights, [b], and what their advice has seen."""

    soc: Floats
    celsius: Floats
    delivered_wh: Floats
    power_kw: Floats
    rows: list[list[list[int]]]
    told: NDArray[np.intp]


def _march(
    plan: str, draws: Sequence[ChargeDraw], past: Sequence[Past], settings: Sequence[AdviceSettings]
) -> list[Night]:
    allowed = np.empty((N_STEPS, len(draws)), dtype=np.float32)
    for b, draw in enumerate(draws):
        allowed[:, b] = draw.limits.value[0]
        allowed[: int(np.ceil(draw.unit.car.start_s / AC_STEP_S)), b] = 0
    step = ac_step(draws, allowed)
    capacity = np.array([draw.unit.capacity_kwh for draw in draws])
    ambient = np.array([draw.ambient_c for draw in draws])
    state = _Garage(
        soc=np.array([draw.arrival_soc for draw in draws]),
        celsius=np.array([draw.battery_c for draw in draws]),
        delivered_wh=np.zeros(len(draws)),
        power_kw=np.zeros(len(draws)),
        rows=[[] for _ in draws],
        told=np.zeros(len(draws), dtype=np.intp),
    )
    socs, peak = [], state.celsius.copy()
    for k in range(N_STEPS):
        if k % int(DECIDE_S / AC_STEP_S) == 0 and k > 0:
            for b in range(len(draws)):
                allowed[k:, b] = _decide(state, b, int(k * AC_STEP_S), past[b], settings[b])
        power, stored, heat = step(k, state.soc, state.celsius)
        charging = state.soc < 1
        state.power_kw = np.where(charging, power, 0.0)
        state.delivered_wh += state.power_kw * 1000 * AC_STEP_S / 3600
        state.soc = np.minimum(state.soc + np.where(charging, stored, 0) * AC_STEP_S / 3600 / capacity, 1.0)
        warmer = np.where(charging, heat, 0.0) / (HEAT_KWH_PER_K_KWH * capacity)
        state.celsius = state.celsius + (warmer - (state.celsius - ambient) / COOLING_H) * AC_STEP_S / 3600
        peak = np.maximum(peak, state.celsius)
        if k % int(STEP_S / AC_STEP_S) == 0:
            socs.append(state.soc.copy())
    by_car = np.array(socs).T
    goals = [HIGH_SOC - 0.05 if one.wishes & STOP else FULL_SOC for one in settings]
    return [
        Night(plan, draw.unit.car.name, by_car[b], float(peak[b]), bool(by_car[b, -1] >= goals[b]), int(state.told[b]))
        for b, draw in enumerate(draws)
    ]


def _decide(state: _Garage, b: int, now_s: int, past: Past, chosen: AdviceSettings) -> float:
    """One update of a car's advice; what the charge point allows from now on, in A."""
    kw, rows = float(state.power_kw[b]), state.rows[b]
    row = [now_s, int(not rows), NIGHT_H * 3600 - now_s, 0, 0, -1, -1, -1, -1, -1]
    if kw >= LEAST_KW:
        full = full_s(past.full_wh, float(state.delivered_wh[b]), kw * 1000, past.tail_s)
        target = target_s(past.target_wh, float(state.delivered_wh[b]), kw * 1000)
        limit = _limit_ma(rows, chosen)
        row[3:] = [1, limit, *full, *target[1:]]
    rows.append(row)
    advice = advise(chosen, np.array(rows, dtype=np.int64), 0)
    state.told[b] = int(advice.told[:-1, 0].sum())
    on, limit_ma = advice.column("on")[-1], advice.column("on_limit_ma")[-1]
    return float(limit_ma) / 1000 if on else 0.0


def _limit_ma(rows: Sequence[Sequence[int]], chosen: AdviceSettings) -> int:
    """The limit in force, to which the present power belongs."""
    if not rows:
        return chosen.most_ma
    return int(advise(chosen, np.array(rows, dtype=np.int64), 0).column("on_limit_ma")[-1])
