"""The answer rules in C against codegen's reference, written apart from each other from docs/artifact.md."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codegen.reference import answers_from_outputs
from codegen.reference_history import history_features as reference_history
from codegen.reference_history import unfamiliar, unfamiliarity
from train.answer_rules import FEATURE_MAX, N_BASELINE, Baseline, EstimateRules, History, Interval, Prototypes
from train.artifact import Softmax
from train.features import (
    WP_MISSING,
    AnswerRules,
    asked_rows,
    device_answers,
    feature_names,
    history_features,
    remaining_answers,
)

pytestmark = pytest.mark.parity

INT32 = (-(2**31), 2**31 - 1)
N_ROWS = 60


def drawn(rng: np.random.Generator, shape: tuple[int, int], spread: int) -> NDArray[np.int32]:
    """Integers of many magnitudes, ties and both ends of int32."""
    values: NDArray[np.int64] = rng.integers(-spread, spread + 1, shape)
    values = np.where(rng.random(shape) < 0.1, rng.choice([*INT32, 0, int(values.flat[0])], shape), values)
    return values.astype(np.int32)


def drawn_features(rng: np.random.Generator, n: int) -> NDArray[np.int32]:
    """Features of many magnitudes, some of them missing or at their limits."""
    shape = (n, len(feature_names()))
    values = rng.integers(-1, 2, shape) * 2 ** rng.integers(0, 25, shape) + rng.integers(-50, 50, shape)
    values = values.clip(-FEATURE_MAX, FEATURE_MAX)
    return np.where(rng.random(shape) < 0.1, WP_MISSING, values).astype(np.int32)


def drawn_estimate(rng: np.random.Generator, n_devices: int) -> EstimateRules:
    def size() -> int:
        return min(FEATURE_MAX, int(1 + rng.integers(0, 2) * 2 ** rng.integers(0, 25) + rng.integers(0, 50)))

    def baseline() -> Baseline:
        return Baseline(
            int(rng.choice([1, 7, 600, FEATURE_MAX // N_BASELINE])),
            tuple(int(value) for value in rng.choice([0, 1, 65535, int(rng.integers(9000))], N_BASELINE)),
        )

    wide = int(rng.choice([600, 2**31 - 1]))
    starts = [0, *sorted({int(value) for value in rng.integers(1, 4000, rng.integers(0, 6))})]
    return EstimateRules(
        histories=tuple(History(size(), size(), size()) for _ in range(n_devices)),
        baselines=tuple(baseline() for _ in range(n_devices)) if rng.random() < 0.5 else (),
        of_duration=bool(rng.random() < 0.5),
        smoothing_s=int(rng.choice([0, 1, 180, 65535])),
        intervals=tuple(Interval(start, *map(int, rng.integers(-wide, wide + 1, 2))) for start in starts),
    )


def drawn_prototypes(rng: np.random.Generator, n_devices: int) -> Prototypes:
    n = int(rng.integers(1, 25))
    names = feature_names()
    return Prototypes(
        features=tuple(names[int(k)] for k in rng.integers(0, len(names), n)),
        shifts=tuple(map(int, rng.choice([0, 0, 1, 24], n))),
        centres=tuple(
            tuple(tuple(map(int, rng.integers(-(2**15), 2**15, n))) for _ in range(rng.integers(0, 4)))
            for _ in range(n_devices)
        ),
        weights=tuple(tuple(map(int, rng.choice([0, 1, 65, 9000, 65535], n))) for _ in range(n_devices)),
        unfamiliar_above=int(rng.choice([0, 3000, 2**32 - 1])),
    )


def assert_equal(
    rules: AnswerRules, x: NDArray[np.int32], elapsed_ms: NDArray[np.int64], spread: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    n, names = len(x), feature_names()
    margin, quantile = drawn(rng, (n, rules.n_devices), spread), drawn(rng, (n, 3), spread)
    phase = np.sort(rng.choice([0, 1, 2, 3], n, p=[0.3, 0.3, 0.3, 0.1])).astype(np.uint8)
    device = margin.argmax(axis=1)
    if rules.n_devices == 1:
        device = np.zeros(n, np.int64)
    several = rules.n_devices > 1
    expected: Any = answers_from_outputs(
        margin.astype(np.int64),
        quantile.astype(np.int64),
        phase,
        softmax=Softmax(rules.softmax_multiplier, rules.softmax_shift) if several else None,
        unknown_below_permille=rules.unknown_below_permille,
        remaining_shift=rules.remaining_shift,
        elapsed_ms=elapsed_ms,
        offsets=np.array([0, n]),
        estimate=rules.rules,
        unfamiliar=unfamiliar(x, names, device, elapsed_ms, rules.prototypes if several else None),
    )
    got = device_answers(rules, x, margin, elapsed_ms, phase)
    for name in ("device", "confidence_permille", "flags"):
        assert np.array_equal(getattr(got, name), getattr(expected, name)), name
    if rules.prototypes is not None:
        assert np.array_equal(got.unfamiliarity, unfamiliarity(x, names, device, rules.prototypes))
    assert np.array_equal(remaining_answers(rules, elapsed_ms, phase, device, quantile), expected.remaining_s)
    assert np.array_equal(history_features(rules, x, device), reference_history(x, names, device, rules.rules))


@settings(deadline=None, max_examples=300)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_devices=st.sampled_from([1, 2, 3, 20, 255]),
    spread=st.sampled_from([1, 30, 5_000, 10**6, 2**31 - 1]),
    step_ms=st.sampled_from([1, 250, 1_000, 10_000, 900_000, 2**26]),
)
def test_any_outputs(seed: int, n_devices: int, spread: int, step_ms: int) -> None:
    rng = np.random.default_rng(seed)
    rules = AnswerRules(
        n_devices=n_devices,
        softmax_multiplier=int(rng.choice([0, 1, 1024, int(rng.integers(2**32)), 2**32 - 1])),
        softmax_shift=int(rng.integers(0, 48)),
        unknown_below_permille=int(rng.integers(0, 1002)),
        remaining_shift=int(rng.integers(0, 25)),
        prototypes=drawn_prototypes(rng, n_devices) if rng.random() < 0.7 else None,
        estimate=drawn_estimate(rng, n_devices),
    )
    elapsed_ms = np.cumsum(rng.integers(1, step_ms + 1, N_ROWS)) - 1
    assert_equal(rules, drawn_features(rng, N_ROWS), elapsed_ms.clip(max=2**32 - 1), spread, seed)


@pytest.mark.parametrize("n_devices", [2, 3, 14, 64])
def test_weights_along_the_whole_scale(n_devices: int) -> None:
    """Differences that walk through every 64th of every factor of two, at the scale training chooses."""
    steps = np.arange(0, 17 * 1024, 13, dtype=np.int32)
    margin = np.zeros((len(steps), n_devices), np.int32)
    margin[:, 1:] = -steps[:, None]
    x, nothing = np.zeros((len(steps), len(feature_names())), np.int32), np.zeros(len(steps), np.uint8)
    for multiplier, shift in ((1, 0), (1477 << 20, 30)):
        got = device_answers(
            AnswerRules(n_devices, multiplier, shift, 500), x, margin, np.zeros(len(steps), np.int64), nothing
        )
        expected = answers_from_outputs(
            margin.astype(np.int64),
            np.zeros((len(steps), 3)),
            nothing,
            softmax=Softmax(multiplier, shift),
            unknown_below_permille=500,
            remaining_shift=0,
            elapsed_ms=np.zeros(len(steps), np.int64),
            offsets=np.arange(len(steps) + 1),
            estimate=EstimateRules((History(1, 1, 1),) * n_devices),
        )
        assert np.array_equal(got.confidence_permille, expected.confidence_permille)
        assert np.array_equal(got.flags, expected.flags)


def test_what_is_answered_between_is_the_same_when_only_asked_rows_are_given() -> None:
    """Evaluation gives the core the rows at which it asks; a board gives it every sample."""
    rng = np.random.default_rng(4)
    elapsed_ms = np.cumsum(rng.integers(700, 1300, 3000))
    rules = AnswerRules(1, estimate=EstimateRules((History(1, 1, 1),), smoothing_s=180))
    phase, device = np.ones(3000, np.uint8), np.zeros(3000, np.uint8)
    quantile = rng.integers(0, 9000, (3000, 3)).astype(np.int32)
    asked = asked_rows(elapsed_ms)
    assert len(asked) < 500
    every = remaining_answers(rules, elapsed_ms, phase, device, quantile)
    some = remaining_answers(rules, elapsed_ms[asked], phase[asked], device[asked], quantile[asked])
    assert np.array_equal(every[asked], some)
