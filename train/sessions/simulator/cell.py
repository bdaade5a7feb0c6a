"""The slow side of a charge: cell, heat and power limits of many charges at once, ten seconds a step.

The cell is an open-circuit voltage, a resistance and one slow RC pair; against a physical model such a cell keeps
within some 10 mV. Fast things (negotiation, ripple, sampling) are added by meter.py.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from train.sessions.simulator.catalogue import Device
from train.sessions.simulator.draws import MINUTES_MAX, ChargeDraw

STEP_S = 10.0
N_STEPS_MAX = int(MINUTES_MAX * 60 / STEP_S)
BLOCK = 30  # steps between two looks at which charges have ended; divides N_STEPS_MAX
HEAT_SHARE = 0.7  # of the conversion's loss that reaches the cell; assumed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Traces:
    """What one charge did on the slow grid, [n_steps] each."""

    power_w: NDArray[np.float32]  # at the device's input
    cell_v: NDArray[np.float32]
    soc: NDArray[np.float32]  # 0 … 1
    cell_c: NDArray[np.float32]
    load_w: NDArray[np.float32]  # [minutes], of the system, at the battery's side

    @property
    def end_step(self) -> int:
        """The step before which the charge ended; N_STEPS_MAX if it did not."""
        return len(self.power_w)


@dataclass(frozen=True, slots=True)
class _Tables:
    """The devices' curves one behind the other, [101 * n_devices]."""

    ocv_v: Floats
    power_w: Floats


@dataclass(slots=True)
class _Batch:
    """Parameters of the charges that still run, [n] each, and at the end their state, which advances."""

    index: NDArray[np.intp]  # place in the outputs
    row: NDArray[np.intp]  # start of the device's tables
    capacity_as: Floats
    resistance: Floats
    diffusion_s: Floats
    efficiency: Floats
    linear: NDArray[np.bool_]
    n_series: Floats
    full_v: Floats
    termination_a: Floats
    power_factor: Floats
    supply_w: Floats
    target_soc: Floats
    ambient_c: Floats
    heat_j_per_k: Floats
    heat_k_per_w: Floats
    throttle_c: Floats
    load_w: NDArray[np.float32]  # [minutes, n]
    soc: Floats
    slow_v: Floats  # across the RC pair
    cell_v: Floats
    cell_c: Floats

    def keep(self, which: NDArray[np.bool_]) -> _Batch:
        return _Batch(**{entry.name: getattr(self, entry.name)[..., which] for entry in fields(self)})


def simulate_cells(draws: list[ChargeDraw]) -> list[Traces]:
    """Run all charges until they end, at most MINUTES_MAX; in the order of `draws`."""
    devices = list({draw.unit.device.name: draw.unit.device for draw in draws}.values())
    tables = _Tables(
        np.concatenate([device.ocv_v() for device in devices]), np.concatenate([device.power_w() for device in devices])
    )
    load = _loads(draws)
    batch = _start(draws, devices, tables.ocv_v, load)
    out = np.zeros((len(draws), 4, N_STEPS_MAX), dtype=np.float32)
    end = np.full(len(draws), N_STEPS_MAX)
    for start in range(0, N_STEPS_MAX, BLOCK):
        block = np.empty((BLOCK, 4, len(batch.index)), dtype=np.float32)
        for step in range(BLOCK):
            minute = int((start + step) * STEP_S) // 60
            power, ended = _advance(batch, tables, batch.load_w[minute])
            for row, values in zip(block[step], (power, batch.cell_v, batch.soc, batch.cell_c), strict=True):
                row[:] = values
            finished = batch.index[ended]
            end[finished] = np.minimum(end[finished], start + step + 1)
        out[batch.index, :, start : start + BLOCK] = block.transpose(2, 1, 0)
        running = end[batch.index] == N_STEPS_MAX
        if not np.any(running):
            break
        if not np.all(running):
            batch = batch.keep(running)
    return [
        Traces(planes[0, :stop], planes[1, :stop], planes[2, :stop], planes[3, :stop], used)
        for planes, stop, used in zip(out, end, load, strict=True)
    ]


def _start(draws: list[ChargeDraw], devices: list[Device], ocv_table: Floats, load: NDArray[np.float32]) -> _Batch:
    rows = {device.name: 101 * k for k, device in enumerate(devices)}

    def each(name: str, scale: float = 1.0) -> Floats:
        return np.array([getattr(draw.unit.device, name) * scale for draw in draws], dtype=np.float64)

    row = np.array([rows[draw.unit.device.name] for draw in draws])
    soc = np.array([draw.arrival_soc for draw in draws])
    ambient = np.array([draw.ambient_c for draw in draws])
    at = row + np.minimum((soc * 100).astype(np.intp), 99)
    cell_v = ocv_table[at] + (soc * 100 - np.floor(soc * 100)) * (ocv_table[at + 1] - ocv_table[at])
    return _Batch(
        index=np.arange(len(draws)),
        row=row,
        capacity_as=np.array([draw.unit.capacity_ah * 3600 for draw in draws]),
        resistance=np.array([draw.unit.resistance_ohm for draw in draws]),
        diffusion_s=each("diffusion_s"),
        efficiency=np.array([draw.unit.efficiency for draw in draws]),
        linear=np.array([draw.unit.device.linear for draw in draws]),
        n_series=each("n_series"),
        full_v=each("full_cell_mv", 0.001),
        termination_a=each("termination_ma", 0.001),
        power_factor=np.array([draw.unit.power_factor for draw in draws]),
        supply_w=np.array([supply_w(draw) for draw in draws]),
        target_soc=np.array([draw.target_soc for draw in draws]),
        ambient_c=ambient,
        heat_j_per_k=each("heat_j_per_k"),
        heat_k_per_w=each("heat_mk_per_w", 0.001),
        throttle_c=each("throttle_decidegc", 0.1),
        load_w=load.T.copy(),
        soc=soc,
        slow_v=np.zeros(len(draws)),
        cell_v=cell_v,
        cell_c=ambient.copy(),
    )


