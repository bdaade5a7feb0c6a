"""Simulated nights: what a plan does to a battery, and the figures made of it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from train.advice import cars, homes, phones
from train.advice.nights import PLANS, Night, figures, text_of
from train.advice.picture import picture
from train.cli import main
from train.features.advice import LATER, SLOWLY, STOP, AdviceSettings
from train.sessions.simulator.catalogue import device_named
from train.sessions.simulator.charging import Throttle, simulate_charging
from train.sessions.simulator.draws import nominal_charge
from train.sessions.simulator.ev.catalogue import cars as known_cars
from train.sessions.simulator.ev.course import run

ROOT = Path(__file__).resolve().parents[3]


def night(plan: str, soc: list[float], **more: object) -> Night:
    values = {"peak_c": 30.0, "ready": True, "n_switched": 0} | more
    return Night(plan, "x", np.repeat(np.array(soc), 60), **values)  # type: ignore[arg-type]


def test_figures_of_nights_made_by_hand() -> None:
    """Each entry of soc lasts an hour."""
    found = figures(
        [
            night("as it comes", [0.5, 0.8, 1.0, 1.0]),
            night("as it comes", [0.5, 0.79, 0.96, 0.9], peak_c=40.0, ready=False, n_switched=3),
            night("start later", [0.5, 0.5, 0.5, 1.0]),
        ]
    )
    assert set(found) == {"as it comes", "start later"}
    one = found["as it comes"]
    assert one["nights"] == 2
    assert one["hours_above_80_pct"] == (3 + 2) / 2
    assert one["hours_above_95_pct"] == (2 + 1) / 2
    assert one["soc_at_end_pct"] == pytest.approx(95)
    assert one["peak_c"] == 35
    assert one["ready_share"] == 0.5
    assert one["switched_most"] == 3
    assert "50%" in text_of(found)


def estimates(full_min: int, last_min: int = 30) -> phones.Estimates:
    """A charge that takes so many minutes, and is estimated without an error."""
    n = phones.NIGHT_H * 60
    left = np.maximum(full_min - np.arange(n), 0) * 60
    full = np.repeat(left[:, np.newaxis], 3, axis=1)
    return phones.Estimates(
        np.arange(n) < full_min, np.full(n, 2000), full, np.maximum(full - 60 * last_min, 0)
    )  # fmt: skip


def test_a_charger_is_told_what_the_plan_is_for() -> None:
    seen = estimates(120)
    stop = phones._told(AdviceSettings(wishes=STOP, least_ma=1000, most_ma=3000), seen)
    assert stop.stop_s == 60 * (120 - 30 + 1)  # confirmed for a minute
    assert stop.n_told == 1
    later = phones._told(AdviceSettings(wishes=LATER, least_ma=1000, most_ma=3000), seen)
    assert later.pause_s == 600
    assert later.resume_s == 60 * (8 * 60 - 15 - 111)  # what was left a minute before it paused
    slowly = phones._told(AdviceSettings(wishes=SLOWLY, least_ma=1000, most_ma=3000, step_ma=100), seen)
    assert slowly.limit_ma == 1000
    nothing = phones._told(AdviceSettings(least_ma=1000, most_ma=3000), seen)
    assert nothing == phones.Told(np.inf, np.inf, np.inf, 3000, 0)


def test_a_charge_that_waits_goes_on_where_it_was() -> None:
    draw = nominal_charge(device_named("pixel_6_pro"), arrival_soc=0.3)
    (course,) = simulate_charging([draw])
    never = float("inf")
    waits = phones._night("start later", LATER, draw, course, phones.Told(600, 6 * 3600, never, 3000, 2))
    plain = phones._night("as it comes", 0, draw, course, phones.Told(never, never, never, 3000, 0))
    assert np.ptp(waits.soc[10 : 6 * 60]) < 0.002
    assert waits.soc[6 * 60 + 50] == pytest.approx(plain.soc[60], abs=0.01)
    assert plain.ready
    assert waits.ready
    assert (waits.soc > 0.8).sum() < (plain.soc > 0.8).sum() - 5 * 60
    stops = phones._night("stop at 80 %", STOP, draw, course, phones.Told(never, never, 1200, 3000, 1))
    assert stops.soc[-1] == stops.soc[21] < 0.8
    assert not stops.ready


def test_throttled_from_a_moment_on() -> None:
    draws = [nominal_charge(device_named(name), arrival_soc=0.3) for name in ("pixel_6_pro", "ipad_10")]
    plain = simulate_charging(draws)
    slow = simulate_charging(draws, Throttle(600.0, np.array([9.0, 100.0])))
    assert np.array_equal(slow[0].power_w[:60], plain[0].power_w[:60])
    assert slow[0].power_w[60:].max() <= 9.0 < plain[0].power_w[60:].max()
    assert len(slow[0].soc) > len(plain[0].soc)
    assert slow[0].cell_c[60:].max() < plain[0].cell_c[60:].max()
    assert np.array_equal(slow[1].soc, plain[1].soc)


def test_a_night_is_answered_by_the_household(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models at one charge point: the board tells them apart, minutes are the car's own, to full and to 80 %."""
    chosen = {name: known_cars()[name] for name in ("leaf_40", "id_3_58")}
    monkeypatch.setattr(cars, "cars", lambda: chosen)
    nights, past = cars.draw_nights(40_001, 1)
    courses = run([draw for each in past for draw in each])
    found = homes.homes_of(nights, past, courses)
    assert found[0] is found[1]
    assert found[0].tables.cars == tuple(f"{draw.unit.car.name}/{draw.unit.name}" for draw in nights)
    for b, draw in enumerate(nights):
        again = homes.flow_of(draw, run([draw])[0])
        n = int(1800 / 15)
        begun = homes.Flow(*(values[:n] for values in (again.pilot_a, again.power_kw, again.wh, again.soc)))
        full, target = found[b].left_s(draw, begun)
        true = np.flatnonzero(again.power_kw > 0.1)[-1] * 15 - 1800
        assert full == sorted(full)
        assert full[0] / 2 < true < 2 * full[2]
        assert target[1] <= full[1]
        nothing = homes.Flow(begun.pilot_a, begun.power_kw * 3, begun.wh * 3, begun.soc)  # no such car
        assert found[b].left_s(draw, nothing) == ([-1] * 3, [-1] * 3)


