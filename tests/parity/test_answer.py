"""The answer rules in C against codegen/reference.py, written apart from each other from docs/artifact.md."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codegen.reference import answers_from_outputs
from train.artifact import Softmax
from train.features import AnswerRules, answers

pytestmark = pytest.mark.parity

INT32 = (-(2**31), 2**31 - 1)
OFFSETS = st.one_of(st.integers(-600, 600), st.integers(*INT32))
RULES = st.builds(
    AnswerRules,
    n_devices=st.one_of(st.integers(1, 20), st.just(255)),
    softmax_multiplier=st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 1024, 2**32 - 1])),
    softmax_shift=st.integers(0, 47),
    unknown_below_permille=st.integers(0, 1001),
    remaining_shift=st.integers(0, 24),
    remaining_offset_s=st.tuples(OFFSETS, OFFSETS, OFFSETS),
)
N_ROWS = 40


def drawn(rng: np.random.Generator, shape: tuple[int, int], spread: int) -> NDArray[np.int32]:
    """Integers of many magnitudes, ties and both ends of int32."""
    values: NDArray[np.int64] = rng.integers(-spread, spread + 1, shape)
    values = np.where(rng.random(shape) < 0.1, rng.choice([*INT32, 0, int(values.flat[0])], shape), values)
    return values.astype(np.int32)


def assert_equal(rules: AnswerRules, margin: NDArray[np.int32], quantile: NDArray[np.int32]) -> None:
    phase = (np.arange(len(quantile)) % 4).astype(np.uint8)
    softmax = Softmax(rules.softmax_multiplier, rules.softmax_shift) if rules.n_devices > 1 else None
    expected: Any = answers_from_outputs(
        margin.astype(np.int64),
        quantile.astype(np.int64),
        phase,
        softmax=softmax,
        unknown_below_permille=rules.unknown_below_permille,
        remaining_shift=rules.remaining_shift,
        remaining_offset_s=rules.remaining_offset_s,
    )
    got = answers(rules, margin, quantile, phase)
    for name in ("device", "confidence_permille", "remaining_s", "flags"):
        assert np.array_equal(getattr(got, name), getattr(expected, name)), name


@settings(deadline=None, max_examples=300)
@given(rules=RULES, seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([1, 30, 5_000, 10**6, 2**31 - 1]))
def test_any_outputs(rules: AnswerRules, seed: int, spread: int) -> None:
    rng = np.random.default_rng(seed)
    assert_equal(rules, drawn(rng, (N_ROWS, rules.n_devices), spread), drawn(rng, (N_ROWS, 3), spread))


@pytest.mark.parametrize("n_devices", [2, 3, 14, 64])
def test_weights_along_the_whole_scale(n_devices: int) -> None:
    """Differences that walk through every 64th of every factor of two, at the scale training chooses."""
    steps = np.arange(0, 17 * 1024, 13, dtype=np.int32)
    margin = np.zeros((len(steps), n_devices), np.int32)
    margin[:, 1:] = -steps[:, None]
    quantile = np.repeat(np.arange(len(steps), dtype=np.int32)[:, None] - 500, 3, axis=1)
    assert_equal(AnswerRules(n_devices, 1, 0, 500, 4, (-3, 0, 3)), margin, quantile)
    assert_equal(AnswerRules(n_devices, 1477 << 20, 30, 500, 0, (0, 0, 0)), margin, quantile)
