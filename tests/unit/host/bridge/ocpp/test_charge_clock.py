"""The clock of one charge, by a charge point's times that may be none."""

from __future__ import annotations

import pytest

from host.bridge.ocpp.charge_clock import ChargeClock
from host.bridge.ocpp.events import seconds_of


def test_it_counts_from_the_beginning_by_the_charge_points_clock() -> None:
    clock = ChargeClock(1_000.0)
    assert [clock.t_ms(at_s, now_s) for at_s, now_s in ((1_000.5, 0), (1_010, 0.1), (1_060.0004, 90))] == [
        500,
        10_000,
        60_000,
    ]


@pytest.mark.parametrize("begun_at_s", [None, 9_000.0, -1e9])
def test_a_beginning_that_makes_no_sense_is_the_first_samples(begun_at_s: float | None) -> None:
    clock = ChargeClock(begun_at_s)
    assert [clock.t_ms(1_000.0, 0.0), clock.t_ms(1_007.0, 7.0)] == [0, 7_000]


def test_without_times_it_is_when_they_came() -> None:
    clock = ChargeClock(None)
    assert [clock.t_ms(None, now_s) for now_s in (5.0, 6.5, 6.5)] == [0, 1_500, 1_501]


def test_a_repeated_sample_is_left_out() -> None:
    clock = ChargeClock(0.0)
    assert [clock.t_ms(at_s, now_s) for now_s, at_s in enumerate((10.0, 10.0, 5.0, 20.0))] == [
        10_000,
        None,
        None,
        20_000,
    ]


def test_a_clock_that_was_set_back_is_followed() -> None:
    clock = ChargeClock(10_000.0)
    times = [clock.t_ms(at_s, now_s) for now_s, at_s in ((0, 10_010.0), (10, 20.0), (20, 30.0), (30, 40.0), (40, 50.0))]
    assert times == [10_000, None, None, 40_000, 50_000]


def test_a_clock_that_was_set_right_is_followed_at_once() -> None:
    """A charge point that starts in 1970 and learns the time from its central system."""
    clock = ChargeClock(5.0)
    times = [clock.t_ms(at_s, now_s) for now_s, at_s in ((0, 10.0), (10, 20.0), (20, 1.8e9), (30, 1.8e9 + 10))]
    assert times == [5_000, 15_000, 25_000, 35_000]


def test_a_long_gap_that_our_clock_saw_too_is_one() -> None:
    clock = ChargeClock(0.0)
    clock.t_ms(0.0, 0.0)
    assert clock.t_ms(100_000.0, 100_000.0) == 100_000_000


def test_more_than_the_wire_carries_is_left_out() -> None:
    clock = ChargeClock(0.0)
    clock.t_ms(0.0, 0.0)
    assert clock.t_ms(5e6, 5e6) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-26T06:00:00Z", 1_795_672_800.0),
        ("2026-11-26T07:00:00.250+01:00", 1_795_672_800.25),
        ("2026-11-26T06:00:00", 1_795_672_800.0),
        ("today", None),
        ("", None),
        (7, None),
        (None, None),
        ("2026-13-26T06:00:00Z", None),
    ],
)
def test_times(text: object, seconds: float | None) -> None:
    assert seconds_of(text) == seconds
