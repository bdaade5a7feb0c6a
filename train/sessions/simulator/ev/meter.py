"""The fast side of a charge: what a charge point's meter reads, sample by sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.sessions.labels import VEHICLE
from train.sessions.simulator.ev.course import MAINS_V, Course, n_phases, pack_v
from train.sessions.simulator.ev.draws import ChargeDraw
from train.sessions.types import Charge, Ended, Phases

MIN_SAMPLES = 12
JITTER_SHARE = 0.02  # of the period; four of them are less than half of it, so samples keep their order
IDLE_MA = 25.0  # of a control pilot that is on: relays, standby of the on-board charger
WIRE_OHM = 0.22  # of a phase, from the transformer to the meter
DC_RAMP_A_S = 40.0
PREHEAT_KW, PREHEAT_S = 2.4, 700.0

Floats = NDArray[np.float64]


def measure(draw: ChargeDraw, course: Course) -> Charge:
    """The charge as a charge point reports it, a sample each draw.period_ms with jitter."""
    ended, end_s, duration_s = _end(draw, course)
    n = max(int(duration_s * 1000 // draw.period_ms) + 1, MIN_SAMPLES)
    jitter = np.clip(draw.random.standard_normal(n), -4, 4) * JITTER_SHARE
    t_ms = np.rint((np.arange(n) + jitter) * draw.period_ms).astype(np.int64)
    t_ms -= t_ms[0]
    t_s = t_ms / 1000
    power = _power_kw(draw, course, t_s, end_s)
    if draw.side == "dc":
        voltage, current, true_kw = _direct(draw, course, t_s, power)
    else:
        voltage, current, true_kw = _alternating(draw, t_s, power)
    energy = np.concatenate(([0.0], np.cumsum(np.diff(t_s) * (true_kw[1:] + true_kw[:-1]) / 7.2)))
    phases = None
    if draw.side == "ac":
        phases = Phases(np.rint(voltage).astype(np.int32), np.rint(current).astype(np.int32))
        whole_mv, whole_ma = phases.as_one()
    else:
        whole_mv, whole_ma = np.rint(voltage).astype(np.int32), np.rint(current).astype(np.int32)
    return Charge(
        session=f"{draw.unit.car.name}_{draw.unit.name}_c{draw.index:03d}",
        device=draw.unit.car.name,
        unit=draw.unit.name,
        charger=draw.unit.wallbox.name if draw.station is None else draw.station.name,
        ended=ended,
        t_ms=t_ms.astype(np.uint32),
        voltage_mv=whole_mv,
        current_ma=whole_ma,
        full_t_ms=int(end_s * 1000) if ended == "full" else None,
        details=_details(draw),
        soc_pct=_soc_pct(course, t_s) if draw.tells_soc else None,
        phases=phases,
        pilot_da=_pilot_da(draw, t_s) if draw.side == "ac" else None,
        energy_wh=energy.astype(np.int32),
    )


def _end(draw: ChargeDraw, course: Course) -> tuple[Ended, float, float]:
    """How the charge ends, when charging ends, and how long it is recorded, in s."""
    end_s = len(course.power_kw) * course.step_s
    if draw.unplugged_after <= 1:
        return "unplugged", end_s, end_s * draw.unplugged_after
    if not course.done:
        return "unplugged", end_s, end_s
    return ("limit" if draw.target_soc < 1 else "full"), end_s, end_s + draw.tail_s


def _details(draw: ChargeDraw) -> dict[str, str]:
    details = {
        "sensor": "meter",
        "ambient_decidegc": str(round(draw.ambient_c * 10)),
        "soh_pct": f"{draw.unit.soh * 100:.1f}",
        "profile": VEHICLE,
    }
    if draw.target_soc < 1:
        details["target_soc_pct"] = str(round(draw.target_soc * 100))
    return details


def _soc_pct(course: Course, t_s: Floats) -> NDArray[np.float32]:
    """Whole per cents, as cars tell them."""
    at = np.minimum((t_s / course.step_s).astype(np.intp), len(course.soc) - 1)
    return np.floor(course.soc[at] * 100 + 1e-9).astype(np.float32)


def _pilot_da(draw: ChargeDraw, t_s: Floats) -> NDArray[np.int32]:
    return np.rint(draw.limits.at(t_s) * 10).astype(np.int32)


def _power_kw(draw: ChargeDraw, course: Course, t_s: Floats, end_s: float) -> Floats:
    """Power wanted at each time, before ramps: the course, then balancing and a departure's climate control."""
    at = (t_s / course.step_s).astype(np.intp)
    power = np.where(at < len(course.power_kw), course.power_kw[np.minimum(at, len(course.power_kw) - 1)], 0.0)
    car, since = draw.unit.car, t_s - end_s
    if course.done and draw.target_soc >= 1 and draw.side == "ac":
        # Cells are levelled one after the other: a minute and a half of three, until it is through.
        levelling = (since >= 0) & (since < 60 * car.balance_min) & (since % 180 < 90)
        power = np.where(levelling, car.balance_w / 1000, power)
    if draw.preheat_s >= 0:
        heating = (since >= draw.preheat_s) & (since < draw.preheat_s + PREHEAT_S)
        power = np.where(heating, PREHEAT_KW, power)
    return power


