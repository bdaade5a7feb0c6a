"""Measures what holds for cars at large on simulated households, and writes train/household/pooled.json.

    python -m tools.household_pooled [--quick]     some four minutes of one core; --quick: a tenth of it, to build/

Run it after the simulator of electric vehicles, their features or the rules of docs/vehicle.md have changed. The seeds
are its own: `make bench-ev` answers other households.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Literal

from train.household.answered import by_car
from train.household.calibrate import calibrated
from train.household.fleet import pooled_of
from train.household.history import Past, pasts_of
from train.household.pooled import FILE, pooled_values
from train.sessions.simulator.ev import simulate_households

SEED = 9001
CHARGES = 14
AT: tuple[tuple[Literal["ac", "dc", "both"], int, bool], ...] = (
    ("ac", 80, False),
    ("both", 30, False),
    ("dc", 30, False),
    ("ac", 60, True),
)  # charge points, households, whether of three cars with different signatures
QUICK = 10  # times fewer
ENROLLED = range(3, 9)  # charges of a car, in turn
ROOT = Path(__file__).resolve().parent.parent


def households(fewer: int, *, different: bool) -> list[dict[str, list[Past]]]:
    """Charges of all households, by car; at large, or those of three cars with different signatures."""
    found: dict[str, list[Past]] = {}
    for number, (points, n, chosen) in enumerate(AT):
        if chosen != different:
            continue
        charges = simulate_households(
            seed=SEED + number,
            households=max(n // fewer, 3),
            cars_each=3 if different else None,
            charges_per_car=CHARGES,
            points=points,
            different=different,
        )
        for past in pasts_of(charges):
            found.setdefault(past.household, []).append(past)
            print(f"\r{len(found)} households", end="", file=sys.stderr)
    print(file=sys.stderr)
    return [by_car(pasts) for pasts in found.values()]


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the households, to build/pooled.json")
    quick = parser.parse_args().quick
    at_large, chosen = (households(QUICK if quick else 1, different=which) for which in (False, True))
    provenance = {
        "seed": SEED,
        "households": len(at_large),
        "different_households": len(chosen),
        "charges_per_car": CHARGES,
    }
    every = [*at_large, *chosen]
    enrolled = [ENROLLED[k % len(ENROLLED)] for k in range(len(every))]
    pooled = calibrated(every, pooled_of(at_large, provenance), enrolled, len(at_large))
    out = ROOT / "build" / "pooled.json" if quick else FILE
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(pooled_values(pooled), indent=1) + "\n", encoding="ascii", newline="\n")
    print(f"written to {out.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
