"""What holds for cars at large: pooled.json, measured on simulated households (python -m tools.household_pooled).

A car's few charges do not tell how far its signs scatter, how wide an honest interval is, or how unlike a car of the
household must be to be none of them. The fleet tells.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from train.artifact_household import N_CURVE, N_ENERGY, RULE_FIELDS, SIGNS, HouseholdRules

FILE = Path(__file__).with_name("pooled.json")


@dataclass(frozen=True, slots=True)
class Factors:
    """What brings estimates to their levels, [stage][10, 50, 90 %] in one row each: rules have the same names."""

    done_q10: tuple[int, ...]
    target_q10: tuple[int, ...]
    done_plus_s: tuple[int, ...]
    target_plus_s: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pooled:
    """Of all simulated cars; arrays by sign are in the order of SIGNS."""

    sign_within: tuple[float, ...]  # standard deviation among one car's charges
    sign_between: tuple[float, ...]  # among cars' medians
    sign_centre: tuple[float, ...]
    plateau_within: float  # of plateau / allowed, in ten thousandths
    limit_permille: float
    low_rise: float  # of it at 6 A above that from 16 A on, permille
    limit_between: float  # permille
    energy_deviate: tuple[float, ...]  # [17] of a next charge from the mean of the car's past, in standard deviations
    energy_spread: float  # standard deviation of a car's energies, of their mean
    other_energy_wh: tuple[float, ...]  # [17] of any car's charges
    other_power_w: float
    dc_of_ac: float  # energy for one per cent, in DC to that in AC
    level_share: tuple[
        float, ...
    ]  # [16] left when a taper's step begins, of the hours from empty to full at full power
    curve_per_h: tuple[float, ...]  # [21] power in DC, of what the battery holds, per hour
    rules: HouseholdRules
    factors: Mapping[str, Factors]  # of each kind of household (answered.py)
    provenance: Mapping[str, Any]


def pooled_values(pooled: Pooled) -> dict[str, Any]:
    """As JSON holds it."""
    values: dict[str, Any] = {}
    for name in Pooled.__slots__:
        value = getattr(pooled, name)
        if isinstance(value, HouseholdRules):
            value = {field: getattr(value, field) for field in RULE_FIELDS}
        if name == "factors":
            value = {kind: asdict(factors) for kind, factors in value.items()}
        values[name] = value
    return values


def parse_pooled(values: Mapping[str, Any]) -> Pooled:
    """From what pooled_values gives, read back from JSON."""
    rules = HouseholdRules(**_tuples(values["rules"]))
    factors = {kind: Factors(**_tuples(one)) for kind, one in values["factors"].items()}
    pooled = Pooled(**{**_tuples(values), "rules": rules, "factors": factors})
    assert len(pooled.sign_within) == len(SIGNS)  # noqa: S101
    assert len(pooled.energy_deviate) == len(pooled.other_energy_wh) == N_ENERGY  # noqa: S101
    assert len(pooled.curve_per_h) == N_CURVE  # noqa: S101
    return pooled


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


@cache
def load_pooled() -> Pooled:
    """The committed one."""
    return parse_pooled(json.loads(FILE.read_text(encoding="ascii")))