def contract_v(draw: ChargeDraw) -> float:
    """The supply voltage agreed on: the charger's highest that the device asks for (chargers give up to 5 % more)."""
    wanted = draw.unit.device.input_mv * 1.05
    return max(v for v in draw.charger.voltages_mv if v <= wanted) / 1000


def supply_w(draw: ChargeDraw) -> float:
    """The most the device can draw from this charger through this cable, in W."""
    volts = contract_v(draw)
    amperes = min(draw.charger.max_ma, draw.unit.device.input_max_ma) / 1000
    # A thin cable drops the voltage at the device; below 4.5 V of 5 V its input regulation cuts the current back.
    if volts < 6:
        amperes = min(amperes, (volts - 4.5) / (draw.cable_ohm + draw.charger.output_mohm / 1000))
    return min(volts * amperes, draw.charger.max_mw / 1000)


def _advance(batch: _Batch, tables: _Tables, load: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Take the batch one step on; returns input power in W during it, and which charges have ended."""
    percent = batch.soc * 100
    cell = np.minimum(percent.astype(np.intp), 99)
    part = percent - cell
    at = batch.row + cell
    ocv = tables.ocv_v[at]
    ocv += (tables.ocv_v[at + 1] - ocv) * part
    wanted = tables.power_w[at]
    wanted += (tables.power_w[at + 1] - wanted) * part
    # Resistance: +3 % a kelvin below 25 °C, -0.6 % above; +60 % towards empty.
    off = 25 - batch.cell_c
    resistance = (
        batch.resistance * (1 + np.maximum(0.03 * off, 0.006 * off)) * (1 + np.maximum(0.6 - 0.06 * percent, 0))
    )
    # Half power below 5 °C, full from 15 °C; cut back over 4 K around the throttling temperature.
    cold = np.minimum(np.maximum(batch.cell_c * 0.05 + 0.25, 0.5), 1)
    hot = np.minimum(np.maximum((batch.throttle_c + 2 - batch.cell_c) * 0.25, 0.25), 1)
    limit = np.minimum(wanted * batch.power_factor * cold * hot, batch.supply_w)
    efficiency = np.where(batch.linear, batch.cell_v * 0.2, batch.efficiency)  # a linear charger's is Vcell / 5 V
    by_power = (limit * efficiency - load) / (batch.cell_v * batch.n_series)
    room = batch.full_v - ocv - batch.slow_v
    current = np.maximum(np.minimum(by_power, room / resistance), 0)
    drop = current * resistance
    ended = ((room <= batch.termination_a * resistance) & (room < by_power * resistance)) | (
        batch.soc >= batch.target_soc
    )
    batch.cell_v = ocv + batch.slow_v + drop
    power = np.minimum((current * batch.cell_v * batch.n_series + load) / efficiency, np.maximum(limit, 0.05))
    heat = power * (1 - efficiency) * HEAT_SHARE + current * drop * batch.n_series
    batch.soc = np.minimum(batch.soc + current * (STEP_S / batch.capacity_as), 1.0)
    batch.slow_v = batch.slow_v + (drop - batch.slow_v) * (STEP_S / (batch.diffusion_s + STEP_S))
    batch.cell_c = batch.cell_c + (STEP_S / batch.heat_j_per_k) * (
        heat - (batch.cell_c - batch.ambient_c) / batch.heat_k_per_w
    )
    return power, ended


def _loads(draws: list[ChargeDraw]) -> NDArray[np.float32]:
    """System load in W a minute, [n, MINUTES_MAX]: idle, and spells of use of three minutes on average."""
    chance = np.stack([draw.random.random((2, MINUTES_MAX), dtype=np.float32) for draw in draws])  # [n, 2, minutes]
    active = np.array(
        [min(draw.unit.device.active_permille / 1000 * draw.active_factor, 0.6) for draw in draws], dtype=np.float32
    )
    idle_w = np.array([draw.unit.device.idle_mw / 1000 * draw.unit.load_factor for draw in draws], dtype=np.float32)
    active_w = np.array([draw.unit.device.active_mw / 1000 * draw.unit.load_factor for draw in draws], dtype=np.float32)
    stays, begins = np.float32(2 / 3), active / (1 - active) / 3
    load = np.empty((len(draws), MINUTES_MAX), dtype=np.float32)
    on = chance[:, 0, 0] < active
    for minute in range(MINUTES_MAX):
        on = np.where(on, chance[:, 0, minute] < stays, chance[:, 0, minute] < begins)
        load[:, minute] = np.where(on, active_w * (0.6 + 0.8 * chance[:, 1, minute]), idle_w)
    return load
