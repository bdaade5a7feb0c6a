"""What a car's charges say about how long the next will take: energies, power, taper, curve, usual ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from train.artifact_household import N_CURVE, N_LEVELS, NOT_KNOWN_S
from train.features.core import WP_MISSING
from train.household.history import DRAWING_MA, Past
from train.household.pooled import Pooled

USUAL_DC_ENDS = (80,) * 7 + (90,) + (100,) * 2  # where charges in DC end at large: one charge's worth of knowledge
OWN_DC_END_COUNTS = 3  # for that many of these
LEAST_ENERGY_WH = 200.0  # of a charge that tells the usual one
CURVE_QUANTILE = 0.8  # of the powers seen at a state of charge: below are cold batteries and shared cabinets
POWER_WEIGHTS = (0, 250, 500, 750, 1000)
MAINS_V = 230.0
OTHER_WH = 55_000.0  # what a car's battery holds of which nothing is known


def energy_at_end_wh(past: Past) -> float:
    """Delivered until the car ended the charge; NaN where it is censored."""
    if past.done_s is None:
        return float("nan")
    at = min(int(np.searchsorted(past.column("elapsed_s"), past.done_s)), len(past.x) - 1)
    return float(past.column("energy_wh")[at])


def whole_energies(ac: Sequence[Past]) -> NDArray[np.float64]:
    """Energies of the charges that the car ended, [n]."""
    found = np.array([energy_at_end_wh(past) for past in ac], np.float64)
    return found[found >= LEAST_ENERGY_WH]


def power_w(ac: Sequence[Past], pooled: Pooled) -> int:
    """Mean power from the first current to the end, pauses included."""
    energy = seconds = 0.0
    for past in ac:
        if past.done_s is not None:
            start = past.column("elapsed_s")[int(np.argmax(past.column("current_ma") >= DRAWING_MA))]
            energy, seconds = energy + energy_at_end_wh(past), seconds + max(past.done_s - float(start), 1.0)
    return int(np.clip(round(energy * 3600 / seconds if seconds else pooled.other_power_w), 300, 1_000_000))


def power_now_permille(past: Mapping[str, Sequence[Past]], usual_w: Mapping[str, int]) -> int:
    """Weight of the power now beside the usual that would have served this household's past charges best."""
    errors = {weight: [0.0] for weight in POWER_WEIGHTS}
    for car, some in past.items():
        for one in (one for one in some if not one.direct and one.done_s is not None):
            rows = np.flatnonzero(one.known("plateau_dwell_s") & one.before_end)
            rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), 40)).astype(np.intp))]
            power, left = (
                one.column("power_w")[rows].astype(np.float64),
                (one.done_s or 0) - one.column("elapsed_s")[rows],
            )
            energy = energy_at_end_wh(one) - one.column("energy_wh")[rows]
            for weight in POWER_WEIGHTS if len(rows) else ():
                expected = np.maximum((weight * power + (1000 - weight) * usual_w[car]) / 1000, 300.0)
                errors[weight].append(float(np.abs(energy * 3600 / expected - left).mean()))
    return min(POWER_WEIGHTS, key=lambda weight: (float(np.sum(errors[weight])), -weight))


def ends_of(pasts: Sequence[Past], *, direct: bool) -> tuple[int, int, int]:
    """State of charge at which charges end, at 10, 50, 90 %."""
    seen = [end for past in pasts if (end := _end_pct(past)) is not None]
    if direct:
        seen = [*seen * OWN_DC_END_COUNTS, *USUAL_DC_ENDS]
    if not seen:
        return 80, 100, 100
    low, middle, high = np.quantile(seen, [0.1, 0.5, 0.9], method="inverted_cdf")
    return int(low), int(middle), int(high)


def _end_pct(past: Past) -> int | None:
    if past.target_soc_pct is not None:
        return min(past.target_soc_pct, 100)
    known = past.known("soc_pct") & past.before_end
    return int(past.column("soc_pct")[known][-1]) if past.done_s is not None and known.any() else None