@pytest.fixture
def two_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {name: known_cars()[name] for name in ("leaf_40", "id_3_58")}
    some = {name: device_named(name) for name in ("pixel_6_pro", "ereader")}
    monkeypatch.setattr(cars, "cars", lambda: chosen)
    monkeypatch.setattr(phones, "devices", lambda: some)


def check_gain(found: dict[str, dict[str, float]]) -> None:
    plain = found["as it comes"]
    assert set(found) == set(PLANS)
    assert plain["switched_most"] == 0
    assert found["start later"]["hours_above_80_pct"] < 0.6 * plain["hours_above_80_pct"]
    assert found["start later"]["switched_most"] == 2
    assert found["stop at 80 %"]["soc_at_end_pct"] < plain["soc_at_end_pct"] - 5
    assert found["stop at 80 %"]["switched_most"] == 1
    assert found["slowly"]["peak_c"] <= plain["peak_c"]
    assert found["slowly"]["hours_above_80_pct"] < plain["hours_above_80_pct"]


@pytest.mark.slow
@pytest.mark.usefixtures("two_of_each")
def test_the_command_says_what_it_is_worth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["advice", "--units", "4", "--seed", "40001", "--out", str(tmp_path), "--json"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads((tmp_path / "advice.json").read_text(encoding="ascii"))
    for group in ("phones", "cars"):
        check_gain(found[group])
    drawing = ET.fromstring((tmp_path / "advice.svg").read_text(encoding="utf-8"))  # noqa: S314
    lines = [each for each in drawing.iter() if each.tag.endswith("polyline")]
    assert len(lines) == 2 * len(PLANS) + len(PLANS)


def test_picture_shows_each_plan() -> None:
    nights = {"phones": [night(plan, [0.4, 0.9, 1.0]) for plan in PLANS]}
    text = picture(nights)
    assert all(f">{plan}<" in text for plan in PLANS)
    assert "mean of 1 nights" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--units", "0"], "error: --units 0: give 1 to 1000"),
        (["--seed", "39999"], "error: --seed 39999: give 40000 or more; models know the units below"),
        (["--model", "nowhere", "--units", "1"], "nowhere"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["advice", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