def _alternating(draw: ChargeDraw, t_s: Floats, power: Floats) -> tuple[Floats, Floats, Floats]:
    """Voltage in mV and current in mA of three phases, [n, 3], and true power in kW, [n]."""
    car, used, n, random = draw.unit.car, n_phases(draw), len(t_s), draw.random
    # A charger near its least power has more reactive current.
    load = power / car.ac_kw
    factor = car.power_factor * (1 - 0.03 * np.clip(0.4 - load, 0, 0.4) / 0.4)
    amperes = _ramped(t_s, power * 1000 / (used * MAINS_V * factor), car.ramp_a_s)
    current = np.zeros((n, 3))
    imbalance = random.normal(1, 0.003, size=used)
    current[:, :used] = amperes[:, None] * imbalance * 1000
    current[:, :used] *= 1 + random.normal(0, 0.0015, size=(n, used))
    current[:, 0] += IDLE_MA
    swing = random.uniform(0, 2 * np.pi, size=3) + t_s[:, None] * (2 * np.pi / random.uniform(1500, 9000, size=3))
    volts = MAINS_V * random.normal(1, 0.008, size=3) + 1.2 * np.sin(swing) + random.normal(0, 0.25, size=(n, 3))
    volts -= WIRE_OHM * current / 1000
    if draw.unit.wallbox.phases == 1:
        volts[:, 1:] = 0
    return volts * 1000, np.maximum(current, 0), amperes * used * MAINS_V * factor / 1000


def _direct(draw: ChargeDraw, course: Course, t_s: Floats, power: Floats) -> tuple[Floats, Floats, Floats]:
    """Voltage in mV, current in mA and power in kW of the battery's side, [n] each."""
    n, random = len(t_s), draw.random
    at = np.minimum((t_s / course.step_s).astype(np.intp), len(course.soc) - 1)
    volts = pack_v([draw], course.soc[at], power)
    largest = draw.station.max_a if draw.station else 500.0
    amperes = np.minimum(_ramped(t_s, power * 1000 / volts, DC_RAMP_A_S), largest)
    amperes *= 1 - np.abs(random.normal(0, 0.0015, size=n))
    volts = volts * (1 + random.normal(0, 0.0004, size=n))
    return volts * 1000, amperes * 1000, volts * amperes / 1000


def _ramped(t_s: Floats, wanted: Floats, rise_per_s: float) -> Floats:
    """What follows `wanted` downwards at once and upwards by so much a second at most, from 0 on, [n]."""
    start = np.concatenate(([0.0], wanted))
    times = np.concatenate(([t_s[0]], t_s))
    return np.asarray(np.minimum.accumulate(start - rise_per_s * times) + rise_per_s * times)[1:]
