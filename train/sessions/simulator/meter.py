"""The fast side of a charge: what a sensor at the charger's output reads, sample by sample."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from train.sessions.simulator.cell import STEP_S
from train.sessions.simulator.charging import N_STEPS_MAX, Traces, contract_v
from train.sessions.simulator.draws import MINUTES_MAX, ChargeDraw
from train.sessions.types import Charge, Ended

Floats = NDArray[np.float32]

STEP_MS = int(STEP_S * 1000)
PPS_STEP_V = 0.02
JITTER_MS = 6.0  # four of them are less than half of the shortest period, so samples keep their order
IDLE_LINEAR_EFFICIENCY = 0.84  # a linear charger at rest: 4.2 V of 5 V
GAP_CHANCE, GAP_MAX_MS = 0.1, 30_000  # charges with one gap, and its longest
MIN_SAMPLES = 12

# Noise is cut from one long piece at random places: drawing it anew took longer than all the rest of a sample.
NOISE_LENGTH = 1 << 20


@dataclass(frozen=True, slots=True)
class Grid:
    """Nominal sample times and where they lie on the slow grid, [n] each, for the longest charge."""

    t_ms: NDArray[np.int64]
    step: NDArray[np.intp]
    part: Floats  # of the step, 0 … 1
    minute: NDArray[np.intp]


@cache
def grid(period_ms: int) -> Grid:
    """The grid of one sampling period."""
    t = np.arange(0, (MINUTES_MAX + 10) * 60_000, period_ms)
    step = t // STEP_MS
    return Grid(t, step, ((t - step * STEP_MS) / STEP_MS).astype(np.float32), np.minimum(t // 60_000, MINUTES_MAX - 1))


@cache
def noise_pool() -> tuple[Floats, NDArray[np.int64]]:
    """Normal noise of variance 1, and clock jitter in ms, [NOISE_LENGTH] each."""
    random = np.random.Generator(np.random.PCG64(20))
    jitter = np.rint(np.clip(random.standard_normal(NOISE_LENGTH), -4, 4) * JITTER_MS)
    return random.standard_normal(NOISE_LENGTH, dtype=np.float32), jitter.astype(np.int64)


def measure(draw: ChargeDraw, traces: Traces, period_ms: int) -> Charge:
    """The charge as a board records it, a sample each period_ms with jitter and losses."""
    ended, duration_ms = _end(draw, traces)
    n = max(-(-duration_ms // period_ms), MIN_SAMPLES)
    pool, jitter_ms = noise_pool()
    cuts = draw.random.integers(NOISE_LENGTH - n, size=4)
    power = _power_w(draw, traces, period_ms, n)
    power += pool[cuts[0] : cuts[0] + n] * np.float32(draw.unit.device.noise_mw * draw.noise_factor / 1000)
    volts = _supply_v(draw, traces, period_ms, n)
    current = (np.maximum(power, 0) / volts).astype(np.float32, copy=False)
    np.minimum(current, _ceiling_a(draw), out=current)
    for start in _starts(draw, period_ms, n):
        before = current[start.unplugged : start.agreed]
        np.minimum(before, np.float32(draw.unit.device.before_ma / 1000), out=before)
        current[start.unplugged : start.plugged] = 0
    volts -= np.float32(draw.supply.charger.output_mohm / 1000) * current
    voltage_mv, current_ma = _read(draw, volts, current, pool[cuts[1] : cuts[1] + n], pool[cuts[2] : cuts[2] + n])
    kept = _kept(draw, n, period_ms)
    t_ms = grid(period_ms).t_ms[:n] + jitter_ms[cuts[3] : cuts[3] + n]
    t_ms[0] = 0
    soc = (np.rint(np.minimum(traces.soc, 1) * 1000) / 10).astype(np.float32)
    return Charge(
        session=f"{draw.unit.device.name}_{draw.unit.name}_c{draw.index:03d}",
        device=draw.unit.device.name,
        unit=draw.unit.name,
        charger=draw.supply.charger.name,
        ended=ended,
        t_ms=t_ms[kept].astype(np.uint32),
        voltage_mv=voltage_mv[kept],
        current_ma=current_ma[kept],
        details=_details(draw),
        soc_pct=_held(soc, period_ms, n)[kept],
    )


def _held(values: Floats, period_ms: int, n: int) -> Floats:
    """Values of the slow grid held over their step, the last one for ever, [n]."""
    if STEP_MS % period_ms:
        return values[np.minimum(grid(period_ms).step[:n], len(values) - 1)]
    held = np.repeat(values, STEP_MS // period_ms)[:n]  # as the line above gives it, in a fifth of the time
    return np.append(held, np.full(n - len(held), values[-1], dtype=np.float32))


def _end(draw: ChargeDraw, traces: Traces) -> tuple[Ended, int]:
    """How the recording ends, and after how many ms."""
    end_ms = traces.end_step * STEP_MS
    if draw.unplugged_after <= 1:
        return "unplugged", int(end_ms * draw.unplugged_after)
    if traces.end_step == N_STEPS_MAX:
        return "unplugged", end_ms
    ended: Ended = "limit" if traces.soc[-1] >= draw.target_soc else "full"
    return ended, end_ms + int(draw.tail_s * 1000)


def _details(draw: ChargeDraw) -> dict[str, str]:
    details = {
        "sensor": draw.unit.sensor.name,
        "ambient_decidegc": str(round(draw.ambient_c * 10)),
        "soh_pct": f"{draw.unit.soh * 100:.1f}",
    }
    if draw.target_soc <= 1:
        details["target_soc_pct"] = str(round(draw.target_soc * 100))
    return details


@dataclass(frozen=True, slots=True)
class _Start:
    """When a plug goes in: contact lost, contact made, supply agreed on, full power as sample numbers; when made."""

    unplugged: int
    plugged: int
    agreed: int
    ramped: int
    plugged_s: float


def _starts(draw: ChargeDraw, period_ms: int, n: int) -> list[_Start]:
    """The start of the charge, and another where the plug lost contact for a moment.

    A board samples on its own clock: the plug goes in up to a period before the first sample that sees it.
    """

    def start(unplugged_s: float, plugged_s: float) -> _Start:
        agreed_s = plugged_s + draw.negotiation_s
        times = (unplugged_s, plugged_s, agreed_s, agreed_s + draw.ramp_s)
        unplugged, plugged, agreed, ramped = (min(-int(-second * 1000 // period_ms), n) for second in times)
        return _Start(unplugged, plugged, agreed, ramped, plugged_s)

    before_s = -draw.sampling_phase * period_ms / 1000
    first = [start(before_s, before_s)]
    return first if draw.wiggle_s < 0 else [*first, start(draw.wiggle_s, draw.wiggle_s + draw.wiggle_for_s)]


def _power_w(draw: ChargeDraw, traces: Traces, period_ms: int, n: int) -> Floats:
    """Input power at each sample, [n] W.

    It runs straight between steps, but jumps where it changes by more than a tenth: a device changes its demand at
    once. After the end of charge only the system's load is left; at its begin it rises once the supply is agreed on.
    """
    at = grid(period_ms)
    n_charging = min(int(np.searchsorted(at.step, traces.end_step)), n)
    slope = np.append(np.diff(traces.power_w), np.float32(0))
    slope[np.abs(slope) > 0.1 * traces.power_w] = 0
    power = np.empty(n, dtype=np.float32)
    rise = _held(slope, period_ms, n_charging)
    rise *= at.part[:n_charging]
    np.add(_held(traces.power_w, period_ms, n_charging), rise, out=power[:n_charging])
    efficiency = IDLE_LINEAR_EFFICIENCY if draw.unit.device.linear else draw.unit.efficiency
    power[n_charging:] = traces.load_w[at.minute[n_charging:n]] / np.float32(efficiency)
    for start in _starts(draw, period_ms, n):
        ramp_s = at.t_ms[start.agreed : start.ramped] / 1000 - start.plugged_s - draw.negotiation_s
        power[start.agreed : start.ramped] *= _risen(draw, ramp_s / draw.ramp_s)
    return power


def _risen(draw: ChargeDraw, share: NDArray[np.float64]) -> Floats:
    """How far power has risen after this share of the ramp: in the device's number of equal steps, from the first."""
    steps = draw.unit.device.ramp_steps
    risen: Floats = (np.clip(np.floor(share * steps) + 1, 1, steps) / steps).astype(np.float32)
    return risen


