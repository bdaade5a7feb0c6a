"""The rules of all households, calibrated on simulated ones: sets, unknown, confidence, intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from train.artifact_household import STAGES, HouseholdRules
from train.household.answered import KINDS, Answered, Tables, enrol_household
from train.household.factors import fitted, sampled
from train.household.history import Past
from train.household.pooled import Factors, Pooled

PHASES_COST = 6400  # as much as a sign can cost
SET_COVERAGE = 0.97  # nominal: of charges whose set never loses the truth
KNOWN_CALLED_UNKNOWN = 0.05
BITS_A_FACTOR = 1024  # of z: one power of two
MULTIPLIERS = tuple(int(738 * 2.0 ** (k / 2)) for k in range(-9, 3))  # 738: squares of normal deviations as they are
DC_SHARES = (64, 640, 896, 1280)  # of the curve, in 1024ths: between which each stage in DC lies
DC_WEIGHT_MOST = 16_384
OPEN = HouseholdRules(
    power_now_permille=500,
    phases_cost=PHASES_COST,
    set_within=2**32 - 1,
    unknown_above=2**32 - 1,
    confidence_multiplier=738 // 4,
    done_q10=(1024,) * (3 * len(STAGES)),
    target_q10=(1024,) * (3 * len(STAGES)),
    done_plus_s=(0,) * (3 * len(STAGES)),
    target_plus_s=(0,) * (3 * len(STAGES)),
    dc_unknown_above=2**32 - 1,
    dc_weight=(DC_WEIGHT_MOST,) * 3,
)
OPEN_FACTORS = Factors(OPEN.done_q10, OPEN.target_q10, OPEN.done_plus_s, OPEN.target_plus_s)


def later_charges(
    households: Iterable[Mapping[str, Sequence[Past]]], pooled: Pooled, enrolled: Sequence[int]
) -> Iterator[tuple[Answered, Tables]]:
    """Each household's charges after the first few, answered by tables of these: enrolled[k] of the k-th one's cars.

    With each, its household's tables.
    """
    for household, n in zip(households, enrolled, strict=True):
        first = {car: past[:n] for car, past in household.items()}
        tables = enrol_household(first, pooled)
        for number, car in enumerate(tables.cars):
            for past in household[car][n:]:
                yield Answered(past, number, tables.cars, tables.answer(past, pooled.rules)), tables


def calibrated(
    households: Sequence[Mapping[str, Sequence[Past]]], pooled: Pooled, enrolled: Sequence[int], n_any: int
) -> Pooled:
    """`pooled` with the rules that these households call for.

    The first `n_any` are households at large; whoever comes after was chosen, and tells of times alone.
    """
    at_large = later_charges(households[:n_any], replace(pooled, rules=OPEN), enrolled[:n_any])
    answered = [one for one, _ in at_large]
    rules = replace(
        OPEN,
        set_within=set_within(answered),
        unknown_above=unknown_above([one for one in answered if not one.past.direct]),
        dc_unknown_above=unknown_above([one for one in answered if one.past.direct]),
        confidence_multiplier=confidence_multiplier(answered),
        dc_weight=dc_weight(answered),
    )
    # The factors hold for estimates made with sets and confidence as they will be.
    found = list(later_charges(households, replace(pooled, rules=rules), enrolled))
    # Who charges in DC too has told what a per cent is; at a charge point in AC few have.
    factors = {}
    whole = fitted([one for one, _ in found], OPEN_FACTORS)
    for kind in KINDS:
        own = [one for one, tables in found if tables.kind == kind and (one.past.direct or not tables.direct)]
        factors[kind] = fitted(own, whole)
    return replace(pooled, rules=replace(rules, **asdict(whole)), factors=factors)


def _apart(one: Answered) -> NDArray[np.int64]:
    """What the true car costs above the cheapest, [n]."""
    cost = one.answers.cost[:, : one.n_cars].astype(np.int64)
    return np.asarray(cost[:, one.car] - cost.min(axis=1), np.int64)


def set_within(answered: Sequence[Answered]) -> int:
    """Cost above the cheapest's that the true car exceeds at no time in SET_COVERAGE of the charges."""
    return upper_quantile([int(_apart(one).max()) for one in answered], SET_COVERAGE)


def unknown_above(answered: Sequence[Answered]) -> int:
    """Least cost that known cars' charges exceed at some time in KNOWN_CALLED_UNKNOWN of them; the most without any."""
    if not answered:
        return OPEN.unknown_above
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


def dc_weight(answered: Sequence[Answered]) -> tuple[int, ...]:
    """How usual it is that so much of a car's curve flows as each stage in DC says, by the doubling; 16 384 the most.

    Charges count whose set holds their car alone: the stage is then of that car's curve.
    """
    first, shares = STAGES.index("dc_low"), np.zeros(3)
    for one in answered:
        sure = one.past.settled & one.past.known("soc_pct") & (one.answers.column("possible") == 1 << one.car)
        if one.past.direct and sure.any():
            shares += [float((one.answers.column("stage")[sure] == first + k).mean()) for k in range(3)]
    density = np.maximum(shares, 1e-3) / np.diff(np.log2(DC_SHARES))
    return tuple(int(np.clip(round(DC_WEIGHT_MOST * value / density.max()), 1, DC_WEIGHT_MOST)) for value in density)
