"""Scores of charges and the bootstrap, against plain loops."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from tests.unit.train.fleet import charges
from train.answer_rules import EstimateRules, History
from train.models.rows import training_rows
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
    seconds = np.sort(random.integers(0, 4000, (len(rows.charge), 3)), axis=1).astype(np.int32)
    found = score.remaining_scores(rows, seconds)
    for number in range(len(rows.unit)):
        total = off = inside = wide = 0.0
        for row in np.flatnonzero((rows.charge == number) & (rows.remaining_s >= 0)):
            low, middle, high = seconds[row]
            total += rows.share[row]
            off += rows.share[row] * abs(middle - rows.remaining_s[row]) / 60
            inside += rows.share[row] * (low <= rows.remaining_s[row] <= high)
            wide += rows.share[row] * (high - low) / 60
        assert found["error_min"][number] == pytest.approx(off / total)
        assert found["covered"][number] == pytest.approx(inside / total)
        assert found["width_min"][number] == pytest.approx(wide / total)


def test_seconds_are_the_cores_charge_by_charge(rows: ScoredRows) -> None:
    """Answers begin anew with each charge, are outputs themselves without smoothing, and move slower with it."""
    random = np.random.default_rng(3)
    output = random.integers(0, 4000 << 3, (len(rows.charge), 3)).astype(np.int32)
    device = random.integers(0, 3, len(rows.charge))
    estimate = EstimateRules((History(4000, 3000, 9000),) * 3)
    plain = score.answered_seconds(estimate, rows, device, output, 3)
    expected = np.sort((output + 4) >> 3, axis=1)
    expected[rows.phase == score.PHASE_FULL] = 0
    assert plain.tolist() == expected.tolist()
    smooth = score.answered_seconds(replace(estimate, smoothing_s=180), rows, device, output, 3)
    starts = np.flatnonzero(np.diff(rows.charge, prepend=-1))
    assert smooth[starts].tolist() == plain[starts].tolist()
    running = rows.phase != score.PHASE_FULL
    assert np.abs(np.diff(smooth[running, 1])).mean() < np.abs(np.diff(plain[running, 1])).mean()
    alone = rows.charge == 2
    columns: dict[str, Any] = {item.name: getattr(rows, item.name)[alone] for item in fields(ScoredRows)[:-1]}
    own = ScoredRows(**columns, unit=rows.unit[2:3])
    again = score.answered_seconds(replace(estimate, smoothing_s=180), own, device[alone], output[alone], 3)
    assert again.tolist() == smooth[alone].tolist()


def test_intervals_are_calibrated_to_eighty_percent() -> None:
    """Outputs that are off by as much as drawn at each row: four of five truths lie within the moved quantiles."""
    found = training_rows(charges(3, 20, 2), ["device0", "device1", "device2"])
    known = found.where((found.remaining_s >= 0) & (found.phase != score.PHASE_FULL))
    random = np.random.default_rng(4)
    off = random.normal(0, 300, len(known))
    output = np.repeat(np.maximum(0, known.remaining_s + off)[:, None], 3, axis=1).round().astype(np.int32)
    device = known.device.astype(np.intp)
    estimate = score.calibrated(EstimateRules((History(4000, 3000, 9000),) * 3), known, device, output, 0)
    assert len(estimate.intervals) > 1
    seconds = score.answered_seconds(estimate, known, device, output, 0)
    inside = (seconds[:, 0] <= known.remaining_s) & (known.remaining_s <= seconds[:, 2])
    assert inside.mean() == pytest.approx(0.8, abs=0.04)


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
    rows = training_rows(charges(2, 2, 1), ["device0", "device1"])
    fewer = thinned(rows)
    early = rows.elapsed_s <= 300
    assert (fewer.elapsed_s <= 300).sum() == early.sum()
    assert (fewer.elapsed_s > 300).sum() == pytest.approx((~early).sum() / 2, abs=4)
    assert set(fewer.charge) == set(rows.charge)