def _supply_v(draw: ChargeDraw, traces: Traces, period_ms: int, n: int) -> Floats:
    """The charger's output without load, [n] V."""
    device, at = draw.unit.device, grid(period_ms)
    base = draw.supply.charger.voltages_mv[0] / 1000
    agreed = contract_v(draw)
    if device.pps and draw.supply.charger.pps and agreed > 6:
        # A divide-by-two charge pump wants a little more than twice the battery's voltage, in steps of 20 mV.
        wanted = np.round(np.clip(2 * device.n_series * traces.cell_v + 0.35, 5, 11) / PPS_STEP_V) * PPS_STEP_V
        volts = _held(wanted.astype(np.float32), period_ms, n)
    else:
        volts = np.full(n, agreed, dtype=np.float32)
    if device.full_mv:
        volts[int(np.searchsorted(at.t_ms[:n], traces.end_step * STEP_MS + 30_000)) :] = base
    for start in _starts(draw, period_ms, n):
        volts[start.unplugged : start.agreed] = base
    np.multiply(volts, np.float32(draw.supply.voltage_factor), out=volts)
    return volts


def _ceiling_a(draw: ChargeDraw) -> np.float32:
    return np.float32(min(draw.supply.charger.max_ma, draw.unit.device.input_max_ma) / 1000)


