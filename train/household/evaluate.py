"""Evaluate: a household's artifact on charges it was not enrolled with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from train.artifact_household import Household, load_household
from train.errors import ArtifactError, ConfigError, DatasetError
from train.features.household import answer_charge, household_version
from train.features.vehicle import vehicle_version
from train.household.answered import Answered, by_car
from train.household.figures import MOMENTS, baseline_of, minutes, to_target, unknown_cars, which_car
from train.household.fit import household_charges
from train.household.history import Past, pasts_of
from train.sessions.dataset import read_dataset


def evaluate_household(model: Path, data: Path, split: str = "held-out") -> dict[str, Any]:
    """Figures on one part of a dataset; keys in docs/vehicle.md. Raises TrainError when the part has none.

    Charges at the household's charge point of a car that is not enrolled tell how often such are called unknown.
    """
    household = load_checked(model)
    if split == "calibration":
        raise ConfigError("--split calibration: no charge of a household calibrates; held-out, all or train")
    name = str(household.manifest["data"]["household"])
    _, charges = household_charges(read_dataset(data).charges, data, name)
    pasts = by_car(list(pasts_of(charges)))
    enrolled = set(household.manifest["split"]["train"])
    units: list[str] = list(household.manifest["training"]["units"])
    first = {unit: [past for past in pasts.get(unit, []) if past.session in enrolled] for unit in units}
    answered = [
        _answered(household, past, units.index(car) if car in units else -1)
        for car, some in pasts.items()
        for past in some
        if split == "all" or (past.session in enrolled) == (split == "train")
    ]
    if not answered:
        cure = "" if split == "all" else "; answer every one with --split all"
        raise DatasetError(f"{data}: has no charges of household {name or 'without a name'} for split {split}{cure}")
    about = {
        "model": {
            "hash": household.model_hash,
            "name": household.name,
            "kind": "household",
            "cars": list(household.cars),
        },
        "split": split,
        "charges": len(answered),
        "samples": sum(len(one.past.x) for one in answered),
    }
    return {**about, **figures(answered, first)}


def load_checked(model: Path) -> Household:
    """The household of a folder whose rules are this version's; raises ArtifactError."""
    household = load_household(model)
    have = (household_version(), vehicle_version())
    if (household.household_version, household.features_version) != have:
        raise ArtifactError(
            f"{model}: made for rules {household.household_version} and features {household.features_version}, here "
            f"are {have[0]} and {have[1]}; train again"
        )
    return household


def _answered(household: Household, past: Past, car: int) -> Answered:
    units = tuple(map(str, household.manifest["training"]["units"]))
    return Answered(past, car, units, answer_charge(household.tables, household.rules, past.x))


def figures(answered: Sequence[Answered], first: Mapping[str, Sequence[Past]]) -> dict[str, Any]:
    """All figures of answered charges; `first` are the charges of each car that baselines are made of."""
    baselines = {car: baseline_of(past) for car, past in first.items()}
    known, strangers = [one for one in answered if one.car >= 0], [one for one in answered if one.car < 0]
    return {
        "which": which_car(known),
        "unknown": unknown_cars(known, strangers),
        "ac_minutes": minutes(known, baselines, "all"),
        "ac_before_taper_minutes": minutes(known, baselines, "before"),
        "ac_taper_minutes": minutes(known, baselines, "taper"),
        "ac_to_80": to_target(known, direct=False),
        "dc_to_80": to_target(known, direct=True),
    }


def print_household(result: Mapping[str, Any]) -> None:
    """The figures as tables: each with its 95 % interval, households (or, of one, cars) drawn again."""
    which = result["which"]
    if which:
        _print_sets(which)
    unknown = result["unknown"]
    for key, text in (("false_alarms", "enrolled cars called unknown"), ("caught", "other cars called unknown")):
        if unknown[key]:
            print(f"{text}: {_share(unknown[key])}")
    _print_minutes(result)
    for key, text in (
        ("dc_to_80", "DC, to 80 %"),
        ("ac_to_80", "AC, to 80 %, SoC told"),
    ):
        if one := result[key]:
            print(
                f"{text}: {one['charges']} charges, off by {_share(one['mape'])}, "
                f"{_plain(one['mae_minutes'])} min, covers {_share(one['coverage'])}"
            )


def _print_sets(which: Mapping[str, Any]) -> None:
    print(f"{'':<18}{'charges':>8}{'likeliest right':>24}{'set holds truth':>24}{'cars in set':>22}")
    for moment in MOMENTS:
        if moment in which:
            row = which[moment]
            print(
                f"{moment.replace('_', ' '):<18}{row['charges']:>8}{_share(row['accuracy']):>24}"
                f"{_share(row['set_holds_truth']):>24}{_plain(row['set_size']):>22}"
            )


def _print_minutes(result: Mapping[str, Any]) -> None:
    row = "{:<20}{:>8}{:>22}{:>22}{:>18}{:>18}{:>23}".format
    print("\n" + row("time to the end", "charges", "off by, min", "linear, min", "of linear", "of its car's", "covers"))
    for key, text in (
        ("ac_minutes", "AC, no SoC"),
        ("ac_before_taper_minutes", "  before the taper"),
        ("ac_taper_minutes", "  in the taper"),
    ):
        if one := result[key]:
            names = ("mae_minutes", "linear_mae_minutes", "of_linear", "of_linear_of_answered")
            cells = [_plain(one[name]) for name in names]
            print(row(text, one["charges"], *cells, _share(one["coverage"])))


def _share(value: Sequence[float]) -> str:
    return f"{value[0]:.1%} ({value[1]:.1%}-{value[2]:.1%})"


def _plain(value: Sequence[float]) -> str:
    return f"{value[0]:.2f} ({value[1]:.2f}-{value[2]:.2f})"
