"""What differs from unit to unit and from charge to charge: one random stream a unit, so that a unit never depends on
which others are simulated beside it. Spreads are assumed.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.random import Generator

from train.sessions.simulator.ev.catalogue import Car, Station, Wallbox, stations, wallboxes
from train.sessions.simulator.ev.limits import Limits, draw_limits, fixed

Side = Literal["ac", "dc"]
PERIODS_MS = (1_000, 5_000, 10_000, 30_000, 60_000)  # between samples; each charge point has its own
PERIOD_SHARES = (0.05, 0.2, 0.35, 0.2, 0.2)
DC_SHARE = 0.25  # of the charges of a car that can
SOC_SHARE = 0.25  # of the AC charges whose link tells the state of charge (ISO 15118); in DC it always does


@dataclass(frozen=True, slots=True)
class UnitDraw:
    """One physical car with its owner's habits and wallbox. Factors have mean 1."""

    car: Car
    name: str
    soh: float
    power_factor: float  # on the on-board charger's largest power
    share_factor: float  # on pilot_share
    efficiency_factor: float
    arrival_soc: float  # usual
    target_soc: float  # usual, in AC; above 1: none
    wallbox: Wallbox
    cable_a: float
    period_ms: int

    @property
    def capacity_kwh(self) -> float:
        """What it holds now."""
        return self.car.kwh * self.soh


@dataclass(frozen=True, slots=True)
class ChargeDraw:
    """One charge of a unit, before physics."""

    unit: UnitDraw
    index: int
    side: Side
    arrival_soc: float  # 0 … 1
    target_soc: float  # above 1: none
    ambient_c: float
    battery_c: float
    limits: Limits  # A a phase in AC, kW in DC
    station: Station | None
    unplugged_after: float  # share of the time to the end of charge; above 1: stays
    tail_s: float  # recorded after the end
    preheat_s: float  # when a departure's climate control begins after the end; negative: never
    tells_soc: bool
    period_ms: int
    random: Generator  # positioned for this charge's noise


def draw_unit(car: Car, seed: int, index: int, n_charges: int, sides: tuple[Side, ...]) -> list[ChargeDraw]:
    """The charges of one unit; equal arguments draw equal charges."""
    streams = np.random.SeedSequence([seed, zlib.crc32(f"ev {car.name}".encode("ascii")), index]).spawn(n_charges + 1)
    unit = _unit(car, f"s{seed}u{index:02d}", np.random.Generator(np.random.PCG64(streams[0])))
    return [
        _charge(unit, k, np.random.Generator(np.random.PCG64(stream)), sides) for k, stream in enumerate(streams[1:])
    ]


def nominal_draw(car: Car, side: Side, arrival: float, target: float, kw: float | None) -> ChargeDraw:
    """A new unit without any spread, at its largest power, or in DC at a station of so many kW."""
    boxes = wallboxes()
    box = boxes["home_22kw"] if car.ac_phases > 1 else boxes["home_7_4kw"]
    unit = UnitDraw(car, "nominal", 1.0, 1.0, 1.0, 1.0, arrival, target, box, 32.0, 10_000)
    station = Station("nominal", kw or 350.0, 500.0, shared=False) if side == "dc" else None
    return ChargeDraw(
        unit=unit,
        index=0,
        side=side,
        arrival_soc=arrival,
        target_soc=target,
        ambient_c=22.0,
        battery_c=28.0,
        limits=fixed(32.0 if station is None else station.kw),
        station=station,
        unplugged_after=2.0,
        tail_s=300.0,
        preheat_s=-1.0,
        tells_soc=True,
        period_ms=5_000,
        random=np.random.Generator(np.random.PCG64(0)),
    )


def _unit(car: Car, name: str, random: Generator) -> UnitDraw:
    names = ["home_11kw", "home_22kw", "home_3_7kw", "socket_10a"] if car.ac_phases > 1 else None
    shares = [0.6, 0.25, 0.08, 0.07] if names else [0.5, 0.2, 0.15, 0.1, 0.05]
    names = names or ["home_7_4kw", "home_22kw", "home_11kw", "home_3_7kw", "socket_10a"]
    unit = draw_specimen(car, name, random)
    return replace(
        unit,
        wallbox=wallboxes()[str(random.choice(names, p=shares))],
        cable_a=float(random.choice([16.0, 20.0, 32.0], p=[0.1, 0.25, 0.65])),
        period_ms=int(random.choice(PERIODS_MS, p=PERIOD_SHARES)),
    )


def draw_specimen(car: Car, name: str, random: Generator) -> UnitDraw:
    """A car and its owner, drawn in this order at a charge point that is still to be put in: a nominal one."""
    return UnitDraw(
        car=car,
        name=name,
        soh=float(np.clip(random.normal(0.93, 0.05), 0.72, 1.0)),
        power_factor=float(np.clip(random.normal(1, 0.008), 0.97, 1.03)),
        share_factor=float(np.clip(random.normal(1, 0.004), 0.985, 1.01)),
        efficiency_factor=float(np.clip(random.normal(1, 0.01), 0.96, 1.03)),
        arrival_soc=random.uniform(0.25, 0.65),
        target_soc=float(random.choice([0.8, 0.9, 2.0], p=[0.3, 0.1, 0.6])),
        wallbox=wallboxes()["home_22kw"],
        cable_a=32.0,
        period_ms=10_000,
    )


def _charge(unit: UnitDraw, index: int, random: Generator, sides: tuple[Side, ...]) -> ChargeDraw:
    can = [side for side in sides if side == "ac" or unit.car.dc_curve_kw]
    side: Side = can[0] if len(can) == 1 else ("dc" if random.random() < DC_SHARE else "ac")
    ambient = float(np.clip(random.normal(11, 8), -12, 36))
    away = random.random() < 0.15  # at another charge point than usual, with another arrival
    boxes = wallboxes()
    box = boxes["home_22kw"] if away else unit.wallbox
    unit = replace(unit, wallbox=box) if away and side == "ac" else unit
    station = stations()[str(random.choice(list(stations())))] if side == "dc" else None
    arrival = random.uniform(0.05, 0.5) if away or side == "dc" else random.normal(unit.arrival_soc, 0.09)
    target = float(random.choice([0.8, 0.9, 2.0], p=[0.7, 0.1, 0.2])) if side == "dc" else unit.target_soc
    warmed = random.random() < 0.35  # preconditioned on the way, or driven far
    return ChargeDraw(
        unit=unit,
        index=index,
        side=side,
        arrival_soc=float(np.clip(arrival, 0.03, 0.75)),
        target_soc=target,
        ambient_c=ambient,
        battery_c=random.uniform(20, 32) if warmed else ambient + random.uniform(2, 10),
        limits=draw_limits(random, side, min(box.max_a, unit.cable_a) if station is None else station.kw, station),
        station=station,
        unplugged_after=random.uniform(0.1, 0.95) if random.random() < 0.15 else 2.0,
        tail_s=random.uniform(120, 600) if side == "dc" else float(random.exponential(2400)) + 180,
        preheat_s=random.uniform(900, 3600) if side == "ac" and random.random() < 0.08 else -1.0,
        tells_soc=side == "dc" or random.random() < SOC_SHARE,
        period_ms=unit.period_ms,
        random=random,
    )
