"""The simulator: the same bytes for the same seed, and charges that could have been recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from train.errors import ConfigError
from train.sessions.checks import charge_faults
from train.sessions.dataset import dataset_hash
from train.sessions.labels import full_t_ms
from train.sessions.simulator import device_names, simulate, simulate_nominal
from train.sessions.simulator.calibration import as_markdown, compare_with_published
from train.sessions.simulator.catalogue import chargers, devices
from train.sessions.simulator.charging import simulate_charging
from train.sessions.simulator.draws import nominal_charge
from train.sessions.simulator.meter import measure
from train.sessions.types import Charge

EVALUATION = Path(__file__).parents[3] / "docs" / "evaluation.md"


def full_minutes(one: Charge) -> float:
    full = full_t_ms(one)
    assert full is not None
    return full / 60_000


@pytest.fixture(scope="module")
def fleet() -> list[Charge]:
    return list(simulate(seed=3, units_per_device=3, charges_per_unit=6))


def test_the_same_seed_gives_the_same_bytes_whatever_runs_beside_it(fleet: list[Charge]) -> None:
    again = list(simulate(seed=3, units_per_device=3, charges_per_unit=6))
    assert dataset_hash(again) == dataset_hash(fleet)
    alone = list(simulate(["ereader", "iphone_8"], seed=3, units_per_device=2, charges_per_unit=6))
    kept = [one for one in fleet if one.device in ("ereader", "iphone_8") and one.unit in ("s3u00", "s3u01")]
    assert dataset_hash(alone) == dataset_hash(kept)


def test_seeds_share_neither_units_nor_charges(fleet: list[Charge]) -> None:
    other = list(simulate(["iphone_8"], seed=4, units_per_device=3, charges_per_unit=6))
    assert not {one.unit_key for one in other} & {one.unit_key for one in fleet}
    assert not np.array_equal(other[0].current_ma[:300], fleet[0].current_ma[:300])


def test_fleet_is_wide_enough() -> None:
    kinds = [device.kind for device in devices().values()]
    assert len(device_names()) >= 16
    assert kinds.count("android_5v") == 2
    assert sum(name.startswith("powerbank_9v") for name in device_names()) == 2
    assert {"tablet", "laptop", "earbuds", "ereader", "console", "iphone", "galaxy_s"} <= set(kinds)


def test_every_charge_is_a_valid_one(fleet: list[Charge]) -> None:
    assert len(fleet) == len(device_names()) * 18
    for one in fleet:
        assert list(charge_faults(one)) == []
        assert one.t_ms[0] == 0
        gaps = np.diff(one.t_ms.astype(np.int64))
        assert 950 <= np.median(gaps) <= 1050
        assert gaps.min() > 900


def test_voltage_and_current_stay_within_charger_and_sensor(fleet: list[Charge]) -> None:
    for one in fleet:
        charger, device = chargers()[one.charger], devices()[one.device]
        highest = 11_000 if device.pps and charger.pps else max(v for v in charger.voltages_mv)
        assert one.voltage_mv.max() < highest * 1.05
        assert one.voltage_mv.min() > 4_300, one.session
        assert one.current_ma.min() >= -10
        assert one.current_ma.max() <= min(charger.max_ma, device.input_max_ma) * 1.03


def test_negotiation_starts_at_five_volts(fleet: list[Charge]) -> None:
    stepped = [one for one in fleet if one.voltage_mv.max() > 7_000]
    assert len(stepped) > 50
    agreed_s: dict[str, list[float]] = {}
    for one in stepped:
        agreed_s.setdefault(one.device, []).append(int(one.t_ms[np.argmax(one.voltage_mv > 7_000)]) / 1000)
        before_ma = devices()[one.device].before_ma
        assert one.voltage_mv[0] > 7_000 or one.current_ma[0] < before_ma * 1.05 + 10
    # The first sample comes up to a second after the plug: the quickest may have agreed by then.
    at_once = [one.device for one in stepped if one.voltage_mv[0] > 5_400]
    assert len(at_once) < len(stepped) / 20
    assert all(devices()[name].negotiation_ms < 900 for name in at_once)
    assert np.median(agreed_s["galaxy_s21"]) > np.median(agreed_s["iphone_8"]) + 1.5


def test_power_rises_in_the_device_s_own_steps() -> None:
    one = simulate_nominal("ipad_10", period_ms=200)
    since_s = one.t_ms / 1000 - 1.7
    ramp = one.current_ma[(since_s > 0.2) & (since_s < 12)]
    levels = np.unique(np.round(ramp / (19_000 / 9.05 / 16)))
    assert 14 <= len(levels) <= 17
    assert np.all(np.diff(np.convolve(ramp, np.ones(5) / 5, "valid")) > -30)


def test_a_wiggled_plug_starts_anew() -> None:
    draw = replace(nominal_charge(devices()["pixel_6_pro"]), wiggle_s=600.0, wiggle_for_s=3.0)
    one = measure(draw, simulate_charging([draw])[0], 1000)
    t_s = one.t_ms / 1000
    assert one.current_ma[(t_s > 600) & (t_s < 602.5)].max() < 20
    after = (t_s > 603.5) & (t_s < 604.8)
    assert one.voltage_mv[after].max() < 5_300
    assert one.voltage_mv[t_s > 620][0] > 7_000
    assert one.voltage_mv[t_s < 599][-1] > 7_000


def test_the_shifted_population_shares_no_unit_and_brings_other_cells_and_chargers() -> None:
    names = ["iphone_8", "powerbank_9v_20ah"]
    usual, shifted = (
        list(simulate(names, seed=3, units_per_device=8, charges_per_unit=2, population=population))
        for population in ("built-in", "shifted")
    )
    assert {one.charger for one in shifted} - {one.charger for one in usual} >= {"pd_25w_other"}
    assert not any(np.array_equal(a.current_ma[:200], b.current_ma[:200]) for a, b in zip(usual, shifted, strict=True))
    ageing = [np.mean([float(one.details["soh_pct"]) for one in fleet]) for fleet in (usual, shifted)]
    assert ageing[1] < ageing[0]
    for one in shifted:
        assert list(charge_faults(one)) == []
    with pytest.raises(ConfigError, match="population 'other' is not known; known: built-in, shifted"):
        simulate(names, seed=1, units_per_device=1, charges_per_unit=1, population="other")


def test_energy_fits_the_battery(fleet: list[Charge]) -> None:
    """Into the device goes what the battery took, over an efficiency between a half and one, and the system's use."""
    for one in fleet:
        if one.ended == "unplugged" or one.soc_pct is None:
            continue
        device = devices()[one.device]
        hours = np.diff(one.t_ms) / 3_600_000
        energy_wh = float(np.sum(one.voltage_mv[1:] / 1000 * one.current_ma[1:] / 1000 * hours))
        gained = float(one.soc_pct.max() - one.soc_pct[0]) / 100 * float(one.details["soh_pct"]) / 100
        stored_wh = gained * device.capacity_mah / 1000 * device.n_series * 3.8
        system_wh = float(one.t_ms[-1]) / 3_600_000 * device.active_mw / 1000
        assert stored_wh * 0.93 < energy_wh < (stored_wh + system_wh) / 0.6, one.session


