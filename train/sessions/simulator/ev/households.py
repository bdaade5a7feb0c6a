"""Households: 2 to 8 cars at one charge point, each with habits of its own.

What the cars share is the charge point: its phases and largest current, its cable, how often its meter is read, and how
it limits current. What they do not: when they come and with how much, and where they stop. Spreads are assumed.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.random import Generator

from train.errors import ConfigError
from train.sessions.simulator.ev.catalogue import Car, Station, Wallbox, stations, wallboxes
from train.sessions.simulator.ev.draws import (
    PERIOD_SHARES,
    PERIODS_MS,
    SOC_SHARE,
    ChargeDraw,
    Side,
    UnitDraw,
    draw_specimen,
)
from train.sessions.simulator.ev.limits import LEAST_A, SECONDS_MAX, Limits, draw_limits, fixed, managed
from train.sessions.types import Charge

SIZES = (2, 3, 4, 5, 6, 7, 8)
SIZE_SHARES = (0.3, 0.25, 0.15, 0.1, 0.08, 0.06, 0.06)
MANAGEMENT = ("fixed", "managed", "sun", "night")
MANAGEMENT_SHARES = (0.45, 0.25, 0.12, 0.18)
KEPT = 0.8  # of the charges at a point that limits current do so; the others are charged at once
DIFFERENT_SHARE = 0.05  # plateaus that far apart are different signatures
UNUSUAL_SHARE = 0.12  # of the charges come from a long drive
TRIES = 2000

Management = Literal["fixed", "managed", "sun", "night"]


@dataclass(frozen=True, slots=True)
class Point:
    """What a household's cars charge at."""

    name: str
    wallbox: Wallbox
    station: Station
    cable_a: float
    period_ms: int
    management: Management
    night_h: float  # when cheap current begins

    @property
    def most_a(self) -> float:
        """On each phase."""
        return min(self.wallbox.max_a, self.cable_a)


@dataclass(frozen=True, slots=True)
class Habits:
    """How one car comes and goes."""

    arrival_spread: float
    plug_h: float  # usual hour of the day
    plug_spread_h: float
    waits: bool  # for cheap current, where there is some


def signature(car: Car, point: Point) -> tuple[int, float]:
    """Phases and plateau in A that a car has at a charge point which allows all it can."""
    most_a = car.ac_kw * 1000 / (car.ac_phases * 230)
    return min(car.ac_phases, point.wallbox.phases), min(point.most_a * car.pilot_share, most_a)


def differ(one: tuple[int, float], other: tuple[int, float]) -> bool:
    """Whether two signatures tell cars apart at a glance."""
    return one[0] != other[0] or abs(one[1] - other[1]) > DIFFERENT_SHARE * max(one[1], other[1])


def draw_household(
    known: Mapping[str, Car],
    *,
    seed: int,
    index: int,
    n_cars: int | None,
    n_charges: int,
    sides: tuple[Side, ...],
    different: bool,
) -> Iterator[ChargeDraw]:
    """Charges of one household, car by car; equal arguments draw equal charges. Raises ConfigError."""
    stream = np.random.SeedSequence([seed, zlib.crc32(b"ev household"), index])
    random = np.random.Generator(np.random.PCG64(stream))
    size = n_cars or int(random.choice(SIZES, p=SIZE_SHARES))
    able = [car for car in known.values() if "ac" in sides or car.dc_curve_kw]
    if size > len(able):
        raise ConfigError(f"a household of {size} needs as many cars to draw from, there are {len(able)}")
    point, chosen = _point_and_cars(random, f"s{seed}h{index:03d}", able, size, different)
    for number, (car, own) in enumerate(zip(chosen, stream.spawn(size), strict=True)):
        streams = own.spawn(n_charges + 1)
        first = np.random.Generator(np.random.PCG64(streams[0]))
        unit, habits = _unit(car, point, f"{point.name}c{number}", first), _habits(first)
        for k, one in enumerate(streams[1:]):
            yield _charge(unit, habits, point, k, np.random.Generator(np.random.PCG64(one)), sides)


def _point_and_cars(
    random: Generator, name: str, able: Sequence[Car], size: int, different: bool
) -> tuple[Point, list[Car]]:
    for _ in range(TRIES):
        point = _point(random, name)
        chosen = [able[int(k)] for k in random.choice(len(able), size=size, replace=False)]
        signs = [signature(car, point) for car in chosen]
        if not different or all(differ(a, b) for k, a in enumerate(signs) for b in signs[:k]):
            return point, chosen
    raise ConfigError(f"no {size} of these cars have different signatures at one charge point; ask for fewer")


