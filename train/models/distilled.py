"""A teacher's answers as training rows of a forest, and what a student gains by them.

Soft labels: XGBoost takes no probabilities as labels, but cross entropy is linear in them, so a row stands once for
each device the teacher thinks possible, with that probability as a share of its weight (Hinton et al. 2015,
"Distilling the Knowledge in a Neural Network", at temperature 1). Quantiles: three rows at the teacher's 10, 50 and
90 % stand for what it thinks possible; they label censored charges too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from train.errors import TrainError
from train.models.rows import TrainingRows
from train.models.stored import StoredRows, stored_batches_with
from train.teacher.settings import labels_file

SHARE = 0.5  # of a row's weight that the teacher labels; the truth labels the rest
LEAST = 0.01  # probabilities below this are left out
QUANTILE_SHARES = (0.3, 0.4, 0.3)  # of the teacher's 10, 50 and 90 %

Rows = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def read_labels(teacher: Path, part: str) -> NDArray[np.float32]:
    """The labels of a part's rows, [n, devices + 3]: probabilities, and seconds at 10, 50 and 90 %."""
    from pyarrow import parquet

    try:
        table = parquet.read_table(labels_file(teacher, part))
    except OSError as error:
        raise TrainError(f"{labels_file(teacher, part)}: cannot be read: {error}; train the teacher again") from None
    return np.stack([table.column(k).to_numpy() for k in range(table.num_columns)], axis=1).astype(np.float32)


def labelled_batches(
    stored: StoredRows, parts: Sequence[int], units: Collection[str], devices: Sequence[str], teacher: Path
) -> Iterator[tuple[TrainingRows, NDArray[np.float32]]]:
    """Batches of stored rows with the teacher's labels of them."""
    return stored_batches_with(stored, parts, units, devices, lambda part: read_labels(teacher, part))


def device_rows(rows: TrainingRows, labels: NDArray[np.float32], weight: NDArray[np.float32]) -> Rows:
    """Features, devices and weights of rows labelled by truth and teacher; labels [n, devices]."""
    target = SHARE * labels / labels.sum(axis=1, keepdims=True)
    target[np.arange(len(rows)), rows.device] += 1 - SHARE
    target[target < LEAST] = 0
    target /= target.sum(axis=1, keepdims=True)
    row, device = np.nonzero(target)
    return rows.features[row], device.astype(np.float32), weight[row] * target[row, device]


def remaining_rows(rows: TrainingRows, labels: NDArray[np.float32], weight: NDArray[np.float32]) -> Rows:
    """Features, seconds and weights of rows labelled by truth, where it is known, and teacher; labels [n, 3] s."""
    known = np.flatnonzero(rows.remaining_s >= 0)
    share = np.where(rows.remaining_s >= 0, SHARE, 1.0)
    every = np.arange(len(rows))
    row = np.concatenate([known, *([every] * 3)])
    seconds = np.concatenate([rows.remaining_s[known], *np.maximum(0, np.rint(labels)).T])
    weights = np.concatenate([(1 - SHARE) * weight[known], *(share * weight * part for part in QUANTILE_SHARES)])
    return rows.features[row], seconds.astype(np.float32), weights.astype(np.float32)
