"""The answer rules against figures worked out by hand and against the real softmax."""

from __future__ import annotations

import re

import numpy as np
import pytest

from train.errors import ConfigError
from train.features import AnswerRules, answers
from train.features.core import CORE, ROOT

# 1024 log2(e) / 2^12, in 2^-32: margins in 1/4096, no temperature.
MULTIPLIER, SHIFT = round(1024 / np.log(2) * 2**20), 32
OFFSET = (0, 0, 0)


def rules(n_devices: int = 3, unknown: int = 0, shift: int = 4, offset: tuple[int, int, int] = OFFSET) -> AnswerRules:
    return AnswerRules(n_devices, MULTIPLIER, SHIFT, unknown, shift, offset)


def ints(*rows: tuple[int, ...]) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    return np.array(rows, np.int32)


PHASE = np.array([1], np.uint8)


def test_confidence_is_the_softmax() -> None:
    """Steps of 1/64 of a factor of two make a weight up to 1.1 % too large: 5.5 permille at a half."""
    rng = np.random.default_rng(3)
    margin = rng.normal(0, 2, (2000, 14))
    scaled = np.rint(margin * 4096).astype(np.int32)
    got = answers(rules(14), scaled, np.zeros((2000, 3), np.int32), np.zeros(2000, np.uint8))
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
    got = answers(rules(), ints(margin), ints((0, 0, 0)), PHASE)
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
    plain = AnswerRules(255, 1, 0, 0, 0, OFFSET)
    got = answers(plain, ints((z, *[0] * 254)), ints((0, 0, 0)), PHASE)
    assert got.confidence_permille[0] == confidence


def test_confidence_rounds_to_nearest() -> None:
    """One beside one of half its weight: 666.67."""
    plain = AnswerRules(2, 1, 0, 0, 0, OFFSET)
    assert answers(plain, ints((1024, 0)), ints((0, 0, 0)), PHASE).confidence_permille[0] == 667


@pytest.mark.parametrize(("unknown", "flags"), [(333, 0b010), (334, 0b011)])
def test_unknown_is_a_confidence_below_the_threshold(unknown: int, flags: int) -> None:
    assert answers(rules(unknown=unknown), ints((0, 0, 0)), ints((0, 0, 0)), PHASE).flags[0] == flags


@pytest.mark.parametrize("margin", [np.zeros((1, 0), np.int32), ints((7,))])
def test_one_device_has_no_classifier(margin: np.ndarray[tuple[int, int], np.dtype[np.int32]]) -> None:
    got = answers(rules(1, unknown=900), margin, ints((160, 320, 480)), PHASE)
    assert (got.device[0], got.confidence_permille[0], got.flags[0]) == (0, 0, 0b1010)
    assert got.remaining_s[0].tolist() == [10, 20, 30]


def remaining(quantile: tuple[int, int, int], shift: int, offset: tuple[int, int, int] = OFFSET) -> list[int]:
    got = answers(rules(shift=shift, offset=offset), ints((0, 0, 0)), ints(quantile), PHASE)
    return [int(value) for value in got.remaining_s[0]]


def test_remaining_rounds_halves_up_and_sorts() -> None:
    assert remaining((24, 23, 8), 4) == [1, 1, 2]
    assert remaining((7, 5, 6), 0) == [5, 6, 7]
    assert remaining((30, 20, 10), 0) == [10, 20, 30]
    # -8/16 = -0.5 rounds up to 0, -9/16 down to -1; 100 s of correction shows both.
    assert remaining((-8, -9, -25), 4, (100, 100, 100)) == [98, 99, 100]


def test_remaining_is_limited() -> None:
    low, high = -(2**31), 2**31 - 1
    assert remaining((low, high, 0), 0) == [0, 0, 2**24 - 1]
    assert remaining((low, high, high), 0, (low, high, low)) == [0, 0, 2**24 - 1]
    assert remaining((high, high, high), 24, (1, 2, 3)) == [129, 130, 131]


def test_full_answers_zero_whatever_the_model_says() -> None:
    got = answers(rules(), ints((1, 0, 0)), ints((1600, 3200, 4800)), np.array([3], np.uint8))
    assert got.remaining_s[0].tolist() == [0, 0, 0]
    assert got.flags[0] == 0b110


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n_devices", 0),
        ("n_devices", 256),
        ("softmax_multiplier", 2**32),
        ("softmax_shift", 48),
        ("unknown_below_permille", -1),
        ("remaining_shift", 25),
        ("remaining_offset_s", (0, 2**31, 0)),
    ],
)
def test_rules_out_of_range_are_named(field: str, value: object) -> None:
    values: dict[str, object] = {
        "n_devices": 3,
        "softmax_multiplier": MULTIPLIER,
        "softmax_shift": SHIFT,
        "unknown_below_permille": 0,
        "remaining_shift": 4,
        "remaining_offset_s": OFFSET,
    }
    with pytest.raises(ConfigError, match=field):
        AnswerRules(**{**values, field: value})  # type: ignore[arg-type]


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match="do not fit together"):
        answers(rules(), ints((1, 2)), ints((0, 0, 0)), PHASE)
