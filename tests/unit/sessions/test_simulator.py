"""The simulator: the same bytes for the same seed, and charges that could have been recorded."""

from __future__ import annotations

import numpy as np
import pytest

from train.errors import ConfigError
from train.sessions.checks import charge_faults
from train.sessions.dataset import dataset_hash
from train.sessions.labels import full_t_ms
from train.sessions.simulator import device_names, simulate, simulate_nominal
from train.sessions.simulator.catalogue import chargers, devices
from train.sessions.types import Charge


def minutes_to(one: Charge, soc_pct: float) -> float:
    assert one.soc_pct is not None
    return float(np.interp(soc_pct, one.soc_pct, one.t_ms)) / 60_000


def soc_at(one: Charge, minutes: float) -> float:
    assert one.soc_pct is not None
    return float(np.interp(minutes * 60_000, one.t_ms, one.soc_pct))


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
        assert one.voltage_mv.min() > 4_300
        assert one.current_ma.min() >= -10
        assert one.current_ma.max() <= min(charger.max_ma, device.input_max_ma) * 1.03


def test_negotiation_starts_at_five_volts(fleet: list[Charge]) -> None:
    stepped = [one for one in fleet if one.voltage_mv.max() > 7_000]
    assert len(stepped) > 50
    agreed_s = []
    for one in stepped:
        agreed_s.append(int(one.t_ms[np.argmax(one.voltage_mv > 7_000)]) / 1000)
        assert one.voltage_mv[0] < 5_400
    assert min(agreed_s) > 0.4
    assert 3 < max(agreed_s) < 6


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


def test_times_are_as_published() -> None:
    """Within a tenth of published times from empty; sources in devices.toml."""
    iphone, pixel, galaxy = (simulate_nominal(name) for name in ("iphone_13", "pixel_6_pro", "galaxy_s21_ultra"))
    assert full_minutes(iphone) == pytest.approx(115, rel=0.1)
    assert [soc_at(iphone, minute) for minute in (30, 60, 90)] == pytest.approx([56, 84, 96], rel=0.1)
    assert full_minutes(pixel) == pytest.approx(111, rel=0.1)
    assert minutes_to(pixel, 50) == pytest.approx(31, rel=0.1)
    assert 62 * 0.9 < full_minutes(galaxy) < 72 * 1.1


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
        simulate(None, **{"seed": 1, "units_per_device": 1, "charges_per_unit": 1, **change})


def test_unknown_device() -> None:
    with pytest.raises(ConfigError, match="'nokia_3310' is not in the simulator's fleet; known: iphone_8"):
        simulate(["nokia_3310"], seed=1, units_per_device=1, charges_per_unit=1)
