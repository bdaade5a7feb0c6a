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

from train.sessions.simulator.catalogue import Charger, Device, Population, Sensor, chargers, sensors

MINUTES_MAX = 600  # simulated at most: an overnight charge


@dataclass(frozen=True, slots=True)
class Supply:
    """One specimen of a charger with its cable."""

    charger: Charger
    voltage_factor: float  # its own voltage error
    cable_ohm: float  # behind the sensor: costs the device power, is not seen by the sensor
    negotiation_s: float  # how much longer than others it takes to offer its voltages


@dataclass(frozen=True, slots=True)
class UnitDraw:
    """One physical unit with its owner's habits; the board's sensor stays with it. Factors have mean 1."""

    device: Device
    name: str
    cell: str  # of cells.json
    soh: float
    capacity_ah: float
    resistance: float  # factor on a new unit's
    power_factor: float
    current_factor: float
    efficiency: float
    load_factor: float
    limit_share: float
    sensor: Sensor
    voltage_gain: float
    current_gain: float
    supplies: tuple[Supply, ...]


@dataclass(frozen=True, slots=True)
class ChargeDraw:
    """One charge of a unit, before physics."""

    unit: UnitDraw
    index: int
    arrival_soc: float  # 0 … 1
    ambient_c: float
    supply: Supply
    negotiation_s: float  # at 5 V and little current, before the contract
    ramp_s: float  # from there to full power
    wiggle_s: float  # when the plug loses contact for a moment; negative: never
    wiggle_for_s: float
    target_soc: float  # stops here; above 1: no limit
    unplugged_after: float  # share of the time to the end of charge; above 1: stays
    tail_s: float  # recorded after the end of charge
    drop_permille: float
    active_factor: float
    noise_factor: float  # on the ripple of the device's load
    sampling_phase: float  # share of a sampling period by which the first sample comes after the plug
    random: Generator  # the unit's stream, positioned for this charge's noise


def draw_unit(device: Device, seed: int, index: int, n_charges: int, population: Population) -> list[ChargeDraw]:
    """The charges of one unit; equal arguments draw equal charges."""
    stem = zlib.crc32(f"{population.salt}{device.name}".encode("ascii"))
    streams = np.random.SeedSequence([seed, stem, index]).spawn(n_charges + 1)
    random = np.random.Generator(np.random.PCG64(streams[0]))
    unit = _unit(device, f"s{seed}u{index:02d}", random, population)
    return [
        _charge(unit, k, np.random.Generator(np.random.PCG64(stream)), population)
        for k, stream in enumerate(streams[1:])
    ]


def nominal_charge(device: Device, *, arrival_soc: float = 0.0, ambient_c: float = 22.0) -> ChargeDraw:
    """A new unit on its first charger without any spread, idle: to compare with published figures."""
    unit = UnitDraw(
        device=device,
        name="nominal",
        cell=device.cell,
        soh=1.0,
        capacity_ah=device.capacity_mah / 1000,
        resistance=1.0,
        power_factor=1.0,
        current_factor=1.0,
        efficiency=device.efficiency_permille / 1000,
        load_factor=1.0,
        limit_share=0.0,
        sensor=sensors()["ina226"],
        voltage_gain=1.0,
        current_gain=1.0,
        supplies=(Supply(chargers()[device.chargers[0]], 1.0, 0.06, 0.3),),
    )
    return ChargeDraw(
        unit=unit,
        index=0,
        arrival_soc=arrival_soc,
        ambient_c=ambient_c,
        supply=unit.supplies[0],
        negotiation_s=device.negotiation_ms / 1000 + 0.3,
        ramp_s=device.ramp_ms / 1000,
        wiggle_s=-1.0,
        wiggle_for_s=0.0,
        target_soc=2.0,
        unplugged_after=2.0,
        tail_s=300.0,
        drop_permille=0.0,
        active_factor=0.0,
        noise_factor=1.0,
        sampling_phase=0.0,
        random=np.random.Generator(np.random.PCG64(0)),
    )


