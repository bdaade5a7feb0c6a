"""Households: simulated alike, enrolled, answered; what their artifact refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from train.artifact import load_artifact, manifest_hash
from train.artifact_household import STAGES, is_household, load_household
from train.cli import main
from train.errors import ArtifactError, ConfigError
from train.household.answered import by_car, enrol_household
from train.household.calibrate import OPEN, calibrated, upper_quantile
from train.household.fit import household_charges
from train.household.fleet import pooled_of
from train.household.history import Past, pasts_of
from train.household.pooled import load_pooled, parse_pooled, pooled_values
from train.sessions.dataset import read_dataset, write_dataset
from train.sessions.labels import vehicle_done_t_ms
from train.sessions.simulator.ev import household_of, simulate_households
from train.sessions.types import Charge

CHARGES = 7
ENROLLED = 4


@pytest.fixture(scope="module")
def charges() -> list[Charge]:
    return list(
        simulate_households(
            seed=5, households=2, cars_each=3, charges_per_car=CHARGES, different=True, period_ms=30_000
        )
    )


@pytest.fixture(scope="module")
def households(charges: list[Charge]) -> list[dict[str, list[Past]]]:
    pasts = list(pasts_of(charges))
    names = sorted({past.household for past in pasts})
    return [by_car([past for past in pasts if past.household == name]) for name in names]


def test_a_household_depends_on_its_own_number_alone(charges: list[Charge]) -> None:
    second = list(
        simulate_households(
            seed=5, households=1, first=1, cars_each=3, charges_per_car=CHARGES, different=True, period_ms=30_000
        )
    )
    again = [charge for charge in charges if household_of(charge) == "s5h001"]
    assert [one.session for one in second] == [one.session for one in again]
    for one, other in zip(second, again, strict=True):
        assert np.array_equal(one.current_ma, other.current_ma)
        assert np.array_equal(one.t_ms, other.t_ms)


def test_cars_of_a_household_share_their_charge_point(charges: list[Charge]) -> None:
    for name in ("s5h000", "s5h001"):
        own = [charge for charge in charges if household_of(charge) == name]
        assert len({charge.unit_key for charge in own}) == 3
        assert len({charge.charger for charge in own}) == 1
        assert len(own) == 3 * CHARGES


def test_charge_points_are_not_taken_for_one(charges: list[Charge], tmp_path: Path) -> None:
    """Several households, or several chargers that name none, are asked about; all of them may be meant."""
    data = tmp_path / "my_cars"
    with pytest.raises(ConfigError, match=r"holds 2 households: s5h000, s5h001; name one: --household s5h000$"):
        household_charges(charges, data, None)
    home = [replace(one, charger="home") for one in charges[::2]]
    mixed = home + [replace(one, charger="work box") for one in charges[1::2]]
    said = "holds 2 charge points: home, work box; name one: --household home, or take them as one with --household all"
    with pytest.raises(ConfigError, match=said):
        household_charges(mixed, data, None)
    assert household_charges(mixed, data, "home") == ("home", home)
    assert household_charges(mixed, data, "all") == ("all", mixed)
    assert household_charges(home, data, None) == ("", home)
    assert household_charges(mixed, data, "") == ("", mixed)  # enrolled where there was one charger
    with pytest.raises(ConfigError, match="no household 'garage'; it has home, work box"):
        household_charges(mixed, data, "garage")


def test_a_limit_is_done_when_power_ceases_for_good(charges: list[Charge]) -> None:
    stopped = [charge for charge in charges if charge.ended == "limit"]
    assert stopped
    for charge in stopped:
        done = vehicle_done_t_ms(charge)
        assert done is not None
        power = charge.voltage_mv.astype(np.int64) * charge.current_ma
        at = int(np.searchsorted(charge.t_ms, done))
        assert power[at] <= 0.02 * power.max() < power[at - 1]
    cut = replace(stopped[0], ended="unplugged")
    assert vehicle_done_t_ms(cut) is None


def test_different_cars_are_told_apart(households: list[dict[str, list[Past]]]) -> None:
    pooled = load_pooled()
    for household in households:
        tables = enrol_household({car: past[:ENROLLED] for car, past in household.items()}, pooled)
        for number, car in enumerate(tables.cars):
            for past in household[car][ENROLLED:]:
                answers = tables.answer(past, tables.rules(pooled))
                possible = answers.column("possible")
                assert possible[-1] >> number & 1, (past.session, possible[-1])
                assert answers.column("car")[-1] == number
                assert not (possible[1:] & ~possible[:-1]).any()


def test_more_charges_narrow_the_estimate_of_energy(households: list[dict[str, list[Past]]]) -> None:
    """A car whose past energies agree gets a narrower table than one whose do not."""
    pooled = load_pooled()
    car, past = next(iter(households[0].items()))
    tables = enrol_household({car: past}, pooled).tables[0]
    other = enrol_household({car: past[:1]}, pooled).tables[-1]
    own = (tables.energy_wh[14] - tables.energy_wh[2]) / tables.energy_wh[8]
    assert own < (other.energy_wh[14] - other.energy_wh[2]) / other.energy_wh[8]


def test_pooled_is_whole_and_reads_back(households: list[dict[str, list[Past]]]) -> None:
    both = simulate_households(seed=6, households=2, cars_each=3, charges_per_car=6, points="both", period_ms=30_000)
    more: dict[str, list[Past]] = {}
    for past in pasts_of(both):
        more.setdefault(past.household, []).append(past)
    every = [*households, *map(by_car, more.values())]
    pooled = calibrated(every, pooled_of(every, {"seed": 5}), [3] * len(every), len(every))
    assert parse_pooled(json.loads(json.dumps(pooled_values(pooled)))) == pooled
    assert pooled.rules.set_within < OPEN.set_within
    assert len(pooled.rules.done_q10) == 3 * len(STAGES)
    assert 0.85 < pooled.dc_of_ac < 1.0  # DC leaves the on-board charger's losses out


def test_conformal_quantile_counts_the_next_one() -> None:
    assert upper_quantile(list(range(1, 100)), 0.97) == 97
    assert upper_quantile([5, 1, 3], 0.97) == 5


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    options = "--profile ev --seed 5 --households 1 --household-cars 3 --different --charges 6 --period-ms 60000"
    assert main(["simulate", str(folder / "data"), *options.split(), "--json"]) == 0
    fit = ["fit", "--profile", "ev", "--data", str(folder / "data"), "--out", str(folder / "model"), "--json"]
    (folder / "four.toml").write_text("[household]\nenrol = 4\n")
    assert main([*fit, "--config", str(folder / "four.toml")]) == 0
    return folder


def test_from_dataset_to_figures(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    model = load_household(home / "model")
    assert is_household(home / "model")
    assert len(model.cars) == 3
    assert len(model.tables) == 4
    assert main(["evaluate", "--model", str(home / "model"), "--data", str(home / "data"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["charges"] <= 3 * 2
    assert found["which"]["end"]["set_holds_truth"][0] > 0.5
    assert main(["evaluate", "--model", str(home / "model"), "--data", str(home / "data")]) == 0
    said = capsys.readouterr().out
    assert "likeliest right" in said
    assert "of linear" in said


def _damaged(model: Path, folder: Path, change: Mapping[str, Any]) -> Path:
    manifest = {**json.loads((model / "manifest.json").read_text()), **change}
    manifest["hash"] = manifest_hash(manifest)
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_what_an_artifact_refuses(home: Path, tmp_path: Path) -> None:
    manifest = json.loads((home / "model" / "manifest.json").read_text())
    car = manifest["cars"][0]
    table = manifest["tables"][car]
    flat = {**table, "energy_wh": [1000] * 17}
    wild = {**table, "limit_permille": 1201}
    few = {**table, "curve_w": [1000] * 20}
    changes: list[tuple[dict[str, Any], str]] = [
        ({"tables": {**manifest["tables"], car: flat}}, "must ascend strictly"),
        ({"tables": {**manifest["tables"], car: wild}}, "limit_permille is 1201"),
        ({"tables": {**manifest["tables"], car: few}}, "needs 21 numbers"),
        ({"cars": [car, car]}, "different names"),
        ({"profile": "phone"}, "no household"),
        ({"rules": {}}, "rules has other keys"),
    ]
    for number, (change, words) in enumerate(changes):
        with pytest.raises(ArtifactError, match=words):
            load_household(_damaged(home / "model", tmp_path / str(number), change))
    with pytest.raises(ArtifactError, match="is a household of vehicles, and this takes a charger's"):
        load_artifact(home / "model")


def test_clear_errors(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(home / "data")
    fit = ["fit", "--data", data, "--out", str(tmp_path / "x")]
    model = str(tmp_path / "all")
    assert main(["fit", "--profile", "ev", "--data", data, "--out", model]) == 0
    phones = str(tmp_path / "phones")
    assert main(["simulate", phones, "--devices", "pixel_6_pro", "--units", "1", "--charges", "1"]) == 0
    lone = tmp_path / "lone"
    write_dataset(lone, [one for one in read_dataset(home / "data").charges if one.session.endswith("_c000")][:1])
    for arguments, words in (
        (
            ["fit", "--profile", "ev", "--data", str(lone), "--out", model],
            "has 1 charge with current; record 3",
        ),
        (["evaluate", "--model", model, "--data", data], "for split held-out; answer every one with --split all"),
        (["evaluate", "--model", model, "--data", data, "--split", "calibration"], "held-out, all or train"),
        (
            ["predict", "--model", model, "--data", phones, "--split", "all", "--out", str(tmp_path / "z")],
            "has no charge of a vehicle for split all\n",
        ),
        ([*fit, "--profile", "ev", "--household", "nobody"], "has no household 'nobody'"),
        ([*fit, "--profile", "ev", "--prior", "fleet", "--own-only"], "--own-only is not of electric vehicles"),
        ([*fit, "--profile", "ev", "--prior", "fleet"], "--prior is not of electric vehicles"),
        ([*fit, "--profile", "ev", "--kind", "network"], "--kind is not of electric vehicles"),
        ([*fit, "--profile", "ev", "--seed", "0"], "--seed is not of electric vehicles"),
        ([*fit, "--profile", "ev", "--name", "my-house"], "error: --name my-house: must be a lower-case C identifier"),
        ([*fit, "--household", "s5h000"], "give --profile ev with it"),
        (fit, "or learn a household's cars with fit --profile ev"),
        (["simulate", str(tmp_path / "y"), "--profile", "ev", "--different"], "give --households N"),
        (["simulate", str(tmp_path / "y"), "--households", "2"], "--households is of electric vehicles"),
        (["simulate", str(tmp_path / "y"), "--profile", "ev", "--households", "0"], "households: 0 is outside"),
    ):
        capsys.readouterr()
        assert main(arguments) == 2
        assert words in capsys.readouterr().err
