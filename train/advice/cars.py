"""Simulated nights of cars at home, advised by their charge point's board.

The loop is closed: every ten minutes the household's answer to what the meter has read so far (train.advice.homes), by
the C of firmware/lib/vehicle, goes into the advice, by the C of firmware/lib/advice, which sets what the charge point
allows, and the car follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from train.advice.homes import Flow, Home, homes_of
from train.advice.nights import HIGH_SOC, PLANS, STEP_S, Floats, Night
from train.features.advice import STOP, AdviceSettings, advise
from train.sessions.simulator.ev.catalogue import cars
from train.sessions.simulator.ev.course import AC_STEP_S, HEAT_KWH_PER_K_KWH, ac_step, run
from train.sessions.simulator.ev.draws import ChargeDraw, draw_unit
from train.sessions.simulator.ev.limits import fixed

NIGHT_H = 12
N_PAST = 12
DECIDE_S = 600
COOLING_H = 24.0  # time constant of a parked car's battery against the air; assumed
LEAST_KW = 0.5  # less is no charging
FULL_SOC = 0.99
N_STEPS = int(NIGHT_H * 3600 / AC_STEP_S)


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
    homes = homes_of(nights, past, courses)
    found: list[Night] = []
    for plan, wishes in PLANS.items():
        settings = [_settings(draw, wishes) for draw in nights]
        found += _march(plan, nights, homes, settings)
    possible = [night.ready for night in found if night.plan == next(iter(PLANS))]
    return [night for k, night in enumerate(found) if possible[k % len(nights)]]


def _settings(draw: ChargeDraw, wishes: int) -> AdviceSettings:
    most = int(1000 * draw.limits.value[0])
    return AdviceSettings(wishes=wishes, least_ma=min(6000, most), most_ma=most)


@dataclass(slots=True)
class _Garage:
    """The state of all nights, [b], and what their advice has seen."""

    soc: Floats
    celsius: Floats
    delivered_wh: Floats
    power_kw: Floats
    rows: list[list[list[int]]]
    told: NDArray[np.intp]
    seen: list[tuple[Floats, ...]] = field(default_factory=list)  # pilot, power, energy, soc; [b] each

    def flow(self, b: int) -> Flow:
        """What the charge point of one night has measured."""
        return Flow(*(np.array([step[k][b] for step in self.seen]) for k in range(4)))


def _march(
    plan: str, draws: Sequence[ChargeDraw], homes: Sequence[Home], settings: Sequence[AdviceSettings]
) -> list[Night]:
    allowed = np.empty((N_STEPS, len(draws)), dtype=np.float32)
    for b, draw in enumerate(draws):
        allowed[:, b] = draw.limits.value[0]
        allowed[: int(np.ceil(draw.unit.car.start_s / AC_STEP_S)), b] = 0
    pilot = np.repeat(np.array([[draw.limits.value[0] for draw in draws]], dtype=np.float64), N_STEPS, axis=0)
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
                pilot[k:, b] = _decide(state, b, int(k * AC_STEP_S), draws[b], homes[b], settings[b])
                allowed[k:, b] = pilot[k, b]
        power, stored, heat = step(k, state.soc, state.celsius)
        charging = state.soc < 1
        state.power_kw = np.where(charging, power, 0.0)
        state.delivered_wh += state.power_kw * 1000 * AC_STEP_S / 3600
        state.seen.append((pilot[k], state.power_kw, state.delivered_wh.copy(), state.soc.copy()))
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


def _decide(state: _Garage, b: int, now_s: int, draw: ChargeDraw, home: Home, chosen: AdviceSettings) -> float:
    """One update of a car's advice; what the charge point allows from now on, in A."""
    kw, rows = float(state.power_kw[b]), state.rows[b]
    row = [now_s, int(not rows), NIGHT_H * 3600 - now_s, 0, 0, -1, -1, -1, -1, -1]
    if kw >= LEAST_KW:
        full, target = home.left_s(draw, state.flow(b))
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
