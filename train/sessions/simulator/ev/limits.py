"""What a charge point allows during a charge: load management, the sun, schedules, cabinets that are shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from train.sessions.simulator.ev.catalogue import Station

LEAST_A = 6.0  # that can be advertised (IEC 61851-1); below, the charge point pauses
LEVELS_A = (6.0, 8.0, 10.0, 13.0, 16.0, 20.0, 25.0, 32.0)
SECONDS_MAX = 36 * 3600


@dataclass(frozen=True, slots=True)
class Limits:
    """Steps: from `t_s[k]` on `value[k]` is allowed; t_s[0] is 0, ascending. 0 is a pause."""

    t_s: NDArray[np.float64]
    value: NDArray[np.float64]

    def at(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """The value in force at these times; before the first, the first."""
        found: NDArray[np.float64] = self.value[np.maximum(np.searchsorted(self.t_s, t_s, side="right") - 1, 0)]
        return found


def fixed(value: float) -> Limits:
    """The same all the time."""
    return Limits(np.array([0.0]), np.array([value]))


def draw_limits(random: Generator, side: Literal["ac", "dc"], largest: float, station: Station | None) -> Limits:
    """A charge's limits, at most `largest` (A a phase, or kW)."""
    if side == "dc":
        shared = station is not None and station.shared and random.random() < 0.35
        return _shared(random, largest) if shared else fixed(largest)
    kind = random.random()
    if kind < 0.45:
        return fixed(largest)
    if kind < 0.70:
        return managed(random, largest)
    if kind < 0.82:
        return _solar(random, largest)
    return _scheduled(random, largest)


def _shared(random: Generator, largest: float) -> Limits:
    """Another vehicle at the same cabinet comes or goes once or twice."""
    times = np.concatenate(([0.0], np.cumsum(random.exponential(700, size=3) + 60)))
    halves = (np.arange(4) + int(random.integers(2))) % 2
    return Limits(times, np.where(halves == 1, largest / 2, largest))


def managed(random: Generator, largest: float) -> Limits:
    """A house or car park shares its connection: another level every few minutes to an hour."""
    levels = [level for level in LEVELS_A if level <= largest] or [largest]
    times = np.cumsum(random.exponential(1500, size=100) + 120)
    times = np.concatenate(([0.0], times[times < SECONDS_MAX]))
    return Limits(times, random.choice(levels, size=len(times)))


def _solar(random: Generator, largest: float) -> Limits:
    """The sun behind clouds, followed every one or two minutes for six hours, then as much as there is."""
    times = np.arange(0.0, 6 * 3600, 60 * float(random.integers(1, 3)))
    noon, width = random.uniform(0.2, 0.8) * times[-1], random.uniform(0.3, 0.7) * times[-1]
    clouds = np.repeat(random.uniform(0.3, 1.0, size=-(-len(times) // 8)), 8)[: len(times)]
    sun = np.exp(-(((times - noon) / width) ** 2)) * clouds * random.uniform(0.7, 1.6) * largest
    value = np.where(sun < LEAST_A, 0.0, np.minimum(np.round(sun), largest))
    return Limits(np.append(times, 6 * 3600.0), np.append(value, largest))


def _scheduled(random: Generator, largest: float) -> Limits:
    """Waits for the night, or pauses once or twice for half an hour to some hours."""
    if random.random() < 0.5:
        return Limits(np.array([0.0, random.uniform(600, 6 * 3600)]), np.array([0.0, largest]))
    n = int(random.integers(1, 3))
    starts = np.cumsum(random.uniform(900, 7200, size=n))
    gaps = np.cumsum(random.uniform(1200, 10_800, size=n))
    ends = starts + gaps
    starts[1:] += gaps[:-1]
    times = np.concatenate(([0.0], np.column_stack((starts, ends)).ravel()))
    return Limits(times, np.where(np.arange(len(times)) % 2 == 1, 0.0, largest))
