"""Who a network learns from beside the labels: forests that have not seen a row's unit, or a recurrent teacher."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.features import AnswerRules
from train.models.answering import remaining_columns
from train.models.crossfit import Trained
from train.models.rows import TrainingRows
from train.models.split import folds

N_TEACHERS = 3  # each answers the units that the others learn from
LEAST_PROBABILITY = 1e-4  # of a recurrent teacher's labels, before their logarithm


@dataclass(frozen=True, slots=True)
class Taught:
    """What teachers say of rows."""

    logits: NDArray[np.float32]  # [n, n_devices], a column that means nothing with one device
    seconds: NDArray[np.float32]  # [n, 3] at 10, 50 and 90 %


@dataclass(frozen=True, slots=True)
class Teachers:
    """Forests by the units that they have not seen."""

    by_unit: Mapping[str, Trained]
    n_devices: int

    def answers(self, rows: TrainingRows) -> Taught:
        """Answers to rows of these units."""
        found = Taught(np.zeros((len(rows), self.n_devices), np.float32), np.zeros((len(rows), 3), np.float32))
        asked = {id(models): models for models in self.by_unit.values()}
        of_unit = np.array([id(self.by_unit[unit]) if unit in self.by_unit else 0 for unit in rows.units])
        for number, models in asked.items():
            own = of_unit[rows.unit] == number
            if not np.any(own):
                continue
            forests, rules = models.forests, AnswerRules(self.n_devices, estimate=models.estimate)
            if forests.device is not None:
                found.logits[own] = forests.device.margins(rows.features[own])
            columns = remaining_columns(rules, rows.features[own], rows.device[own])
            found.seconds[own] = forests.remaining.margins(columns)
        return found


def cross_fitted(
    units: Sequence[str],
    n_devices: int,
    seed: int,
    train: Callable[[Collection[str]], Trained],
    get_full: Callable[[Collection[str]], bool],
) -> Teachers:
    """Forests each trained without a third of the units, and for those; of a unit that none is without, one of all.

    train     makes forests of the rows of some units
    get_full  whether a charge of some units gets full: minutes can be learnt of them
    """
    groups = folds(units, N_TEACHERS, seed)
    left = frozenset(units).difference(*groups)
    by_unit: dict[str, Trained] = {}
    for group in [*groups, *([left] if left else [])]:
        rest = frozenset(units) - (group if group is not left else frozenset())
        models = train(rest if get_full(rest) else frozenset(units))
        by_unit |= dict.fromkeys(sorted(group), models)
    return Teachers(by_unit, n_devices)


def of_labels(labels: NDArray[np.float32]) -> Taught:
    """A recurrent teacher's labels [n, devices + 3] of rows (docs/scale.md): logarithms of probabilities, seconds."""
    return Taught(np.log(np.maximum(labels[:, :-3], LEAST_PROBABILITY)), labels[:, -3:])
