"""Fit: the recorded charges of a household to an artifact of tables (docs/artifact.md, The household)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from train.artifact import SCHEMA, write_folder
from train.artifact_household import CARS_MAX, KIND, PROFILE, Household, load_household, tables_manifest
from train.config import Config
from train.errors import ConfigError, DatasetError
from train.features.household import household_version
from train.features.vehicle import vehicle_version
from train.household.answered import by_car, enrol_household
from train.household.history import Past, pasts_of
from train.household.pooled import load_pooled
from train.sessions.dataset import read_dataset
from train.sessions.types import Charge

LEAST_CHARGES = 3  # of a car, to be enrolled
ALL = "all"  # --household: every charge point's cars are one household's
SHOWN = 8  # names in a message


@dataclass(frozen=True, slots=True)
class HouseholdSummary:
    """What `train fit --profile ev` says of what it wrote."""

    artifact: str
    hash: str
    household: str
    cars: dict[str, int]  # charges each was enrolled with
    left: int  # later charges of these cars, which evaluate answers


def fit_household(
    data: Path, out: Path, config: Config, *, household: str | None = None, name: str | None = None
) -> HouseholdSummary:
    """Enrol the cars of one household of a dataset with their first charges; raises TrainError."""
    if name is not None and not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigError(f"--name {name}: must be a lower-case C identifier, like my_household")
    dataset = read_dataset(data)
    chosen, charges = household_charges(dataset.charges, data, household)
    pasts = by_car(list(pasts_of(charges)))
    _check(pasts, data)
    first = {car: past[: config.household.enrol] for car, past in pasts.items()}
    pooled = load_pooled()
    tables = enrol_household(first, pooled)
    names = car_names(tables.cars)
    manifest = {
        "schema": SCHEMA,
        "kind": KIND,
        "profile": PROFILE,
        "name": name or re.sub(r"[^a-z0-9_]", "_", out.name.lower()).lstrip("_0123456789") or "household",
        "household_version": household_version(),
        "features_version": vehicle_version(),
        **tables_manifest(names, tables.tables[:-1], tables.tables[-1], tables.rules(pooled)),
        "split": {"train": sorted(past.session for some in first.values() for past in some)},
        "data": {
            "hash": dataset.hash,
            "charges": sum(map(len, pasts.values())),
            "units": len(pasts),
            "source": str(data),
            "household": chosen,
        },
        "training": {
            "enrol": config.household.enrol,
            "units": list(tables.cars),
            "distinct": tables.distinct,
            "pooled": dict(pooled.provenance),
        },
        "versions": {package: version(package) for package in ("numpy",)},
    }
    written = write_household(out, manifest)
    counts = {car: len(past) for car, past in zip(names, first.values(), strict=True)}
    left = sum(max(0, len(past) - config.household.enrol) for past in pasts.values())
    return HouseholdSummary(str(out), written.model_hash, chosen, counts, left)


def write_household(out: Path, manifest: Mapping[str, Any]) -> Household:
    """Write an artifact folder of nothing but a manifest; raises ArtifactError."""
    write_folder(out, manifest, {}, load_household)
    return load_household(out)


def household_charges(charges: Sequence[Charge], data: Path, household: str | None) -> tuple[str, list[Charge]]:
    """The charges of the named household, or of the only one, and its name; raises ConfigError or DatasetError.

    A household is what chargers name in brackets; of chargers that name none, each is one of its own where there are
    several. ALL takes them together, an empty name those without one.
    """
    from train.sessions.labels import VEHICLE
    from train.sessions.simulator.ev import household_of

    vehicles = [charge for charge in charges if charge.details.get("profile") == VEHICLE]
    if not vehicles:
        raise DatasetError(
            f"{data}: holds no charge of an electric vehicle (profile {VEHICLE} in its table of charges)"
        )
    unnamed = {charge.charger for charge in vehicles if not household_of(charge)}
    places = [household_of(charge) or (charge.charger if len(unnamed) > 1 else "") for charge in vehicles]
    known = sorted(set(places))
    if household is None:
        if len(known) > 1:
            raise ConfigError(_which(known, data, has_points=len(unnamed) > 1))
        household = known[0]
    elif household in known:
        return household, [charge for charge, place in zip(vehicles, places, strict=True) if place == household]
    elif not household:
        vehicles = [charge for charge in vehicles if not household_of(charge)]
    elif household != ALL:
        raise ConfigError(f"{data}: has no household {household!r}; it has {_listed(known)}")
    return household, vehicles


def _which(known: Sequence[str], data: Path, *, has_points: bool) -> str:
    what = "charge points" if has_points else "households"
    together = f", or take them as one with --household {ALL}" if has_points else ""
    example = next(name for name in known if name)
    example = f"'{example}'" if " " in example else example
    return f"{data}: holds {len(known)} {what}: {_listed(known)}; name one: --household {example}{together}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(name or "one without a name" for name in names[:SHOWN]) + more


def _check(pasts: Mapping[str, Sequence[Past]], data: Path) -> None:
    if not 1 <= len(pasts) <= CARS_MAX:
        raise DatasetError(f"{data}: has {len(pasts)} cars (device/unit); a household has 1 to {CARS_MAX}")
    for car, past in pasts.items():
        if len(past) < LEAST_CHARGES:
            number = f"{len(past)} charge{'' if len(past) == 1 else 's'}"
            raise DatasetError(
                f"{data}: {car} has {number} with current; record {LEAST_CHARGES} or more, or leave it out"
            )


def car_names(units: Sequence[str]) -> list[str]:
    """Names of cars from `device/unit`: the device, with the unit behind it where two cars are of the same model."""
    devices = [unit.partition("/")[0] for unit in units]
    return [
        device if devices.count(device) == 1 else unit.replace("/", "_")
        for device, unit in zip(devices, units, strict=True)
    ]


def summary_text(summary: HouseholdSummary) -> str:
    """The summary as it is printed."""
    cars = ", ".join(f"{car} ({count})" for car, count in summary.cars.items())
    return (
        f"enrolled with so many charges: {cars}\n"
        f"{summary.left} later charges are left to evaluate on; model {summary.hash}, written to {summary.artifact}"
    )
