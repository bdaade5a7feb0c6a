"""Calibration against numbers worked out by hand, and on data whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from train.models import calibrate


def test_a_charge_weighs_one() -> None:
    weight = calibrate.charge_weights(np.array([7, 7, 7, 7, 2, 9, 9]))
    assert weight.tolist() == [0.25, 0.25, 0.25, 0.25, 1.0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("level", "expected"),
    [(0.0, 1.0), (0.1, 1.0), (0.25, 1.0), (0.26, 2.0), (0.75, 2.0), (0.76, 3.0), (1.0, 3.0), (1.2, 3.0)],
)
def test_weighted_quantile(level: float, expected: float) -> None:
    assert calibrate.weighted_quantile(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]), level) == expected


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_temperature_is_found(true: float) -> None:
    """Labels drawn from softmax(margin / true) are best explained by that temperature."""
    random = np.random.default_rng(3)
    margin = random.normal(0, 3, (20_000, 4))
    p = np.exp(margin / true)
    p /= p.sum(axis=1, keepdims=True)
    device = (random.random((len(p), 1)) > p.cumsum(axis=1)).sum(axis=1).astype(np.int32).clip(max=3)
    found = calibrate.fit_temperature(margin, device, np.ones(len(p)))
    assert abs(found / true - 1) < 0.05


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("scale_log2", [0, 13, 20])
def test_softmax_integers_hold_the_factor(temperature: float, scale_log2: int) -> None:
    softmax = calibrate.softmax_integers(temperature, scale_log2)
    assert 0 <= softmax.shift <= 47
    assert 0 < softmax.multiplier < 2**31
    one_nat = softmax.multiplier * 2.0**scale_log2 * temperature / 2.0**softmax.shift
    assert one_nat == pytest.approx(1024 * math.log2(math.e), rel=1e-8)


def test_at_most_a_twentieth_is_called_unknown() -> None:
    confidence = np.arange(1000)
    threshold = calibrate.unknown_threshold_permille(confidence, np.ones(1000))
    assert np.mean(confidence < threshold) <= 0.05 < np.mean(confidence < threshold + 2)
    assert calibrate.unknown_threshold_permille(np.full(10, 1000), np.ones(10)) == 900


def test_interval_offsets_by_hand() -> None:
    """Twelve charges, errors 1 to 12 s above and 10 to 120 s below: 0.9 * 13 / 12 asks for the twelfth."""
    truth = np.full(12, 1000)
    above, below = np.arange(1, 13), 10 * np.arange(1, 13)
    quantile = np.stack([truth + below, truth, truth - above], axis=1)
    assert calibrate.interval_offsets_s(quantile, truth, np.arange(12)) == (-120, 0, 12)


def test_interval_offsets_cover_new_charges() -> None:
    random = np.random.default_rng(5)
    error = random.normal(0, 100, 4000)
    quantile = np.zeros((2000, 3), dtype=np.int64)
    low, middle, high = calibrate.interval_offsets_s(quantile, error[:2000].astype(np.int64), np.arange(2000))
    assert middle == 0
    assert np.mean((low <= error[2000:]) & (error[2000:] <= high)) == pytest.approx(0.821, abs=0.02)


def test_too_wide_an_interval_is_narrowed() -> None:
    truth = np.zeros(100, dtype=np.int64)
    quantile = np.tile([-500, 0, 500], (100, 1))
    assert calibrate.interval_offsets_s(quantile, truth, np.arange(100)) == (500, 0, -500)


def test_nothing_to_calibrate_on() -> None:
    empty = np.empty((0, 3), dtype=np.int64)
    assert calibrate.interval_offsets_s(empty, empty[:, 0], empty[:, 0]) == (0, 0, 0)


@pytest.mark.parametrize(("n", "held"), [(49, 45), (99, 91), (400, 365)])
def test_the_tails_are_cut_to_the_charge(n: int, held: int) -> None:
    """Of 49 charges of one row each 0.9 · 50 / 49, which are 45; of 99 and of 400 there is 0.9105 to hold."""
    charge = np.arange(n)
    quantile_s = np.full((n, 3), 1000)
    late, early = 1000 + 1 + np.arange(n), 1000 - 1 - np.arange(n)
    assert calibrate.interval_offsets_s(quantile_s, late, charge) == (1 + n - held, 0, held)
    assert calibrate.interval_offsets_s(quantile_s, early, charge) == (-held, 0, -(1 + n - held))


def test_one_known_answer_in_twenty_may_be_unknown() -> None:
    assert calibrate.unknown_threshold_permille(np.arange(1, 101), np.ones(100)) == 5
    assert calibrate.unknown_threshold_permille(np.arange(100, 0, -1), np.ones(100)) == 5
