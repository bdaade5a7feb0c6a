"""The rule of a charge in progress against training's own, which sees all samples at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.recording.full_rule import Flow, FullRule
from train.sessions.labels import full_t_ms, mean_current_ma
from train.sessions.types import Charge

STEPS = st.lists(st.tuples(st.integers(1, 90_000), st.integers(-200, 3_000)), min_size=10, max_size=80)


def charge(t_ms: list[int], current_ma: list[int]) -> Charge:
    volts = np.full(len(t_ms), 5_000, np.int32)
    return Charge(
        "s", "d", "1", "c", "unknown", np.array(t_ms, np.uint32), volts, np.array(current_ma, np.int32)
    )  # fmt: skip


def ended(t_ms: list[int], current_ma: list[int]) -> tuple[FullRule, int]:
    """The rule when it decided, or at the end, and how many samples it had."""
    rule = FullRule()
    for n, (t, current) in enumerate(zip(t_ms, current_ma, strict=True), start=1):
        rule.add(t, current)
        if rule.full_t_ms is not None:
            return rule, n
    return rule, len(t_ms)


@settings(deadline=None)
@given(STEPS)
def test_means_are_those_of_training(steps: list[tuple[int, int]]) -> None:
    t_ms = np.cumsum([step for step, _ in steps]).tolist()
    current_ma = [current for _, current in steps]
    means = mean_current_ma(charge(t_ms, current_ma))
    rule = FullRule()
    for k, (t, current) in enumerate(zip(t_ms, current_ma, strict=True)):
        rule.add(t, current)
        if np.isnan(means[k]):
            assert rule.mean_ma is None
        else:
            assert rule.mean_ma == pytest.approx(means[k], abs=1e-6)


@settings(deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(200, 5_000),
    st.lists(st.tuples(st.integers(200, 30_000), st.floats(0.0, 1.0)), min_size=20, max_size=200),
)
def test_the_end_is_that_of_training(start: int, peak: int, steps: list[tuple[int, float]]) -> None:
    """Currents that fall from their peak, jagged: where the rule decides, training finds the same sample."""
    t_ms = (start + np.cumsum([step for step, _ in steps])).tolist()
    falling = sorted((share for _, share in steps), reverse=True)
    current_ma = [round(peak * share**3) for share in falling]
    rule, n = ended(t_ms, current_ma)
    assert rule.full_t_ms == full_t_ms(charge(t_ms[:n], current_ma[:n]))


def test_a_rest_before_the_charge_is_not_its_end() -> None:
    t_ms = [k * 1000 for k in range(600)]
    current_ma = [0] * 200 + [1_000] * 200 + [40] * 200
    rule, n = ended(t_ms, current_ma)
    assert rule.full_t_ms is not None
    assert rule.full_t_ms > 400_000
    assert t_ms[n - 1] - rule.full_t_ms == 60_000
    assert rule.peak_ma == 1_000


def test_a_limit_that_grows_with_the_peak() -> None:
    """100 mA is above the end of a small charge, and below that of one with a peak of 3 A."""
    t_ms = [k * 1000 for k in range(500)]
    small, _ = ended(t_ms, [500] * 200 + [100] * 300)
    large, _ = ended(t_ms, [3_000] * 200 + [100] * 300)
    assert small.full_t_ms is None
    assert large.full_t_ms is not None


@pytest.mark.parametrize(("peak_ma", "low_ma"), [(900, 50), (1_000, 50), (3_000, 150), (4_000, 200)])
def test_the_limit_itself_counts_as_the_end(peak_ma: int, low_ma: int) -> None:
    """A twentieth of the peak, 50 mA at least; a milliampere more is none."""
    t_ms = [k * 1000 for k in range(500)]
    for current_ma, is_full in ((low_ma, True), (low_ma + 1, False)):
        values = [peak_ma] * 200 + [current_ma] * 300
        rule, n = ended(t_ms, values)
        assert (rule.full_t_ms is not None) == is_full
        assert rule.full_t_ms == full_t_ms(charge(t_ms[:n], values[:n]))


def test_no_current_is_never_full() -> None:
    assert ended([k * 1000 for k in range(1_000)], [0] * 1_000)[0].full_t_ms is None


def test_what_has_flowed() -> None:
    flow = Flow()
    for sample in [(500, 5_000, 0), (3_600_500, 5_000, 1_000), (3_600_500 + 1_800_000, 9_000, 1_000)]:
        flow.add(*sample)
    assert flow.charge_mah == pytest.approx(500 + 500)
    assert flow.energy_mwh == pytest.approx(2_500 + 3_500)
    assert (flow.elapsed_s, flow.longest_gap_ms, flow.n_samples) == (5_400, 3_600_000, 3)
    assert flow.power_mw == 9_000
