"""What is remembered of a vehicle's charge, and what the rules have in common: docs/vehicle.md, in NumPy int64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from train.artifact_household import HouseholdCar

Ints = NDArray[np.int64]

MISSING = -(1 << 31)
FEATURE_MAX = (1 << 24) - 1
DRAWING_MA, LEAST_PILOT_MA, MOST_PILOT_MA = 1000, 6000, 80_000
HOLD_S = 30
DIRECT_MV, DIRECT_MA = 276_000, 80_000
SETTLED_S = 60


@dataclass(frozen=True, slots=True)
class Followed:
    """What is remembered of a charge after each of its n samples; MISSING where nothing is."""

    direct: NDArray[np.bool_]
    drawn: NDArray[np.bool_]
    soc_risen: NDArray[np.bool_]
    pilot_ma: Ints
    pilot_s: Ints
    held: NDArray[np.bool_]  # plateau and limit both, before any taper
    most_ma: Ints
    drawing_s: Ints
    still_s: Ints
    soc_pct: Ints
    soc_wh: Ints

    @property
    def drawing(self) -> NDArray[np.bool_]:
        """Whether current flows."""
        flows: NDArray[np.bool_] = self.drawing_s != MISSING
        return flows


class Features:
    """A charge's features by name, limited as the rules see them."""

    def __init__(self, x: NDArray[np.int32], names: tuple[str, ...]) -> None:
        limited = np.clip(x.astype(np.int64), -FEATURE_MAX, FEATURE_MAX)
        self._x = np.where(x == MISSING, MISSING, limited)
        self._at = {name: k for k, name in enumerate(names)}

    def __call__(self, name: str) -> Ints:
        """[n], MISSING where not defined."""
        column: Ints = self._x[:, self._at[name]]
        return column

    def or_zero(self, name: str) -> Ints:
        """[n], 0 where not defined."""
        column = self(name)
        return np.where(column == MISSING, 0, column)


def follow(feature: Features) -> Followed:
    """Followed, in docs/vehicle.md."""
    now_s, current, pilot = feature.or_zero("elapsed_s"), feature.or_zero("current_ma"), feature("pilot_ma")
    drawing = current >= DRAWING_MA
    before = np.concatenate([[MISSING], pilot[:-1]])
    single = (feature.or_zero("active_phases") <= 1) & (pilot == MISSING) & drawing
    direct = single & ((current > DIRECT_MA) | (feature.or_zero("voltage_mv") > DIRECT_MV))
    soc, energy = feature("soc_pct"), feature.or_zero("energy_wh")
    told = np.where((soc >= 0) & (soc <= 100), soc, MISSING)
    highest = np.maximum.accumulate(told)
    rises = np.concatenate([[told[0] != MISSING], highest[1:] > highest[:-1]])
    pilot_s = _latest(now_s, pilot != before, 0)
    held = drawing & (feature("plateau_dwell_s") != MISSING) & (feature.or_zero("taper_step_count") <= 0)
    held &= (pilot >= LEAST_PILOT_MA) & (now_s - pilot_s >= HOLD_S)
    return Followed(
        direct=np.logical_or.accumulate(direct),
        drawn=np.logical_or.accumulate(drawing),
        soc_risen=np.cumsum(rises) > 1,
        pilot_ma=pilot,
        pilot_s=pilot_s,
        held=held,
        most_ma=np.maximum.accumulate(np.where(held, current, 0)),
        drawing_s=np.where(drawing, _latest(now_s, _begins(drawing), MISSING), MISSING),
        still_s=np.where(drawing, MISSING, _latest(now_s, _begins(~drawing), MISSING)),
        soc_pct=highest,
        soc_wh=_latest(energy, rises, 0),
    )


def _begins(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    first: NDArray[np.bool_] = flags & ~np.concatenate([[False], flags[:-1]])
    return first


def _latest(values: Ints, marks: NDArray[np.bool_], otherwise: int) -> Ints:
    """The value at the latest marked sample."""
    last = np.maximum.accumulate(np.where(marks, np.arange(len(marks)), -1))
    return np.where(last >= 0, values[np.maximum(last, 0)], otherwise)


def divided(a: Ints, b: Ints | int) -> Ints:
    """Quotient towards zero."""
    size = np.floor_divide(np.abs(a), b, dtype=np.int64)
    return np.where(a < 0, -size, size)


def deviation(apart: Ints, weight: int) -> Ints:
    """z, in docs/vehicle.md."""
    limited = np.clip(np.abs(apart), 0, 65_535)
    z: Ints = np.clip(limited * weight >> 12, 0, 80)
    return z


def settled(feature: Features, followed: Followed) -> NDArray[np.bool_]:
    """60 s or more after current last began to flow."""
    since: NDArray[np.bool_] = feature.or_zero("elapsed_s") - followed.drawing_s >= SETTLED_S
    return followed.drawing & since


def curve_w(car: HouseholdCar, soc_milli: Ints) -> Ints:
    """Power in DC at a state of charge in thousandths of a per cent."""
    table = np.array(car.curve_w, np.int64)
    k = np.minimum(len(table) - 2, soc_milli // 5000)
    return table[k] + divided((table[k + 1] - table[k]) * ((soc_milli - 5000 * k) // 8), 625)


def below_what_is_allowed(current: Ints, pilot: Ints, most: Ints, permille: int) -> NDArray[np.bool_]:
    """Whether a current lies below thousandths of what the limit and the largest held current allow."""
    reached = np.where(pilot == MISSING, most, np.minimum(np.minimum(pilot, MOST_PILOT_MA), most))
    low: NDArray[np.bool_] = current < divided(reached, 1000) * permille
    return low


def tapering(feature: Features, followed: Followed) -> NDArray[np.bool_]:
    """Tapering, in docs/vehicle.md."""
    current, most = feature.or_zero("current_ma"), followed.most_ma
    low = (most == 0) | below_what_is_allowed(current, followed.pilot_ma, most, 970)
    stepped: NDArray[np.bool_] = feature.or_zero("taper_step_count") > 0
    found: NDArray[np.bool_] = ~followed.direct & followed.drawing & stepped & low
    return found
