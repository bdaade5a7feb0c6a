"""Simulated nights of phones and their like, advised by what an artifact's model answers.

The model's answers are those of the charge as it comes. What the charger is told follows from them by the C of
firmware/lib/advice; where it makes a charge slower, the charge is simulated anew from that moment on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from train.advice.nights import HIGH_SOC, PLANS, STEP_S, Floats, Night
from train.features.advice import SLOWLY, STOP, AdviceSettings, advise
from train.sessions.simulator.catalogue import devices, populations
from train.sessions.simulator.cell import STEP_S as CELL_STEP_S
from train.sessions.simulator.charging import Throttle, Traces, contract_v, simulate_charging
from train.sessions.simulator.draws import ChargeDraw, draw_unit
from train.sessions.simulator.meter import measure

if TYPE_CHECKING:
    from train.evaluate.metrics import ChargeAnswers

NIGHT_H = 8
PAST_SEED = 41_000  # of the charges from which it is known how long the last fifth takes
FULL_TO_ONE = 0.99  # of its own full: a battery that has ended its charge
# A USB charger: at most what a cable carries. Below 1 A too much of it is what the device itself uses.
SETTINGS = AdviceSettings(least_ma=1000, most_ma=3000, step_ma=100)


@dataclass(frozen=True, slots=True)
class Estimates:
    """What a board answers in the course of a charge as it comes, once a minute, [n] each."""

    drawing: NDArray[np.bool_]
    current_ma: NDArray[np.int64]
    full_s: NDArray[np.int64]  # [n, 3]
    target_s: NDArray[np.int64]  # [n, 3]; -1 for a device that is not known


def draw_nights(seed: int, n_units: int) -> list[ChargeDraw]:
    """One night of each of so many units of each device; plugged in and left alone."""
    return [
        replace(draw, target_soc=2.0, unplugged_after=2.0, wiggle_s=-1.0, tail_s=120.0)
        for device in devices().values()
        for index in range(n_units)
        for draw in draw_unit(device, seed, index, 1, populations()["built-in"])
    ]


def last_part_s(n_units: int = 6) -> dict[str, float]:
    """By device: how long charges of the simulated fleet take from 80 % to full, at the median."""
    draws = draw_nights(PAST_SEED, n_units)
    found: dict[str, list[float]] = defaultdict(list)
    for draw, traces in zip(draws, simulate_charging(draws), strict=True):
        above = np.flatnonzero(traces.soc >= HIGH_SOC)
        if len(above):
            found[draw.unit.device.name].append((len(traces.soc) - above[0]) * CELL_STEP_S)
    return {name: float(np.median(values)) for name, values in found.items()}


def phone_nights(model: Path, seed: int, n_units: int) -> list[Night]:
    """Nights of all devices by each plan; units are others than any model was trained on, by their seed."""
    draws = draw_nights(seed, n_units)
    traces = simulate_charging(draws)
    estimates = _estimates(model, draws, traces)
    nights = []
    for plan, wishes in PLANS.items():
        chosen = replace(SETTINGS, wishes=wishes)
        told = [_told(chosen, one) for one in estimates]
        run = traces
        if wishes & SLOWLY:  # decided at ten minutes; from there on the board sees another charge
            run = _slowed(draws, told)
            told = [_told(chosen, one) for one in _estimates(model, draws, run)]
        nights += [_night(plan, wishes, draw, course, one) for draw, course, one in zip(draws, run, told, strict=True)]
    return nights


def _estimates(model: Path, draws: Sequence[ChargeDraw], traces: Sequence[Traces]) -> list[Estimates]:
    from train.evaluate.run import answer_charge
    from train.models.answering import answer_rules
    from train.models.predict import load_model

    artifact, models = load_model(model)
    rules, parts = answer_rules(artifact), last_part_s()
    found = []
    for draw, course in zip(draws, traces, strict=True):
        charge = measure(draw, course, 1000)
        answers = answer_charge(artifact, models, rules, charge)
        found.append(_minutely(answers, charge.t_ms, charge.current_ma, course, artifact.devices, parts))
    return found


def _minutely(
    answers: ChargeAnswers,
    t_ms: NDArray[np.uint32],
    current_ma: NDArray[np.int32],
    course: Traces,
    names: Sequence[str],
    parts: dict[str, float],
) -> Estimates:
    """The answer in force at each full minute of the night; none is drawn when the charge has ended."""
    minutes_ms = np.arange(0, NIGHT_H * 3_600_000, int(STEP_S * 1000))
    row = np.maximum(np.searchsorted(answers.elapsed_ms, minutes_ms, side="right") - 1, 0)
    sample = np.maximum(np.searchsorted(t_ms - t_ms[0], minutes_ms, side="right") - 1, 0)
    full_s = answers.remaining_s[row].astype(np.int64)
    name = [names[device] if not strange else "" for device, strange in zip(
        answers.answer_device[row], answers.unknown[row], strict=True)]  # fmt: skip
    last = np.array([parts.get(one, -1.0) for one in name])[:, np.newaxis]
    target_s = np.where(last < 0, -1, np.maximum(full_s - last, 0)).astype(np.int64)
    drawing = minutes_ms < len(course.soc) * CELL_STEP_S * 1000
    return Estimates(drawing, current_ma[sample].astype(np.int64), full_s, target_s)


@dataclass(frozen=True, slots=True)
class Told:
    """What a charger was told in a night."""

    pause_s: float  # begins to wait; infinite: never
    resume_s: float
    stop_s: float
    limit_ma: int
    n_told: int


def _told(chosen: AdviceSettings, seen: Estimates) -> Told:
    """Follow the advice of the charge as it comes; a charge that waits goes on where it was."""
    rows = _rows(seen, None)
    advice = advise(chosen, rows, 0)
    off = np.flatnonzero(advice.column("on") == 0)
    stop_s = pause_s = resume_s = float("inf")
    if len(off) and advice.column("stop")[off[0]]:
        stop_s = off[0] * STEP_S
    elif len(off):
        pause_s = off[0] * STEP_S
        advice = advise(chosen, _rows(seen, int(off[0])), 0)
        on = np.flatnonzero(advice.column("on")[off[0] :])
        resume_s = pause_s + on[0] * STEP_S if len(on) else float("inf")
    lowest = int(advice.column("on_limit_ma")[: off[0] + 1 if len(off) else None].min())
    return Told(pause_s, resume_s, stop_s, lowest, int(advice.told[:-1, 0].sum()))


def _rows(seen: Estimates, paused_at: int | None) -> NDArray[np.int64]:
    """Inputs of `advise`; from a minute on, nothing is drawn."""
    n = len(seen.drawing)
    rows = np.zeros((n, 10), dtype=np.int64)
    rows[:, 0] = np.arange(n) * int(STEP_S)
    rows[0, 1:3] = 1, NIGHT_H * 3600
    rows[:, 3] = seen.drawing if paused_at is None else seen.drawing & (np.arange(n) < paused_at)
    rows[:, 4] = np.maximum(seen.current_ma, 1)
    rows[:, 5:8] = seen.full_s
    rows[:, 8:10] = seen.target_s[:, 1:]
    return rows


def _slowed(draws: list[ChargeDraw], told: Sequence[Told]) -> list[Traces]:
    """The charges once more, with the current they were limited to from ten minutes on."""
    limits = np.array([one.limit_ma / 1000 * contract_v(draw) for draw, one in zip(draws, told, strict=True)])
    return simulate_charging(draws, Throttle(float(SETTINGS.change_s), limits))


def _night(plan: str, wishes: int, draw: ChargeDraw, course: Traces, told: Told) -> Night:
    t_s = np.arange(0, NIGHT_H * 3600, STEP_S)
    pause = np.clip(t_s - told.pause_s, 0, told.resume_s - told.pause_s) if np.isfinite(told.pause_s) else 0 * t_s
    charged_s = np.minimum(t_s - pause, told.stop_s)
    step = np.clip((charged_s / CELL_STEP_S).astype(np.intp), 0, len(course.soc) - 1)
    soc: Floats = course.soc[step].astype(np.float64)
    goal = HIGH_SOC - 0.05 if wishes & STOP else FULL_TO_ONE * float(course.soc[-1])
    return Night(
        plan=plan,
        device=draw.unit.device.name,
        soc=soc,
        peak_c=float(course.cell_c[: step[-1] + 1].max()),
        ready=bool(soc[-1] >= goal),
        n_switched=told.n_told,
    )
