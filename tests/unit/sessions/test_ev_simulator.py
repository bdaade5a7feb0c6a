"""Simulated electric vehicles: limits are kept to, tapers are stairs, times are the published ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from train.cli import main
from train.errors import ConfigError
from train.sessions.checks import charge_faults
from train.sessions.dataset import charge_digest, read_dataset
from train.sessions.labels import full_t_ms
from train.sessions.simulator.ev import known_cars, nominal_charge, simulate_vehicles
from train.sessions.simulator.ev.calibration import compare_with_published
from train.sessions.simulator.ev.course import run
from train.sessions.simulator.ev.draws import nominal_draw
from train.sessions.types import Charge


@pytest.fixture(scope="module")
def fleet() -> list[Charge]:
    return list(simulate_vehicles(seed=7, units_per_car=2, charges_per_unit=6))


def kw(charge: Charge) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return charge.voltage_mv / 1e6 * (charge.current_ma / 1e3)


def test_whole_fleet_is_a_dataset(fleet: list[Charge]) -> None:
    assert len(fleet) == 2 * 6 * len(known_cars())
    assert len(known_cars()) >= 16
    assert not [fault for one in fleet for fault in charge_faults(one)]
    assert {one.ended for one in fleet} == {"full", "limit", "unplugged"}
    assert {one.phases is None for one in fleet} == {True, False}
    gaps = {int(np.median(np.diff(one.t_ms.astype(np.int64)))) for one in fleet}
    assert min(gaps) < 1_100
    assert max(gaps) > 55_000
    direct = [one for one in fleet if one.phases is None]
    assert all(one.soc_pct is not None and one.pilot_da is None for one in direct)
    told = [one.soc_pct is not None for one in fleet if one.phases is not None]
    assert 0.1 < np.mean(told) < 0.5


def test_same_seed_same_bytes_and_units_stand_alone(fleet: list[Charge]) -> None:
    alone = list(simulate_vehicles(["leaf_40"], seed=7, units_per_car=1, charges_per_unit=3))
    among = {one.session: charge_digest(one) for one in fleet}
    assert [charge_digest(one) for one in alone] == [among[one.session] for one in alone]
    other = next(simulate_vehicles(["leaf_40"], seed=8, units_per_car=1, charges_per_unit=1))
    assert other.unit not in {one.unit for one in fleet}


def test_current_keeps_to_pilot_and_phases(fleet: list[Charge]) -> None:
    for one in fleet:
        if one.phases is None or one.pilot_da is None:
            continue
        used = (one.phases.current_ma > 300).any(axis=0).sum()
        assert used <= known_cars()[one.device].ac_phases
        t = one.t_ms.astype(np.int64)
        # A limit is obeyed within the car's response, the simulator's step of 15 s and a sample.
        changes = t[1:][np.diff(one.pilot_da) != 0]
        slow = np.zeros(len(t), dtype=bool)
        for change in changes:
            slow |= (t >= change - 60_000) & (t < change + 30_000)
        drawn = one.phases.current_ma.max(axis=1)[~slow]
        assert np.all(drawn <= one.pilot_da[~slow] * 100 * 1.02 + 1_000)
        assert np.all(drawn[one.pilot_da[~slow] == 0] < 100) or one.ended == "full"


def test_taper_is_a_staircase_down_to_its_floor() -> None:
    car = known_cars()["leaf_40"]
    one = nominal_charge(car, "ac", arrival_soc_pct=80)
    assert one.full_t_ms is not None
    end = np.searchsorted(one.t_ms, one.full_t_ms)
    power = kw(one)[20:end] * car.power_factor
    levels = car.ac_kw * (1 - (1 - car.taper_floor) * np.arange(car.taper_steps + 1) / car.taper_steps)
    nearest = np.abs(power[:, None] - levels).argmin(axis=1)
    assert np.all(np.diff(nearest) >= 0)
    assert set(nearest) == set(range(car.taper_steps + 1))
    off = np.abs(power / levels[nearest] - 1)
    assert np.median(off) < 0.03  # the mains is not exactly 230 V
    assert one.full_t_ms == full_t_ms(one)


def test_energy_is_what_the_battery_took() -> None:
    car = known_cars()["id_3_58"]
    one = nominal_charge(car, "ac", arrival_soc_pct=20, target_soc_pct=80)
    assert one.energy_wh is not None
    assert one.energy_wh[-1] / 1000 == pytest.approx(0.6 * car.kwh / car.efficiency, rel=0.01)
    apparent = np.trapezoid(kw(one), one.t_ms / 3.6e6)
    assert one.energy_wh[-1] / 1000 == pytest.approx(apparent * car.power_factor, rel=0.03)
    assert one.ended == "limit"
    assert full_t_ms(one) is None


def test_direct_current_follows_the_curve_the_station_and_the_cold(fleet: list[Charge]) -> None:
    car = known_cars()["model_3_lr"]
    one = nominal_charge(car, "dc", arrival_soc_pct=5, target_soc_pct=80)
    assert one.soc_pct is not None
    for soc in (20, 40, 60, 75):
        assert float(np.mean(kw(one)[one.soc_pct == soc])) == pytest.approx(car.dc_kw()[soc], rel=0.06)
    whole = nominal_charge(car, "dc", arrival_soc_pct=60)
    assert whole.full_t_ms is not None
    assert whole.full_t_ms == pytest.approx(
        full_t_ms(replace(whole, full_t_ms=None)), abs=5_000
    )  # nothing is drawn after
    weak = nominal_charge(car, "dc", arrival_soc_pct=5, target_soc_pct=80, kw=50)
    assert kw(weak).max() <= 50.5
    for direct in (charge for charge in fleet if charge.phases is None):
        assert direct.current_ma.max() <= 500_000
        assert kw(direct).max() <= 352
    warm = nominal_draw(car, "dc", 0.1, 0.8, None)
    first = {celsius: run([replace(warm, battery_c=celsius)])[0].power_kw[20] for celsius in (-5.0, 10.0, 28.0)}
    assert first[-5.0] == pytest.approx(0.3 * first[28.0], rel=0.2)
    assert first[-5.0] < first[10.0] < first[28.0]


def test_published_times_and_powers() -> None:
    rows = compare_with_published()
    assert len(rows) >= 20
    assert {row.device for row in rows} <= set(known_cars())
    assert len({row.device for row in rows}) >= 10
    assert [row for row in rows if not row.within] == []


ENTRY = "[my_car]\nkwh = 40.0\nac_phases = 3\nac_kw = 11.0\ndc_curve_kw = [[0, 80], [100, 20]]\n"


def test_a_car_is_one_entry(tmp_path: Path) -> None:
    file = tmp_path / "cars.toml"
    file.write_text(ENTRY, encoding="utf-8")
    known = known_cars(file)
    made = list(simulate_vehicles(["my_car"], seed=1, units_per_car=1, charges_per_unit=2, known=known))
    assert [one.device for one in made] == ["my_car"] * 2
    for change, told in (
        (("kwh = 40.0\n", ""), "car my_car: kwh is missing"),
        (("kwh = 40.0", "kwh = 4000"), "kwh is 4000; give a number from 2 to 250"),
        (("kwh", "size"), "size is no field"),
        (("[0, 80]", "[0, 800]"), "kW above 0 up to 350"),
        (("[100, 20]", "[0, 20]"), "ascending"),
        (("ac_phases = 3", "ac_phases = 2.5"), "give a whole number"),
        (("[my_car]", "[my_car"), "cars.toml"),
    ):
        file.write_text(ENTRY.replace(*change), encoding="utf-8")
        with pytest.raises(ConfigError, match=r".*") as caught:
            known_cars(file)
        assert told in str(caught.value)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, cars = str(tmp_path / "set"), tmp_path / "cars.toml"
    cars.write_text(ENTRY, encoding="utf-8")
    base = ["simulate", out, "--profile", "ev", "--units", "1", "--charges", "2"]
    assert main([*base, "--devices", "my_car,leaf_40", "--cars", str(cars), "--period-ms", "30000", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["charges"] == 4
    assert read_dataset(Path(out)).devices == ("leaf_40", "my_car")
    assert main(["simulate", "--profile", "ev", "--list-devices"]) == 0
    assert "taycan_turbo" in capsys.readouterr().out.split()
    for wrong, told in (
        ([*base, "--force", "--devices", "tesla"], "known: zoe_ze50"),
        ([*base, "--force", "--population", "shifted"], "of phones"),
        ([*base, "--force", "--period-ms", "100"], "outside 1000"),
        ([*base, "--force", "--devices", "smart_eq_22kw", "--points", "dc"], "cannot charge in DC"),
        (["simulate", out, "--force", "--points", "ac"], "--profile ev"),
    ):
        assert main(wrong) == 2
        assert told in capsys.readouterr().err
