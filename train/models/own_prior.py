"""Whether the simulated fleet helps with one's own charges: what it teaches is used as far as it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from train.models.learnt import Learnt
from train.models.own import FOLDED_FROM, Few
from train.models.own_notes import left_out_minutes
from train.sessions.types import Charge


@dataclass(frozen=True, slots=True)
class Prior:
    """What was asked of the fleet, and what came of it."""

    asked: str  # of --prior
    used: str  # fleet or none
    left_out_charges: int  # of one's own, that each was answered without
    off_minutes: Mapping[str, float]  # mean error of those answers by what the model rested on, as far as tried

    def note(self) -> str:
        """What a person should know of it."""
        rest = "minutes rest on the simulated fleet too"
        if len(self.off_minutes) == 2:
            off = f"{self.off_minutes['fleet']:.1f} min off with the fleet, {self.off_minutes['none']:.1f} without"
            tried = f"{self.left_out_charges} charges, left out in turn, are {off}"
            if self.used == "fleet":
                return f"{rest}: {tried}"
            taken = "the fleet is taken where it is nearer whichever one of them is put aside (fleet-always keeps it)"
            return f"minutes rest on your charges alone: {tried}; {taken}"
        if self.asked == "fleet" and self.left_out_charges < FOLDED_FROM:
            return f"{rest}; too few charges got full to tell whether it helps"
        return rest


def learn_as_far_as_it_helps(
    few: Few | None, asked: str, charges: Sequence[Charge], learn: Callable[[Few | None], Learnt]
) -> tuple[Learnt, Few | None, Prior | None]:
    """What `learn` makes with the fleet where charges left out in turn are answered better so, or without it.

    Better is on average, whichever single charge is put aside: one that began unlike the others, among a handful, must
    not decide how all are answered.

    few      how to learn from few units; without a prior there is nothing to choose
    asked    of --prior: "fleet-always" keeps the fleet
    charges  one's own and the fleet's

    With the fleet's devices among the answers, minutes of those have to be told as well: there the fleet is kept.
    """
    with_fleet = learn(few)
    if few is None or few.prior is None:
        return with_fleet, few, None
    fleet = left_out_minutes(charges, few, with_fleet.unseen.course).answered
    n, off = len(fleet), {"fleet": round(float(fleet.mean()), 2)} if len(fleet) else {}
    if asked == "fleet-always" or few.beside or n < FOLDED_FROM:
        return with_fleet, few, Prior(asked, "fleet", n, off)
    alone = replace(few, prior=None)
    without = learn(alone)
    none = left_out_minutes(charges, alone, without.unseen.course).answered
    off["none"] = round(float(none.mean()), 2)
    if _better_without_any_one(fleet, none):
        return with_fleet, few, Prior(asked, "fleet", n, off)
    return without, alone, Prior(asked, "none", n, off)


def _better_without_any_one(off: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether errors [n] of n > 1 charges are less than the `other` on average, all together and each charge aside."""
    gain = other - off
    return bool(gain.sum() > max(0.0, float(gain.max())))
