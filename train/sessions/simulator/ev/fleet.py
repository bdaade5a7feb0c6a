"""Simulated charges of electric vehicles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from train.errors import ConfigError
from train.sessions.simulator.ev.catalogue import Car, cars, read_cars
from train.sessions.simulator.ev.course import Course, run
from train.sessions.simulator.ev.draws import ChargeDraw, Side, draw_unit, nominal_draw
from train.sessions.simulator.ev.households import draw_household
from train.sessions.simulator.ev.meter import measure
from train.sessions.types import Charge

BATCH = 256  # charges that run together: bounds memory to some 100 MB
Points = Literal["ac", "dc", "both"]


def known_cars(more: Path | None = None) -> dict[str, Car]:
    """The built-in cars and those of a file like cars.toml, which may replace them; raises ConfigError."""
    return {**cars(), **({} if more is None else read_cars(more))}


def simulate_vehicles(
    names: Sequence[str] | None = None,
    *,
    seed: int,
    units_per_car: int,
    charges_per_unit: int,
    points: Points = "both",
    period_ms: int | None = None,
    known: Mapping[str, Car] | None = None,
) -> Iterator[Charge]:
    """Charges of the named cars (all without), car by car and unit by unit; raises ConfigError at once.

    `points` says at which charge points; `period_ms` is between samples, otherwise each charge point has its own, 1 to
    60 s; `known` are the cars there are, without: the built-in ones. As
    with phones, a charge depends on its seed, car, unit and number.
    """
    known = cars() if known is None else known
    chosen = _chosen(known, names)
    for what, value, low, high in (
        ("seed", seed, 0, 2**32 - 1),
        ("units per car", units_per_car, 1, 100_000),
        ("charges per unit", charges_per_unit, 1, 100_000),
        ("period in ms", 1000 if period_ms is None else period_ms, 1000, 60_000),
    ):
        if not low <= value <= high:
            raise ConfigError(f"{what}: {value} is outside {low} … {high}")
    sides = _sides(points)
    able = [known[name] for name in chosen if "ac" in sides or known[name].dc_curve_kw]
    if not able:
        raise ConfigError(f"{', '.join(chosen)} cannot charge in DC; leave --points")
    return _run(
        replace(draw, period_ms=period_ms or draw.period_ms)
        for car in able
        for index in range(units_per_car)
        for draw in draw_unit(car, seed, index, charges_per_unit, sides)
    )


def simulate_households(
    names: Sequence[str] | None = None,
    *,
    seed: int,
    households: int,
    cars_each: int | None = None,
    charges_per_car: int,
    points: Points = "ac",
    period_ms: int | None = None,
    different: bool = False,
    known: Mapping[str, Car] | None = None,
    first: int = 0,
) -> Iterator[Charge]:
    """Charges of so many households, numbered from `first`, of cars drawn from the named ones; raises ConfigError.

    `cars_each` without: 2 to 8; `different`: only cars whose phases or plateaus tell them apart. The charger's name
    has the household's in brackets. A charge depends on seed, household, car's place in it and number.
    """
    known = cars() if known is None else known
    chosen = _chosen(known, names)
    for what, value, low, high in (
        ("seed", seed, 0, 2**32 - 1),
        ("households", households, 1, 100_000),
        ("cars in a household", 2 if cars_each is None else cars_each, 2, 8),
        ("charges per car", charges_per_car, 1, 100_000),
        ("period in ms", 1000 if period_ms is None else period_ms, 1000, 60_000),
    ):
        if not low <= value <= high:
            raise ConfigError(f"{what}: {value} is outside {low} … {high}")
    sides = _sides(points)
    return _run(
        replace(draw, period_ms=period_ms or draw.period_ms)
        for index in range(first, first + households)
        for draw in draw_household(
            {name: known[name] for name in chosen},
            seed=seed,
            index=index,
            n_cars=cars_each,
            n_charges=charges_per_car,
            sides=sides,
            different=different,
        )
    )


def _chosen(known: Mapping[str, Car], names: Sequence[str] | None) -> list[str]:
    chosen = list(known) if names is None else list(names)
    for name in chosen:
        if name not in known:
            raise ConfigError(f"car {name!r} is not in the simulator's fleet; known: {', '.join(known)}")
    return chosen


def _sides(points: Points) -> tuple[Side, ...]:
    if points not in get_args(Points):
        raise ConfigError(f"charge points {points!r} are not known; give one of {', '.join(get_args(Points))}")
    return ("ac", "dc") if points == "both" else (points,)


def nominal_charge(
    car: Car, side: Side, *, arrival_soc_pct: float = 0.0, target_soc_pct: float = 100.0, kw: float | None = None
) -> Charge:
    """One charge of a new unit without any spread; in DC at a station of so many kW (350 without)."""
    target = target_soc_pct / 100 if target_soc_pct < 100 else 2.0
    draw = nominal_draw(car, side, arrival_soc_pct / 100, target, kw)
    return measure(draw, run([draw])[0])


def _run(draws: Iterator[ChargeDraw]) -> Iterator[Charge]:
    batch: list[ChargeDraw] = []
    for draw in draws:
        batch.append(draw)
        if len(batch) == BATCH:
            yield from _measure_all(batch)
            batch = []
    if batch:
        yield from _measure_all(batch)


def _measure_all(batch: Sequence[ChargeDraw]) -> Iterator[Charge]:
    courses: dict[int, Course] = {}
    for side in ("ac", "dc"):
        some = [draw for draw in batch if draw.side == side]
        courses.update(zip(map(id, some), run(some) if some else [], strict=True))
    for draw in batch:
        yield measure(draw, courses[id(draw)])
