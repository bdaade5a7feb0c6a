"""Figures of merit on charges small enough to count by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from train.evaluate import metrics
from train.evaluate.metrics import ChargeAnswers
from train.evaluate.run import scored_rows


def charge(elapsed_s: list[int], device: int, answers: list[int], **columns: list[int]) -> ChargeAnswers:
    n = len(elapsed_s)
    middle = np.array(columns.get("middle", [0] * n), dtype=np.int32)
    return ChargeAnswers(
        device=device,
        unit=f"d{device}/u",
        elapsed_ms=1000 * np.array(elapsed_s, dtype=np.int64),
        regular=np.ones(n, dtype=np.bool_),
        answer_device=np.array(answers, dtype=np.int32),
        unknown=np.array(columns.get("unknown", [0] * n), dtype=np.bool_),
        remaining_s=np.stack([middle - 60, middle, middle + 120], axis=1),
        baseline_s=np.array(columns.get("baseline", [0] * n), dtype=np.int32),
        true_remaining_s=np.array(columns.get("truth", [-1] * n), dtype=np.int32),
    )


def test_scored_rows_hold_the_answers_in_force_and_all_that_is_asked() -> None:
    """Samples every 700 ms with a gap: once a second, then once in ten; in force at each horizon; the last."""
    t_ms = np.concatenate([np.arange(0, 22_000, 700), np.arange(47_000, 164_000, 700)])
    rows = scored_rows(t_ms)
    found = {int(t) for t in t_ms[rows]}
    assert {max(t for t in t_ms if t <= 1000 * s) for s in (5, 10, 30, 60)} | {int(t_ms[-1])} <= found
    for second in [*range(22), *range(47, 60)]:
        assert min(t for t in t_ms if t >= 1000 * second) in found
    late = [t for t in sorted(found) if t > 61_000]
    assert late == [min(t for t in t_ms if t >= 10_000 * k) for k in range(7, 17)] + [t_ms[-1]]
    assert scored_rows(t_ms[:1]).tolist() == [0]


LONG = charge([0, 5, 9, 11, 30, 60], 0, [1, 0, 1, 0, 0, 1], truth=[600, 595, 591, 589, 570, 540], middle=[540] * 6)
SHORT = charge([0, 6, 7, 8], 1, [0, 1, 1, 1], unknown=[1, 1, 0, 0])
STRANGER = charge([0, 70], -1, [0, 1], unknown=[0, 1])


def test_the_answer_in_force_counts() -> None:
    accuracy = metrics.device_figures([LONG])["accuracy"]
    assert accuracy == {"5s": 1.0, "10s": 0.0, "30s": 1.0, "60s": 0.0, "overall": pytest.approx(0.5)}


def test_charges_weigh_the_same_and_only_where_they_last() -> None:
    accuracy = metrics.device_figures([LONG, SHORT, STRANGER])["accuracy"]
    assert accuracy["5s"] == 0.5  # the short one still holds its wrong first answer
    assert accuracy["10s"] == 0.0  # it is over: the long one alone
    assert accuracy["overall"] == pytest.approx((3 / 6 + 3 / 4) / 2)


def test_unknown_rates_are_of_known_and_of_other_devices() -> None:
    figures = metrics.device_figures([LONG, SHORT, STRANGER])
    assert figures["unknown_rate"]["overall"] == pytest.approx((0 + 0.5) / 2)
    assert figures["unknown_caught"] == {"5s": 0.0, "10s": 0.0, "30s": 0.0, "60s": 0.0, "overall": 0.5}


def test_minutes_and_coverage() -> None:
    figures = metrics.remaining_figures([LONG, SHORT])
    assert figures["mae_minutes"]["60s"] == 0.0
    assert figures["mae_minutes"]["5s"] == pytest.approx(55 / 60)
    assert figures["mae_minutes"]["overall"] == pytest.approx((60 + 55 + 51 + 49 + 30 + 0) / 6 / 60)
    assert figures["baseline_mae_minutes"]["60s"] == pytest.approx(9.0)
    assert figures["coverage"]["overall"] == 1.0
    assert figures["interval_minutes"] == dict.fromkeys(("5s", "10s", "30s", "60s", "overall"), 3.0)
    low = replace(LONG, remaining_s=LONG.remaining_s - 61)
    assert metrics.remaining_figures([low])["coverage"]["overall"] == pytest.approx(5 / 6)


def test_censored_and_past_full_samples_say_nothing_of_time() -> None:
    assert metrics.remaining_figures([SHORT])["mae_minutes"] == {}
    full = replace(LONG, true_remaining_s=np.array([600, 595, 591, -1, -1, -1], dtype=np.int32))
    assert set(metrics.remaining_figures([full])["mae_minutes"]) == {"5s", "10s", "overall"}


def test_confusion_counts_charges_at_a_minute() -> None:
    other = replace(LONG, answer_device=np.zeros(6, dtype=np.int32))
    assert metrics.confusion_matrix([LONG, other, SHORT, STRANGER], 2) == [[1, 1], [0, 0]]


def test_per_device() -> None:
    table = metrics.per_device([LONG, LONG, SHORT], ["a", "b", "c"])
    assert set(table) == {"a", "b"}
    assert (table["a"]["charges"], table["a"]["units"]) == (2, 1)
    assert table["a"]["accuracy"] == {"60s": 0.0, "overall": pytest.approx(0.5)}
    assert table["b"]["mae_minutes"] == {}
