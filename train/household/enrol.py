"""One car's tables from a few of its charges, with what holds for cars at large where they say too little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from train.artifact_household import N_ENERGY, SIGNS, HouseholdCar
from train.household.history import Past
from train.household.pooled import Pooled
from train.household.signs import sampled_signs, signs_of, voltage_line
from train.household.times import OTHER_WH, curve_of, ends_of, full_h, levels_of, power_w, taper_of, whole_energies

PRIOR_CHARGES = 4.0  # what the fleet's spread counts for beside a car's own charges
SATURATED = 0.98  # of the largest current: there may be its own charger's limit
OBSERVED_SHARE = 0.93  # of the allowed current: less was held by something else
DC_SPREAD = 500.0  # of power above the curve, ten thousandths; the curve of few charges may be a cold battery's
DC_SPREAD_FEW = 3000.0
DC_FEW = 3
FAR = 1.0  # a charge that far from the usual energy, as a share of it, says no more than one nearer
INFORMATIVE = 0.3  # variance between cars to that within, below which a sign is left out


def enrol(pasts: Sequence[Past], pooled: Pooled, box_ma: int) -> HouseholdCar:
    """Tables of the car whose charges these are; `box_ma` is the most the charge point has been seen to allow."""
    ac, dc = [past for past in pasts if not past.direct], [past for past in pasts if past.direct]
    slope = voltage_line(dc)
    centre, weight, told = _signs(pasts, slope, pooled)
    plateau = plateau_of(ac, pooled, box_ma)
    ceiling = int(np.clip(round(plateau.ceiling_ma), 1000, 524_287))
    each_ac, each_dc = _each_wh(centre, told, pooled)
    taper_wh, taper_s = taper_of(ac)
    phases = int(np.median([past.column("active_phases").max() for past in ac])) if ac else 0
    return HouseholdCar(
        centre=tuple(round(float(value)) for value in centre),
        weight=weight,
        plateau_weight=_weight(plateau.spread),
        power_weight=_weight(DC_SPREAD if len(dc) >= DC_FEW else DC_SPREAD_FEW) if dc else 0,
        limit_permille=int(np.clip(round(plateau.share), 0, 1200)),
        low_limit_permille=int(np.clip(round(plateau.low_share), 0, 1200)),
        phases=phases,
        usual_end_pct=(*ends_of(ac, direct=False), *ends_of(dc, direct=True)),
        ceiling_ma=ceiling,
        dc_mv_per_soc=round(min(slope, 65_535.0)),
        energy_per_soc_wh=(each_ac, each_dc),
        usual_power_w=power_w(ac, pooled),
        energy_wh=_energies(ac, pooled),
        taper_wh=taper_wh,
        taper_s=taper_s,
        level_s=levels_of(ac, ceiling, full_h(each_ac, ceiling, phases), pooled),
        curve_w=curve_of(dc, each_dc, pooled),
    )


OTHER_W = 11_000.0


def any_other(pooled: Pooled) -> HouseholdCar:
    """Tables of a car that is not enrolled: as wide as the fleet is."""
    return HouseholdCar(
        centre=tuple(round(float(value)) for value in pooled.sign_centre),
        weight=(0,) * len(SIGNS),
        plateau_weight=0,
        power_weight=0,
        limit_permille=1000,
        low_limit_permille=1000,
        phases=0,
        usual_end_pct=(80, 100, 100, 80, 80, 100),
        ceiling_ma=32_000,
        dc_mv_per_soc=0,
        energy_per_soc_wh=(0, 0),
        usual_power_w=int(pooled.other_power_w),
        energy_wh=ascending(np.array(pooled.other_energy_wh)),
        taper_wh=0,
        taper_s=0,
        level_s=levels_of([], 32_000, OTHER_WH / OTHER_W, pooled),
        curve_w=curve_of([], 0, pooled),
    )


def _weight(spread: float) -> int:
    return int(np.clip(round(65_536 / max(spread, 1.0)), 1, 65_535))


def _signs(
    pasts: Sequence[Past], slope: float, pooled: Pooled
) -> tuple[NDArray[np.float64], tuple[int, ...], NDArray[np.bool_]]:
    """Centres, weights, and which of them the car's own charges told.

    What a car has not shown yet is the fleet's, and as uncertain.
    """
    values = np.array([signs_of(past, slope) for past in pasts])
    within, between = np.array(pooled.sign_within), np.array(pooled.sign_between)
    centres, weights = np.empty(len(SIGNS)), []
    for k in range(len(SIGNS)):
        own = values[:, k][~np.isnan(values[:, k])]
        if len(own) == 0:
            centres[k] = pooled.sign_centre[k]
            spread = float(np.hypot(within[k], between[k]))
        else:
            centres[k] = np.median(own)
            apart = [sampled_signs(past, SIGNS[k], slope, float(centres[k])) for past in pasts]
            spread = _widened(apart, float(within[k])) * float(np.sqrt(1 + 1 / len(own)))
        informative = between[k] ** 2 >= INFORMATIVE * within[k] ** 2
        weights.append(_weight(spread) if informative else 0)
    return centres, tuple(weights), ~np.isnan(values).all(axis=0)


def _widened(apart: Sequence[NDArray[np.float64]], usual: float) -> float:
    """Standard deviation of samples around their car's centre, the usual one counting as PRIOR_CHARGES more."""
    charges = [float((one**2).mean()) for one in apart if len(one)]
    return float(np.sqrt((sum(charges) + PRIOR_CHARGES * usual**2) / (len(charges) + PRIOR_CHARGES)))


