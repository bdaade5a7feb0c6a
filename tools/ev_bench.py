"""`make bench-ev`: answers about simulated households, beside baselines and bounds, to build/ev_bench.json.

    python -m tools.ev_bench [--quick] [--json]     some five minutes of one core; --quick: a tenth of the households

Every household is enrolled with the first 3 to 8 charges of each car in turn and answered on the rest, as `train fit
--profile ev` and `train evaluate` do. None of them is among those that train/household/pooled.json was measured on.
Each figure has its 95 % interval, households drawn again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from train.features.household import answer_charge
from train.household.answered import Answered, by_car, enrol_household
from train.household.bound import bound, energies_to_come
from train.household.evaluate import figures, print_household
from train.household.figures import baseline_of
from train.household.history import Past, pasts_of
from train.household.pooled import load_pooled
from train.sessions.simulator.ev import simulate_households

ROOT = Path(__file__).resolve().parent.parent
CHARGES = 14
ENROLLED = range(3, 9)
QUICK = 10


@dataclass(frozen=True, slots=True)
class Group:
    """Households that are answered together."""

    title: str
    seed: int
    households: int
    points: Literal["ac", "dc", "both"]
    cars: int | None = None
    different: bool = False
    told: bool = False  # only how long: which car it is, is told


GROUPS = {
    "three_different": Group("3 cars of different signatures, AC", 7003, 60, "ac", cars=3, different=True),
    "any": Group("any 2 to 8 cars, AC", 7001, 60, "ac"),
    "any_told": Group("the same, told which car it is", 7001, 60, "ac", told=True),
    "dc": Group("any 2 to 8 cars, DC", 7004, 40, "dc"),
    "dc_told": Group("the same, told which car it is", 7004, 40, "dc", told=True),
}


def households(group: Group, n: int) -> Iterator[dict[str, list[Past]]]:
    """Charges of each household, by car."""
    for index in range(n):
        charges = simulate_households(
            seed=group.seed,
            households=1,
            first=index,
            cars_each=group.cars,
            charges_per_car=CHARGES,
            points=group.points,
            different=group.different,
        )
        yield by_car(list(pasts_of(charges)))
        print(f"\r{group.title}: {index + 1} of {n} households", end="", file=sys.stderr)
    print(file=sys.stderr)


def measure(group: Group, n: int) -> dict[str, Any]:
    """All figures of a group."""
    pooled, answered, strangers = load_pooled(), [], []
    first: dict[str, list[Past]] = {}
    energies: dict[str, NDArray[np.float64]] = {}
    for index, household in enumerate(households(group, n)):
        enrolled = ENROLLED[index % len(ENROLLED)]
        past = {car: some[:enrolled] for car, some in household.items()}
        first.update(past)
        if group.points == "ac" and not group.told:
            energies |= energies_to_come(
                household, seed=group.seed, index=index, cars=group.cars, different=group.different
            )
        tables = enrol_household(past, pooled)
        rules, alone = tables.rules(pooled), replace(tables, distinct=True).rules(pooled)
        for number, car in enumerate(tables.cars):
            own = replace(tables, cars=(car,), tables=(tables.tables[number], tables.tables[-1]))
            asked, place = (own, 0) if group.told else (tables, number)
            for one in household[car][enrolled:]:
                answered.append(
                    Answered(one, place, asked.cars, answer_charge(asked.tables, alone if group.told else rules, one.x))
                )
        if not group.told and len(past) > 2:
            strangers += _strangers(household, past, index)
    found = figures([*answered, *strangers], first)
    found["bound_of_linear"] = bound(answered, energies, {car: baseline_of(some) for car, some in first.items()})
    if group.told:
        found |= {"which": {}, "unknown": {"false_alarms": None, "caught": None}}
    return {"title": group.title, "households": n, **found}


def _strangers(household: dict[str, list[Past]], past: dict[str, list[Past]], index: int) -> list[Answered]:
    """One of the cars, not enrolled, answered by tables of the others."""
    pooled, left_out = load_pooled(), sorted(household)[index % len(household)]
    others = enrol_household({car: some for car, some in past.items() if car != left_out}, pooled)
    later = household[left_out][len(past[left_out]) :]
    return [Answered(one, -1, others.cars, answer_charge(others.tables, others.rules(pooled), one.x)) for one in later]


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the households")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    arguments = parser.parse_args()
    found = {
        name: measure(group, max(group.households // QUICK, 3) if arguments.quick else group.households)
        for name, group in GROUPS.items()
    }
    out = ROOT / "build" / "ev_bench.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="ascii")
    if arguments.json:
        print(json.dumps(found, indent=1))
        return 0
    for one in found.values():
        print(f"\n{one['title']}, {one['households']} households")
        print_household(one)
        if one["bound_of_linear"]:
            share, low, high = one["bound_of_linear"]
            told = "told the car, its arrivals' distribution and the power of the rest"
            print(f"bound: {told}, {share:.3f} ({low:.3f}-{high:.3f}) of linear")
    print(f"\nwritten to {out.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)
