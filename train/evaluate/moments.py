"""Rows of charges in memory with all that comparisons of trainings score them by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.evaluate.metrics import HORIZONS_S, OVERALL, horizon_key
from train.features.rows import learning_samples
from train.models.rows import TrainingRows, training_rows
from train.sessions.labels import remaining_s
from train.sessions.types import Charge

LATE_S = 10  # a row up to this much after a time stands for it


@dataclass(frozen=True, slots=True)
class Moments:
    """Training rows, their state of charge and how long each stands."""

    rows: TrainingRows
    soc_pct: NDArray[np.float32]  # [n], NaN where it is not known
    lasts_s: NDArray[np.float64]  # [n] until the next row of the charge; its last row stands as long as the one before

    def where(self, chosen: NDArray[np.bool_]) -> Moments:
        """The marked rows."""
        return Moments(self.rows.where(chosen), self.soc_pct[chosen], self.lasts_s[chosen])

    def of_units(self, units: Sequence[str]) -> Moments:
        """The rows of some units."""
        return self.where(np.isin(self.rows.unit, [i for i, unit in enumerate(self.rows.units) if unit in set(units)]))

    def at(self, seconds: int) -> NDArray[np.bool_]:
        """Marks the first row of each charge at a time, or shortly after."""
        near = (self.rows.elapsed_s >= seconds) & (self.rows.elapsed_s <= seconds + LATE_S)
        marks = np.zeros(len(near), np.bool_)
        _, first = np.unique(self.rows.charge[near], return_index=True)
        marks[np.flatnonzero(near)[first]] = True
        return marks

    def mean(self, values: NDArray[np.floating]) -> dict[str, float]:
        """Means over charges of `values` [n], NaN where they do not count: by horizon, and overall by time."""
        known = ~np.isnan(values)
        found = {}
        for seconds in HORIZONS_S:
            marks = self.at(seconds) & known
            if marks.any():
                found[horizon_key(seconds)] = float(values[marks].mean())
        total = np.bincount(self.rows.charge[known], self.lasts_s[known])
        if total.any():
            sums = np.bincount(self.rows.charge[known], (self.lasts_s * np.nan_to_num(values))[known])
            found[OVERALL] = float((sums[total > 0] / total[total > 0]).mean())
        return found


def moments(charges: Sequence[Charge], devices: Sequence[str]) -> Moments:
    """Rows of charges whose devices are all among `devices`."""
    rows = training_rows(charges, devices)
    soc = [_soc(charge) for charge in charges]
    last = np.diff(rows.charge, append=-1) != 0
    lasts = np.diff(rows.elapsed_s, append=0).astype(np.float64)
    before = np.append(0, lasts[:-1])
    return Moments(rows, np.concatenate(soc), np.maximum(np.where(last, before, lasts), 0))


def _soc(charge: Charge) -> NDArray[np.float32]:
    samples = learning_samples(charge, remaining_s(charge))
    if charge.soc_pct is None:
        return np.full(len(samples), np.nan, np.float32)
    return charge.soc_pct[samples].astype(np.float32)