def _unit(device: Device, name: str, random: Generator, population: Population) -> UnitDraw:
    spread = population.spread
    soh = float(np.clip(random.normal(population.soh, 0.06), 0.65, 1.0))
    capacity = device.capacity_mah / 1000 * soh * float(np.clip(random.normal(1, 0.015), 0.94, 1.05))
    ageing = 1 + 1.8 * (1 - soh)
    sensor = list(sensors().values())[int(random.integers(len(sensors())))]
    gain_sigma = math.hypot(sensor.gain_error_permille / 1000, 0.005)  # sensor, and half of the shunt's 1 %
    return UnitDraw(
        device=device,
        name=name,
        cell=population.cells.get(device.cell, device.cell),
        soh=soh,
        capacity_ah=capacity,
        resistance=ageing * float(np.exp(random.normal(0, 0.10 * spread))),
        power_factor=float(np.clip(random.normal(1, 0.015 * spread), 0.94, 1.06)),
        current_factor=float(np.clip(random.normal(1, 0.02 * spread), 0.92, 1.08)),  # charger ICs: +-5 %, data sheets
        efficiency=device.efficiency_permille / 1000 * float(np.clip(random.normal(1, 0.01 * spread), 0.97, 1.03)),
        load_factor=population.load * float(np.exp(random.normal(0, 0.25))),
        limit_share=0.75 if device.limit_pct and random.random() < 0.2 else 0.0,
        sensor=sensor,
        voltage_gain=1 + float(random.normal(0, sensor.gain_error_permille / 1000)),
        current_gain=1 + float(random.normal(0, gain_sigma)),
        supplies=_supplies(device, random, population),
    )


def _supplies(device: Device, random: Generator, population: Population) -> tuple[Supply, ...]:
    """The two chargers an owner uses, with a cable each."""
    names = list(dict.fromkeys(population.chargers.get(name, name) for name in device.chargers))
    return tuple(
        Supply(
            charger=chargers()[names[int(k)]],
            voltage_factor=float(np.clip(random.normal(1, 0.006), 0.98, 1.02)),
            cable_ohm=random.uniform(0.03, 0.15),
            negotiation_s=random.uniform(0.1, 0.7),
        )
        for k in random.permutation(len(names))[:2]
    )


def _charge(unit: UnitDraw, index: int, random: Generator, population: Population) -> ChargeDraw:
    device = unit.device
    cold = random.random() < 0.06
    ambient = random.uniform(0, 10) if cold else float(np.clip(random.normal(22.5, 4.5), 8, 38))
    limited = random.random() < unit.limit_share
    unplugged = random.random() < 0.12
    wiggles = random.random() < 0.04
    supply = unit.supplies[0] if random.random() < 0.7 else unit.supplies[-1]
    pace = float(np.clip(random.normal(1, 0.08 * population.spread), 0.7, 1.4))
    return ChargeDraw(
        unit=unit,
        index=index,
        arrival_soc=random.uniform(0.05, 0.70),
        ambient_c=ambient,
        supply=supply,
        negotiation_s=device.negotiation_ms / 1000 * pace + supply.negotiation_s,
        ramp_s=device.ramp_ms / 1000 * float(np.clip(random.normal(1, 0.08 * population.spread), 0.7, 1.4)),
        wiggle_s=random.uniform(60, 3600) if wiggles else -1.0,
        wiggle_for_s=random.uniform(0.5, 6),
        target_soc=device.limit_pct / 100 if limited else 2.0,
        unplugged_after=random.uniform(0.2, 0.95) if unplugged else 2.0,
        tail_s=random.uniform(180, 420),
        drop_permille=random.uniform(0, 6) if random.random() < 0.3 else 0.3,
        active_factor=float(np.exp(random.normal(0, 0.5))),
        noise_factor=population.noise,
        sampling_phase=random.random(),
        random=random,
    )
