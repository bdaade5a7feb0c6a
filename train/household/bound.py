"""What nobody can do better: a charge's end told by who knows the car, how it arrives, and the power to come.

Of simulated households only: the arrivals of a car are drawn as often as one likes, and what is left of its next charge
is the median of those that have not ended by now. Who knows the mean power of the rest too errs by that alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from train.household.answered import Answered
from train.household.factors import sampled
from train.household.figures import Baseline, ratio_interval, unit_of
from train.household.history import DRAWING_MA, Past
from train.household.times import energy_at_end_wh
from train.sessions.simulator.ev import known_cars
from train.sessions.simulator.ev.households import draw_household

DRAWN = 1000  # arrivals of a car

Floats = NDArray[np.float64]


def energies_to_come(
    household: Mapping[str, Sequence[Past]], *, seed: int, index: int, cars: int | None, different: bool
) -> dict[str, Floats]:
    """Energies of DRAWN charges of each car as the simulator draws them, Wh, ascending."""
    sides: tuple[Literal["ac"], ...] = ("ac",)
    gains: dict[str, list[float]] = {}
    for draw in draw_household(
        known_cars(), seed=seed, index=index, n_cars=cars, n_charges=DRAWN, sides=sides, different=different
    ):
        gains.setdefault(draw.unit.name, []).append(min(draw.target_soc, 1.0) - draw.arrival_soc)
    found = {}
    for car, past in household.items():
        gain = np.array(gains[car.rpartition("/")[2]])
        numbers = [int(one.session.rpartition("_c")[2]) for one in past]
        whole = np.array([energy_at_end_wh(one) for one in past])
        found[car] = np.sort(gain * np.nanmedian(whole / gain[numbers]))
    return found


def bound(
    answered: Sequence[Answered], energies: Mapping[str, Floats], baselines: Mapping[str, Baseline]
) -> list[float] | None:
    """[error by the linear formula's, lower, upper 95 % bound] where `train evaluate` counts it, a taper being no
    error; None without a charge.
    """
    rows = []
    for one in answered:
        past = one.past
        if past.direct or past.done_s is None or past.known("soc_pct").any() or past.car not in energies:
            continue
        at = sampled(len(past.x))
        begun = int(np.argmax(past.column("current_ma") >= DRAWING_MA))
        at = at[(at >= begun) & (one.remaining_s[at] > 0)]
        if len(at):
            left, taken = one.remaining_s[at], past.column("energy_wh")[at].astype(np.float64)
            power = np.maximum(energy_at_end_wh(past) - taken, 1.0) / left
            off = np.where(past.tapering[at], 0.0, np.abs(_median_rest(energies[past.car], taken) / power - left))
            linear = np.abs(baselines[past.car].left_s(past)[at] - left)
            rows.append((unit_of(one), float(off.mean()), float(linear.mean())))
    if not rows:
        return None
    return ratio_interval(
        [row[0] for row in rows], np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    )


def _median_rest(energies: Floats, taken: Floats) -> Floats:
    """Of the energies above what is taken, the middle one less that, [n] Wh."""
    first = np.searchsorted(energies, taken, side="right")
    middle = np.minimum((first + len(energies)) // 2, len(energies) - 1)
    return np.maximum(energies[middle] - taken, 0.0)
