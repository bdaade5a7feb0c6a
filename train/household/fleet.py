"""What is pooled over cars: measured on whole households, before any of them is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.artifact_household import N_CURVE, N_ENERGY, N_LEVELS, SIGNS
from train.features.core import WP_MISSING
from train.household.answered import KINDS
from train.household.calibrate import OPEN, OPEN_FACTORS
from train.household.enrol import energy_scale, enrol, plateau_of
from train.household.history import DRAWING_MA, Past
from train.household.pooled import Pooled
from train.household.signs import ROWS_A_CHARGE, sampled_signs, signs_of, voltage_line
from train.household.times import CURVE_QUANTILE, OTHER_WH, energy_at_end_wh, full_h, seen_levels, whole_energies

ONE_SIGMA = 0.683
ENDS = (0.002, 0.998)  # levels of the first and the last quantile of a table of energies
LEAST_WITHIN = 1.0  # of a sign: whole numbers
USUAL_PLATEAU = 30.0  # until it is measured
LEAST_CARS = 3  # that have shown a level
LOW_RISE = 6.0  # permille: chargers near their least power draw more reactive current
PAST = 4  # charges of a car from which the next one's energy is told


def pooled_of(households: Sequence[Mapping[str, Sequence[Past]]], provenance: Mapping[str, Any]) -> Pooled:
    """Everything but the rules, from all charges of each household's cars."""
    cars = [car for household in households for car in household.values()]
    slopes = [voltage_line([past for past in car if past.direct]) for car in cars]
    values = [np.array([signs_of(past, slope) for past in car]) for car, slope in zip(cars, slopes, strict=True)]
    sizes = np.cumsum([len(household) for household in households])[:-1]
    within, between, centre = _scales(cars, slopes, values, sizes)
    shares = [share for car in cars if (share := _limit_shares(car)) is not None]
    spread, deviate = _energies(cars)
    first = Pooled(
        sign_within=within,
        sign_between=between,
        sign_centre=centre,
        plateau_within=USUAL_PLATEAU,
        limit_permille=float(np.median([np.median(one) for one in shares])),
        low_rise=LOW_RISE,
        limit_between=_one_sigma(np.array([np.median(one) for one in shares]) - np.median(np.concatenate(shares))),
        energy_deviate=deviate,
        energy_spread=spread,
        other_energy_wh=_levels(
            np.concatenate([whole_energies([one for one in car if not one.direct]) for car in cars])
        ),
        other_power_w=_power_w(cars),
        dc_of_ac=_dc_of_ac(values),
        level_share=(0.01,) * N_LEVELS,
        curve_per_h=_curve(cars, values),
        rules=OPEN,
        factors=dict.fromkeys(KINDS, OPEN_FACTORS),
        provenance=provenance,
    )
    first = replace(first, plateau_within=_plateau_within(cars, first))
    return replace(first, level_share=_level_share(cars, first))


def _one_sigma(apart: NDArray[np.float64]) -> float:
    return float(np.quantile(np.abs(apart), ONE_SIGMA))


def _levels(values: NDArray[np.float64]) -> tuple[float, ...]:
    """The 17 quantiles at sixteenths."""
    shares = np.clip(np.linspace(0, 1, N_ENERGY), *ENDS)
    return tuple(float(value) for value in np.quantile(values, shares))