@pytest.mark.parametrize("name", device_names())
def test_every_device_gets_full(name: str) -> None:
    one = simulate_nominal(name)
    assert one.ended == "full"
    assert 45 < full_minutes(one) < 400
    assert one.soc_pct is not None
    assert one.soc_pct[-1] > 95


def test_times_and_powers_are_as_published() -> None:
    rows = compare_with_published()
    assert {"iphone_13", "pixel_6_pro", "galaxy_s21_ultra"} <= {row.device for row in rows}
    assert [row for row in rows if not row.within] == []
    assert as_markdown(rows) in EVALUATION.read_text(encoding="utf-8"), "python -m train simulate --published"


def test_a_time_that_is_far_off_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = replace(devices()["pixel_6_pro"], capacity_mah=6000)
    monkeypatch.setitem(devices(), "pixel_6_pro", slow)
    assert [row.what for row in compare_with_published() if not row.within and row.device == "pixel_6_pro"]


def test_ends_are_labelled_as_the_rule_sees_them() -> None:
    many = list(simulate(seed=5, units_per_device=8, charges_per_unit=8, period_ms=5000))
    by_end = {end: [one for one in many if one.ended == end] for end in ("full", "limit", "unplugged")}
    assert all(len(group) >= 20 for group in by_end.values())
    seen = [full_t_ms(one) is not None for one in by_end["full"]]
    assert np.mean(seen) > 0.9  # the others were used, with more than 5 % of their peak, when the recording stopped
    assert not any(full_t_ms(one) for one in by_end["unplugged"])
    for one in by_end["limit"]:
        assert one.soc_pct is not None
        assert one.soc_pct.max() == pytest.approx(float(one.details["target_soc_pct"]), abs=1)


def test_longer_periods_show_the_same_charge() -> None:
    fast, slow = (simulate_nominal("pixel_6_pro", period_ms=period) for period in (1000, 10_000))
    assert full_minutes(fast) == pytest.approx(full_minutes(slow), abs=0.5)
    assert len(fast.t_ms) == pytest.approx(10 * len(slow.t_ms), rel=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": -1}, "seed: -1 is outside"),
        ({"units_per_device": 0}, "units per device: 0"),
        ({"charges_per_unit": 0}, "charges per unit: 0"),
        ({"period_ms": 50}, "period in ms: 50"),
    ],
)
def test_arguments_out_of_range(change: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        simulate(None, **{"seed": 1, "units_per_device": 1, "charges_per_unit": 1, **change})  # type: ignore[arg-type]


def test_unknown_device() -> None:
    with pytest.raises(ConfigError, match="'nokia_3310' is not in the simulator's fleet; known: iphone_8"):
        simulate(["nokia_3310"], seed=1, units_per_device=1, charges_per_unit=1)
