"""Capacity from a charge's signature: two ridge regressions, for charges from empty and for those that start later.

Both predict the logarithm of the state of health. A charge is answered by the one whose training charges it resembles
more; where it resembles neither, nothing is answered: that is the sign of another kind of battery, of cold, or of a
resistance that no training unit had, and it is said as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from train.errors import DatasetError
from train.health.reading import Reading, Refusal, is_mild, soh_of
from train.health.signature import TAIL_TO, Signature, course_of, plateau_ma, signature_of
from train.sessions.types import Charge

RIDGE = 5.0  # in units of a charge; between 3 and 10 the figures of docs/health.md change by less than a tenth
CUTS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65)  # of the charge, cut off to learn from charges that start later
FROM_EMPTY = 0.8  # of the capacity put in: the charge began empty enough to be learnt from as such
# Squared Mahalanobis distance of three inputs that 1 in 1 000 charges of the same family exceeds (chi-squared).
FAR = 16.27
LEAST_UNITS = 3


@dataclass(frozen=True, slots=True)
class Labelled:
    """A training charge: its signatures from empty and cut, and the true state of health."""

    unit: str
    empty: Signature
    late: tuple[Signature, ...]
    soh: float  # 0 … 1


@dataclass(frozen=True, slots=True)
class Family:
    """One regression and the charges it was learnt from: `log(soh) = base + (x - centre) @ weights`."""

    centre: NDArray[np.float64]  # [3]
    spread: NDArray[np.float64]  # [3, 3], inverse covariance of the inputs
    weights: NDArray[np.float64]  # [3]
    base: float
    unit_sd: float  # of log(soh): what all charges of a unit are off by together
    charge_sd: float  # what a charge is off by besides

    def distance(self, signature: Signature) -> float:
        """Squared Mahalanobis distance from the training charges."""
        away = signature.as_inputs() - self.centre
        return float(away @ self.spread @ away)

    def log_soh(self, signature: Signature) -> float:
        """Natural logarithm of the state of health."""
        return self.base + float((signature.as_inputs() - self.centre) @ self.weights)


@dataclass(frozen=True, slots=True)
class HealthModel:
    """What `train health fit` learns of one kind of battery at one kind of charger."""

    device: str
    rated_mah: float
    plateau_ma: float
    empty: Family
    late: Family
    step_sd: float  # of log(soh), between two charges of a unit: how fast a battery may change
    n_units: int

    def read(self, charge: Charge) -> Reading | Refusal:
        """See Model."""
        signature = signature_of(course_of(charge), self.plateau_ma)
        if signature is None:
            return "no_whole_tail"
        if not is_mild(charge):
            return "temperature"
        return self.reading_of(signature)

    def reading_of(self, signature: Signature) -> Reading | Refusal:
        """As read, whatever the temperature."""
        found = self.family_of(signature)
        if found is None:
            return "out_of_family"
        family, start = found
        return Reading(start, family.log_soh(signature), family.unit_sd, family.charge_sd)

    def family_of(self, signature: Signature) -> tuple[Family, str] | None:
        """The family it resembles more, and its name; None where it resembles neither."""
        families = ((self.empty, "empty"), (self.late, "late"))
        nearest = min(families, key=lambda one: one[0].distance(signature))
        return nearest if nearest[0].distance(signature) <= FAR else None


def label(charges: Sequence[Charge], rated_mah: float, plateau: float) -> list[Labelled]:
    """The charges that can be learnt from: of known health, in a mild room, begun empty, with a whole tail."""
    found = []
    for charge in filter(is_mild, charges):
        soh = soh_of(charge)
        course = course_of(charge)
        whole = signature_of(course, plateau) if soh else None
        if whole is None or whole.charge_mah < FROM_EMPTY * soh * rated_mah:
            continue
        cut = (signature_of(course.without_first(share), plateau) for share in CUTS)
        found.append(Labelled(charge.unit_key, whole, tuple(one for one in cut if one is not None), soh))
    return found


def common_plateau_ma(charges: Sequence[Charge]) -> float:
    """The plateau of a kind of battery at its charger: the middle one of its charges."""
    return float(np.median([plateau_ma(course_of(charge)) for charge in charges]))


def fit_health(charges: Sequence[Charge], rated_mah: float) -> HealthModel:
    """Learn from charges of one device whose `soh_pct` is known; raises DatasetError where they are too few."""
    devices = sorted({charge.device for charge in charges})
    if len(devices) != 1:
        raise DatasetError(f"charges of {', '.join(devices) or 'no device'}: learn the health of one device at a time")
    plateau = common_plateau_ma(charges)
    known = label(charges, rated_mah, plateau)
    if len({one.unit for one in known}) < LEAST_UNITS:
        raise DatasetError(
            f"{len(known)} charges of {devices[0]} with soh_pct begin empty and fall to {plateau * TAIL_TO:.0f} mA; "
            f"capacity is learnt from charges of at least {LEAST_UNITS} units"
        )
    empty = [(one.unit, one.empty, one.soh) for one in known]
    late = [(one.unit, signature, one.soh) for one in known for signature in one.late]
    n_units = len({one.unit for one in known})
    return HealthModel(devices[0], rated_mah, plateau, _family(empty), _family(late), _step_sd(known), n_units)


Rows = list[tuple[str, Signature, float]]


def _family(rows: Rows) -> Family:
    """A regression, and how far it is off on units it has not seen: each is left out in turn."""
    fitted = _ridge(rows)
    off: dict[str, NDArray[np.float64]] = {}
    for unit in sorted({row[0] for row in rows}):
        other = _ridge([row for row in rows if row[0] != unit])
        mine = [row for row in rows if row[0] == unit]
        off[unit] = np.array([other.log_soh(signature) - np.log(soh) for _, signature, soh in mine])
    shared = [float(np.mean(values)) for values in off.values()]
    alone = [float(np.mean((values - values.mean()) ** 2)) for values in off.values() if len(values) > 1]
    return Family(
        fitted.centre,
        fitted.spread,
        fitted.weights,
        fitted.base,
        unit_sd=float(np.sqrt(np.mean(np.square(shared)))),
        charge_sd=float(np.sqrt(np.mean(alone))) if alone else 0.0,
    )


def _ridge(rows: Rows) -> Family:
    """Each unit weighs the same, however many charges it has."""
    units = [row[0] for row in rows]
    weight = np.array([1 / units.count(unit) for unit in units])
    weight *= len(rows) / weight.sum()
    x = np.array([row[1].as_inputs() for row in rows])
    y = np.log([row[2] for row in rows])
    centre, base = np.average(x, axis=0, weights=weight), float(np.average(y, weights=weight))
    away = x - centre
    scale = x.std(axis=0) + 1e-9
    z = away / scale
    weights = np.linalg.solve((z * weight[:, None]).T @ z + RIDGE * np.eye(3), (z * weight[:, None]).T @ (y - base))
    covariance = (away * weight[:, None]).T @ away / len(rows)
    covariance += np.diag(1e-6 * scale**2)  # few charges may lie on a plane
    return Family(centre, np.linalg.inv(covariance), weights / scale, base, 0.0, 0.0)


def _step_sd(known: Sequence[Labelled]) -> float:
    """How much the true health changes between two charges of a unit that follow each other here."""
    steps = [float(np.log(later.soh / earlier.soh)) for earlier, later in pairwise(known) if earlier.unit == later.unit]
    return float(np.sqrt(np.mean(np.square(steps)))) if steps else 0.0