def _point(random: Generator, name: str) -> Point:
    boxes = ["home_11kw", "home_22kw", "home_7_4kw", "home_3_7kw"]
    box = wallboxes()[str(random.choice(boxes, p=[0.55, 0.25, 0.12, 0.08]))]
    station = stations()[str(random.choice(list(stations())))]
    return Point(
        name=name,
        wallbox=replace(box, name=f"{box.name} ({name})"),
        station=replace(station, name=f"{station.name} ({name})"),
        cable_a=float(random.choice([16.0, 20.0, 32.0], p=[0.1, 0.25, 0.65])),
        period_ms=int(random.choice(PERIODS_MS, p=PERIOD_SHARES)),
        management=MANAGEMENT[int(random.choice(len(MANAGEMENT), p=MANAGEMENT_SHARES))],  # type: ignore[arg-type]
        night_h=random.uniform(20.0, 24.0),
    )


def _unit(car: Car, point: Point, name: str, random: Generator) -> UnitDraw:
    unit = draw_specimen(car, name, random)
    return replace(unit, wallbox=point.wallbox, cable_a=point.cable_a, period_ms=point.period_ms)


def _habits(random: Generator) -> Habits:
    return Habits(
        arrival_spread=random.uniform(0.04, 0.12),
        plug_h=float(random.choice([17.5, 19.0, 9.0, 13.0], p=[0.4, 0.3, 0.15, 0.15])) + random.normal(0, 0.7),
        plug_spread_h=random.uniform(0.2, 1.5),
        waits=random.random() < 0.75,
    )


def _charge(
    unit: UnitDraw, habits: Habits, point: Point, index: int, random: Generator, sides: tuple[Side, ...]
) -> ChargeDraw:
    can = [side for side in sides if side == "ac" or unit.car.dc_curve_kw]
    side: Side = can[0] if len(can) == 1 else ("dc" if random.random() < 0.3 else "ac")
    ambient = float(np.clip(random.normal(11, 8), -12, 36))
    unusual = side == "dc" or random.random() < UNUSUAL_SHARE
    arrival = random.uniform(0.05, 0.5) if unusual else random.normal(unit.arrival_soc, habits.arrival_spread)
    target = float(random.choice([0.8, 0.9, 2.0], p=[0.7, 0.1, 0.2])) if side == "dc" else unit.target_soc
    warmed = random.random() < 0.35
    plug_h = random.normal(habits.plug_h, habits.plug_spread_h)
    return ChargeDraw(
        unit=unit,
        index=index,
        side=side,
        arrival_soc=float(np.clip(arrival, 0.03, 0.75)),
        target_soc=target,
        ambient_c=ambient,
        battery_c=random.uniform(20, 32) if warmed else ambient + random.uniform(2, 10),
        limits=_limits(random, side, point, habits, plug_h),
        station=point.station if side == "dc" else None,
        unplugged_after=random.uniform(0.1, 0.95) if random.random() < 0.12 else 2.0,
        tail_s=random.uniform(120, 600) if side == "dc" else float(random.exponential(2400)) + 180,
        preheat_s=random.uniform(900, 3600) if side == "ac" and random.random() < 0.08 else -1.0,
        tells_soc=side == "dc" or random.random() < SOC_SHARE,
        period_ms=unit.period_ms,
        random=random,
    )


def _limits(random: Generator, side: Side, point: Point, habits: Habits, plug_h: float) -> Limits:
    if side == "dc":
        return draw_limits(random, side, point.station.kw, point.station)
    if point.management == "fixed" or random.random() > KEPT:
        return fixed(point.most_a)
    if point.management == "managed":
        return managed(random, point.most_a)
    if point.management == "sun":
        return _sun(random, point.most_a, plug_h)
    wait_s = max(0.0, (point.night_h - plug_h) * 3600) if habits.waits else 0.0
    return fixed(point.most_a) if wait_s < 60 else Limits(np.array([0.0, wait_s]), np.array([0.0, point.most_a]))


def _sun(random: Generator, most_a: float, plug_h: float) -> Limits:
    """What a roof gives from plugging in until eight in the evening, every two minutes; then all there is."""
    times = np.arange(0.0, max(0.0, 20.0 - plug_h) * 3600, 120.0)
    height = np.clip(np.sin(np.pi * (plug_h + times / 3600 - 6.0) / 14.0), 0, None)
    clouds = np.repeat(random.uniform(0.3, 1.0, size=-(-max(len(times), 1) // 8)), 8)[: len(times)]
    sun = height * clouds * random.uniform(0.7, 1.6) * most_a
    value = np.where(sun < LEAST_A, 0.0, np.minimum(np.round(sun), most_a))
    end_s = min(len(times) * 120.0, SECONDS_MAX)
    return Limits(np.append(times, end_s), np.append(value, most_a))


def household_of(charge: Charge) -> str:
    """The household a charge's charger names in brackets at its end; empty where it names none."""
    found = re.search(r"\(([^()]+)\)$", charge.charger)
    return found[1] if found else ""
