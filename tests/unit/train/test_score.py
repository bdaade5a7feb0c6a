"""Intervals, confidence, unknown devices, SoC bounds and groups of charges, on numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.train.test_metrics import LONG, SHORT, STRANGER, charge
from train.answer_rules import Prototypes
from train.bootstrap import drawn_means, drawn_units, interval
from train.evaluate import confidence, courses, groups, metrics, soc
from train.evaluate.intervals import headline
from train.evaluate.metrics import ChargeAnswers
from train.sessions.types import Charge


def sure(right: bool, value: float, unit: str, device: int = 0) -> ChargeAnswers:
    """A charge of two minutes answered with this confidence throughout."""
    found = charge([0, 60, 120], device, [device if right else 1 - device] * 3, truth=[120, 60, 0])
    return replace(found, unit=unit, confidence=np.full(3, value), strangeness=np.full(3, 1 - value))


def test_the_bootstrap_has_the_spread_of_a_mean_over_units() -> None:
    """Units of two equal charges: the interval is that of n independent units, not of 2 n charges."""
    random = np.random.default_rng(5)
    n = 400
    by_unit = random.normal(0, 1, n)
    values = np.repeat(by_unit, 2)[:, None]
    means = drawn_means(values, np.repeat(np.arange(n), 2), drawn_units(n, 4000))
    found = interval(means[:, 0])
    assert found is not None
    assert (found[1] - found[0]) / 2 == pytest.approx(1.96 * by_unit.std() / np.sqrt(n), rel=0.05)
    assert drawn_units(7, 5).sum(axis=1).tolist() == [7.0] * 5


def test_nothing_known_has_no_interval() -> None:
    means = drawn_means(np.full((4, 1), np.nan), np.arange(4), drawn_units(4, 10))
    assert interval(means[:, 0]) is None


def test_intervals_hold_the_figure_and_pair_the_ratio() -> None:
    """An answer that is always half as far off as the baseline is so in every draw."""
    charges = [
        replace(LONG, unit=f"d0/u{n}", remaining_s=np.stack([LONG.true_remaining_s + 30 * n] * 3, axis=1),
                baseline_s=LONG.true_remaining_s + 60 * n)
        for n in range(1, 9)
    ]  # fmt: skip
    found = headline(charges)
    assert found["of_baseline"]["60s"] == pytest.approx(0.5)
    assert found["intervals"]["of_baseline"]["60s"] == [0.5, 0.5]
    low, high = found["intervals"]["mae_minutes"]["60s"]
    assert low < metrics.remaining_figures(charges)["mae_minutes"]["60s"] == 2.25 < high
    assert headline(charges[:4])["intervals"]["mae_minutes"] == {}  # of so few units nothing is said


def test_macro_accuracy_weighs_devices_alike() -> None:
    charges = [sure(True, 1, f"d0/{n}") for n in range(9)] + [sure(False, 1, "d1/0", device=1)]
    assert metrics.device_figures(charges)["accuracy"]["60s"] == pytest.approx(0.9)
    found = headline(charges)
    assert found["macro_accuracy"]["60s"] == pytest.approx(0.5)
    assert found["intervals"]["macro_accuracy"]["60s"] == [0.5, 1.0]  # the second device is not in every draw


def test_pinball_and_p90() -> None:
    one = charge([0, 60], 0, [0, 0], truth=[600, 540], middle=[600, 0])
    losses = [(0.1 * 60 + 0 + 0.1 * 120) / 3 / 60, (0.1 * 600 + 0.5 * 540 + 0.9 * 420) / 3 / 60]
    figures = metrics.remaining_figures([one])
    assert figures["pinball_minutes"]["5s"] == pytest.approx(losses[0])
    assert figures["pinball_minutes"]["60s"] == pytest.approx(losses[1])
    ten = [charge([0, 60], 0, [0, 0], truth=[600, 540], middle=[0, 540 + 60 * n]) for n in range(1, 11)]
    assert metrics.remaining_figures(ten)["p90_error_minutes"]["60s"] == 9.0


def test_calibration_error() -> None:
    """Of ten charges at 0.85 eight are right, of two at 0.55 one: off by 0.05 each, so that is the mean."""
    charges = [sure(n < 8, 0.85, f"d0/{n}") for n in range(10)] + [sure(n < 1, 0.55, f"d0/x{n}") for n in range(2)]
    assert confidence.calibration_error(charges)["60s"] == pytest.approx(0.05)
    assert confidence.calibration(charges)["bins"] == [
        {"confidence": 0.55, "right": 0.5, "charges": 2},
        {"confidence": 0.85, "right": 0.8, "charges": 10},
    ]
    assert confidence.calibration_error([STRANGER]) == {}


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    random = np.random.default_rng(2)
    known, strange = random.integers(0, 8, 30).astype(float), random.integers(3, 11, 20).astype(float)
    pairs = [1.0 if s > k else 0.5 if s == k else 0.0 for s in strange for k in known]
    assert confidence.auroc(known, strange) == pytest.approx(np.mean(pairs))
    assert confidence.caught_at(np.arange(100.0), np.array([94.0, 95.0, 96.0, 99.0])) == pytest.approx(0.5)


def test_unknown_devices_need_both_kinds() -> None:
    known = [sure(True, 0.9, "d0/a"), sure(True, 0.8, "d0/b")]
    assert confidence.unknown_figures(known)["unknown_auroc"] == {}
    strangers = [replace(sure(True, value, "s/a"), device=-1) for value in (0.85, 0.1)]
    assert confidence.unknown_figures(known + strangers)["unknown_auroc"]["60s"] == pytest.approx(0.75)


def test_strangeness_is_above_one_where_the_board_says_unknown() -> None:
    prototypes = Prototypes(("x",), (0,), (((0,),),), ((1,),), 500)
    permille = np.array([399, 400, 1000, 1000, 1000, 1000])
    unfamiliar = np.array([0, 0, 500, 501, 501, 499])
    at_ms = 1000 * np.array([5, 5, 30, 30, 29, 40])
    score = confidence.strangeness(permille, unfamiliar, at_ms, 400, prototypes)
    assert (score > 1).tolist() == [True, False, False, True, False, False]
    assert (confidence.strangeness(permille, unfamiliar, at_ms, 400, None) > 1).tolist() == [True] + [False] * 5


def with_soc(unit: str, truth: list[int], level: list[float]) -> ChargeAnswers:
    found = charge([0, 60, 300], 0, [0, 0, 0], truth=truth)
    return replace(found, unit=unit, soc_pct=np.array(level))


def test_the_oracle_knows_other_units_at_the_same_level() -> None:
    """Others took 600 and 1200 s from 50 %: their median is 900. The unit itself is not asked."""
    charges = [
        with_soc("d0/a", [1000, 940, 700], [50, 60, 75]),
        with_soc("d0/b", [600, 480, 0], [50, 60, 100]),
        with_soc("d0/c", [1200, 960, 0], [50, 60, 100]),
        with_soc("d0/c", [1200, 960, 0], [50, 60, 100]),
    ]
    error = soc.oracle_table(charges[:3])
    keys = metrics.HORIZON_KEYS
    assert error[0, keys.index("5s")] == pytest.approx(100 / 60)
    assert error[0, keys.index("60s")] == pytest.approx(220 / 60)
    pair = soc.oracle_table(charges[2:])
    assert np.isnan(pair).all()  # one unit: nobody else to ask
    assert np.isnan(soc.oracle_table([LONG])).all()  # no level known


def test_the_linear_baseline_goes_on_as_before() -> None:
    """At 300 s 25 points were won, 25 are missing: 300 s more. Before a point is won it says nothing."""
    charges = [with_soc(f"d0/{n}", [700, 640, 400], [50, 50.5, 75]) for n in range(3)]
    assert soc.linear_figures(charges) == {"300s": pytest.approx(100 / 60), "overall": pytest.approx(100 / 60)}
    slow = [with_soc(f"d0/s{n}", [700, 640, 400], [50, 50.1, 50.2]) for n in range(3)]
    assert soc.linear_figures(charges + slow) == {}  # not known for nine in ten


def test_slices_and_endings() -> None:
    whole = np.zeros(1, np.int32)
    row = Charge("s", "d", "u", "c", "limit", np.zeros(1, np.uint32), whole, whole)
    assert groups.slices_of(row) == ()
    details = {"soh_pct": "80.0", "ambient_decidegc": "99", "sensor": "ina219"}
    names = groups.slices_of(replace(row, details=details))
    assert names == ("battery health at most 80 %", "below 10 °C", "sensor ina219")
    assert groups.slices_of(replace(row, details={"soh_pct": "80.1", "ambient_decidegc": "351"})) == ("above 35 °C",)
    table = groups.by_slice([replace(LONG, slices=names), SHORT])
    assert set(table) == set(names)
    assert table["below 10 °C"]["charges"] == 1
    endings = groups.by_ending([replace(LONG, ended="full"), replace(SHORT, ended="limit")])
    assert (endings["full"]["accuracy"]["60s"], endings["limit"]["accuracy"]) == (0.0, {"overall": 0.75})


def test_shares_of_the_charge_done() -> None:
    """600 s in all: answers at 0, 60 and 300 s fall into 0–10, 10–25 and 50–75 %."""
    one = charge([0, 60, 300], 0, [1, 0, 0], truth=[600, 540, 300], middle=[600, 0, 600])
    table = groups.by_share_done([one])
    assert {name: figures["mae_minutes"] for name, figures in table.items() if figures} == {
        "0-0.1": 0.0,
        "0.1-0.25": 9.0,
        "0.5-0.75": 5.0,
    }


def test_jumps_are_moves_of_the_end() -> None:
    """Counting down is no move; 2 min more at 180 s is one jump in the two minutes that count."""
    one = charge([0, 60, 120, 180], 0, [0] * 4, truth=[600, 540, 480, 420], middle=[0, 540, 480, 540], baseline=[9] * 4)
    assert groups.jumps_per_hour([one]) == {"answer": 30.0, "baseline": 60.0}
    assert groups.jumps_per_hour([SHORT]) == {}


def test_curves_and_worst_charges_are_plain_numbers() -> None:
    charges = [replace(LONG, unit=f"d0/u{n}", session=f"s{n}", remaining_s=LONG.remaining_s + n) for n in range(6)]
    found = courses.curves(charges)
    at = found["elapsed_s"].index(60)
    assert found["accuracy"]["mean"][found["elapsed_s"].index(5)] == 1.0
    assert (found["accuracy"]["mean"][at], found["accuracy"]["mean"][at + 1]) == (0.0, None)
    worst = courses.worst_charges([*charges, SHORT], ["a", "b"])
    assert worst[0]["session"] == "s0"
    assert len(worst) == courses.N_WORST
    assert worst[0]["elapsed_s"] == [0, 5, 9, 11, 30, 60]
    assert worst[0]["answered"] == "a"
