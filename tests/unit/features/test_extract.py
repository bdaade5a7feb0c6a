"""Features against figures from physics, worked out apart from docs/design.md's integer rules."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.features.charges import charge_of, column
from train.errors import DatasetError
from train.features import WP_MISSING, extract, feature_names, to_float

FULL = 3
STEPS_S = [1, 10, 60]


def times(step_s: int, duration_s: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(0, duration_s + 1, step_s, dtype=np.int64)


@pytest.mark.parametrize("step_s", STEPS_S)
def test_constant_current_is_counted_exactly(step_s: int) -> None:
    t = times(step_s, 7200)
    features = extract(charge_of(1000 * t, [9000] * len(t), [1500] * len(t)))
    assert column(features, "charge_mah")[-1] == 3000
    assert column(features, "energy_mwh")[-1] == 27_000
    assert column(features, "current_first_10s_ma")[-1] == 1500
    assert column(features, "elapsed_s")[-1] == features.elapsed_s[-1] == 7200


@pytest.mark.parametrize("step_s", STEPS_S)
def test_charge_that_comes_back_is_subtracted(step_s: int) -> None:
    """A full period of a triangle wave about 100 mA: the trapezoids are exact, half the charge flows back."""
    t = times(step_s, 3600)
    current = 100 + np.interp(t, [0, 900, 2700, 3600], [0, 1800, -1800, 0])
    features = extract(charge_of(1000 * t, [5000] * len(t), current.astype(np.int64)))
    assert column(features, "charge_mah")[-1] == 100
    assert column(features, "energy_mwh")[-1] == 500
    assert column(features, "charge_mah").max() == pytest.approx(500, abs=20)


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_taper_integrates_to_its_closed_form(step_s: int) -> None:
    """2 A exp(-t / 1800 s) for 2 h; the trapezoid errs by step^2 / (12 T^2), below 0.01 % at 60 s, and 1 mAh rounds."""
    t = times(step_s, 7200)
    current = np.rint(2000 * np.exp(-t / 1800)).astype(np.int64)
    features = extract(charge_of(1000 * t, [5000] * len(t), current))
    truth_mah = 2000 * 0.5 * (1 - np.exp(-4))
    assert column(features, "charge_mah")[-1] == pytest.approx(truth_mah, abs=1.1)
    assert column(features, "energy_mwh")[-1] == pytest.approx(5 * truth_mah, abs=5.5)


@pytest.mark.parametrize("step_s", STEPS_S)
def test_a_tapers_time_constant_is_found(step_s: int) -> None:
    """After several times 300 s the ratio of the means gives T; implicit Euler at 60 s is off by a few per cent."""
    t = times(step_s, 5400)
    current = np.rint(3000 * np.exp(-t / 1800)).astype(np.int64)
    features = extract(charge_of(1000 * t, [5000] * len(t), current))
    assert column(features, "taper_time_constant_s")[-1] == pytest.approx(1800, rel=0.08)
    mean = column(features, "current_mean_60s_ma")
    until_end_s = 1800 * np.log(mean[-1] / (mean.max() / 20))
    assert column(features, "taper_end_s")[-1] == pytest.approx(until_end_s, rel=0.1)


@pytest.mark.parametrize(("tau_s", "step_ms"), [(5, 100), (60, 200), (300, 1000), (900, 1000)])
def test_running_means_follow_the_exponential(tau_s: int, step_ms: int) -> None:
    """A step from 0 to 1000 mA against 1000 (1 - exp(-t / tau)).

    That curve moves by 1000 / e mA at most when tau changes by its own size. Implicit Euler changes tau by half a
    step, the rounded gain by one part in gain; 1 mA for rounding the mean and its state.
    """
    t_ms = np.arange(0, 3 * tau_s * 1000 + 1, step_ms)
    current = np.where(t_ms > 0, 1000, 0)
    mean = column(extract(charge_of(t_ms, [5000] * len(t_ms), current)), f"current_mean_{tau_s}s_ma")
    truth = 1000 * (1 - np.exp(-t_ms / 1000 / tau_s))
    share = step_ms / 1000 / tau_s
    assert np.abs(mean - truth).max() <= 1000 / np.e * (share / 2 + 1 / (65_536 * share)) + 1


@pytest.mark.parametrize("step_ms", [1000, 60_000, 299_999, 2_000_000])
def test_running_means_never_overshoot(step_ms: int) -> None:
    t_ms = np.arange(0, 40 * step_ms, step_ms)
    current = np.where(np.arange(len(t_ms)) > 2, 3000, 100)
    features = extract(charge_of(t_ms, [5000] * len(t_ms), current))
    for name in ("5s", "60s", "300s", "900s"):
        mean = column(features, f"current_mean_{name}_ma")
        assert (np.diff(mean) >= 0).all()
        assert mean.min() == 100
        assert mean.max() <= 3000


def test_a_gap_counts_300_s_and_is_reported() -> None:
    features = extract(charge_of([0, 1000, 3_601_000], [5000] * 3, [1000] * 3))
    assert column(features, "elapsed_s").tolist() == [0, 1, 3601]
    assert column(features, "unobserved_s").tolist() == [0, 0, 3300]
    assert column(features, "charge_mah")[-1] == round(301 / 3.6)


def test_a_wrapping_clock_changes_nothing() -> None:
    t = np.arange(0, 600_000, 1000)
    current = np.linspace(1000, 400, len(t)).astype(np.int64)
    plain = extract(charge_of(t, [5000] * len(t), current))
    wrapped = extract(charge_of(t + 2**32 - 300_000, [5000] * len(t), current))
    assert np.array_equal(plain.x, wrapped.x)
    assert not np.array_equal(plain.state_crc, wrapped.state_crc)  # the time of the sample is part of the state


def test_full_needs_a_minute_below_the_end_current_and_stays() -> None:
    """2 A, then 40 mA: the 60 s mean needs ln(1960 / 60) * 60 s = 209 s to fall to 100 mA, then a minute must pass."""
    current = np.concatenate([np.full(600, 2000), np.full(400, 40), np.full(300, 2000)])
    features = extract(charge_of(1000 * np.arange(1300), [9000] * 1300, current))
    first = int(np.argmax(features.phase == FULL))
    assert first == pytest.approx(599 + 209 + 60, abs=4)
    assert (features.phase[first:] == FULL).all()
    assert features.phase[:10].tolist() == [0] * 10
    assert features.phase[10:599].tolist() == [1] * 589
    assert features.phase[700] == 2


@pytest.mark.parametrize(("third_ma", "phase"), [(800, 1), (799, 1), (798, 2)])
def test_constant_current_ends_below_nine_tenths_of_the_maximum(third_ma: int, phase: int) -> None:
    """A step of 5 s goes half way: the 5 s mean is 900, 899.5 (rounded up) or 899 mA after 1000."""
    assert extract(charge_of([0, 10_000, 15_000], [5000] * 3, [1000, 1000, third_ma])).phase[-1] == phase


def test_a_short_dip_is_not_full() -> None:
    current = np.concatenate([np.full(600, 2000), np.full(255, 40), np.full(600, 2000)])
    assert FULL not in extract(charge_of(1000 * np.arange(1455), [9000] * 1455, current)).phase


def test_plateaus_and_voltage_steps_are_dated() -> None:
    current = np.concatenate([np.full(60, 500), np.full(100, 1500)])
    voltage = np.concatenate([np.full(30, 5000), np.full(130, 9000)])
    features = extract(charge_of(1000 * np.arange(160), voltage, current))
    last = dict(zip(feature_names(), features.x[-1].tolist(), strict=True))
    assert last["plateau_previous_ma"] == 500
    assert 1400 <= last["plateau_ma"] <= 1500
    assert 70 <= last["plateau_dwell_s"] <= 100
    assert last["voltage_first_step_s"] == 30
    assert last["voltage_step_count"] == 1
    assert last["current_rise_max_ma"] == 1000


def test_rows_are_those_of_the_whole() -> None:
    rng = np.random.default_rng(7)
    charge = charge_of(
        np.cumsum(rng.integers(500, 3000, 500)), rng.integers(4000, 9000, 500), rng.integers(0, 3000, 500)
    )
    rows = np.array([0, 3, 17, 499])
    some, everything = extract(charge, rows), extract(charge)
    assert np.array_equal(some.x, everything.x[rows])
    assert np.array_equal(some.state_crc, everything.state_crc[rows])
    assert np.array_equal(some.phase, everything.phase[rows])
    assert some.rows.tolist() == rows.tolist()
    assert len(extract(charge, np.zeros(0, np.intp)).x) == 0


@pytest.mark.parametrize("rows", [[-1], [3], [1, 1], [2, 0], [[0]]])
def test_wrong_rows(rows: list[int]) -> None:
    with pytest.raises(ValueError, match="ascend strictly within"):
        extract(charge_of([0, 1, 2], [1, 2, 3], [1, 2, 3]), np.array(rows))


@pytest.mark.parametrize(("t_ms", "sample"), [([5, 5], 1), ([0, 1000, 999], 2), ([0, 1, 2, 2 + 2**31], 3)])
def test_a_refused_time_is_named(t_ms: list[int], sample: int) -> None:
    n = len(t_ms)
    with pytest.raises(DatasetError, match=rf"session night, sample {sample}: t_ms {t_ms[-1]} .* {t_ms[-2]} before it"):
        extract(charge_of(t_ms, [5000] * n, [100] * n, session="night"))


def test_columns_of_different_length_or_type_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        extract(charge_of([0, 1], [5000], [100, 100]))


def test_missing_becomes_nan_and_the_rest_stays() -> None:
    x = np.array([[0, WP_MISSING, 16_777_215, -16_777_215]], np.int32)
    got = to_float(x)
    assert got.dtype == np.float32
    assert np.isnan(got).tolist() == [[False, True, False, False]]
    assert got[0, [0, 2, 3]].astype(np.int64).tolist() == [0, 16_777_215, -16_777_215]
