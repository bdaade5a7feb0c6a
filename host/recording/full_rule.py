"""When a charge in progress is full, and what has flowed so far: docs/dataset.md, Full, one sample after the other."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

WINDOW_MS = 60_000
LIMIT_MIN_MA = 50.0
LIMIT_OF_PEAK = 0.05
TWO_HOURS_MS = 7_200_000
"""Sums are of both ends of each step, so twice the integral; in mA·ms this makes them mAh."""


@dataclass(slots=True)
class FullRule:
    """The rule as a charge goes: its peak is the largest 60 s mean so far, as on the board.

    `full_t_ms` is the first sample of the 60 s that decided it, on the samples' own clock; None before.
    """

    full_t_ms: int | None = None
    mean_ma: float | None = None
    peak_ma: float = 0.0
    _samples: deque[tuple[int, int]] = field(default_factory=deque)  # (t_ms, mA): the window, and one sample before it
    _doubled: int = 0  # mA·ms over the samples held, twice
    _has_been_above: bool = False
    _low_since_ms: int | None = None
    _first_ms: int | None = None

    @property
    def limit_ma(self) -> float:
        """At or below it the mean counts as the end of the charge."""
        return max(LIMIT_OF_PEAK * self.peak_ma, LIMIT_MIN_MA)

    def add(self, t_ms: int, current_ma: int) -> None:
        """Take the next sample; times must ascend."""
        if self._first_ms is None:
            self._first_ms = t_ms
        if self._samples:
            before_ms, before_ma = self._samples[-1]
            self._doubled += (before_ma + current_ma) * (t_ms - before_ms)
        self._samples.append((t_ms, current_ma))
        if t_ms - self._first_ms < WINDOW_MS:
            return
        self.mean_ma = self._mean(t_ms - WINDOW_MS)
        self.peak_ma = max(self.peak_ma, self.mean_ma)
        if self.mean_ma > self.limit_ma:
            self._has_been_above, self._low_since_ms = True, None
        elif self._has_been_above:
            if self._low_since_ms is None:
                self._low_since_ms = t_ms
            if self.full_t_ms is None and t_ms - self._low_since_ms >= WINDOW_MS:
                self.full_t_ms = self._low_since_ms

    def _mean(self, start_ms: int) -> float:
        """Time-weighted mean of the window from start_ms to the latest sample, current straight between samples."""
        while self._samples[1][0] <= start_ms:
            (left_ms, left_ma), (right_ms, right_ma) = self._samples[0], self._samples[1]
            self._doubled -= (left_ma + right_ma) * (right_ms - left_ms)
            self._samples.popleft()
        (left_ms, left_ma), (right_ms, right_ma) = self._samples[0], self._samples[1]
        into_ms = start_ms - left_ms
        at_start_ma = left_ma + (right_ma - left_ma) * (into_ms / (right_ms - left_ms))
        return (self._doubled - (left_ma + at_start_ma) * into_ms) / (2 * WINDOW_MS)


@dataclass(slots=True)
class Flow:
    """What has flowed: trapezoids between the samples, whatever their spacing."""

    n_samples: int = 0
    first_ms: int = 0
    latest: tuple[int, int, int] = (0, 0, 0)  # t_ms, mV, mA
    longest_gap_ms: int = 0
    _charge_doubled: int = 0  # mA·ms
    _energy_doubled: int = 0  # µW·ms

    @property
    def elapsed_s(self) -> float:
        """From the first sample to the latest."""
        return (self.latest[0] - self.first_ms) / 1000

    @property
    def power_mw(self) -> float:
        """Of the latest sample."""
        return self.latest[1] * self.latest[2] / 1000

    @property
    def charge_mah(self) -> float:
        """Since the first sample."""
        return self._charge_doubled / TWO_HOURS_MS

    @property
    def energy_mwh(self) -> float:
        """Since the first sample."""
        return self._energy_doubled / (1000 * TWO_HOURS_MS)

    def add(self, t_ms: int, voltage_mv: int, current_ma: int) -> None:
        """Take the next sample; times must ascend."""
        if self.n_samples:
            before_ms, before_mv, before_ma = self.latest
            step_ms = t_ms - before_ms
            self._charge_doubled += (before_ma + current_ma) * step_ms
            self._energy_doubled += (before_mv * before_ma + voltage_mv * current_ma) * step_ms
            self.longest_gap_ms = max(self.longest_gap_ms, step_ms)
        else:
            self.first_ms = t_ms
        self.n_samples += 1
        self.latest = (t_ms, voltage_mv, current_ma)
