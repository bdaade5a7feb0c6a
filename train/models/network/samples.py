"""What a network sees of charges: rows of inputs, and the ticks before each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from train.artifact_network import NetworkInput
from train.features import encode, extract, learning_samples
from train.models.rows import TrainingRows
from train.sessions.labels import remaining_s
from train.sessions.types import Charge

MISSING = -128


@dataclass(frozen=True, slots=True)
class Ticks:
    """The samples at which charges' memory is written, charge by charge: the first of every tick."""

    x: NDArray[np.int32]  # [n, n_features]
    begins: NDArray[np.intp]  # [n_charges + 1] a charge's own are begins[c] to begins[c + 1]
    before: NDArray[np.intp]  # [rows] how many of its charge's lie before each row


def tick_samples(t_ms: NDArray[np.uint32], tick_ms: int) -> NDArray[np.intp]:
    """Indices of the first sample of every tick that has one, ascending; the core's rule."""
    elapsed_ms = (t_ms - t_ms[0]).astype(np.int64)  # modulo 2**32 before it is widened
    return np.flatnonzero(np.diff(elapsed_ms // tick_ms, prepend=-1)).astype(np.intp)


def row_samples(charges: Sequence[Charge], rows: TrainingRows) -> NDArray[np.intp]:
    """Which sample of its charge each row is [n]; `rows` are all of their charges' and lie charge by charge."""
    numbers = np.unique(rows.charge)
    found = [learning_samples(charges[number], remaining_s(charges[number])) for number in numbers]
    return np.concatenate([*found, np.empty(0, np.intp)]).astype(np.intp)


def find_ticks(charges: Sequence[Charge], rows: TrainingRows, tick_ms: int) -> Ticks:
    """Ticks of the charges that rows number; `rows` lie charge by charge."""
    parts, begins = [], [0]
    before, samples = np.zeros(len(rows), np.intp), row_samples(charges, rows)
    for number, charge in enumerate(charges):
        at = tick_samples(charge.t_ms, tick_ms) if len(charge.t_ms) else np.empty(0, np.intp)
        own = rows.charge == number
        at = at[: np.searchsorted(at, samples[own].max(initial=-1) + 1)]  # none is needed after the last row
        parts.append(extract(charge, at).x)
        begins.append(begins[-1] + len(at))
        before[own] = np.searchsorted(at, samples[own])
    return Ticks(np.concatenate(parts), np.array(begins, np.intp), before)


def of_rows(ticks: Ticks, chosen: NDArray[np.bool_]) -> Ticks:
    """Ticks for some of the rows."""
    return replace(ticks, before=ticks.before[chosen])


def windows(rows: TrainingRows, ticks: Ticks, row: Sequence[NetworkInput], n_rows: int) -> NDArray[np.int8]:
    """The window at each row [n, n_rows, row inputs]: the latest ticks before it, oldest first, then the row itself.

    Rows from before the charge are MISSING throughout.
    """
    kept = encode(ticks.x, row)
    out = np.full((len(rows), n_rows, len(row)), MISSING, np.int8)
    out[:, -1] = encode(rows.whole_features(), row)
    for back in range(1, n_rows):
        there = ticks.before >= back
        out[there, n_rows - 1 - back] = kept[ticks.begins[rows.charge[there]] + ticks.before[there] - back]
    return out
