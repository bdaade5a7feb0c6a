"""What a charge point's board must answer: docs/vehicle.md, The rules, in NumPy int64.

Independent of the C, and of how it goes about it: each rule is worked out for all samples of a charge at once, and only
the set of possible cars is followed from sample to sample. What is remembered is in reference_household_state.py, times
left with one car in reference_household_left.py.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from codegen.reference_household_left import left_with
from codegen.reference_household_state import (
    FEATURE_MAX,
    LEAST_PILOT_MA,
    MISSING,
    MOST_PILOT_MA,
    Features,
    Followed,
    below_what_is_allowed,
    curve_w,
    deviation,
    divided,
    follow,
    settled,
    tapering,
)

if TYPE_CHECKING:
    from train.artifact_household import Household, HouseholdCar

Ints = NDArray[np.int64]

DONE_S = 60
APART_MOST = 200_000
RATINGS_W = (2300, 3700, 7400, 11_000, 22_000, 43_000, 50_000, 75_000, 100_000, 150_000, 250_000, 350_000)
WAITING, CHARGING, TAPER, PAUSED, DONE = range(5)
UNKNOWN, SEVERAL, DIRECT, SOC, NO_TARGET = 1, 2, 4, 8, 16
CARS_MAX = 8
_EXP2 = np.array([round(65535 * 2 ** (-i / 16)) for i in range(16)], np.int64)

ANSWER_KEYS = (
    *("car", "confidence_permille", "possible", "state", "power_class_w", "done_10_s", "done_50_s", "done_90_s"),
    *("target_10_s", "target_50_s", "target_90_s", "energy_to_go_wh", "flags", "state_crc"),
)
"""Columns of a reference: what the wire's two lines carry (docs/wire.md, At a charge point)."""


def household_answers(
    household: Household,
    x: NDArray[np.int32],
    names: tuple[str, ...],
    vehicle_crc: NDArray[np.uint32],
    target_pct: int,
    energy_wh: int,
) -> Mapping[str, Ints]:
    """ANSWER_KEYS [n] of one charge, from its features x [n, names] and the CRCs of the vehicle's state [n].

    target_pct and energy_wh as a goal has them: 0 or less for none.
    """
    feature = Features(x, names)
    followed = follow(feature)
    goal = (
        min(target_pct, 100) if target_pct > 0 else MISSING,
        min(energy_wh, FEATURE_MAX) if energy_wh > 0 else MISSING,
    )
    worst = np.zeros((len(x), CARS_MAX), np.int64)
    cost = np.zeros((len(x), len(household.cars)), np.int64)
    for k, car in enumerate(household.tables[:-1]):
        worst[:, k] = np.maximum.accumulate(_strain(car, feature, followed))
        cost[:, k] = worst[:, k] ** 2 + _cost_of_signs(car, household.rules.phases_cost, feature, followed)
    possible, nearest = _narrowed(cost, household.rules.set_within)
    phase = _phase(feature, followed)
    answers = _decided(household, cost, possible, nearest, followed)
    weight = answers.pop("weight")
    flags = answers.pop("unknown") | np.where(np.bitwise_count(possible) > 1, SEVERAL, 0)
    flags |= np.where(followed.direct, DIRECT, 0) | np.where(followed.soc_pct != MISSING, SOC, 0)
    times = _estimate(household, feature, followed, weight, goal)
    times = {key: np.where(phase == DONE, 0, value) for key, value in times.items()}
    stage, no_target = times.pop("stage"), times.pop("no_target")
    flags |= no_target
    phases = feature.or_zero("active_phases")
    phases = np.where((phases < 0) | (phases > 3), 0, phases)
    told_phase = np.select([phase == WAITING, phase == TAPER, phase == DONE], [0, 2, 3], 1)
    return (
        answers
        | times
        | {
            "possible": possible,
            "state": flags | phase << 5 | stage << 8 | phases << 12,
            "power_class_w": _power_class(feature, followed),
            "flags": flags & UNKNOWN | told_phase << 1,
            "state_crc": _crcs(vehicle_crc, followed, possible, worst, goal),
        }
    )


