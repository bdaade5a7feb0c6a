"""The features of docs/design.md, written from that page alone, one Python integer at a time.

Slow on purpose: no array, no incremental trick that the page does not name. It never reads the C core.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

WP_MISSING = -(2**31)
FEATURE_MAX = 2**24 - 1
U32_MAX = 2**32 - 1
PRECHARGE, CONSTANT_CURRENT, CONSTANT_VOLTAGE, FULL = range(4)

CURRENT_TAU_MS = (5_000, 60_000, 300_000, 900_000)
VOLTAGE_TAU_MS = (5_000, 60_000, 300_000)
START_MS = (0, 1_500, 3_500, 6_500, 14_500)
LOG2_TABLE = [round(1024 * math.log2(1 + j / 16)) for j in range(17)]

# The serialised state: field order and widths of wp_features, 162 bytes.
STATE_FORMAT = "<IIiiiIIqq4i3iii iiiiii iiI II iIi 5i I?B"


def limit(value: int, bound: int) -> int:
    """`value` limited to ±bound."""
    return max(-bound, min(bound, value))


def sat(value: int) -> int:
    """`sat` of the page."""
    return limit(value, FEATURE_MAX)


def rounded(a: int, b: int) -> int:
    """`R(a, b)`: nearest, halves away from zero; b > 0."""
    magnitude = (2 * abs(a) + b) // (2 * b)
    return magnitude if a >= 0 else -magnitude


def filtered(y: int, x: int, dt: int, tau: int) -> int:
    """One step of a filter with state y in 1/1024 of x's unit."""
    if dt > 65_535:
        dt, tau = dt // 16, tau // 16
    a = dt * 2**16 // (tau + dt)
    d = 1024 * x - y
    step = (abs(d) * a + 2**15) // 2**16
    return y + step if d >= 0 else y - step


def log2_q10(x: int) -> int:
    """`L(x)`, x ≥ 1."""
    n = x.bit_length() - 1
    m = (x << 30 >> n) - (1 << 30)
    j, r = m // 2**26, m // 2**16 % 1024
    return 1024 * n + LOG2_TABLE[j] + (LOG2_TABLE[j + 1] - LOG2_TABLE[j]) * r // 1024


