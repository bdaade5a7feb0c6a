"""The slow side of a charge: what device, charger and heat allow, and what the cell takes; STEP_S a step, many at once.

Fast things (negotiation, start, ripple, sampling) are added by meter.py.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from train.sessions.simulator.cell import STEP_S, Cells, Floats, cell_types, curve_table, rested_cells
from train.sessions.simulator.draws import MINUTES_MAX, ChargeDraw

N_STEPS_MAX = int(MINUTES_MAX * 60 / STEP_S)
BLOCK = 30  # steps between two looks at which charges have ended; divides N_STEPS_MAX
HEAT_SHARE = 0.7  # of the conversion's loss that reaches the cell; assumed


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


@dataclass(slots=True)
class _Batch:
    """Parameters of the charges that still run, [n] each, and the state of cell and heat."""

    index: NDArray[np.intp]  # place in the outputs
    cells: Cells  # their table goes on with input power (W) and charge current (A)
    efficiency: Floats
    linear: NDArray[np.bool_]
    n_series: Floats
    full_v: Floats
    termination_a: Floats
    power_factor: Floats
    current_factor: Floats
    supply_w: Floats
    target_soc: Floats
    ambient_c: Floats
    heat_j_per_k: Floats
    heat_k_per_w: Floats
    throttle_c: Floats
    load_w: NDArray[np.float32]  # [minutes, n]
    cell_c: Floats

    def keep(self, which: NDArray[np.bool_]) -> _Batch:
        kept = {entry.name: getattr(self, entry.name)[..., which] for entry in fields(self) if entry.name != "cells"}
        return _Batch(cells=self.cells.keep(which), **kept)


@dataclass(frozen=True, slots=True)
class Throttle:
    """What chargers give from a moment on."""

    after_s: float  # a multiple of BLOCK * STEP_S
    supply_w: Floats  # [n] at most, of each charge


def simulate_charging(draws: list[ChargeDraw], throttle: Throttle | None = None) -> list[Traces]:
    """Run all charges until they end, at most MINUTES_MAX; in the order of `draws`."""
    load = _loads(draws)
    batch = _start(draws, load)
    out = np.zeros((len(draws), 4, N_STEPS_MAX), dtype=np.float32)
    end = np.full(len(draws), N_STEPS_MAX)
    for start in range(0, N_STEPS_MAX, BLOCK):
        if throttle is not None and start * STEP_S == throttle.after_s:
            batch.supply_w = np.minimum(batch.supply_w, throttle.supply_w[batch.index])
        block = np.empty((BLOCK, 4, len(batch.index)), dtype=np.float32)
        for step in range(BLOCK):
            minute = int((start + step) * STEP_S) // 60
            power, ended = _advance(batch, batch.load_w[minute])
            for row, values in zip(
                block[step], (power, batch.cells.cell_v, batch.cells.soc, batch.cell_c), strict=True
            ):
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


def _start(draws: list[ChargeDraw], load: NDArray[np.float32]) -> _Batch:
    def each(name: str, scale: float = 1.0) -> Floats:
        return np.array([getattr(draw.unit.device, name) * scale for draw in draws], dtype=np.float64)

    def unit(name: str) -> Floats:
        return np.array([getattr(draw.unit, name) for draw in draws], dtype=np.float64)

    ambient = np.array([draw.ambient_c for draw in draws])
    return _Batch(
        index=np.arange(len(draws)),
        cells=_cells(draws),
        efficiency=unit("efficiency"),
        linear=np.array([draw.unit.device.linear for draw in draws]),
        n_series=each("n_series"),
        full_v=each("full_cell_mv", 0.001),
        termination_a=each("termination_ma", 0.001),
        power_factor=unit("power_factor"),
        current_factor=unit("current_factor"),
        supply_w=np.array([supply_w(draw) for draw in draws]),
        target_soc=np.array([draw.target_soc for draw in draws]),
        ambient_c=ambient,
        heat_j_per_k=each("heat_j_per_k"),
        heat_k_per_w=each("heat_mk_per_w", 0.001),
        throttle_c=each("throttle_decidegc", 0.1),
        load_w=load.T.copy(),
        cell_c=ambient.copy(),
    )


def _cells(draws: list[ChargeDraw]) -> Cells:
    """The cells of all draws; a device's tables hold its resistances, in ohm, for a new unit, and what it asks for."""
    devices = list({(draw.unit.device.name, draw.unit.cell): draw for draw in draws}.values())
    rows = {(draw.unit.device.name, draw.unit.cell): 101 * k for k, draw in enumerate(devices)}
    tables = []
    for draw in devices:
        kind, device = cell_types()[draw.unit.cell], draw.unit.device
        resistances = kind.resistances()
        ohm = resistances * (device.resistance_mohm / 1000 / resistances[:, 50].sum())
        ocv_v = kind.raised_to(device.full_cell_mv / 1000)
        tables.append(curve_table([ocv_v, *ohm, device.power_w(), device.charge_a()]))
    return rested_cells(
        np.concatenate(tables),
        np.array([rows[draw.unit.device.name, draw.unit.cell] for draw in draws]),
        np.array([cell_types()[draw.unit.cell].relax_s for draw in draws], dtype=np.float64).T.copy(),
        np.array([draw.unit.capacity_ah for draw in draws]),
        np.array([draw.unit.resistance for draw in draws]),
        np.array([draw.arrival_soc for draw in draws]),
    )


