"""Factors that bring estimates of time to their levels, and what is added to them: by stage, from answered charges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from train.artifact_household import STAGES
from train.household.answered import Answered
from train.household.history import DRAWING_MA
from train.household.pooled import Factors

ROWS_A_CHARGE = 60
LEAST_CHARGES = 40  # for a stage to have factors of its own
FACTOR_MAX = 65_535
QUANTILES = (0.1, 0.5, 0.9)
PLUS_S = tuple(range(-90, 91, 10))  # that are tried
TARGET_PCT = 80
LEAST_LEFT_S = 300.0  # of a time to the target: below, whole per cents of the state of charge say little

Floats = NDArray[np.float64]


class Rows(NamedTuple):
    """Samples of many charges, m."""

    stage: NDArray[np.intp]
    true_s: Floats
    said_s: Floats  # [m, 3]
    weight: Floats  # 1 over the samples of its charge that count
    charge: NDArray[np.intp]


def sampled(n: int) -> NDArray[np.intp]:
    """At most ROWS_A_CHARGE rows, evenly."""
    return np.unique(np.linspace(0, n - 1, min(n, ROWS_A_CHARGE)).astype(np.intp))


def fitted(answered: Sequence[Answered], otherwise: Factors) -> Factors:
    """Factors of charges that were answered without any; `otherwise` where too few came to a stage."""
    done_q10, done_plus_s = _of_stages(_done_rows(answered), otherwise.done_q10, otherwise.done_plus_s)
    target = _of_stages(_target_rows(answered), otherwise.target_q10, otherwise.target_plus_s, of_true=True)
    return Factors(done_q10, target[0], done_plus_s, target[1])


def _done_rows(answered: Sequence[Answered]) -> Rows:
    """Before the first current a sample counts as one after it, but not among them."""
    found = []
    for k, one in enumerate(answered):
        left, at = one.remaining_s, sampled(len(one.past.x))
        at = at[left[at] > 0]
        begun = int(np.argmax(one.past.column("current_ma") >= DRAWING_MA))
        found.append(_rows(one, at, left, one.answers.done_s, k, int((at >= begun).sum())))
    return _joined(found)


def _target_rows(answered: Sequence[Answered]) -> Rows:
    """Where a state of charge is told, from a minute of current until shortly before the target."""
    found = []
    for k, one in enumerate(answered):
        left, at = one.until_soc_s(TARGET_PCT), sampled(len(one.past.x))
        at = at[(left[at] >= LEAST_LEFT_S) & one.past.settled[at] & (one.answers.target_s[at, 1] >= 0)]
        found.append(_rows(one, at, left, one.answers.target_s, k, len(at)))
    return _joined(found)


def _rows(one: Answered, at: NDArray[np.intp], left: Floats, said: NDArray[np.int32], charge: int, n: int) -> Rows:
    return Rows(
        one.answers.column("stage")[at].astype(np.intp),
        left[at],
        np.maximum(said[at].astype(np.float64), 1.0),
        np.full(len(at), 1 / max(n, 1)),
        np.full(len(at), charge),
    )


def _joined(found: Sequence[Rows]) -> Rows:
    empty = Rows(np.empty(0, np.intp), np.empty(0), np.empty((0, 3)), np.empty(0), np.empty(0, np.intp))
    return Rows(*(np.concatenate(columns) for columns in zip(empty, *found, strict=True)))


def _of_stages(
    rows: Rows, factors: tuple[int, ...], plus_s: tuple[int, ...], *, of_true: bool = False
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of each stage and level; `of_true`: errors count as parts of the true time."""
    found, added = list(factors), list(plus_s)
    for stage in range(len(STAGES)):
        at = rows.stage == stage
        if len(np.unique(rows.charge[at])) < LEAST_CHARGES:
            continue
        own = Rows(*(column[at] for column in rows))
        for q in range(len(QUANTILES)):
            factor, plus = _level(own, q, of_true=of_true)
            found[3 * stage + q], added[3 * stage + q] = int(np.clip(round(1024 * factor), 1, FACTOR_MAX)), plus
    return tuple(found), tuple(added)


def _level(rows: Rows, q: int, *, of_true: bool) -> tuple[float, int]:
    """(factor, seconds added) of one level: for each of PLUS_S the factor that holds the level, of them the pair with
    the least pinball loss (Koenker, Bassett 1978). The middle one holds no level: it brings the mean error down.
    """
    share = QUANTILES[q]
    cost = rows.weight / rows.true_s if of_true else rows.weight
    by = cost * rows.said_s[:, 1] if share == 0.5 else rows.weight
    best, chosen = np.inf, (1.0, 0)
    for plus in PLUS_S:
        factor = max(_weighted_quantile((rows.true_s - plus) / rows.said_s[:, q], by, share), 0.0)
        apart = rows.true_s - factor * rows.said_s[:, q] - plus
        loss = float((cost * np.maximum(share * apart, (share - 1) * apart)).sum())
        if loss < best:
            best, chosen = loss, (factor, plus)
    return chosen


def _weighted_quantile(values: Floats, weight: Floats, share: float) -> float:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order]) / weight.sum()
    return float(values[order][min(int(np.searchsorted(reached, share)), len(values) - 1)])
