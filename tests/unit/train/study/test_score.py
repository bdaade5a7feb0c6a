"""Scores of charges and the bootstrap, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.train.fleet import charges
from train.study import score
from train.study.data import ScoredRows, scored_rows, thinned


@pytest.fixture(scope="module")
def rows() -> ScoredRows:
    return scored_rows(charges(3, 2, 2), ["device0", "device1", "device2"])


def test_rows_are_in_force_until_the_next(rows: ScoredRows) -> None:
    """Shares add up to the charge, and one row of each is that in force at 60 s."""
    for number, charge in enumerate(charges(3, 2, 2)):
        own = rows.charge == number
        seconds = (charge.t_ms[-1] - charge.t_ms[0]) / 1000 + 1
        assert rows.share[own].sum() == pytest.approx(seconds)
        assert rows.at_60s[own].sum() == 1
        assert rows.elapsed_s[own & rows.at_60s][0] == 60
    assert rows.unit.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_scores_of_charges(rows: ScoredRows) -> None:
    random = np.random.default_rng(1)
    margin = random.integers(-9, 9, (int(rows.at_60s.sum()), 3)).astype(np.int32)
    correct = score.device_scores(rows, margin)
    expected = margin.argmax(axis=1) == rows.device[rows.at_60s]
    assert correct.tolist() == expected.astype(float).tolist()
    output = random.integers(0, 4000 << 3, (len(rows.charge), 3)).astype(np.int32)
    error, covered = score.remaining_scores(rows, output, 3, (-60, 0, 90))
    for number in range(len(rows.unit)):
        total = off = inside = 0.0
        for row in np.flatnonzero((rows.charge == number) & (rows.remaining_s >= 0)):
            seconds = [(int(value) + 4) // 8 + offset for value, offset in zip(output[row], (-60, 0, 90), strict=True)]
            low, middle, high = sorted(max(0, value) for value in seconds) if rows.phase[row] != 3 else (0, 0, 0)
            total += rows.share[row]
            off += rows.share[row] * abs(middle - rows.remaining_s[row]) / 60
            inside += rows.share[row] * (low <= rows.remaining_s[row] <= high)
        assert error[number] == pytest.approx(off / total)
        assert covered[number] == pytest.approx(inside / total)


def test_a_difference_has_the_interval_of_its_units() -> None:
    """Charges of a unit move together: the interval is that of the units' means, twice as wide as charges say."""
    random = np.random.default_rng(2)
    unit = np.repeat(np.arange(200), 4)
    old = random.normal(5, 1, 800)
    new = old + 0.3 + np.repeat(random.normal(0, 1, 200), 4)
    found = score.difference(new, old, unit)
    assert found["value"] == pytest.approx(float((new - old).mean()))
    half = 1.96 * (new - old).reshape(200, 4).mean(axis=1).std() / np.sqrt(200)
    assert found["high"] - found["value"] == pytest.approx(half, rel=0.15)
    assert found["value"] - found["low"] == pytest.approx(half, rel=0.15)
    assert found == score.difference(new, old, unit)
    relative = score.relative_difference(new, old, unit)
    assert relative["value"] == pytest.approx(float(new.mean() / old.mean() - 1))
    assert relative["low"] < relative["value"] < relative["high"]


def test_charges_that_do_not_count_are_left_out() -> None:
    new, old = np.array([1.0, np.nan, 3.0]), np.array([0.0, 5.0, np.nan])
    assert score.difference(new, old, np.array([0, 1, 2]))["value"] == 1.0
    assert score.rounded({"a": float("nan"), "b": [1.23456789]}) == {"a": None, "b": [1.234568]}


def test_thinned_rows_keep_the_first_minutes() -> None:
    from train.models.rows import training_rows

    rows = training_rows(charges(2, 2, 1), ["device0", "device1"])
    fewer = thinned(rows)
    early = rows.elapsed_s <= 300
    assert (fewer.elapsed_s <= 300).sum() == early.sum()
    assert (fewer.elapsed_s > 300).sum() == pytest.approx((~early).sum() / 2, abs=4)
    assert set(fewer.charge) == set(rows.charge)