def _blended(apart: NDArray[np.float64], usual: float) -> float:
    """Standard deviation of few deviations from their median, the usual one counting as PRIOR_CHARGES more."""
    freedom = max(len(apart) - 1, 0)
    return float(np.sqrt(((apart**2).sum() + PRIOR_CHARGES * usual**2) / (freedom + PRIOR_CHARGES)))


@dataclass(frozen=True, slots=True)
class Plateau:
    """What a car draws of a limit."""

    share: float  # permille, from 16 A on
    low_share: float  # at 6 A
    ceiling_ma: float
    spread: float  # ten thousandths

    def expected(self, allowed: NDArray[np.float64]) -> NDArray[np.float64]:
        """Current in mA under limits in mA, [n]."""
        share = self.share + (self.low_share - self.share) * lowness(allowed)
        return np.asarray(np.minimum(allowed * share / 1000, self.ceiling_ma))

    def apart(self, allowed: NDArray[np.float64], drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far currents lie from what is expected, ten thousandths as the board counts them, [n]."""
        expected = self.expected(allowed)
        return np.asarray((drawn - expected) / np.maximum(expected, 10_000.0) * 10_000)


def lowness(allowed: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 at 6 A, 0 from 16 A on, [n]."""
    return np.asarray((16_000 - np.clip(allowed, 6000, 16_000)) / 10_000)


def plateau_of(ac: Sequence[Past], pooled: Pooled, box_ma: int) -> Plateau:
    """What charges in AC say of it; `box_ma` is the most the charge point allows."""
    seen = [(allowed.astype(np.float64), drawn.astype(np.float64)) for allowed, drawn in (one.limited() for one in ac)]
    seen = [one for one in seen if len(one[0])]
    usual = Plateau(pooled.limit_permille, pooled.limit_permille + pooled.low_rise, float(max(box_ma, 1000)), 10_000.0)
    if not seen:
        return usual
    allowed, drawn = np.concatenate([one[0] for one in seen]), np.concatenate([one[1] for one in seen])
    top = float(np.quantile(drawn, 0.98))
    at_top = drawn >= SATURATED * top
    saturated = float(np.median(drawn[at_top] / allowed[at_top])) < OBSERVED_SHARE
    held = ~at_top if saturated else np.ones(len(drawn), bool)
    held &= drawn / allowed >= OBSERVED_SHARE
    share, low_share = _shares(allowed[held], drawn[held], pooled)
    ceiling = float(np.median(drawn[at_top])) if saturated else share / 1000 * max(box_ma, 1000)
    found = Plateau(share, low_share, ceiling, 0.0)
    apart = np.array([float(np.median(found.apart(*one))) for one in seen])
    spread = _blended(apart, pooled.plateau_within) * float(np.sqrt(1 + 1 / len(apart)))
    if not held.any() and len(np.unique(allowed)) > 1:
        spread = max(spread, 10 * pooled.limit_between)  # what it draws of a limit has not been seen
    return replace(found, spread=spread)


def _shares(allowed: NDArray[np.float64], drawn: NDArray[np.float64], pooled: Pooled) -> tuple[float, float]:
    """Shares from 16 A on and at 6 A in permille: medians where both were seen, else the fleet's rise between them."""
    low, ratio = lowness(allowed), 1000 * drawn / np.maximum(allowed, 1.0)
    if not len(ratio):
        return pooled.limit_permille, pooled.limit_permille + pooled.low_rise
    high = low <= 0.3
    if high.any() and (~high).any():
        share = float(np.median(ratio[high] - pooled.low_rise * low[high]))
        rise = float(np.median((ratio[~high] - share) / low[~high]))
        return share, share + float(np.clip(rise, -10.0, 60.0))
    share = float(np.median(ratio - pooled.low_rise * low))
    return share, share + pooled.low_rise


def _each_wh(centre: NDArray[np.float64], told: NDArray[np.bool_], pooled: Pooled) -> tuple[int, int]:
    """Energy for one per cent in AC and in DC, one from the other where only one was told; 0 where neither was."""
    ac, dc = SIGNS.index("energy_per_soc_wh"), SIGNS.index("dc_energy_per_soc_wh")
    if not (told[ac] or told[dc]):
        return 0, 0
    each_ac = centre[ac] if told[ac] else centre[dc] / pooled.dc_of_ac
    each_dc = centre[dc] if told[dc] else centre[ac] * pooled.dc_of_ac
    return int(np.clip(round(each_ac), 1, 16_383)), int(np.clip(round(each_dc), 1, 16_383))


def _energies(ac: Sequence[Past], pooled: Pooled) -> tuple[int, ...]:
    """Quantiles of the energy of this car's next charge in AC, given those that are past."""
    energies = whole_energies(ac)
    if len(energies) == 0:
        return ascending(np.array(pooled.other_energy_wh))
    middle, spread = energy_scale(energies, pooled.energy_spread)
    return ascending(middle + spread * np.array(pooled.energy_deviate))


def energy_scale(energies: NDArray[np.float64], usual: float) -> tuple[float, float]:
    """(median, spread) of a car's energies in Wh; `usual` is the fleet's spread as a share of the median."""
    middle = float(np.median(energies))
    return middle, middle * _blended(np.clip(energies / middle - 1, -FAR, FAR), usual)


def ascending(values: NDArray[np.float64]) -> tuple[int, ...]:
    """Whole numbers within the bounds of a table of energies, ascending strictly."""
    whole = np.clip(np.rint(values), 50, 900_000).astype(int)
    return tuple(int(value) for value in np.maximum.accumulate(whole - np.arange(N_ENERGY)) + np.arange(N_ENERGY))
