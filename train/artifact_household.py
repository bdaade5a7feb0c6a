"""The artifact of a household's cars (docs/artifact.md, The household): a manifest alone, no model files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from train.artifact import MANIFEST, SCHEMA, manifest_hash
from train.errors import ArtifactError as ArtifactError

KIND = "household"
PROFILE = "ev"
CARS_MAX = 8
NOT_KNOWN_S = 65_535
SIGNS = (
    *("rise_ma_per_s", "start_delay_s", "limit_response_s", "unbalance_permille", "taper_step_ma"),
    *("energy_per_soc_wh", "dc_voltage_mv", "dc_energy_per_soc_wh"),
)
STAGES = (
    *("waiting", "paused", "energy_0", "energy_1", "energy_2", "energy_3", "taper", "soc"),
    *("dc_low", "dc_part", "dc", "dc_blind"),
)
N_ENERGY, N_LEVELS, N_CURVE = 17, 16, 21

# Of each field of a car: how many numbers it is (0: one alone), least and most. The order is the struct's.
CAR_FIELDS: Mapping[str, tuple[int, int, int]] = {
    "centre": (len(SIGNS), -(2**31) + 1, 2**31 - 1),
    "weight": (len(SIGNS), 0, 65_535),
    "plateau_weight": (0, 0, 65_535),
    "power_weight": (0, 0, 65_535),
    "limit_permille": (0, 0, 1200),
    "low_limit_permille": (0, 0, 1200),
    "phases": (0, 0, 3),
    "usual_end_pct": (6, 0, 100),
    "ceiling_ma": (0, 1000, 524_287),
    "dc_mv_per_soc": (0, 0, 65_535),
    "energy_per_soc_wh": (2, 0, 16_383),
    "usual_power_w": (0, 300, 1_000_000),
    "energy_wh": (N_ENERGY, 0, 1_000_000),
    "taper_wh": (0, 0, 65_535),
    "taper_s": (0, 0, 65_535),
    "level_s": (N_LEVELS, 0, NOT_KNOWN_S),
    "curve_w": (N_CURVE, 300, 1_000_000),
}
RULE_FIELDS: Mapping[str, tuple[int, int, int]] = {
    "power_now_permille": (0, 0, 1000),
    "phases_cost": (0, 0, 65_535),
    "set_within": (0, 0, 2**32 - 1),
    "unknown_above": (0, 0, 2**32 - 1),
    "confidence_multiplier": (0, 0, 2**32 - 1),
    "done_q10": (3 * len(STAGES), 0, 65_535),
    "target_q10": (3 * len(STAGES), 0, 65_535),
    "done_plus_s": (3 * len(STAGES), -32_768, 32_767),
    "target_plus_s": (3 * len(STAGES), -32_768, 32_767),
    "dc_unknown_above": (0, 0, 2**32 - 1),
    "dc_weight": (3, 1, 16_384),
}


@dataclass(frozen=True, slots=True)
class HouseholdCar:
    """One car's tables: wp_household_car, whose fields have the same names."""

    centre: tuple[int, ...]
    weight: tuple[int, ...]
    plateau_weight: int
    power_weight: int
    limit_permille: int
    low_limit_permille: int
    phases: int
    usual_end_pct: tuple[int, ...]  # in AC at 10, 50, 90 %, then in DC
    ceiling_ma: int
    dc_mv_per_soc: int
    energy_per_soc_wh: tuple[int, ...]
    usual_power_w: int
    energy_wh: tuple[int, ...]
    taper_wh: int
    taper_s: int
    level_s: tuple[int, ...]
    curve_w: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HouseholdRules:
    """What holds for all cars: wp_household_model. Factors, and what is added, are [stage][10, 50, 90 %] in one row."""

    power_now_permille: int
    phases_cost: int
    set_within: int
    unknown_above: int
    confidence_multiplier: int
    done_q10: tuple[int, ...]
    target_q10: tuple[int, ...]
    done_plus_s: tuple[int, ...]
    target_plus_s: tuple[int, ...]
    dc_unknown_above: int
    dc_weight: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Household:
    """A loaded household. Field meanings: docs/artifact.md."""

    path: Path
    manifest: Mapping[str, Any]
    name: str
    household_version: int
    features_version: int
    cars: tuple[str, ...]
    tables: tuple[HouseholdCar, ...]  # of the cars, then of any other
    rules: HouseholdRules
    hash: str

    @property
    def model_hash(self) -> str:
        """The 16 hexadecimal digits that a board reports."""
        return self.hash.removeprefix("sha256:")[:16]


