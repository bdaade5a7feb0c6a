"""The rules of all households, calibrated on simulated ones: sets, unknown, confidence, intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from train.artifact_household import STAGES, HouseholdRules
from train.household.answered import Answered, enrol_household
from train.household.history import Past
from train.household.pooled import Pooled

PHASES_COST = 6400  # as much as a sign can cost
SET_COVERAGE = 0.97  # nominal: of charges whose set never loses the truth
KNOWN_CALLED_UNKNOWN = 0.05
BITS_A_FACTOR = 1024  # of z: one power of two
MULTIPLIERS = tuple(int(738 * 2.0 ** (k / 2)) for k in range(-9, 3))  # 738: squares of normal deviations as they are
ROWS_A_CHARGE = 60
LEAST_CHARGES = 40  # for a stage to have factors of its own
FACTOR_MAX = 65_535
QUANTILES = (0.1, 0.5, 0.9)
OPEN = HouseholdRules(
    power_now_permille=500,
    phases_cost=PHASES_COST,
    set_within=2**32 - 1,
    unknown_above=2**32 - 1,
    confidence_multiplier=738 // 4,
    done_q10=(1024,) * (3 * len(STAGES)),
    target_q10=(1024,) * (3 * len(STAGES)),
)


def later_charges(
    households: Iterable[Mapping[str, Sequence[Past]]], pooled: Pooled, enrolled: Sequence[int]
) -> Iterator[tuple[Answered, bool]]:
    """Each household's charges after the first few, answered by tables of these: enrolled[k] of the k-th one's cars.

    With each, whether its household's cars are told apart at a glance.
    """
    for household, n in zip(households, enrolled, strict=True):
        first = {car: past[:n] for car, past in household.items()}
        tables = enrol_household(first, pooled)
        for number, car in enumerate(tables.cars):
            for past in household[car][n:]:
                yield Answered(past, number, tables.cars, tables.answer(past, pooled.rules)), tables.distinct


def calibrated(households: Sequence[Mapping[str, Sequence[Past]]], pooled: Pooled, enrolled: Sequence[int]) -> Pooled:
    """`pooled` with the rules that these households call for."""
    answered = [one for one, _ in later_charges(households, replace(pooled, rules=OPEN), enrolled)]
    rules = replace(
        OPEN,
        set_within=set_within(answered),
        unknown_above=unknown_above(answered),
        confidence_multiplier=confidence_multiplier(answered),
    )
    # The factors hold for estimates made with sets and confidence as they will be.
    found = list(later_charges(households, replace(pooled, rules=rules), enrolled))
    distinct = [one for one, apart in found if apart]
    others = [one for one, apart in found if not apart]
    whole = _both_factors([one for one, _ in found], (rules.done_q10, rules.target_q10))
    done, target = _both_factors(others, whole)
    distinct_done, distinct_target = _both_factors(distinct, whole)
    return replace(
        pooled,
        rules=replace(rules, done_q10=done, target_q10=target),
        distinct_done_q10=distinct_done,
        distinct_target_q10=distinct_target,
    )


def _both_factors(
    answered: Sequence[Answered], otherwise: tuple[tuple[int, ...], tuple[int, ...]]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Factors of the time to the end and to the target; `otherwise` where too few charges came to a stage."""
    return (
        stage_factors(answered, [one.remaining_s for one in answered], "done", otherwise[0]),
        stage_factors(answered, [one.until_soc_s(80) for one in answered], "target", otherwise[1]),
    )


def _apart(one: Answered) -> NDArray[np.int64]:
    """What the true car costs above the cheapest, [n]."""
    cost = one.answers.cost[:, : one.n_cars].astype(np.int64)
    return np.asarray(cost[:, one.car] - cost.min(axis=1), np.int64)


def set_within(answered: Sequence[Answered]) -> int:
    """Cost above the cheapest's that the true car exceeds at no time in SET_COVERAGE of the charges."""
    return upper_quantile([int(_apart(one).max()) for one in answered], SET_COVERAGE)


def unknown_above(answered: Sequence[Answered]) -> int:
    """Least cost that known cars' charges exceed at some time in KNOWN_CALLED_UNKNOWN of them."""
    costs = [int(one.answers.cost[:, : one.n_cars].min(axis=1).max()) for one in answered]
    return upper_quantile(costs, 1 - KNOWN_CALLED_UNKNOWN)


def upper_quantile(values: Sequence[int], share: float) -> int:
    """The conformal quantile: of n values the ceil((n + 1) share)-th smallest (Vovk, Gammerman, Shafer 2005)."""
    ordered = sorted(values)
    return ordered[min(int(np.ceil((len(ordered) + 1) * share)), len(ordered)) - 1]


def confidence_multiplier(answered: Sequence[Answered]) -> int:
    """The multiplier under which the true cars are likeliest."""
    rows = [(one, sampled(len(one.past.x))) for one in answered if one.n_cars > 1]
    losses = []
    for multiplier in MULTIPLIERS:
        loss = 0.0
        for one, at in rows:
            cost = one.answers.cost[at, : one.n_cars].astype(np.float64)
            bits = (cost - cost.min(axis=1, keepdims=True)) * multiplier / 256 / BITS_A_FACTOR
            loss += float(np.mean(bits[:, one.car] + np.log2((2.0**-bits).sum(axis=1))))
        losses.append(loss)
    return MULTIPLIERS[int(np.argmin(losses))]


def sampled(n: int) -> NDArray[np.intp]:
    """At most ROWS_A_CHARGE rows, evenly."""
    return np.unique(np.linspace(0, n - 1, min(n, ROWS_A_CHARGE)).astype(np.intp))


def stage_factors(
    answered: Sequence[Answered], true: Sequence[NDArray[np.float64]], which: str, otherwise: Sequence[int]
) -> tuple[int, ...]:
    """Factors on the 10, 50 and 90 % estimates of each stage, in 1024ths; a charge's samples in a stage weigh 1.

    The middle one is what brings the mean absolute error down: a median weighted by the estimate.
    """
    found: list[list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = [[] for _ in STAGES]
    for one, left in zip(answered, true, strict=True):
        at = sampled(len(left))
        at = at[~np.isnan(left[at]) & (left[at] > 0) & (one.answers.column(f"{which}_50_s")[at] >= 0)]
        stage = one.answers.column("stage")[at]
        estimates = one.answers.done_s if which == "done" else one.answers.target_s
        for k in np.unique(stage):
            rows = at[stage == k]
            found[k].append((left[rows], np.maximum(estimates[rows].astype(np.float64), 1.0)))
    factors: list[int] = []
    for k, charges in enumerate(found):
        factors += _factors(charges) if len(charges) >= LEAST_CHARGES else otherwise[3 * k : 3 * k + 3]
    return tuple(factors)


def _factors(charges: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> list[int]:
    left = np.concatenate([one[0] for one in charges])
    estimates = np.concatenate([one[1] for one in charges])
    weight = np.concatenate([np.full(len(one[0]), 1 / len(one[0])) for one in charges])
    chosen = []
    for q, share in enumerate(QUANTILES):
        by = weight * estimates[:, 1] if share == 0.5 else weight
        chosen.append(_weighted_quantile(left / estimates[:, q], by, share))
    return [int(np.clip(round(1024 * value), 1, FACTOR_MAX)) for value in chosen]


def _weighted_quantile(values: NDArray[np.float64], weight: NDArray[np.float64], share: float) -> float:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order]) / weight.sum()
    return float(values[order][min(int(np.searchsorted(reached, share)), len(values) - 1)])
