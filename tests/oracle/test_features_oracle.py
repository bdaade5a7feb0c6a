"""The oracle against figures worked out by hand, so that it cannot agree with the core by a shared slip."""

from __future__ import annotations

import struct

import pytest

from tests.oracle.features import (
    CONSTANT_CURRENT,
    FULL,
    PRECHARGE,
    STATE_FORMAT,
    WP_MISSING,
    filtered,
    log2_q10,
    oracle_features,
    rounded,
)


def test_rounding_goes_away_from_zero_at_halves() -> None:
    assert [rounded(a, 2) for a in (-3, -1, 0, 1, 3)] == [-2, -1, 0, 1, 2]
    assert rounded(1499, 1000) == 1
    assert rounded(-1501, 1000) == -2


def test_the_state_has_162_bytes() -> None:
    assert struct.calcsize(STATE_FORMAT) == 162


def test_a_filter_step_of_tau_goes_half_way() -> None:
    assert filtered(0, 1000, 5_000, 5_000) == 512_000
    assert filtered(512_000, 0, 60_000, 60_000) == 256_000
    # dt > 65 535 divides both by 16, rounding down: 4 096 / (312 + 4 096) · 65 536 = 60 897.2
    assert filtered(0, 64, 65_536, 5_000) == (65_536 * 60_897 + 32_768) // 65_536


def test_log2_is_exact_at_powers_and_near_between() -> None:
    assert [log2_q10(2**n) for n in (0, 1, 10, 19)] == [0, 1024, 10_240, 19_456]
    assert log2_q10(3) == 1024 + 599  # 1024 · log2(1.5) = 598.99


def test_an_hour_at_two_ampere_is_two_ampere_hours_at_any_spacing() -> None:
    for spacing in (1_000, 60_000, 300_000):
        n = 3_600_000 // spacing + 1
        x, _, phase = oracle_features(range(0, n * spacing, spacing), [5_000] * n, [2_000] * n)
        assert x[-1][22:24] == [2_000, 10_000]
        assert x[-1][24] == 2_000
        assert phase[0] == PRECHARGE
        assert phase[-1] == CONSTANT_CURRENT
        assert x[-1][34] == 0


def test_a_gap_counts_300_s_and_says_the_rest() -> None:
    x, _, _ = oracle_features([2**32 - 500, 599_500], [5_000, 5_000], [1_200, 1_200])
    assert x[-1][0] == 600
    assert x[-1][34] == 300
    assert x[-1][22] == 100


def test_a_charge_ends_after_a_minute_below_the_limit() -> None:
    current = [2_000] * 600 + [40] * 900
    x, _, phase = oracle_features(range(0, 1_500_000, 1_000), [5_000] * 1_500, current)
    began = next(k for k in range(600, 1_500) if x[k][5] <= 100)
    assert phase[began + 59] != FULL
    assert phase[began + 60] == FULL
    assert phase[-1] == FULL
    assert x[-1][31] == 2_000
    assert abs(x[-1][29] - 40) <= 30


def test_a_rest_before_the_charge_is_not_its_end() -> None:
    _, _, phase = oracle_features(range(0, 400_000, 1_000), [5_000] * 400, [20] * 300 + [1_000] * 100)
    assert FULL not in phase
    assert phase[-1] == CONSTANT_CURRENT


def test_first_sample_and_missing_features() -> None:
    x, _, _ = oracle_features([7], [5_000], [-10])
    missing = [k for k, value in enumerate(x[0]) if value == WP_MISSING]
    assert missing == [11, 12, 13, 15, 24, 26, 31, 32, 33, 36, 37, 38, 39]
    assert x[0][3] == -50


@pytest.mark.parametrize("second", [1_000, 999, 1_000 + 2**31])
def test_time_must_move_forward(second: int) -> None:
    with pytest.raises(ValueError, match="step"):
        oracle_features([1_000, second], [0, 0], [0, 0])


def test_the_currents_of_the_start_are_kept() -> None:
    t_ms = [0, 990, 2_010, 2_990, 4_020, 7_000, 14_400, 14_600, 60_000]
    x, _, _ = oracle_features(t_ms, [5_000] * 9, [100, 200, 300, 400, 500, 600, 700, 800, 900])
    assert x[1][35:] == [100, WP_MISSING, WP_MISSING, WP_MISSING, WP_MISSING]
    assert x[4][35:] == [100, 300, 500, WP_MISSING, WP_MISSING]
    assert x[-1][35:] == [100, 300, 500, 600, 800]
    slow, _, _ = oracle_features([0, 60_000], [5_000] * 2, [100, 200])
    assert slow[-1][35:] == [100, 200, 200, 200, 200]
