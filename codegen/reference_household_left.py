"""Energy and time left with one car of a household: docs/vehicle.md, With one car, in NumPy int64."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from codegen.reference_household_state import MISSING, Features, Followed, curve_w, settled, tapering

if TYPE_CHECKING:
    from train.artifact_household import HouseholdCar, HouseholdRules

Ints = NDArray[np.int64]

STAGES = (
    *("waiting", "paused", "energy_0", "energy_1", "energy_2", "energy_3", "taper", "soc"),
    *("dc_low", "dc_part", "dc", "dc_blind"),
)
_STAGE = {name: k for k, name in enumerate(STAGES)}
SECONDS_MAX = (1 << 24) - 1
MOST_WH = MOST_W = 1_000_000
LEAST_W = 300
EACH_USUAL_WH, EACH_MOST_WH = 550, 16_383
LEVELS = (100, 500, 900)  # permille
NOT_KNOWN_S = 65_535
CHANCE_MOST = 16_384


@dataclass(frozen=True, slots=True)
class Left:
    """n samples of one charge, with one car."""

    done_s: tuple[Ints, Ints, Ints]  # at 10, 50, 90 %
    target_s: tuple[Ints, Ints, Ints]  # −1 where not known
    done_wh: Ints
    stage: Ints
    chance: Ints  # of such a car to have come this far, or to take this power, relative to others


def left_with(
    car: HouseholdCar, rules: HouseholdRules, feature: Features, followed: Followed, goal: tuple[int, int]
) -> Left:
    """What is left after each sample; `goal` is state of charge in % and energy in Wh, MISSING for none."""
    target_pct, asked_wh = goal
    known = followed.soc_pct != MISSING
    power = _power(car, rules, feature)
    left = _by_energy(car, feature, followed, target_pct, power)
    left = _where(known & ~followed.direct, _by_soc(car, feature, followed, target_pct, power), left)
    left = _where(known & followed.direct, _in_dc(car, rules, feature, followed, target_pct), left)
    left = _down_the_taper(car, feature, followed, target_pct, left)
    waits = (feature("plateau_ma") == MISSING) & (left.stage < _STAGE["taper"])
    stage = np.where(followed.still_s != MISSING, _STAGE["paused"], left.stage)
    left = replace(left, stage=np.where(waits, _STAGE["waiting"], stage))
    if asked_wh != MISSING:
        to_go = asked_wh - _taken(feature)
        left = replace(
            left, target_s=(_seconds(to_go, np.where(followed.direct, feature.or_zero("power_w"), power)),) * 3
        )
    return _factored(rules, left)


def _where(chosen: NDArray[np.bool_], one: Left, other: Left) -> Left:
    def pick(a: tuple[Ints, Ints, Ints], b: tuple[Ints, Ints, Ints]) -> tuple[Ints, Ints, Ints]:
        return (
            np.where(chosen, a[0], b[0]),
            np.where(chosen, a[1], b[1]),
            np.where(chosen, a[2], b[2]),
        )

    return Left(
        pick(one.done_s, other.done_s),
        pick(one.target_s, other.target_s),
        np.where(chosen, one.done_wh, other.done_wh),
        np.where(chosen, one.stage, other.stage),
        np.where(chosen, one.chance, other.chance),
    )


def _three(values: list[Ints]) -> tuple[Ints, Ints, Ints]:
    return values[0], values[1], values[2]


def _seconds(energy_wh: Ints, power_w: Ints) -> Ints:
    return np.clip(energy_wh, 0, MOST_WH) * 3600 // np.maximum(power_w, LEAST_W)


def _taken(feature: Features) -> Ints:
    return np.clip(feature.or_zero("energy_wh"), 0, MOST_WH)


def _power(car: HouseholdCar, rules: HouseholdRules, feature: Features) -> Ints:
    """Expected from now on in AC."""
    now, part = feature.or_zero("power_w"), rules.power_now_permille
    mixed = (np.minimum(now, MOST_W) * part + car.usual_power_w * (1000 - part)) // 1000
    steady = (feature("plateau_dwell_s") != MISSING) & (now >= LEAST_W)
    return np.where(steady, mixed, car.usual_power_w)


def _through_taper(car: HouseholdCar, energy_wh: Ints, power_w: Ints, *, tapers: bool) -> Ints:
    if not tapers or not car.taper_s or not car.taper_wh:
        return _seconds(energy_wh, power_w)
    within = np.maximum(energy_wh, 0) * car.taper_s // car.taper_wh
    return np.where(energy_wh <= car.taper_wh, within, _seconds(energy_wh - car.taper_wh, power_w) + car.taper_s)


def _each(known_wh: int, feature: Features) -> Ints:
    """Energy for one per cent: the car's, else this charge's own, else a usual one."""
    own, shown = feature.or_zero("energy_per_soc_wh"), feature.or_zero("soc_gain_pct") >= 5
    told = np.where(shown & (own > 0), np.clip(own, 1, EACH_MOST_WH), EACH_USUAL_WH)
    return np.full_like(told, known_wh) if known_wh > 0 else told


def _soc_milli(each_wh: Ints, feature: Features, followed: Followed) -> Ints:
    """State of charge in thousandths of a per cent."""
    since = np.clip(feature.or_zero("energy_wh") - followed.soc_wh, 0, MOST_WH) * 1000 // each_wh
    begun = np.clip(np.where(followed.soc_risen, since, since + 500), 0, 999)
    return np.where(followed.soc_pct >= 100, 100_000, np.maximum(followed.soc_pct, 0) * 1000 + begun)


def _between(from_milli: Ints, to_pct: int, each_wh: Ints) -> Ints:
    return np.maximum(to_pct * 1000 - from_milli, 0) * each_wh // 1000


def _by_energy(car: HouseholdCar, feature: Features, followed: Followed, target_pct: int, power: Ints) -> Left:
    """By what this car usually takes, given what it has taken."""
    table, taken = np.array(car.energy_wh, np.int64), _taken(feature)
    k = np.clip(np.searchsorted(table, taken, side="right") - 1, 0, len(table) - 2)
    place = k * 1024 + np.maximum(taken - table[k], 0) * 1024 // (table[k + 1] - table[k])
    place = np.where(taken >= table[-1], 16_384, place)
    end, each = car.usual_end_pct[1], car.energy_per_soc_wh[0]
    done, target, energies = [], [], []
    for level in LEVELS:
        at = place + (16_384 - place) * level // 1000
        j = np.minimum(at // 1024, len(table) - 2)
        whole = table[j] + (table[j + 1] - table[j]) * (at - 1024 * j) // 1024
        energies.append(np.maximum(whole - taken, car.energy_wh[-1] // 32 * level // 1000))
        done.append(_through_taper(car, energies[-1], power, tapers=end >= 100))
        if target_pct != MISSING and target_pct >= end:
            target.append(done[-1])
        elif target_pct != MISSING and each > 0:
            target.append(_seconds(whole - (end - target_pct) * each - taken, power))
        else:
            target.append(np.full_like(taken, -1))
    stage = _STAGE["energy_0"] + np.minimum(place // 4096, 3)
    stage = np.where(followed.direct, _STAGE["dc_blind"], stage)
    return Left(_three(done), _three(target), energies[1], stage, np.maximum(CHANCE_MOST - place, 1))


def _by_soc(car: HouseholdCar, feature: Features, followed: Followed, target_pct: int, power: Ints) -> Left:
    each = _each(car.energy_per_soc_wh[0], feature)
    at = _soc_milli(each, feature, followed)

    def until(pct: int) -> Ints:
        return _through_taper(car, _between(at, pct, each), power, tapers=pct >= 100)

    target = np.full_like(at, -1) if target_pct == MISSING else until(target_pct)
    done = _three([until(pct) for pct in car.usual_end_pct[:3]])
    left_wh, stage = _between(at, car.usual_end_pct[1], each), np.full_like(at, _STAGE["soc"])
    return Left(done, (target, target, target), left_wh, stage, np.full_like(at, CHANCE_MOST))


def _in_dc(car: HouseholdCar, rules: HouseholdRules, feature: Features, followed: Followed, target_pct: int) -> Left:
    each = _each(car.energy_per_soc_wh[1], feature)
    at = _soc_milli(each, feature, followed)
    share = np.clip(np.clip(feature.or_zero("power_w"), 0, MOST_W) * 1024 // curve_w(car, at), 64, 1280)
    share = np.where(settled(feature, followed), share, 1024)

    def until(pct: int) -> Ints:
        tenths = np.zeros_like(at)
        for low in range(0, 100_000, 5000):
            begin, end = np.maximum(at, low), min(low + 5000, pct * 1000)
            flows = np.maximum(curve_w(car, np.clip((begin + end) // 2, 0, 100_000)) * share // 1024, LEAST_W)
            tenths += np.where(end > begin, each * (end - begin) * 36 // flows, 0)
        return tenths // 10

    target = np.full_like(at, -1) if target_pct == MISSING else until(target_pct)
    done = _three([until(pct) for pct in car.usual_end_pct[3:]])
    stage = np.select([share < 640, share < 896], [_STAGE["dc_low"], _STAGE["dc_part"]], _STAGE["dc"])
    chance = np.array(rules.dc_weight, np.int64)[stage - _STAGE["dc_low"]]
    return Left(done, (target, target, target), _between(at, car.usual_end_pct[4], each), stage, chance)


def _down_the_taper(car: HouseholdCar, feature: Features, followed: Followed, target_pct: int, left: Left) -> Left:
    """What was left when a step of this height began, less the time since."""
    dwell = np.clip(feature.or_zero("plateau_dwell_s"), 0, NOT_KNOWN_S)
    place = np.maximum(feature.or_zero("current_ma"), 0) * len(car.level_s) // car.ceiling_ma
    begun = np.array(car.level_s, np.int64)[np.minimum(place, len(car.level_s) - 1)]
    applies = tapering(feature, followed) & (begun != NOT_KNOWN_S)
    rest = np.maximum(begun - dwell, begun // 8)
    energy = rest * (np.clip(feature.or_zero("power_w"), 0, 30_000) // 4) // 900
    target = left.target_s
    if target_pct != MISSING:
        so_far = rest if target_pct >= 100 else np.zeros_like(rest)
        target = _three([np.where(followed.soc_pct != MISSING, old, so_far) for old in left.target_s])
    down = Left((rest, rest, rest), target, energy, np.full_like(rest, _STAGE["taper"]), left.chance)
    return _where(applies, down, left)


def _factored(rules: HouseholdRules, left: Left) -> Left:
    """Interval factors and what is added, then the order of the three, then no target after the end."""
    rows = 3 * left.stage

    def times(values: tuple[Ints, Ints, Ints], factors: tuple[int, ...], plus_s: tuple[int, ...]) -> list[Ints]:
        table, plus = np.array(factors, np.int64), np.array(plus_s, np.int64)
        scaled = [np.minimum(value * table[rows + q] >> 10, SECONDS_MAX) for q, value in enumerate(values)]
        scaled = [np.clip(value + plus[rows + q], 0, SECONDS_MAX) for q, value in enumerate(scaled)]
        kept = [np.where(value < 0, value, one) for value, one in zip(values, scaled, strict=True)]
        return list(np.maximum.accumulate(kept))

    done = times(left.done_s, rules.done_q10, rules.done_plus_s)
    target = times(left.target_s, rules.target_q10, rules.target_plus_s)
    target = [np.minimum(one, end) for one, end in zip(target, done, strict=True)]
    return replace(left, done_s=_three(done), target_s=_three(target))