def contract_v(draw: ChargeDraw) -> float:
    """The supply voltage agreed on: the charger's highest that the device asks for (chargers give up to 5 % more)."""
    wanted = draw.unit.device.input_mv * 1.05
    return max(v for v in draw.supply.charger.voltages_mv if v <= wanted) / 1000


def supply_w(draw: ChargeDraw) -> float:
    """The most the device can draw from this charger through this cable, in W."""
    volts = contract_v(draw)
    charger = draw.supply.charger
    amperes = min(charger.max_ma, draw.unit.device.input_max_ma) / 1000
    # A thin cable drops the voltage at the device; below 4.5 V of 5 V its input regulation cuts the current back.
    if volts < 6:
        amperes = min(amperes, (volts - 4.5) / (draw.supply.cable_ohm + charger.output_mohm / 1000))
    return min(volts * amperes, charger.max_mw / 1000)


def _advance(batch: _Batch, load: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Take the batch one step on; returns input power in W during it, and which charges have ended."""
    cells = batch.cells
    rest_v, ohm, parts, wants = cells.look(batch.cell_c)
    # Half of power and current below 5 °C, all from 15 °C; cut back over 4 K around the throttling temperature.
    cold = np.minimum(np.maximum(batch.cell_c * 0.05 + 0.25, 0.5), 1)
    heat_limit = cold * np.minimum(np.maximum((batch.throttle_c + 2 - batch.cell_c) * 0.25, 0.25), 1)
    limit = np.minimum(wants[:, 0] * batch.power_factor * heat_limit, batch.supply_w)
    efficiency = np.where(batch.linear, cells.cell_v * 0.2, batch.efficiency)  # a linear charger's is Vcell / 5 V
    allowed = np.minimum(
        (limit * efficiency - load) / (cells.cell_v * batch.n_series), wants[:, 1] * batch.current_factor * heat_limit
    )
    fitting = (batch.full_v - rest_v) / ohm
    current = np.maximum(np.minimum(allowed, fitting), 0)
    ended = ((fitting <= batch.termination_a) & (fitting < allowed)) | (cells.soc >= batch.target_soc)
    cells.charge(current, rest_v, ohm, parts)
    power = np.minimum((current * cells.cell_v * batch.n_series + load) / efficiency, np.maximum(limit, 0.05))
    heat = power * (1 - efficiency) * HEAT_SHARE + current * current * (parts[0] + parts[1] + parts[2]) * batch.n_series
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