@dataclass(slots=True)
class State:
    """Everything the page remembers between samples."""

    n_samples: int = 0
    t_ms: int = 0
    v: int = 0
    i: int = 0
    p: int = 0
    elapsed_ms: int = 0
    unobserved_ms: int = 0
    charge2: int = 0
    energy2: int = 0
    current: list[int] = field(default_factory=lambda: [0] * 4)
    voltage: list[int] = field(default_factory=lambda: [0] * 3)
    deviation: int = 0
    change: int = 0
    imax: int = 0
    vmax: int = 0
    pmax: int = 0
    ipeak: int = 0
    rise: int = 0
    first10: int = WP_MISSING
    level: int = 0
    first_step: int = WP_MISSING
    step_count: int = 0
    pmax_at: int = 0
    high_at: int = 0
    plateau: int = 0
    plateau_at: int = 0
    plateau_previous: int = WP_MISSING
    start: list[int] = field(default_factory=lambda: [WP_MISSING] * 5)
    low_at: int = 0
    low: bool = False
    phase: int = PRECHARGE

    def means(self) -> tuple[list[int], list[int]]:
        """`i5 … i900` and `v5 … v300`."""
        return [rounded(y, 1024) for y in self.current], [rounded(y, 1024) for y in self.voltage]

    def end_limit(self) -> int:
        """`limit` of the end-of-charge rule."""
        return max(50, self.ipeak // 20)

    def bytes(self) -> bytes:
        """The canonical serialisation, 162 bytes."""
        return struct.pack(
            STATE_FORMAT,
            *(self.n_samples, self.t_ms, self.v, self.i, self.p, self.elapsed_ms, self.unobserved_ms),
            *(self.charge2, self.energy2, *self.current, *self.voltage, self.deviation, self.change),
            *(self.imax, self.vmax, self.pmax, self.ipeak, self.rise, self.first10),
            *(self.level, self.first_step, self.step_count, self.pmax_at, self.high_at),
            *(self.plateau, self.plateau_at, self.plateau_previous, *self.start, self.low_at, self.low, self.phase),
        )


def feed(s: State, t_ms: int, voltage_mv: int, current_ma: int) -> None:
    """Take one sample; raises ValueError where the page refuses one."""
    first = s.n_samples == 0
    v, i = limit(voltage_mv, 1_048_575), limit(current_ma, 524_287)
    p = rounded(v * i, 1000)
    step = 0 if first else (t_ms - s.t_ms) % 2**32
    if not first and not 1 <= step <= 2**31 - 1:
        raise ValueError(f"step of {step} ms")
    dt = min(step, 300_000)
    s.elapsed_ms = min(U32_MAX, s.elapsed_ms + step)
    s.unobserved_ms = min(U32_MAX, s.unobserved_ms + step - dt)
    i_before, p_before = (i, p) if first else (s.i, s.p)
    s.charge2 = limit(s.charge2 + (i_before + i) * dt, 2**62)
    s.energy2 = limit(s.energy2 + (p_before + p) * dt, 2**62)
    s.n_samples, s.t_ms, s.v, s.i, s.p = min(U32_MAX, s.n_samples + 1), t_ms, v, i, p
    feed_filters(s, i_before, dt, first)
    feed_maxima(s, i_before, first)
    s.start = [
        i if value == WP_MISSING and s.elapsed_ms >= at else value for value, at in zip(s.start, START_MS, strict=True)
    ]
    feed_voltage_steps(s, first)
    feed_plateau(s, first)
    feed_phase(s)


def feed_filters(s: State, i_before: int, dt: int, first: bool) -> None:
    """The running means, deviation and change."""
    if first:
        s.current, s.voltage = [1024 * s.i] * 4, [1024 * s.v] * 3
        return
    s.current = [filtered(y, s.i, dt, tau) for y, tau in zip(s.current, CURRENT_TAU_MS, strict=True)]
    s.voltage = [filtered(y, s.v, dt, tau) for y, tau in zip(s.voltage, VOLTAGE_TAU_MS, strict=True)]
    i60 = rounded(s.current[1], 1024)
    s.deviation = filtered(s.deviation, abs(s.i - i60), dt, 60_000)
    s.change = filtered(s.change, abs(s.i - i_before), dt, 60_000)


def feed_maxima(s: State, i_before: int, first: bool) -> None:
    """Maxima, when they were, and the mean current of the first ten seconds."""
    (i5, i60, _, _), (v5, _, _) = s.means()
    p5 = rounded(v5 * i5, 1000)
    if first:
        s.imax, s.vmax, s.ipeak, s.pmax = i5, v5, i60, p5
    else:
        s.imax, s.vmax, s.ipeak, s.pmax = max(s.imax, i5), max(s.vmax, v5), max(s.ipeak, i60), max(s.pmax, p5)
        s.rise = max(s.rise, s.i - i_before)
        s.pmax_at = s.elapsed_ms if p5 >= s.pmax else s.pmax_at
        s.high_at = s.elapsed_ms if 100 * i5 >= 95 * s.imax else s.high_at
    if s.first10 == WP_MISSING and s.elapsed_ms >= 10_000:
        s.first10 = rounded(s.charge2, 2 * min(s.elapsed_ms, 2**31 - 1))


def feed_voltage_steps(s: State, first: bool) -> None:
    """Jumps of a volt or more, such as a negotiated 9 V."""
    if first:
        s.level = s.v
    elif abs(s.v - s.level) >= 1000:
        s.level = s.v
        s.step_count = min(FEATURE_MAX, s.step_count + 1)
        s.first_step = s.elapsed_ms // 1000 if s.first_step == WP_MISSING else s.first_step


def feed_plateau(s: State, first: bool) -> None:
    """The level at which the current dwells."""
    i5 = rounded(s.current[0], 1024)
    if first:
        s.plateau = i5
    elif abs(i5 - s.plateau) > max(30, abs(s.plateau) // 20):
        if s.elapsed_ms - s.plateau_at >= 20_000:
            s.plateau_previous = s.plateau
        s.plateau, s.plateau_at = i5, s.elapsed_ms


def feed_phase(s: State) -> None:
    """The end-of-charge rule and the phase."""
    (i5, i60, _, _), _ = s.means()
    holds = s.ipeak > 50 and i60 <= s.end_limit()
    if not holds:
        s.low_at = 0
    elif not s.low:
        s.low_at = s.elapsed_ms
    s.low = holds
    if s.phase == FULL or (holds and s.elapsed_ms - s.low_at >= 60_000):
        s.phase = FULL
    elif s.elapsed_ms < 10_000 or s.imax < 100:
        s.phase = PRECHARGE
    else:
        s.phase = CONSTANT_CURRENT if 10 * i5 >= 9 * s.imax else CONSTANT_VOLTAGE


def ratio(numerator: int, denominator: int) -> int:
    """Permille of two currents; missing when the denominator is not positive."""
    return sat(rounded(1000 * numerator, denominator)) if denominator > 0 else WP_MISSING


def taper(rho: int, i60: int, end_limit: int) -> tuple[int, int]:
    """Time constant and time to the end current, in s."""
    if rho == WP_MISSING or not 300 <= rho <= 990 or i60 <= 0:
        return WP_MISSING, WP_MISSING
    constant = (300_000 - 60 * rho) // (1000 - rho)
    if i60 <= end_limit:
        return sat(constant), 0
    return sat(constant), sat(constant * ((log2_q10(i60) - log2_q10(end_limit)) * 710) // 2**20)


def read(s: State) -> list[int]:
    """The 40 features in the order of the page's table."""
    (i5, i60, i300, i900), (v5, v60, v300) = s.means()
    rho = ratio(i60, i300)
    x = [s.elapsed_ms // 1000, s.v, s.i, sat(s.p), i5, i60, i300, i900, v5, v60, v300]
    x += [ratio(i5, i60), rho, ratio(i300, i900), s.imax, ratio(i5, s.imax), sat(s.pmax)]
    x += [(s.elapsed_ms - s.pmax_at) // 1000, (s.elapsed_ms - s.high_at) // 1000]
    x += [rounded(s.deviation, 1024), rounded(s.change, 1024), s.rise]
    x += [sat(rounded(s.charge2, 7_200_000)), sat(rounded(s.energy2, 7_200_000)), s.first10, s.vmax]
    x += [s.first_step, s.step_count, v60 - v300]
    x += [s.plateau, (s.elapsed_ms - s.plateau_at) // 1000, s.plateau_previous]
    x += taper(rho, i60, s.end_limit())
    return [*x, s.unobserved_ms // 1000, *s.start]


def oracle_features(
    t_ms: Iterable[int], voltage_mv: Iterable[int], current_ma: Iterable[int]
) -> tuple[list[list[int]], list[bytes], list[int]]:
    """Features, serialised state and phase after each sample of one charge.

    t_ms [n] in 0 … 2³² − 1, voltage_mv [n], current_ma [n]; returns x [n][40], state bytes [n] of 162, phase [n].
    Raises ValueError where a sample's time does not lie 1 … 2³¹ − 1 ms after the one before.
    """
    state = State()
    rows: list[list[int]] = []
    states: list[bytes] = []
    phases: list[int] = []
    for t, v, i in zip(t_ms, voltage_mv, current_ma, strict=True):
        feed(state, int(t), int(v), int(i))
        rows.append(read(state))
        states.append(state.bytes())
        phases.append(state.phase)
    return rows, states, phases
