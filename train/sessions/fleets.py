"""What `simulate` can simulate, by profile: one class each, made from the command's arguments."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from train.errors import ConfigError

if TYPE_CHECKING:
    from train.sessions.simulator.calibration import Comparison
    from train.sessions.types import Charge


class Phones:
    """Phones and the like, at chargers."""

    def __init__(self, args: argparse.Namespace) -> None:
        from train.sessions.simulator import device_names

        for option in ("points", "cars", "households", "household_cars", "different"):
            if getattr(args, option):
                raise ConfigError(f"--{option.replace('_', '-')} is of electric vehicles; give --profile ev with it")
        self._args, self.names = args, device_names()

    def charges(self, names: list[str]) -> Iterator[Charge]:
        """The charges, made as they are asked for; raises ConfigError at once."""
        from train.sessions.simulator import simulate as simulated

        return simulated(
            names,
            seed=self._args.seed,
            units_per_device=self._args.units,
            charges_per_unit=self._args.charges,
            period_ms=1000 if self._args.period_ms is None else self._args.period_ms,
            population=self._args.population or "built-in",
        )

    def n_charges(self, names: list[str]) -> int:
        """How many there will be."""
        return len(names) * int(self._args.units) * int(self._args.charges)

    def compare(self) -> list[Comparison]:
        """The simulator beside published figures."""
        from train.sessions.simulator.calibration import compare_with_published

        return compare_with_published()


class Vehicles:
    """Electric vehicles, at charge points."""

    def __init__(self, args: argparse.Namespace) -> None:
        from train.sessions.simulator.ev import known_cars

        if args.population is not None:
            raise ConfigError("--population is of phones; leave it with --profile ev")
        if args.households is None and (args.household_cars is not None or args.different):
            raise ConfigError("--household-cars and --different say which households; give --households N with them")
        self._args, self._cars = args, known_cars(args.cars)
        self.names = tuple(self._cars)

    def charges(self, names: list[str]) -> Iterator[Charge]:
        """The charges, made as they are asked for; raises ConfigError at once."""
        from train.sessions.simulator.ev import simulate_households, simulate_vehicles

        if self._args.households is not None:
            return simulate_households(
                names,
                seed=self._args.seed,
                households=self._args.households,
                cars_each=self._args.household_cars,
                charges_per_car=self._args.charges,
                points=self._args.points or "ac",
                period_ms=self._args.period_ms,
                different=self._args.different,
                known=self._cars,
            )
        return simulate_vehicles(
            names,
            seed=self._args.seed,
            units_per_car=self._args.units,
            charges_per_unit=self._args.charges,
            points=self._args.points or "both",
            period_ms=self._args.period_ms,
            known=self._cars,
        )

    def n_charges(self, names: list[str]) -> int | None:
        """How many there will be, where that is known before they are drawn."""
        if self._args.households is not None:
            return (
                None
                if self._args.household_cars is None
                else int(self._args.households * self._args.household_cars * self._args.charges)
            )
        able = [name for name in names if self._args.points != "dc" or self._cars[name].dc_curve_kw]
        return len(able) * int(self._args.units) * int(self._args.charges)

    def compare(self) -> list[Comparison]:
        """The simulator beside published figures."""
        from train.sessions.simulator.ev.calibration import compare_with_published

        return compare_with_published()
