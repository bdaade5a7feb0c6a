"""The label rule against a slow, exact computation and against charges worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sessions.making import charge
from train.sessions.labels import full_t_ms, mean_current_ma, remaining_s
from train.sessions.types import Charge


def slow_mean(one: Charge, k: int) -> Fraction | None:
    """Exact mean current of the 60 s before sample k, segment by segment, from the words of docs/dataset.md."""
    t, i = [int(x) for x in one.t_ms], [int(x) for x in one.current_ma]
    low = t[k] - 60_000
    if low < t[0]:
        return None
    area = Fraction(0)
    for a in range(k):
        left, right = max(t[a], low), t[a + 1]
        if left >= right:
            continue
        at_left = i[a] + Fraction((i[a + 1] - i[a]) * (left - t[a]), t[a + 1] - t[a])
        area += (at_left + i[a + 1]) * (right - left) / 2
    return area / 60_000


def slow_full(one: Charge) -> int | None:
    """The rule read literally: try every sample as the start of the last stretch."""
    means = [slow_mean(one, k) for k in range(len(one.t_ms))]
    known = [mean for mean in means if mean is not None]
    if not known:
        return None
    limit = max(max(known) / 20, Fraction(50))
    for k, mean in enumerate(means):
        begun = any(m is not None and m > limit for m in means[:k])
        if mean is None or mean > limit or not begun:
            continue
        for later in range(k, len(means)):
            then = means[later]
            assert then is not None
            if then > limit:
                break
            if int(one.t_ms[later]) - int(one.t_ms[k]) >= 60_000:
                return int(one.t_ms[k])
    return None


steps = st.lists(st.tuples(st.integers(200, 45_000), st.sampled_from([0, 0, 40, 90, 100, 2000, 2000])), min_size=12)


@settings(max_examples=150, deadline=None)
@given(steps, st.integers(0, 4_000_000_000))
def test_against_the_slow_rule(pieces: list[tuple[int, int]], start: int) -> None:
    t = start + np.cumsum([gap for gap, _ in pieces])
    one = charge(current_ma=[current for _, current in pieces], t_ms=[int(x) for x in t])
    fast = mean_current_ma(one)
    slow = [slow_mean(one, k) for k in range(len(pieces))]
    for mean, exact in zip(fast, slow, strict=True):
        # 64-bit sums up to 1e10 mA·ms: rounding stays below 1e-6 mA.
        assert np.isnan(mean) if exact is None else abs(mean - float(exact)) < 1e-6
    limit = max(max((m for m in slow if m is not None), default=Fraction(0)) / 20, Fraction(50))
    if all(exact is None or abs(exact - limit) > Fraction(1, 100_000) for exact in slow):
        assert full_t_ms(one) == slow_full(one)


def test_by_hand() -> None:
    # 2 A for 200 s, then nothing. The 60 s mean is 5 % of its peak when 3 s of 2 A (and the half of the one-second
    # edge) are left in the window: 2000 · x / 60 ≤ 100 with x = 3, so at 199 + 0.5 + 57 s, rounded up to a sample.
    one = charge(current_ma=[2000] * 200 + [0] * 200)
    assert full_t_ms(one) == 257_000
    left = remaining_s(one)
    assert left[0] == 257
    assert left[257] == 0
    assert left[258] == -1
    assert left.dtype == np.int32


@pytest.mark.parametrize(("rest_s", "full"), [(117, None), (118, None), (119, 257_000)])
def test_needs_sixty_seconds_below(rest_s: int, full: int | None) -> None:
    # Full at 257 s has to be seen until 317 s: sample 317 is the 118th of the rest.
    assert full_t_ms(charge(current_ma=[2000] * 200 + [0] * (rest_s - 1))) == full


@pytest.mark.parametrize(("peak_ma", "limit_ma"), [(4000, 200), (2000, 100), (1000, 50), (999, 50), (400, 50)])
def test_the_limit_to_the_milliampere(peak_ma: int, limit_ma: int) -> None:
    """5 % of the peak, 50 mA at least; a current that stays at the limit ends the charge, one above it does not."""
    assert full_t_ms(charge(current_ma=[peak_ma] * 200 + [limit_ma] * 300)) is not None
    assert full_t_ms(charge(current_ma=[peak_ma] * 200 + [limit_ma + 1] * 300)) is None


def test_rest_before_the_charge_is_not_its_end() -> None:
    with_rest = charge(current_ma=[0] * 300 + [2000] * 200 + [0] * 200)
    assert full_t_ms(with_rest) == 557_000


def test_a_pause_shorter_than_a_minute_is_not_the_end() -> None:
    assert full_t_ms(charge(current_ma=[2000] * 200 + [0] * 110 + [2000] * 100)) is None


@pytest.mark.parametrize("ended", ["full", "limit", "unplugged", "unknown"])
def test_never_guessed(ended: str) -> None:
    one = charge(current_ma=[2000] * 300, ended=ended)  # type: ignore[arg-type]
    assert full_t_ms(one) is None
    assert set(remaining_s(one)) == {-1}


def test_the_source_wins_and_rounding_is_to_nearest() -> None:
    one = charge(t_ms=list(range(7, 20_007, 1000)), full_t_ms=3_506)
    assert full_t_ms(one) == 3_506
    assert remaining_s(one)[:5].tolist() == [3, 2, 1, 0, -1]
    assert remaining_s(charge(full_t_ms=3_500))[:5].tolist() == [4, 3, 2, 1, -1]


def test_a_charge_shorter_than_the_window_has_no_end() -> None:
    assert full_t_ms(charge(n=12)) is None