def tables_manifest(
    cars: Sequence[str], tables: Sequence[HouseholdCar], other: HouseholdCar, rules: HouseholdRules
) -> dict[str, Any]:
    """The part of a manifest that holds them."""
    return {
        "cars": list(cars),
        "tables": {name: _values(table) for name, table in zip(cars, tables, strict=True)},
        "other": _values(other),
        "rules": _values(rules),
    }


def _values(table: HouseholdCar | HouseholdRules) -> dict[str, Any]:
    found = {one.name: getattr(table, one.name) for one in fields(table)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def is_household(path: Path) -> bool:
    """Whether the folder's manifest says so; False for whatever cannot be read."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("kind") == KIND


def load_household(path: Path) -> Household:
    """Read and check an artifact folder; raises ArtifactError naming file and key."""
    source = path / MANIFEST
    try:
        manifest = json.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtifactError(f"{source}: not found; make one with: python -m train fit --profile ev") from None
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{source}: cannot be read: {error}") from None
    if not isinstance(manifest, dict):
        raise ArtifactError(f"{source}: is not a JSON object")
    try:
        return parse_household(path, manifest)
    except KeyError as error:
        raise ArtifactError(f"{source}: key {error} is missing; train again") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(f"{source}: {error}") from None


def parse_household(path: Path, manifest: Mapping[str, Any]) -> Household:
    """The household of a manifest; raises KeyError, TypeError or ValueError."""
    if manifest["schema"] != SCHEMA:
        raise ValueError(f"schema {manifest['schema']}, this version reads {SCHEMA}; train again")
    if manifest["kind"] != KIND or manifest["profile"] != PROFILE:
        raise ValueError(f"kind {manifest['kind']!r} is no household of electric vehicles; train with --profile ev")
    if manifest["hash"] != manifest_hash(manifest):
        raise ValueError("its hash does not match: the file was changed by hand or is damaged; train again")
    name = str(manifest["name"])
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"name {name!r} is not a lower-case C identifier")
    cars = tuple(map(str, manifest["cars"]))
    if not 1 <= len(cars) <= CARS_MAX or len(set(cars)) != len(cars):
        raise ValueError(f"needs 1 to {CARS_MAX} cars of different names, has {len(cars)}")
    tables = [_car(f"tables.{car}", manifest["tables"][car]) for car in cars]
    return Household(
        path=path,
        manifest=manifest,
        name=name,
        household_version=int(manifest["household_version"]),
        features_version=int(manifest["features_version"]),
        cars=cars,
        tables=(*tables, _car("other", manifest["other"])),
        rules=HouseholdRules(**_checked("rules", manifest["rules"], RULE_FIELDS)),
        hash=str(manifest["hash"]),
    )


def _car(where: str, entry: Mapping[str, Any]) -> HouseholdCar:
    car = HouseholdCar(**_checked(where, entry, CAR_FIELDS))
    if any(a >= b for a, b in pairwise(car.energy_wh)):
        raise ValueError(f"{where}.energy_wh must ascend strictly")
    if list(car.usual_end_pct[:3]) != sorted(car.usual_end_pct[:3]) or list(car.usual_end_pct[3:]) != sorted(
        car.usual_end_pct[3:]
    ):
        raise ValueError(f"{where}.usual_end_pct must ascend, in AC and in DC")
    return car


def _checked(where: str, entry: Mapping[str, Any], known: Mapping[str, tuple[int, int, int]]) -> dict[str, Any]:
    if set(entry) != set(known):
        raise ValueError(f"{where} has other keys than {', '.join(known)}")
    found: dict[str, Any] = {}
    for key, (count, least, most) in known.items():
        values = list(entry[key]) if count else [entry[key]]
        if len(values) != max(count, 1):
            raise ValueError(f"{where}.{key} needs {count} numbers, has {len(values)}")
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise ValueError(f"{where}.{key} is {value!r}; it must be a whole number from {least} to {most}")
        found[key] = tuple(values) if count else values[0]
    return found