def _strain(car: HouseholdCar, feature: Features, followed: Followed) -> Ints:
    current = feature.or_zero("current_ma")
    before = np.concatenate([[0], followed.most_ma[:-1]])
    judged = followed.held & ~below_what_is_allowed(current, followed.pilot_ma, before, 940)
    pilot = np.clip(followed.pilot_ma, 0, MOST_PILOT_MA)
    to_high = 16_000 - np.clip(pilot, LEAST_PILOT_MA, 16_000)
    share = car.limit_permille + divided((car.low_limit_permille - car.limit_permille) * to_high, 10_000)
    most = np.minimum(pilot * share // 1000, car.ceiling_ma)
    apart = np.clip(current - most, -APART_MOST, APART_MOST) * 10_000
    ac = np.where(judged, deviation(divided(apart, np.maximum(most, 10_000)), car.plateau_weight), 0)
    power = feature("power_w")
    judged = (followed.soc_pct != MISSING) & (power != MISSING) & settled(feature, followed)
    curve = curve_w(car, np.clip(followed.soc_pct, 0, 100) * 1000)
    above = np.clip(power - curve, 0, APART_MOST) * 10_000 // curve
    dc = np.where(judged, deviation(above, car.power_weight), 0)
    return np.where(followed.direct, dc, ac)


def _cost_of_signs(car: HouseholdCar, phases_cost: int, feature: Features, followed: Followed) -> Ints:
    """A car's cost without its strain."""
    gain = feature.or_zero("soc_gain_pct")
    each = np.where(gain >= 5, feature("energy_per_soc_wh"), MISSING)
    step = np.where(feature.or_zero("taper_step_count") >= 2, feature("taper_step_ma"), MISSING)
    volts, soc = feature("voltage_mv"), followed.soc_pct
    seen = (volts != MISSING) & (soc != MISSING) & settled(feature, followed)
    volts = np.where(seen, volts - car.dc_mv_per_soc * (soc - 50), MISSING)
    names = ("rise_ma_per_s", "start_delay_s", "limit_response_s", "unbalance_permille")
    of_ac, of_dc = [*map(feature, names), step, each], [volts, each]
    other = (feature("plateau_ma") != MISSING) & (feature.or_zero("active_phases") != car.phases)
    cost = np.where(other & ~followed.direct & (car.phases != 0), phases_cost, 0)
    for k, value in enumerate((*of_ac, *of_dc)):
        counts = (value != MISSING) & (followed.direct == (k >= len(of_ac)))
        apart = value - car.centre[k]
        if value is step and car.centre[k] > 0:
            apart = np.where(2 * apart >= car.centre[k], divided(apart - car.centre[k], 2), apart)
        if value is each:
            apart = divided(apart * np.minimum(gain, 20), 20)
        z = deviation(apart, car.weight[k])
        cost = cost + np.where(counts, z * z, 0)
    return cost


def _narrowed(cost: Ints, within: int) -> tuple[Ints, Ints]:
    """The set after each sample, as bits, and the nearest car of it."""
    members = list(range(cost.shape[1]))
    possible, nearest = [], []
    for row in cost.tolist():
        best = min(members, key=lambda k: (row[k], k))
        members = [k for k in members if row[k] - row[best] <= within]
        possible.append(sum(1 << k for k in members))
        nearest.append(best)
    return np.array(possible, np.int64), np.array(nearest, np.int64)


def _decided(household: Household, cost: Ints, possible: Ints, nearest: Ints, followed: Followed) -> dict[str, Ints]:
    """The car, how probable it is, whether it is unknown, and each table's weight [n, cars + 1] in the estimate."""
    n_cars = len(household.cars)
    least = np.take_along_axis(cost, nearest[:, None], axis=1)
    member = (possible[:, None] >> np.arange(n_cars) & 1).astype(bool)
    z = np.where(member, cost - least, 0) * household.rules.confidence_multiplier >> 8
    near = member & (z < 16_384)
    z = np.where(near, z, 0)
    weight = np.where(near, _EXP2[(z & 1023) >> 6] >> (z >> 10), 0)
    total = weight.sum(axis=1)
    own = np.take_along_axis(weight, nearest[:, None], axis=1)[:, 0]
    rules = household.rules
    unknown = least[:, 0] > np.where(followed.direct, rules.dc_unknown_above, rules.unknown_above)
    tables = np.zeros((len(cost), n_cars + 1), np.int64)
    tables[:, :n_cars] = np.where(unknown[:, None], 0, weight)
    tables[:, n_cars] = unknown
    return {
        "car": nearest,
        "confidence_permille": (1000 * own + total // 2) // total,
        "unknown": np.where(unknown, UNKNOWN, 0),
        "weight": tables,
    }


def _phase(feature: Features, followed: Followed) -> Ints:
    allowed = (followed.pilot_ma == MISSING) | (followed.pilot_ma >= LEAST_PILOT_MA)
    still = feature.or_zero("elapsed_s") - followed.still_s >= DONE_S
    return np.select(
        [~followed.drawn, tapering(feature, followed), followed.drawing, allowed & still],
        [WAITING, TAPER, CHARGING, DONE],
        PAUSED,
    )


def _power_class(feature: Features, followed: Followed) -> Ints:
    ratings = np.array(RATINGS_W, np.int64)
    k = np.searchsorted((ratings + ratings // 20)[:-1], feature.or_zero("power_max_w"))
    return np.where(followed.drawn, ratings[k], 0)


def _estimate(
    household: Household, feature: Features, followed: Followed, weight: Ints, goal: tuple[int, int]
) -> dict[str, Ints]:
    """Weighted means of what is left with each car."""
    lefts = [left_with(car, household.rules, feature, followed, goal) for car in household.tables]
    weight = weight * np.stack([left.chance for left in lefts], axis=1)
    total = weight.sum(axis=1)

    def mean(values: list[Ints]) -> Ints:
        means: Ints = (np.stack(values, axis=1) * weight).sum(axis=1) // total
        return means

    unknown = np.zeros(len(total), bool)
    stage = np.zeros_like(total)
    for k, left in enumerate(lefts):
        unknown |= (weight[:, k] > 0) & (left.target_s[0] < 0)
        stage = np.where(weight[:, k] > 0, left.stage, stage)
    times = {"stage": stage, "no_target": np.where(unknown, NO_TARGET, 0)}
    for q, name in enumerate(("10", "50", "90")):
        times[f"done_{name}_s"] = mean([left.done_s[q] for left in lefts])
        times[f"target_{name}_s"] = np.where(unknown, -1, mean([np.maximum(left.target_s[q], 0) for left in lefts]))
    return times | {"energy_to_go_wh": mean([left.done_wh for left in lefts])}


def _crcs(
    vehicle_crc: NDArray[np.uint32], followed: Followed, possible: Ints, worst: Ints, goal: tuple[int, int]
) -> Ints:
    """CRC of the whole state: the vehicle's runs on over the household's 54 bytes."""
    flags = followed.direct | followed.drawn << 1 | followed.soc_risen << 2
    now = (followed.pilot_ma, followed.pilot_s, followed.most_ma, followed.drawing_s, followed.still_s)
    goals = (np.full(len(possible), each) for each in goal)
    words = np.column_stack([*now, followed.soc_pct, followed.soc_wh, *goals]).astype("<i4")
    head = np.column_stack([possible, flags]).astype(np.uint8)
    rows = np.concatenate([head, worst.astype("<u2").view(np.uint8), words.view(np.uint8)], axis=1)
    crcs = [zlib.crc32(row.tobytes(), int(crc)) for row, crc in zip(rows, vehicle_crc, strict=True)]
    return np.array(crcs, np.int64)
