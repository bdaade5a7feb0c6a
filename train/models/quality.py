"""Two trainings side by side on the same held-out rows: enough to say whether one is better, by how much, how surely.

What an artifact is worth is `evaluate`'s to say (docs/evaluation.md); here margins are compared before any rounding and
calibration, so that nothing but the training differs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import EstimateRules
from train.bootstrap import LEVELS, drawn_units
from train.features import AnswerRules
from train.models.answering import remaining_columns
from train.models.crossfit import load_forests
from train.models.history import histories
from train.models.rows import TrainingRows
from train.models.stored import StoredRows, stored_batches

BOOTSTRAPS = 1_000
SAMPLED_UNITS = 500


@dataclass(frozen=True, slots=True)
class Errors:
    """Sums over the rows of each unit, a charge's rows weighing 1 together."""

    weight: NDArray[np.float64]  # [n_units]
    wrong: NDArray[np.float64]  # of which the device was wrong
    known: NDArray[np.float64]  # of which the time to full is known
    minutes: NDArray[np.float64]  # by which the median was off, weighted

    @property
    def wrong_share(self) -> float:
        """Share of answers with the wrong device."""
        return float(self.wrong.sum() / self.weight.sum())

    @property
    def mae_minutes(self) -> float:
        """Mean absolute error of the median time to full."""
        return float(self.minutes.sum() / self.known.sum())


def gathered_rows(stored: StoredRows, units: Collection[str], devices: Sequence[str]) -> TrainingRows:
    """The rows of some units in memory, charges numbered through."""
    parts: list[TrainingRows] = []
    first = 0
    for rows in stored_batches(stored, stored.parts_of(units), units, devices):
        parts.append(replace(rows, charge=rows.charge + first))
        first += int(rows.charge.max()) + 1
    return TrainingRows.concatenate(parts)


def errors_of(scores: NDArray[np.floating], median_s: NDArray[np.floating], rows: TrainingRows) -> Errors:
    """Errors of device scores [n, n_devices] and median seconds [n]."""
    weight, known = rows.weight().astype(np.float64), rows.remaining_s >= 0
    wrong = np.argmax(scores, axis=1) != rows.device if scores.shape[1] else np.zeros(len(rows), np.bool_)
    minutes = np.where(known, np.abs(median_s - rows.remaining_s), 0) / 60

    def by_unit(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(rows.unit, values, len(rows.units)).astype(np.float64)

    return Errors(by_unit(weight), by_unit(weight * wrong), by_unit(weight * known), by_unit(weight * minutes))


def sampled_estimate(stored: StoredRows, units: Sequence[str], devices: Sequence[str]) -> EstimateRules:
    """What a remaining model is told of the devices, from the rows of at most SAMPLED_UNITS of their units."""
    step = -(-len(units) // SAMPLED_UNITS)
    return EstimateRules(histories(gathered_rows(stored, units[::step], devices), len(devices)))


def errors_of_forests(
    files: Mapping[str, bytes], rows: TrainingRows, n_devices: int, estimate: EstimateRules
) -> Errors:
    """Errors of the model files of an artifact whose remaining model is told what `estimate` says."""
    forests = load_forests(files, n_devices, rows.features.shape[1], "comparison")
    scores = forests.device.margins(rows.features) if forests.device else np.zeros((len(rows), 0), np.float32)
    columns = remaining_columns(AnswerRules(n_devices, estimate=estimate), rows.features, rows.device)
    return errors_of(scores, forests.remaining.margins(columns)[:, 1], rows)


def differences(one: Errors, other: Errors, seed: int = 1) -> dict[str, tuple[float, float]]:
    """95 % intervals of one's figures less the other's: bootstrap over units, the same draws for both."""
    drawn = drawn_units(len(one.weight), BOOTSTRAPS, seed)

    def interval(values: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[float, float]:
        means = (drawn @ values) / np.maximum(drawn @ weight, 1e-12)
        low, high = np.quantile(means, LEVELS)
        return float(low), float(high)

    return {
        "wrong_share": interval(one.wrong - other.wrong, one.weight),
        "mae_minutes": interval(one.minutes - other.minutes, one.known),
    }


def line_of(name: str, errors: Errors, than: Errors) -> str:
    """A line for a person: the figures, and how much more or less than another's."""
    interval = differences(errors, than)
    wrong = (f"{100 * value:+.2f}" for value in interval["wrong_share"])
    minutes = (f"{value:+.2f}" for value in interval["mae_minutes"])
    return (
        f"{name:22} device wrong {100 * errors.wrong_share:6.2f} % ({' … '.join(wrong)})   "
        f"{errors.mae_minutes:6.2f} minutes off ({' … '.join(minutes)})"
    )
