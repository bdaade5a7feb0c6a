"""Training rows: when they are taken, what they carry, what they weigh."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.features.charges import charge_of, column
from train.features import Features, dataset_rows, extract, feature_names, horizons
from train.sessions.types import Charge

EARLY = [5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300]


def steady(duration_s: int, step_s: int = 1, current_ma: int = 1000) -> Charge:
    t = np.arange(0, duration_s + 1, step_s)
    return charge_of(1000 * t, [5000] * len(t), [current_ma] * len(t))


def full_after(hold_s: int) -> Charge:
    """1 A for hold_s, then 20 mA for ten minutes: full, and the end is recorded."""
    current = np.concatenate([np.full(hold_s, 1000), np.full(600, 20)])
    return charge_of(1000 * np.arange(len(current)), [5000] * len(current), current)


def test_horizons_thin_out() -> None:
    expected = [*EARLY, *range(360, 1801, 60), *range(1920, 3601, 120)]
    assert horizons(steady(3600)).tolist() == expected


def test_horizons_take_the_first_sample_at_or_after() -> None:
    charge = charge_of([7, 4_000, 5_006, 5_007, 9_000, 40_000, 40_001, 61_000], [5000] * 8, [100] * 8)
    # 5 s: 5 007 ms is exactly 5 s after 7 ms. 10, 15, 20 and 30 s: all 40 000 ms. 45 and 60 s: 61 000 ms.
    assert horizons(charge).tolist() == [3, 5, 7]


@pytest.mark.parametrize(("duration_s", "n"), [(0, 0), (4, 0), (5, 1), (299, 11), (300, 12), (1800, 37), (1919, 37)])
def test_horizons_end_with_the_charge(duration_s: int, n: int) -> None:
    assert len(horizons(steady(duration_s))) == n


def test_horizons_of_nothing_and_across_the_wrap() -> None:
    assert horizons(charge_of([], [], [])).tolist() == []
    t = 1000 * np.arange(0, 700) + 2**32 - 250_000
    assert horizons(charge_of(t, [5000] * 700, [1] * 700)).tolist() == [*EARLY, 360, 420, 480, 540, 600, 660]


def test_rows_carry_features_and_labels() -> None:
    charges = [full_after(1200), replace(full_after(3000), device="tablet"), replace(full_after(900), device="other")]
    rows = dataset_rows(charges, ["phone", "tablet"])
    assert len(rows) == len(rows.x) == len(rows.charge)
    assert rows.x.shape[1] == len(feature_names())
    for number, (charge, device) in enumerate(zip(charges, [0, 1, -1], strict=True)):
        of_charge = rows.charge == number
        assert (rows.device[of_charge] == device).all()
        taken = horizons(charge)[: int(of_charge.sum())]
        found: Features = extract(charge, taken)
        assert np.array_equal(rows.x[of_charge], found.x)
        assert np.array_equal(rows.elapsed_s[of_charge], column(found, "elapsed_s"))
        assert np.array_equal(rows.phase[of_charge], found.phase)
        end_s = rows.elapsed_s[of_charge] + rows.remaining_s[of_charge]
        assert len(set(end_s.tolist())) == 1
        assert rows.remaining_s[of_charge].min() >= 0


def test_a_censored_charge_gives_all_its_rows() -> None:
    rows = dataset_rows([steady(600)], ["phone"])
    assert rows.elapsed_s.tolist() == [*EARLY, 360, 420, 480, 540, 600]
    assert rows.remaining_s.tolist() == [-1] * 17


def test_no_charges() -> None:
    with pytest.raises(ValueError, match="no charges"):
        dataset_rows([], ["phone"])
