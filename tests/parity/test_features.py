"""The C core against the oracle that was written from docs/design.md: features, state and phase, bit for bit."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.oracle.features import FULL, oracle_features
from tests.unit.features.charges import charge_of
from train.features import extract, extract_states, feature_names

pytestmark = pytest.mark.parity

INT32 = (-(2**31), 2**31 - 1)
STEPS = st.one_of(
    st.integers(900, 1100),
    st.integers(1_000, 60_000),
    st.sampled_from([1, 9_999, 10_000, 65_535, 65_536, 299_999, 300_000, 300_001, 2**31 - 1]),
    st.integers(300_001, 2**31 - 1),
)
VOLTAGES = st.one_of(
    st.integers(*INT32),
    st.sampled_from([*INT32, 0, 1_048_575, 1_048_576, -1_048_575, -1_048_576, 5_000, 5_999, 6_000, 6_001, 9_000]),
    st.integers(4_500, 9_500),
)
CURRENTS = st.one_of(
    st.integers(*INT32),
    st.sampled_from([*INT32, 0, 524_287, 524_288, -524_287, -524_288, 49, 50, 51, 99, 100, 101, 1_000, 950, 949]),
    st.integers(-200, 3_200),
)
SAMPLES = st.lists(st.tuples(STEPS, VOLTAGES, CURRENTS), min_size=1, max_size=40)


def assert_equal(t_ms: list[int], voltage_mv: list[int], current_ma: list[int]) -> list[int]:
    """Compare every sample and return the phases."""
    charge = charge_of(t_ms, voltage_mv, current_ma)
    x, states, phases = oracle_features(charge.t_ms, charge.voltage_mv, charge.current_ma)
    got = extract(charge)
    wrong = np.argwhere(got.x != np.array(x, np.int64))
    if len(wrong):
        row, column = (int(index) for index in wrong[0])
        pytest.fail(f"sample {row}, {feature_names()[column]}: C {got.x[row, column]}, oracle {x[row][column]}")
    assert extract_states(charge).tobytes() == b"".join(states)
    assert got.state_crc.tolist() == [zlib.crc32(state) for state in states]
    assert got.phase.tolist() == phases
    assert got.elapsed_s.tolist() == [row[0] for row in x]
    return phases


def times(first: int, steps: list[int] | NDArray[np.int64]) -> list[int]:
    """Sample times modulo 2^32; the first step is left out."""
    return [int(t) for t in (first + np.cumsum([0, *list(steps)[1:]], dtype=np.int64)) % 2**32]


@settings(deadline=None, max_examples=400)
@given(first=st.one_of(st.integers(0, 2**32 - 1), st.sampled_from([0, 2**32 - 1, 2**31])), samples=SAMPLES)
@example(first=2**32 - 1, samples=[(1, INT32[0], INT32[0]), (2**31 - 1, INT32[1], INT32[1]), (1, INT32[0], INT32[1])])
def test_any_samples(first: int, samples: list[tuple[int, int, int]]) -> None:
    steps, voltages, currents = (list(column) for column in zip(*samples, strict=True))
    assert_equal(times(first, steps), voltages, currents)


def realistic(rng: np.random.Generator, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Steps, voltage and current of a charge: pre-charge, plateaus, a voltage step, a taper, noise, an end."""
    steps = rng.choice([1_000, 10_000, 60_000]) + rng.integers(-400, 400, n)
    steps[rng.random(n) < 0.01] = rng.integers(250_000, 2_000_000)
    elapsed = np.cumsum(steps) / 1000
    peak, hold, decay = rng.integers(300, 5_000), rng.uniform(100, 5_000), rng.uniform(200, 4_000)
    current = peak * np.exp(-np.maximum(elapsed - hold, 0) / decay)
    current[rng.random(n) < 0.02] *= rng.choice([0.0, 0.5, 0.97, 1.2])
    current[elapsed < rng.uniform(0, 30)] = rng.integers(0, 110)
    voltage = np.where(elapsed < rng.uniform(5, 200), 5_000, rng.choice([5_000, 5_999, 9_000, 20_000]))
    noise = rng.integers(1, 60)
    return (
        steps,
        (voltage + rng.integers(-noise, noise, n)).astype(np.int64),
        (current + rng.integers(-noise, noise, n)).astype(np.int64),
    )


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_charges(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps, voltages, currents = realistic(rng, 400)
    assert_equal(times(int(rng.integers(0, 2**32)), steps), list(voltages), list(currents))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), peak=st.integers(100, 524_287))
def test_noise_around_the_end_of_charge(seed: int, peak: int) -> None:
    """The 60 s mean goes to and fro across the end current, held now for less and now for more than a minute."""
    rng = np.random.default_rng(seed)
    end = max(50, peak // 20)
    current = np.concatenate([np.full(20, peak), end + np.repeat(rng.integers(-25, 25, 30), rng.integers(1, 12))])
    steps = rng.choice([1_000, 5_000, 20_000, 59_999, 60_000], len(current))
    assert_equal(times(0, steps), [5_000] * len(current), list(current))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_long_charge(seed: int) -> None:
    """20 000 samples across the wrap of the millisecond clock, to full and beyond."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(900, 1_100, 20_000)
    elapsed = np.cumsum(steps) / 1000
    current = 2_500 * np.exp(-np.maximum(elapsed - 4_000, 0) / 2_400) + rng.normal(0, 8, len(steps))
    voltage = np.where(elapsed < 12, 5_050, 9_020) + rng.normal(0, 15, len(steps))
    phases = assert_equal(times(2**32 - 9_000_000, steps), list(voltage.astype(int)), list(current.astype(int)))
    assert set(phases) == {0, 1, 2, FULL}


def test_sums_stop_at_their_bounds() -> None:
    """At 1 048 V and 524 A the energy reaches 2^62 after 14 000 steps of 300 s, the elapsed time 2^32 after 14 317."""
    n = 14_600
    top = assert_equal(times(0, [300_001] * n), [INT32[1]] * n, [INT32[1]] * n)
    assert len(top) == n
    charge = charge_of(times(0, [300_001] * n), [INT32[1]] * n, [INT32[0]] * n)
    x, states, _ = oracle_features(charge.t_ms, charge.voltage_mv, charge.current_ma)
    assert int.from_bytes(states[-1][20:24], "little") == 2**32 - 1
    assert int.from_bytes(states[-1][36:44], "little", signed=True) == -(2**62)
    assert extract(charge).x[-1].tolist() == x[-1]
    assert extract_states(charge)[-1].tobytes() == states[-1]
