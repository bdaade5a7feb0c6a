"""How far capacity is off on units that were not learnt from: each left out in turn, everything learnt anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from train.errors import DatasetError
from train.health.marks import LEAST_SPAN_PCT, MarksModel, fit_marks, marks_of
from train.health.model import FROM_EMPTY, LEAST_UNITS, HealthModel, fit_health
from train.health.reading import Model, Reading, Refusal, is_mild, soh_of
from train.health.signature import course_of, signature_of
from train.health.trend import estimate
from train.sessions.types import Charge

TEST_CUTS = (0.4, 0.45, 0.5, 0.55, 0.6)  # "half full" is not known to the estimator, so it must not be exactly half
STARTS = ("empty", "half full", "begun late", "ac", "dc")


@dataclass(frozen=True, slots=True)
class Answer:
    """One estimate beside the truth and beside what one would say without a model."""

    unit: str
    start: str  # of STARTS; `begun late` are whole recordings of a battery that was not empty
    truth: float  # state of health, 0 … 1
    estimate: float | None
    counted: float  # what was put in, as a share of the rated capacity (half full: twice that; marks: for 100 %)
    class_mean: float


def leave_units_out(charges: Sequence[Charge], fit: Callable[[Sequence[Charge]], Model]) -> dict[str, Any]:
    """Errors in percent of the true capacity by start, and how often the trend's interval holds the truth.

    Raises DatasetError where fewer than LEAST_UNITS + 1 units can be learnt from.
    """
    units = sorted({charge.unit_key for charge in charges})
    answers: list[Answer] = []
    trends: list[tuple[float, bool]] = []
    strange: list[bool] = []  # of charges in the cold or heat: whether they are seen to be without a thermometer
    for unit in units:
        mine = [charge for charge in charges if charge.unit_key == unit]
        others = [charge for charge in charges if charge.unit_key != unit]
        try:
            model = fit(others)
        except DatasetError as error:
            raise DatasetError(f"without {unit}: {error}; to evaluate, have {LEAST_UNITS + 1} or more") from None
        mean = float(np.mean([soh_of(one) for one in others if isinstance(model.read(one), Reading) and soh_of(one)]))
        answers += [answer for charge in mine for answer in _answers(model, charge, mean)]
        trends += _trend(model, mine)
        strange += [found == "out_of_family" for found in _cold_or_hot(model, mine)]
    return {
        "units": len(units),
        "starts": _by_start(answers),
        "per_unit": {unit: _by_start([one for one in answers if one.unit == unit]) for unit in units},
        "trend": _trend_figures(trends),
        "temperature": {"cold_or_hot": len(strange), "of_these_out_of_family": sum(strange)},
    }


def fit_tail(rated_mah: float) -> Callable[[Sequence[Charge]], HealthModel]:
    """Learning by the tail, for leave_units_out."""
    return lambda charges: fit_health(charges, rated_mah)


def fit_by_marks(rated_wh: float) -> Callable[[Sequence[Charge]], MarksModel]:
    """Learning by marks, for leave_units_out."""
    return lambda charges: fit_marks(charges, rated_wh)


def _readings(model: Model, charge: Charge, truth: float) -> Iterator[tuple[str, Reading | Refusal, float]]:
    """Start, reading and counted share of the rated capacity of a charge, and of its cuts."""
    if isinstance(model, MarksModel):
        marks = marks_of(charge)
        if marks is not None and marks.side in model.lost and marks.span_pct >= LEAST_SPAN_PCT:
            yield marks.side, model.reading_of(marks), marks.whole_wh() / model.rated_wh
    if isinstance(model, HealthModel):
        course = course_of(charge)
        whole = signature_of(course, model.plateau_ma)
        if whole is None:
            return
        from_empty = whole.charge_mah >= FROM_EMPTY * truth * model.rated_mah
        yield (
            "empty" if from_empty else "begun late",
            model.reading_of(whole),
            whole.charge_mah / model.rated_mah,
        )
        for share in TEST_CUTS if from_empty else ():
            cut = signature_of(course.without_first(share), model.plateau_ma)
            if cut is not None:
                yield "half full", model.reading_of(cut), 2 * cut.charge_mah / model.rated_mah


def _answers(model: Model, charge: Charge, mean: float) -> list[Answer]:
    truth = soh_of(charge)
    if not truth or not is_mild(charge):
        return []
    return [
        Answer(charge.unit_key, start, truth, float(np.exp(one.log_soh)) if isinstance(one, Reading) else None, n, mean)
        for start, one, n in _readings(model, charge, truth)
    ]


def _cold_or_hot(model: Model, charges: Sequence[Charge]) -> list[Reading | Refusal]:
    """Readings of whole charges out of the mild range, as if nothing were known of it."""
    found = ([*_readings(model, charge, 1.0)] for charge in charges if not is_mild(charge))
    return [readings[0][1] for readings in found if readings]


def _by_start(answers: Sequence[Answer]) -> dict[str, dict[str, float]]:
    """Figures of those starts that were met."""
    per_start = {start: _figures([one for one in answers if one.start == start]) for start in STARTS}
    return {start: figures for start, figures in per_start.items() if figures}


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
        "counted_error_pct": 100 * float(np.mean([abs(one.counted / one.truth - 1) for one in answers])),
        "class_mean_error_pct": 100 * float(np.mean([abs(one.class_mean / one.truth - 1) for one in answers])),
    }


def _trend_figures(trends: Sequence[tuple[float, bool]]) -> dict[str, float]:
    if not trends:
        return {"answers": 0}
    off, covered = zip(*trends, strict=True)
    return {"answers": len(trends), "error_pct": 100 * float(np.mean(off)), "coverage": float(np.mean(covered))}


def _trend(model: Model, charges: Sequence[Charge]) -> list[tuple[float, bool]]:
    """At each answered charge of known health: how far the trend is off, and whether its interval holds the truth."""
    truths = {charge.session: soh_of(charge) for charge in charges}
    found = []
    for one in estimate(model, charges):
        truth = truths[one.session]
        if truth and one.trend is not None and one.low is not None and one.high is not None:
            found.append((abs(one.trend / truth - 1), one.low <= truth <= one.high))
    return found
