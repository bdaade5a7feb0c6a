"""What differs from unit to unit and from charge to charge: one random stream a unit, so that a unit never depends on
which others are simulated beside it.

Spreads are assumed, in the range of published ageing and tolerance figures, and are the place to calibrate them.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from train.sessions.simulator.catalogue import Charger, Device, Sensor, chargers, sensors

MINUTES_MAX = 600  # simulated at most: an overnight charge


@dataclass(frozen=True, slots=True)
class UnitDraw:
    """One physical unit with its owner's habits; the board's sensor stays with it. Factors have mean 1."""

    device: Device
    name: str
    soh: float
    capacity_ah: float
    resistance_ohm: float
    power_factor: float
    efficiency: float
    load_factor: float
    limit_share: float
    sensor: Sensor
    voltage_gain: float
    current_gain: float
    chargers: tuple[Charger, ...]


@dataclass(frozen=True, slots=True)
class ChargeDraw:
    """One charge of a unit, before physics."""

    unit: UnitDraw
    index: int
    arrival_soc: float  # 0 … 1
    ambient_c: float
    charger: Charger
    supply_factor: float  # the charger's own voltage error
    cable_ohm: float  # behind the sensor: costs the device power, is not seen by the sensor
    negotiation_s: float
    ramp_s: float
    target_soc: float  # stops here; above 1: no limit
    unplugged_after: float  # share of the time to the end of charge; above 1: stays
    tail_s: float  # recorded after the end of charge
    drop_permille: float
    active_factor: float
    random: Generator  # the unit's stream, positioned for this charge's noise


def draw_unit(device: Device, seed: int, index: int, n_charges: int) -> list[ChargeDraw]:
    """The charges of one unit; equal arguments draw equal charges."""
    root = np.random.SeedSequence([seed, zlib.crc32(device.name.encode("ascii")), index])
    streams = root.spawn(n_charges + 1)
    random = np.random.Generator(np.random.PCG64(streams[0]))
    unit = _unit(device, f"s{seed}u{index:02d}", random)
    return [_charge(unit, k, np.random.Generator(np.random.PCG64(stream))) for k, stream in enumerate(streams[1:])]


def nominal_charge(device: Device, *, arrival_soc: float = 0.0, ambient_c: float = 22.0) -> ChargeDraw:
    """A new unit on its first charger without any spread, idle: to compare with published figures."""
    unit = UnitDraw(
        device=device,
        name="nominal",
        soh=1.0,
        capacity_ah=device.capacity_mah / 1000,
        resistance_ohm=device.resistance_mohm / 1000,
        power_factor=1.0,
        efficiency=device.efficiency_permille / 1000,
        load_factor=1.0,
        limit_share=0.0,
        sensor=sensors()["ina226"],
        voltage_gain=1.0,
        current_gain=1.0,
        chargers=(chargers()[device.chargers[0]],),
    )
    random = np.random.Generator(np.random.PCG64(0))
    return ChargeDraw(
        unit, 0, arrival_soc, ambient_c, unit.chargers[0], 1.0, 0.06, 1.5, 1.0, 2.0, 2.0, 300.0, 0.0, 0.0, random
    )


def _unit(device: Device, name: str, random: Generator) -> UnitDraw:
    soh = float(np.clip(random.normal(0.92, 0.06), 0.70, 1.0))
    capacity = device.capacity_mah / 1000 * soh * float(np.clip(random.normal(1, 0.015), 0.94, 1.05))
    ageing = 1 + 1.8 * (1 - soh)
    sensor = list(sensors().values())[int(random.integers(len(sensors())))]
    gain_sigma = math.hypot(sensor.gain_error_permille / 1000, 0.005)  # sensor, and half of the shunt's 1 %
    names = random.permutation(len(device.chargers))[:2]
    return UnitDraw(
        device=device,
        name=name,
        soh=soh,
        capacity_ah=capacity,
        resistance_ohm=device.resistance_mohm / 1000 * ageing * float(np.exp(random.normal(0, 0.10))),
        power_factor=float(np.clip(random.normal(1, 0.02), 0.94, 1.06)),
        efficiency=device.efficiency_permille / 1000 * float(np.clip(random.normal(1, 0.01), 0.97, 1.03)),
        load_factor=float(np.exp(random.normal(0, 0.25))),
        limit_share=0.75 if device.limit_pct and random.random() < 0.2 else 0.0,
        sensor=sensor,
        voltage_gain=1 + float(random.normal(0, sensor.gain_error_permille / 1000)),
        current_gain=1 + float(random.normal(0, gain_sigma)),
        chargers=tuple(chargers()[device.chargers[int(k)]] for k in names),
    )


def _charge(unit: UnitDraw, index: int, random: Generator) -> ChargeDraw:
    device = unit.device
    cold = random.random() < 0.06
    ambient = random.uniform(0, 10) if cold else float(np.clip(random.normal(22.5, 4.5), 8, 38))
    limited = random.random() < unit.limit_share
    unplugged = random.random() < 0.12
    return ChargeDraw(
        unit=unit,
        index=index,
        arrival_soc=random.uniform(0.05, 0.70),
        ambient_c=ambient,
        charger=unit.chargers[0] if random.random() < 0.7 else unit.chargers[-1],
        supply_factor=float(np.clip(random.normal(1, 0.006), 0.98, 1.02)),
        cable_ohm=random.uniform(0.03, 0.15),
        negotiation_s=random.uniform(0.5, 4.0),
        ramp_s=random.uniform(0.3, 3.0),
        target_soc=device.limit_pct / 100 if limited else 2.0,
        unplugged_after=random.uniform(0.2, 0.95) if unplugged else 2.0,
        tail_s=random.uniform(180, 420),
        drop_permille=random.uniform(0, 6) if random.random() < 0.3 else 0.3,
        active_factor=float(np.exp(random.normal(0, 0.5))),
        random=random,
    )
