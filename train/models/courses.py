"""The course of charges: what a model answers wherever the board asks it, beside the truth; intervals rest on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.features import asked_rows
from train.models.rows import TrainingRows
from train.sessions.labels import remaining_s
from train.sessions.types import Charge

PHASE_FULL = 3  # wp_phase of the core

Asked = tuple[NDArray[np.uint8], NDArray[np.int32]]
"""Phase [n] and answered seconds [n, 3]."""


@dataclass(frozen=True, slots=True)
class CourseRows:
    """Moments of whole charges at which the model was asked, with its smoothed quantiles before any correction."""

    elapsed_s: NDArray[np.int64]  # [n]
    quantile_s: NDArray[np.int64]  # [n, 3]
    remaining_s: NDArray[np.int64]  # [n]
    charge: NDArray[np.intp]  # [n]


def courses(
    charges: Sequence[Charge], rows: TrainingRows, answer: Callable[[Charge, NDArray[np.intp]], Asked]
) -> CourseRows:
    """The answers wherever the model is asked, up to full, to those charges of `rows` whose remaining time is known.

    charges  that `rows` number
    answer   gives phase and seconds at some samples of a charge, all of those at which the model is asked
    """
    parts = [(np.empty(0, np.int64), np.empty((0, 3), np.int64), np.empty(0, np.int64), np.empty(0, np.intp))]
    for number in np.unique(rows.charge[rows.remaining_s >= 0]):
        charge = charges[number]
        elapsed_ms = elapsed_ms_of(charge)
        asked = asked_rows(elapsed_ms)
        phase, seconds = answer(charge, asked)
        left = remaining_s(charge)[asked].astype(np.int64)
        kept = (left >= 0) & (phase != PHASE_FULL)
        parts.append(
            (
                elapsed_ms[asked][kept] // 1000,
                seconds[kept].astype(np.int64),
                left[kept],
                np.full(int(kept.sum()), number, np.intp),
            )
        )
    return CourseRows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def elapsed_ms_of(charge: Charge) -> NDArray[np.int64]:
    """Since a charge's first sample, [n]; modulo 2**32, as the core has it."""
    elapsed_ms: NDArray[np.int64] = (charge.t_ms - charge.t_ms[0]).astype(np.int64)
    return elapsed_ms


def joined_courses(parts: Sequence[CourseRows]) -> CourseRows:
    """All rows of the parts, in order."""
    return CourseRows(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in CourseRows.__dataclass_fields__)
    )
