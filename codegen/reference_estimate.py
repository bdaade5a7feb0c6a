"""The remaining time a board must answer, in NumPy int64 (docs/artifact.md, Estimate)."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from train.artifact import EstimateRules

PHASE_FULL = 3
FEATURE_MAX = (1 << 24) - 1
_GAIN_ONE = 1 << 16
_SETTLED_MS = 10_000

Ints = NDArray[np.int64]


def divided(numerator: Ints, denominator: Ints | int) -> Ints:
    """To nearest, halves away from zero; the denominator is positive."""
    quotient = (np.abs(numerator) + np.asarray(denominator) // 2) // denominator
    return np.asarray(np.where(numerator < 0, -quotient, quotient), np.int64)


def output_seconds(
    quantile: Ints, device: NDArray[Any], elapsed_ms: NDArray[Any], shift: int, rules: EstimateRules
) -> Ints:
    """Outputs [n, 3] as seconds, of the answered devices [n] at elapsed times [n]."""
    half = 0 if shift == 0 else 1 << (shift - 1)
    scaled = quantile
    if rules.of_duration:
        scaled = quantile * np.array([item.duration_s for item in rules.histories], np.int64)[device][:, None]
    seconds = (scaled + half) >> shift  # >> of int64 is the floor
    if rules.baselines:
        seconds = seconds + _baseline_s(device, np.asarray(elapsed_ms, np.int64) // 1000, rules)[:, None]
    return seconds.clip(-FEATURE_MAX, FEATURE_MAX)


def _baseline_s(device: NDArray[Any], elapsed_s: Ints, rules: EstimateRules) -> Ints:
    step = np.array([item.step_s for item in rules.baselines], np.int64)[device]
    table = np.array([item.remaining_s for item in rules.baselines], np.int64)[device]
    last = table.shape[1] - 1
    k = np.minimum(elapsed_s // step, last)
    here = np.take_along_axis(table, k[:, None], axis=1)[:, 0]
    following = np.take_along_axis(table, np.minimum(k + 1, last)[:, None], axis=1)[:, 0]
    return here + divided((following - here) * np.where(k < last, elapsed_s - k * step, 0), step)


def asked(elapsed_ms: Ints, phase: NDArray[Any], smoothing_s: int) -> NDArray[np.intp]:
    """Samples of one charge at which the model is asked, ascending; elapsed_ms and phase [n]."""
    slot = np.where(elapsed_ms < 60_000, elapsed_ms // 1000, 54 + elapsed_ms // 10_000)
    due = np.ones(len(slot), np.bool_) if smoothing_s == 0 else np.append(True, np.diff(slot) != 0)[: len(slot)]
    return np.flatnonzero(due & (np.asarray(phase) != PHASE_FULL))


def remaining_answers(
    seconds: Ints, phase: NDArray[Any], elapsed_ms: Ints, offsets: NDArray[Any], rules: EstimateRules
) -> NDArray[np.int32]:
    """Answers [n, 3] from what the model would say at every sample [n, 3]; charges lie between offsets."""
    parts = [np.empty((0, 3), np.int64)]
    for start, end in itertools.pairwise(offsets):
        rows = slice(int(start), int(end))
        parts.append(_of_charge(seconds[rows], phase[rows], elapsed_ms[rows], rules))
    return np.concatenate(parts).astype(np.int32)


def _of_charge(seconds: Ints, phase: NDArray[Any], elapsed_ms: Ints, rules: EstimateRules) -> Ints:
    now = elapsed_ms * 2 // 125  # sixteenths of a second
    ends = 16 * seconds + now[:, None]
    moments = asked(elapsed_ms, phase, rules.smoothing_s)
    smoothed = np.zeros((len(moments), 3), np.int64)
    for k, row in enumerate(moments):
        before = smoothed[k - 1] if k else np.zeros(3, np.int64)
        tau = min(1000 * rules.smoothing_s, int(elapsed_ms[row]) // 4)
        step = int(elapsed_ms[row] - elapsed_ms[moments[k - 1]]) if k else 0
        at_once = k == 0 or tau == 0 or elapsed_ms[row] < _SETTLED_MS
        gain = _GAIN_ONE if at_once else (step << 16) // (tau + step)
        way = ends[row] - before
        smoothed[k] = before + np.sign(way) * ((np.abs(way) * gain + (1 << 15)) >> 16)
    latest = np.searchsorted(moments, np.arange(len(seconds)), side="right") - 1
    in_force = np.where(latest[:, None] >= 0, smoothed[np.maximum(latest, 0)] if len(moments) else 0, 0)
    answer = ((in_force - now[:, None] + 8) >> 4) + _offsets_s(elapsed_ms // 1000, rules)
    answer = np.sort(answer.clip(0, FEATURE_MAX), axis=1)
    answer[np.asarray(phase) == PHASE_FULL] = 0
    return answer


def _offsets_s(elapsed_s: Ints, rules: EstimateRules) -> Ints:
    starts = np.array([part.from_s for part in rules.intervals], np.int64)
    part = np.searchsorted(starts, elapsed_s, side="right") - 1
    table = np.array([(part.low_s, 0, part.high_s) for part in rules.intervals], np.int64)
    return table[part]