def _scales(
    cars: Sequence[Sequence[Past]],
    slopes: Sequence[float],
    values: Sequence[NDArray[np.float64]],
    sizes: NDArray[np.intp],
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Of each sign: spread of samples around their car's median, of cars around their household's, and the middle."""
    within, between, centre = [], [], []
    for k, name in enumerate(SIGNS):
        medians = np.array([np.nanmedian(one[:, k]) if not np.isnan(one[:, k]).all() else np.nan for one in values])
        apart = [np.empty(0)]
        for car, slope, median in zip(cars, slopes, medians, strict=True):
            apart += [sampled_signs(past, name, slope, float(median)) for past in car if not np.isnan(median)]
        within.append(max(_sigma(np.concatenate(apart)), LEAST_WITHIN))
        centre.append(float(np.nanmedian(medians)))
        pairs = [_pairs(one[~np.isnan(one)]) for one in np.split(medians, sizes)]
        between.append(_one_sigma(np.concatenate(pairs)) / np.sqrt(2))
    return tuple(within), tuple(between), tuple(centre)


def _sigma(apart: NDArray[np.float64]) -> float:
    """A standard deviation that holds in the tails too: the larger of what 68 and 95 % say."""
    return max(_one_sigma(apart), float(np.quantile(np.abs(apart), 0.954)) / 2)


def _pairs(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences of all pairs."""
    return np.array([a - b for k, a in enumerate(values) for b in values[:k]])


def _limit_shares(car: Sequence[Past]) -> NDArray[np.float64] | None:
    """Plateau by limit of each charge, permille, where the limit and not the car decided; None where it never did."""
    ratios = [1000.0 * drawn / allowed for allowed, drawn in (past.limited() for past in car) if len(drawn)]
    medians = np.array([float(np.max(ratio)) for ratio in ratios])
    held = medians[medians >= 930.0]
    return held if len(held) >= 2 else None


def _plateau_within(cars: Sequence[Sequence[Past]], pooled: Pooled) -> float:
    """How far held currents lie from what their car's charges say, ten thousandths."""
    apart = [np.empty(0)]
    for car in cars:
        box = max(int(past.column("pilot_ma").max()) for past in car)
        plateau = plateau_of([past for past in car if not past.direct], pooled, max(box, 1000))
        for allowed, drawn in (past.limited() for past in car):
            some = slice(None, None, max(len(drawn) // ROWS_A_CHARGE, 1))
            apart.append(plateau.apart(allowed[some].astype(np.float64), drawn[some].astype(np.float64)))
    return _sigma(np.concatenate(apart))


def _level_share(cars: Sequence[Sequence[Past]], pooled: Pooled) -> tuple[float, ...]:
    shares: list[list[float]] = [[] for _ in range(N_LEVELS)]
    for car in cars:
        box = max(int(past.column("pilot_ma").max()) for past in car)
        table, ac = enrol(car, pooled, max(box, 1000)), [past for past in car if not past.direct]
        hours = full_h(table.energy_per_soc_wh[0], table.ceiling_ma, table.phases)
        for k, left in enumerate(seen_levels(ac, table.ceiling_ma)):
            shares[k] += [float(np.median(left)) / 3600 / hours] if left and table.energy_per_soc_wh[0] else []
    known = [k for k in range(N_LEVELS) if len(shares[k]) >= LEAST_CARS]
    return tuple(np.interp(np.arange(N_LEVELS), known, [float(np.median(shares[k])) for k in known]).tolist())


def _energies(cars: Sequence[Sequence[Past]]) -> tuple[float, tuple[float, ...]]:
    """(usual spread of a car's energies as a share of their mean, deviates of the next from those before)."""
    energies = [whole_energies([past for past in car if not past.direct]) for car in cars]
    several = [one for one in energies if len(one) > PAST]
    spread = float(np.sqrt(np.mean([np.var(one / one.mean(), ddof=1) for one in several])))
    deviates = []
    for one in several:
        for k in range(PAST, len(one)):
            before = one[k - PAST : k]
            middle, scale = energy_scale(before, spread)
            deviates.append((one[k] - middle) / scale)
    return spread, _levels(np.array(deviates))


def _power_w(cars: Sequence[Sequence[Past]]) -> float:
    powers = []
    for past in (one for car in cars for one in car if not one.direct and one.done_s is not None):
        start = past.column("elapsed_s")[int(np.argmax(past.column("current_ma") >= DRAWING_MA))]
        powers.append(energy_at_end_wh(past) * 3600 / max(float(past.done_s or 0) - float(start), 1.0))
    return float(np.median(powers))


def _dc_of_ac(values: Sequence[NDArray[np.float64]]) -> float:
    ac, dc = SIGNS.index("energy_per_soc_wh"), SIGNS.index("dc_energy_per_soc_wh")
    both = [one for one in values if not np.isnan(one[:, ac]).all() and not np.isnan(one[:, dc]).all()]
    return float(np.median([np.nanmedian(one[:, dc]) / np.nanmedian(one[:, ac]) for one in both]))


def _curve(cars: Sequence[Sequence[Past]], values: Sequence[NDArray[np.float64]]) -> tuple[float, ...]:
    """Median over cars of what flows at each state of charge, by what the battery holds."""
    dc = SIGNS.index("dc_energy_per_soc_wh")
    shapes: list[list[float]] = [[] for _ in range(N_CURVE)]
    for car, own in zip(cars, values, strict=True):
        holds = OTHER_WH if np.isnan(own[:, dc]).all() else 100 * float(np.nanmedian(own[:, dc]))
        direct = [past for past in car if past.direct]
        good = [past.settled & past.before_end & (past.column("soc_pct") != WP_MISSING) for past in direct]
        soc = np.concatenate(
            [past.column("soc_pct")[at] for past, at in zip(direct, good, strict=True)] or [np.empty(0)]
        )
        power = np.concatenate([past.column("power_w")[at] for past, at in zip(direct, good, strict=True)] or [soc])
        for k in range(N_CURVE):
            near = power[np.abs(soc - 5 * k) <= 2]
            if len(near):
                shapes[k].append(float(np.quantile(near, CURVE_QUANTILE)) / holds)
    known = [k for k in range(N_CURVE) if shapes[k]]
    return tuple(np.interp(np.arange(N_CURVE), known, [float(np.median(shapes[k])) for k in known]).tolist())
