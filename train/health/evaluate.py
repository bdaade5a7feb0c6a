"""How far capacity is off on units that were not learnt from: each left out in turn, everything learnt anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from train.errors import DatasetError
from train.health.model import FROM_EMPTY, LEAST_UNITS, HealthModel, fit_health, is_mild, label
from train.health.signature import Signature, course_of, signature_of
from train.health.trend import estimate
from train.sessions.types import Charge

TEST_CUTS = (0.4, 0.45, 0.5, 0.55, 0.6)  # "half full" is not known to the estimator, so it must not be exactly half
STARTS = ("empty", "half full", "begun late")


@dataclass(frozen=True, slots=True)
class Answer:
    """One estimate beside the truth and beside what one would say without a model."""

    unit: str
    start: str  # of STARTS; `begun late` are whole recordings of a battery that was not empty
    truth: float  # state of health, 0 … 1
    estimate: float | None
    coulomb_count: float  # what was put in, as a share of the rated capacity (half full: twice that)
    class_mean: float


def leave_units_out(charges: Sequence[Charge], rated_mah: float) -> dict[str, Any]:
    """Errors in percent of the true capacity by start, and how often the trend's interval holds the truth.

    Raises DatasetError where fewer than LEAST_UNITS + 1 units can be learnt from.
    """
    units = sorted({charge.unit_key for charge in charges})
    answers: list[Answer] = []
    trends: list[tuple[float, bool]] = []
    strange: list[bool] = []  # of charges in the cold or heat: whether they are seen to be without a thermometer
    for unit in units:
        mine = [charge for charge in charges if charge.unit_key == unit]
        model = _fit_others(charges, unit, rated_mah)
        mean = float(np.mean([one.soh for one in label(_others(charges, unit), rated_mah, model.plateau_ma)]))
        answers += [answer for charge in mine for answer in _answers(model, charge, mean)]
        trends += _trend(model, mine)
        strange += [model.family_of(one) is None for one in _cold_or_hot(model, mine)]
    return {
        "units": len(units),
        "starts": _by_start(answers),
        "per_unit": {unit: _by_start([one for one in answers if one.unit == unit]) for unit in units},
        "trend": _trend_figures(trends),
        "temperature": {"cold_or_hot": len(strange), "of_these_out_of_family": sum(strange)},
    }


def _cold_or_hot(model: HealthModel, charges: Sequence[Charge]) -> list[Signature]:
    found = (signature_of(course_of(charge), model.plateau_ma) for charge in charges if not is_mild(charge))
    return [one for one in found if one is not None]


def _by_start(answers: Sequence[Answer]) -> dict[str, dict[str, float]]:
    """Figures of those starts that were met."""
    per_start = {start: _figures([one for one in answers if one.start == start]) for start in STARTS}
    return {start: figures for start, figures in per_start.items() if figures}


def _others(charges: Sequence[Charge], unit: str) -> list[Charge]:
    return [charge for charge in charges if charge.unit_key != unit]


def _fit_others(charges: Sequence[Charge], unit: str, rated_mah: float) -> HealthModel:
    try:
        return fit_health(_others(charges, unit), rated_mah)
    except DatasetError as error:
        raise DatasetError(f"without {unit}: {error}; to evaluate, have {LEAST_UNITS + 1} or more") from None


def _answers(model: HealthModel, charge: Charge, mean: float) -> list[Answer]:
    truth = float(charge.details.get("soh_pct") or 0) / 100
    course = course_of(charge)
    whole = signature_of(course, model.plateau_ma) if truth and is_mild(charge) else None
    if whole is None:
        return []
    from_empty = whole.charge_mah >= FROM_EMPTY * truth * model.rated_mah
    found = [("empty" if from_empty else "begun late", whole, 1.0)]
    if from_empty:
        cut = (signature_of(course.without_first(share), model.plateau_ma) for share in TEST_CUTS)
        found += [("half full", one, 2.0) for one in cut if one is not None]
    return [
        Answer(charge.unit_key, start, truth, _soh(model, one), times * one.charge_mah / model.rated_mah, mean)
        for start, one, times in found
    ]


def _soh(model: HealthModel, signature: Signature) -> float | None:
    found = model.family_of(signature)
    return float(np.exp(found[0].log_soh(signature))) if found else None


def _figures(answers: Sequence[Answer]) -> dict[str, float]:
    """Mean absolute errors in percent of the true capacity; of the estimate over the answered ones."""
    if not answers:
        return {}
    answered = [one for one in answers if one.estimate is not None]
    off = [abs((one.estimate or 0) / one.truth - 1) for one in answered]
    return {
        "charges": len(answers),
        "answered": len(answered),
        **({"error_pct": 100 * float(np.mean(off))} if off else {}),
        "coulomb_count_error_pct": 100 * float(np.mean([abs(one.coulomb_count / one.truth - 1) for one in answers])),
        "class_mean_error_pct": 100 * float(np.mean([abs(one.class_mean / one.truth - 1) for one in answers])),
    }


def _trend_figures(trends: Sequence[tuple[float, bool]]) -> dict[str, float]:
    if not trends:
        return {"answers": 0}
    off, covered = zip(*trends, strict=True)
    return {"answers": len(trends), "error_pct": 100 * float(np.mean(off)), "coverage": float(np.mean(covered))}


def _trend(model: HealthModel, charges: Sequence[Charge]) -> list[tuple[float, bool]]:
    """At each answered charge of known health: how far the trend is off, and whether its interval holds the truth."""
    truths = {charge.session: float(charge.details.get("soh_pct") or 0) / 100 for charge in charges}
    found = []
    for one in estimate(model, charges):
        truth = truths[one.session]
        if truth and one.trend is not None and one.low is not None and one.high is not None:
            found.append((abs(one.trend / truth - 1), one.low <= truth <= one.high))
    return found
