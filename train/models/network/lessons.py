"""Rows of charges as a network learns from them: bytes, labels, weights, and what a teacher says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from train.artifact_network import NetworkInput
from train.config import Config
from train.features import encode
from train.models.network.layers import RECURRENT, Shape
from train.models.network.samples import Ticks, windows
from train.models.network.teachers import Taught
from train.models.rows import TrainingRows

ROOM = 1.05  # the largest remaining time there is a number for, beside the largest seen


@dataclass(frozen=True, slots=True)
class Lessons:
    """Rows to learn from. Bytes are as the board will see them."""

    inputs: NDArray[np.int8]  # [n, n_inputs]
    window: NDArray[np.int8] | None  # [n, n_rows, n_row]
    ticks: NDArray[np.int8] | None  # [n_ticks, n_inputs] of a recurrent network's charges
    begins: NDArray[np.intp] | None  # [n_charges + 1] in ticks
    before: NDArray[np.intp] | None  # [n] ticks of its charge before each row
    charge: NDArray[np.intp]  # [n] ascending
    device: NDArray[np.int32]  # [n]
    device_weight: NDArray[np.float32]  # [n], 1 on average
    root: NDArray[np.float32]  # [n] of the remaining time as a share of the largest; 0 where unknown
    remaining_weight: NDArray[np.float32]  # [n], 0 where unknown
    taught_logits: NDArray[np.float32] | None  # [n, n_devices] of the teacher
    taught_roots: NDArray[np.float32] | None  # [n, 3]
    largest_s: float  # that a root can stand for


def lessons_of(
    shape: Shape, rows: TrainingRows, ticks: Ticks | None, inputs: Sequence[NetworkInput],
    row: Sequence[NetworkInput], config: Config,
) -> Lessons:  # fmt: skip
    """Lessons without a teacher.

    ticks  of a network that remembers; row  inputs of a row of its window
    """
    largest_s = ROOM * float(rows.remaining_s.max())
    device, remaining = row_weights(rows, config)
    recurrent = ticks if shape.topology in RECURRENT else None
    return Lessons(
        inputs=encode(rows.whole_features(), inputs),
        window=windows(rows, ticks, row, shape.n_rows) if ticks is not None and shape.n_row else None,
        ticks=None if recurrent is None else encode(recurrent.x, inputs),
        begins=None if recurrent is None else recurrent.begins,
        before=None if recurrent is None else recurrent.before,
        charge=rows.charge,
        device=rows.device,
        device_weight=device / device.mean(),
        root=root_of(rows.remaining_s, largest_s),
        remaining_weight=remaining / remaining.mean(),
        taught_logits=None,
        taught_roots=None,
        largest_s=largest_s,
    )


def with_teacher(lessons: Lessons, taught: Taught) -> Lessons:
    """What a teacher says of the rows, beside their labels."""
    return replace(lessons, taught_logits=taught.logits, taught_roots=root_of(taught.seconds, lessons.largest_s))


def row_weights(rows: TrainingRows, config: Config) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights [n] of rows for the device, and for the remaining time: 0 where that is unknown."""
    forest = config.forest
    known = rows.remaining_s >= 0
    remaining = np.where(known, rows.weight(forest.remaining.early_weight), np.float32(0))
    return rows.weight(forest.device.early_weight), remaining


def root_of(seconds: NDArray[np.number], largest_s: float) -> NDArray[np.float32]:
    """Roots of remaining times as shares of the largest."""
    share = np.clip(seconds.astype(np.float64) / largest_s, 0, 1)
    return np.asarray(np.sqrt(share), dtype=np.float32)
