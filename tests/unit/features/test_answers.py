"""The answer rules against figures worked out by hand and against the real softmax."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from train.answer_rules import N_BASELINE, Baseline, EstimateRules, History, Interval, Prototypes
from train.errors import ConfigError
from train.features import (
    WP_MISSING,
    AnswerRules,
    DeviceAnswers,
    device_answers,
    feature_names,
    history_features,
    remaining_answers,
)
from train.features.core import CORE, ROOT

# 1024 log2(e) / 2^12, in 2^-32: margins in 1/4096, no temperature.
MULTIPLIER, SHIFT = round(1024 / np.log(2) * 2**20), 32
NOTHING = (History(1, 1, 1),)


def rules(n_devices: int = 3, unknown: int = 0) -> AnswerRules:
    return AnswerRules(n_devices, MULTIPLIER, SHIFT, unknown)


def answered(rules: AnswerRules, margin: np.ndarray[Any, np.dtype[np.int32]], phase: int = 1) -> DeviceAnswers:
    """The device of rows without features, at the plug."""
    n = len(margin)
    x, elapsed_ms = np.zeros((n, len(feature_names())), np.int32), np.zeros(n, np.int64)
    return device_answers(rules, x, margin, elapsed_ms, np.full(n, phase, np.uint8))


def ints(*rows: tuple[int, ...]) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    return np.array(rows, np.int32)


def test_confidence_is_the_softmax() -> None:
    """Steps of 1/64 of a factor of two make a weight up to 1.1 % too large: 5.5 permille at a half."""
    rng = np.random.default_rng(3)
    margin = rng.normal(0, 2, (2000, 14))
    scaled = np.rint(margin * 4096).astype(np.int32)
    got = answered(rules(14), scaled)
    weight = np.exp(margin - margin.max(axis=1, keepdims=True))
    assert np.array_equal(got.device, scaled.argmax(axis=1))
    assert np.abs(got.confidence_permille - 1000 / weight.sum(axis=1)).max() <= 6


@pytest.mark.parametrize(
    ("margin", "device", "confidence"),
    [
        ((0, 0, 0), 0, 333),
        ((5, 9, 9), 1, 333),
        ((-(2**31), 2**31 - 1, -(2**31)), 1, 1000),
        ((0, -(2**31), -(2**31)), 0, 1000),
        ((2**31 - 1, 2**31 - 1, -(2**31)), 0, 500),
    ],
)
def test_device_is_the_first_largest(margin: tuple[int, ...], device: int, confidence: int) -> None:
    got = answered(rules(), ints(margin))
    assert (got.device[0], got.confidence_permille[0]) == (device, confidence)


def test_the_table_of_powers() -> None:
    """An entry wrong by one moves no permille that a sample of margins would show."""
    source = (ROOT / CORE / "src/answer.c").read_text(encoding="ascii")
    found = re.search(r"exp2_q16\[64\] = \{([^}]*)\}", source)
    assert found is not None
    assert [int(entry) for entry in found[1].replace(",", " ").split()] == [
        round(65535 * 2 ** (-i / 64)) for i in range(64)
    ]


@pytest.mark.parametrize(("z", "confidence"), [(16_383, 996), (16_384, 1000)])
def test_the_least_weight(z: int, confidence: int) -> None:
    """254 classes of weight 1 beside 65535: 1000 * 65535 / 65789 = 996.1; from 2^-16 on they weigh nothing."""
    plain = AnswerRules(255, 1)
    got = answered(plain, ints((z, *[0] * 254)))
    assert got.confidence_permille[0] == confidence


def test_confidence_rounds_to_nearest() -> None:
    """One beside one of half its weight: 666.67."""
    plain = AnswerRules(2, 1)
    assert answered(plain, ints((1024, 0))).confidence_permille[0] == 667


@pytest.mark.parametrize(("unknown", "flags"), [(333, 0b010), (334, 0b011)])
def test_unknown_is_a_confidence_below_the_threshold(unknown: int, flags: int) -> None:
    assert answered(rules(unknown=unknown), ints((0, 0, 0))).flags[0] == flags


@pytest.mark.parametrize("margin", [np.zeros((1, 0), np.int32), ints((7,))])
def test_one_device_has_no_classifier(margin: np.ndarray[tuple[int, int], np.dtype[np.int32]]) -> None:
    got = answered(rules(1, unknown=900), margin)
    assert (got.device[0], got.confidence_permille[0], got.flags[0]) == (0, 0, 0b1010)


def test_unfamiliar_is_far_from_every_prototype_of_the_answered_device() -> None:
    """Weights of 65536 / sd with sd 16 and 64: a step of one standard deviation is 16, its square 256."""
    names = feature_names()
    prototypes = Prototypes(
        features=("current_max_ma", "power_max_mw", "voltage_first_step_s"),
        shifts=(0, 3, 0),
        centres=(((1000, 100, 0),), ((500, 50, 0), (2000, 900, 4)), ()),
        weights=((4096, 1024, 4096), (4096, 1024, 4096), (1, 1, 1)),
        unfamiliar_above=1280,
    )
    x = np.zeros((5, len(names)), np.int32)
    x[:, names.index("voltage_first_step_s")] = WP_MISSING
    x[:, names.index("current_max_ma")] = [1032, 1032, 532, 2000, 7]
    x[:, names.index("power_max_mw")] = [807, 8 * 164, 407, 8 * 900, 7]
    margin = ints((1, 0, 0), (1, 0, 0), (0, 1, 0), (0, 1, 0), (0, 0, 1))
    known = AnswerRules(3, 1, prototypes=prototypes)
    phase = np.ones(5, np.uint8)
    got = device_answers(known, x, margin, np.full(5, 30_000), phase)
    # 2 sd of current; and one of power; the nearer of two; four seconds at 16: a quarter of an sd, 4 in sixteenths.
    assert got.unfamiliarity.tolist() == [1024, 1024 + 256, 1024, 16, 0]
    assert (got.flags & 1).tolist() == [0, 0, 0, 0, 0]
    stranger = device_answers(
        AnswerRules(3, 1, prototypes=replaced(prototypes, 1279)), x, margin, np.full(5, 30_000), phase
    )
    assert (stranger.flags & 1).tolist() == [0, 1, 0, 0, 0]
    early = device_answers(AnswerRules(3, 1, prototypes=replaced(prototypes, 0)), x, margin, np.full(5, 29_999), phase)
    assert not (early.flags & 1).any()
    far = x.copy()
    far[0, names.index("current_max_ma")] = 2**24 - 1
    assert device_answers(known, far, margin, np.full(5, 30_000), phase).unfamiliarity[0] == 80 * 80


def replaced(prototypes: Prototypes, above: int) -> Prototypes:
    return Prototypes(prototypes.features, prototypes.shifts, prototypes.centres, prototypes.weights, above)


def test_history_is_of_the_answered_device() -> None:
    names = feature_names()
    x = np.zeros((2, len(names)), np.int32)
    x[:, names.index("charge_mah")] = [500, -3]
    x[:, names.index("voltage_mean_60s_mv")] = 9000
    x[:, names.index("current_mean_60s_ma")] = 2000
    estimate = EstimateRules((History(3600, 2000, 20_000), History(7200, 2000, 9000)))
    got = history_features(AnswerRules(2, 1, estimate=estimate), x, np.array([0, 1]))
    assert got.tolist() == [[3600, 250, 900], [7200, -2, 2000]]


def remaining(
    quantile: tuple[int, int, int], shift: int = 0, elapsed_s: int = 0, phase: int = 1, **estimate: Any
) -> list[int]:
    """The answer to the only sample of a charge."""
    known = AnswerRules(
        1, remaining_shift=shift, estimate=EstimateRules(estimate.pop("histories", NOTHING), **estimate)
    )
    got = remaining_answers(
        known, np.array([1000 * elapsed_s]), np.array([phase], np.uint8), np.zeros(1, np.uint8), ints(quantile)
    )
    return [int(value) for value in got[0]]


def test_remaining_rounds_halves_up_and_sorts() -> None:
    assert remaining((24, 23, 8), 4) == [1, 1, 2]
    assert remaining((7, 5, 6)) == [5, 6, 7]
    assert remaining((30, 20, 10)) == [10, 20, 30]
    # -8/16 = -0.5 rounds up to 0, -9/16 down to -1; a correction shows both.
    assert remaining((-8, 0, -9), 4, intervals=(Interval(0, 100, 100),)) == [0, 99, 100]


def test_remaining_is_limited() -> None:
    low, high = -(2**31), 2**31 - 1
    assert remaining((low, high, 0)) == [0, 0, 2**24 - 1]
    assert remaining((low, high, high), intervals=(Interval(0, -high, high),)) == [0, 2**24 - 1, 2**24 - 1]
    assert remaining((high, high, high), 24, intervals=(Interval(0, 1, 3),)) == [128, 129, 131]


def test_the_interval_is_that_of_the_time_gone_by() -> None:
    parts = (Interval(0, -1, 1), Interval(30, -2, 2), Interval(60, -3, 3))
    assert [remaining((100, 100, 100), elapsed_s=at, intervals=parts) for at in (29, 30, 59, 60, 9000)] == [
        *([99, 100, 101], [98, 100, 102], [98, 100, 102], [97, 100, 103], [97, 100, 103]),
    ]


def test_outputs_of_the_duration_and_on_a_baseline() -> None:
    hour = (History(3600, 1, 1),)
    assert remaining((256, 512, 1024), 10, of_duration=True, histories=hour) == [900, 1800, 3600]
    table = (Baseline(60, (*range(3000, 1500, -100), 0)),)
    assert len(table[0].remaining_s) == N_BASELINE
    assert remaining((-5, 0, 5), baselines=table) == [2995, 3000, 3005]
    # 45 s: three quarters of the way from 3000 to 2900. After the fifteenth minute the table has ended.
    assert remaining((0, 0, 0), elapsed_s=45, baselines=table) == [2925] * 3
    assert remaining((7, 7, 7), elapsed_s=900, baselines=table) == [7] * 3
    assert remaining((7, 7, 7), elapsed_s=90_000, baselines=table) == [7] * 3


def test_the_estimate_moves_slowly_and_counts_down() -> None:
    """Asked at 0, 100 and 110 s, where tau is a quarter of the time gone by; not in between."""
    known = AnswerRules(1, estimate=EstimateRules(NOTHING, smoothing_s=180))
    elapsed_ms = np.array([0, 100_000, 105_000, 109_999, 110_000])
    quantile = ints(*[(value, value, value) for value in (1000, 1900, 9, 9, 1000)])
    got = remaining_answers(known, elapsed_ms, np.ones(5, np.uint8), np.zeros(5, np.uint8), quantile)[:, 1]
    end = 1000 + (2000 - 1000) * 100 / (25 + 100)
    assert got[:4].tolist() == [1000, pytest.approx(end - 100, abs=0.6), pytest.approx(end - 105, abs=0.6), 1690]
    assert got[4] == pytest.approx(end + (1110 - end) * 10 / (27.5 + 10) - 110, abs=0.6)


def test_the_first_ten_seconds_are_not_averaged() -> None:
    known = AnswerRules(1, estimate=EstimateRules(NOTHING, smoothing_s=180))
    quantile = ints((50, 50, 50), (700, 700, 700))
    got = remaining_answers(known, np.array([0, 9_999]), np.ones(2, np.uint8), np.zeros(2, np.uint8), quantile)
    assert got[:, 1].tolist() == [50, 700]


def test_full_answers_zero_whatever_the_model_says() -> None:
    assert remaining((1600, 3200, 4800), phase=3, intervals=(Interval(0, 60, 60),)) == [0, 0, 0]
    assert answered(rules(), ints((1, 0, 0)), phase=3).flags[0] == 0b110


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n_devices", 0),
        ("n_devices", 256),
        ("softmax_multiplier", 2**32),
        ("softmax_shift", 48),
        ("unknown_below_permille", -1),
        ("remaining_shift", 25),
    ],
)
def test_rules_out_of_range_are_named(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=field):
        AnswerRules(**{"n_devices": 3, field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("estimate", "word"),
    [
        (EstimateRules((History(0, 1, 1),)), "history"),
        (EstimateRules(NOTHING * 2), "histories of 2 devices"),
        (EstimateRules(NOTHING, smoothing_s=65536), "smoothing_s 65536"),
        (EstimateRules(NOTHING, intervals=()), "interval must begin"),
        (EstimateRules(NOTHING, intervals=(Interval(1, 0, 0),)), "interval must begin"),
        (EstimateRules(NOTHING, intervals=(Interval(0, 0, 2**31),)), "interval must begin"),
        (EstimateRules(NOTHING, (Baseline(0, (0,) * N_BASELINE),)), "remaining_baseline"),
    ],
)
def test_an_estimate_out_of_range_is_named(estimate: EstimateRules, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        AnswerRules(1, estimate=estimate)


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match="do not fit together"):
        answered(rules(), ints((1, 2)))