def _read(
    draw: ChargeDraw, volts: Floats, current: Floats, voltage_noise: Floats, current_noise: Floats
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Sensor readings in whole mV and mA: gain, noise, the sensor's step and its full scale."""
    sensor, unit = draw.unit.sensor, draw.unit
    voltage = _steps(volts, sensor.voltage_step_uv / 1000, unit.voltage_gain, voltage_noise, sensor.noise_steps)
    amperes = _steps(current, sensor.current_step_ua / 1000, unit.current_gain, current_noise, sensor.noise_steps)
    np.minimum(amperes, np.float32(sensor.full_scale_ma), out=amperes)
    return np.rint(voltage).astype(np.int32), np.rint(amperes).astype(np.int32)


def _steps(values: Floats, step_milli: float, gain: float, noise: Floats, noise_steps: float) -> Floats:
    """Volts or amperes as a sensor with this step gives them, in thousandths."""
    counts: Floats = values * np.float32(1000 * gain / step_milli)
    counts += noise * np.float32(noise_steps)
    np.rint(counts, out=counts)
    counts *= np.float32(step_milli)
    return counts


def _kept(draw: ChargeDraw, n: int, period_ms: int) -> NDArray[np.intp]:
    """Indices of the samples that arrive: single losses, and now and then a gap of up to half a minute."""
    kept = np.ones(n, dtype=np.bool_)
    n_lost = int(draw.random.poisson(n * draw.drop_permille / 1000))
    kept[draw.random.integers(n, size=n_lost)] = False
    if draw.random.random() < GAP_CHANCE:
        start, length = draw.random.integers(n), draw.random.integers(2_000, GAP_MAX_MS)
        kept[int(start) : int(start) + int(length) // period_ms] = False
    kept[:MIN_SAMPLES] = True
    return np.flatnonzero(kept)