def _steps(past: Past) -> list[tuple[float, int, float]]:
    """Of each taper step of a charge that became full: when it began, its height in mA, energy delivered by then."""
    count, known = past.column("taper_step_count"), past.known("plateau_dwell_s") & past.before_end
    rows = np.flatnonzero((np.diff(count, prepend=0) > 0) & known)
    elapsed, dwell = past.column("elapsed_s"), past.column("plateau_dwell_s")
    plateau, energy, power = past.column("plateau_ma"), past.column("energy_wh"), past.column("power_w")
    return [
        (float(elapsed[k] - dwell[k]), int(plateau[k]), float(energy[k] - power[k] * float(dwell[k]) / 3600))
        for k in rows
    ]


def taper_of(ac: Sequence[Past]) -> tuple[int, int]:
    """(energy in Wh, seconds) from the first step to the end; 0, 0 where no charge showed it."""
    energies, seconds = [], []
    for past in ac:
        steps = _steps(past) if past.ended == "full" and past.done_s is not None else []
        if steps and past.done_s is not None:
            energies.append(energy_at_end_wh(past) - steps[0][2])
            seconds.append(past.done_s - steps[0][0])
    if not energies:
        return 0, 0
    energy, length = float(np.median(energies)), float(np.median(seconds))
    return (int(min(energy, 65_535)), int(min(length, 65_535))) if energy >= 1 and length >= 1 else (0, 0)


def full_h(each_wh: int, ceiling_ma: int, phases: int) -> float:
    """Hours from empty to full at a car's largest power, as far as that is known."""
    return 100.0 * (each_wh or OTHER_WH / 100) / max(ceiling_ma / 1000 * MAINS_V * max(phases, 1), 300.0)


def levels_of(ac: Sequence[Past], ceiling_ma: int, whole_h: float, pooled: Pooled) -> tuple[int, ...]:
    """What was left when a step of each height began; what was not seen is the fleet's, scaled to fit what was."""
    usual = np.array(pooled.level_share) * whole_h * 3600
    left = seen_levels(ac, ceiling_ma)
    known = [k for k in range(N_LEVELS) if left[k]]
    share = [float(np.median(left[k])) / usual[k] for k in known]
    scaled = usual * (np.interp(np.arange(N_LEVELS), known, share) if known else 1.0)
    return tuple(int(np.clip(round(value), 0, NOT_KNOWN_S - 1)) for value in scaled)


def seen_levels(ac: Sequence[Past], ceiling_ma: int) -> list[list[float]]:
    """Of each height in sixteenths of `ceiling_ma`, the seconds left when steps of it began, [16]."""
    left: list[list[float]] = [[] for _ in range(N_LEVELS)]
    for past in ac:
        if past.ended == "full" and past.done_s is not None:
            for begin, height, _ in _steps(past):
                left[min(height * N_LEVELS // ceiling_ma, N_LEVELS - 1)].append(max(past.done_s - begin, 1.0))
    return left


def curve_of(dc: Sequence[Past], each_wh: int, pooled: Pooled) -> tuple[int, ...]:
    """Power in DC at 0, 5 … 100 %; what was not seen has the fleet's shape."""
    usual = np.array(pooled.curve_per_h) * (100.0 * each_wh if each_wh else OTHER_WH)
    soc = np.concatenate([_settled(past, "soc_pct") for past in dc] or [np.empty(0)])
    power = np.concatenate([_settled(past, "power_w") for past in dc] or [np.empty(0)])
    knots, values = [], []
    for k in range(N_CURVE):
        near = power[np.abs(soc - 5 * k) <= 2]
        if len(near):
            knots.append(k)
            values.append(float(np.quantile(near, CURVE_QUANTILE)) / usual[k])
    share = np.interp(np.arange(N_CURVE), knots, values) if knots else np.ones(N_CURVE)
    return tuple(int(np.clip(round(value), 300, 1_000_000)) for value in usual * share)


def _settled(past: Past, name: str) -> NDArray[np.float64]:
    good = past.settled & past.before_end & (past.column("soc_pct") != WP_MISSING)
    return np.asarray(past.column(name)[good], np.float64)
