"""A soak: charges back to back for hours, every answer compared, while the memory of both sides is watched."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host.errors import HostError
from host.messages import Prediction
from host.reference import Charge
from host.session import Session

LOOK_S = 0.5
"""Seconds between two looks at the memory."""

WARM_UP = 0.2
"""The first part of the looks is left out of the fit: caches fill, the allocator settles."""

GROWTH_BYTES = 1 << 20
"""Fitted growth over a run that counts as a leak; below, a pool of the allocator may have grown by a step."""

_UNITS_S = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Length:
    """How long: until so many samples, or for so many seconds; the other is None."""

    samples: int | None = None
    seconds: float | None = None

    def reached(self, samples: int, seconds: float) -> bool:
        """Whether that is long enough."""
        return samples >= self.samples if self.samples is not None else seconds >= (self.seconds or 0.0)


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of a process by samples answered, and the straight line through it."""

    samples: tuple[int, ...]
    rss_bytes: tuple[int, ...]
    slope_bytes_per_1000_samples: float
    grown_bytes: float  # the fitted line from the end of the warm-up to the end

    @property
    def leaks(self) -> bool:
        """Whether the line rises more than GROWTH_BYTES."""
        return self.grown_bytes > GROWTH_BYTES


@dataclass(frozen=True, slots=True)
class Soak:
    """What came of it."""

    samples: int
    charges: int
    mismatches: int
    lost: int  # samples without an answer
    seconds: float
    host: Memory | None  # None where this machine does not tell
    board: Memory | None  # of the virtual board's process
    threads_left: tuple[str, ...] = ()


def parse_length(text: str) -> Length:
    """`8h`, `30min`, `90s`, `1000000samples` or `1000000`; raises HostError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(samples?|s|min|m|h|d)?", text.strip())
    if match is not None and float(match[1]) > 0:
        if match[2] in _UNITS_S:
            return Length(seconds=float(match[1]) * _UNITS_S[match[2]])
        if "." not in match[1]:
            return Length(samples=int(match[1]))
    raise HostError(f"--soak {text}: give a time such as 8h, 30min, 90s or a number of samples such as 1000000samples")


def resident_bytes(pid: int) -> int | None:
    """Resident memory of a process; None where it cannot be told."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        pass
    try:
        done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return int(done.stdout) * 1024
    except (OSError, ValueError):
        return None


class _Watch:
    """Looks at the memory of some processes now and then."""

    def __init__(self, pids: Sequence[int | None]) -> None:
        self._pids = pids
        self._samples: list[int] = []
        self._rss: list[list[int | None]] = [[] for _ in pids]
        self._next = 0.0

    def look(self, samples: int) -> None:
        if (now := time.monotonic()) < self._next:
            return
        self._next = now + LOOK_S
        self._samples.append(samples)
        for pid, rss in zip(self._pids, self._rss, strict=True):
            rss.append(None if pid is None else resident_bytes(pid))
        if len(self._samples) > 4000:  # eight hours make no more of them than an hour: every other is forgotten
            del self._samples[1::2]
            for rss in self._rss:
                del rss[1::2]

    def memory(self, number: int) -> Memory | None:
        rss = self._rss[number]
        if None in rss or len(rss) < 3:
            return None
        return fitted(self._samples, [each for each in rss if each is not None])


def fitted(samples: Sequence[int], rss_bytes: Sequence[int]) -> Memory:
    """The least-squares line through memory by samples, without the warm-up."""
    first = min(int(len(samples) * WARM_UP), len(samples) - 2)
    x, y = np.array(samples[first:], dtype=np.float64), np.array(rss_bytes[first:], dtype=np.float64)
    spread = x - x.mean()
    slope = float(spread @ (y - y.mean()) / max(float(spread @ spread), 1.0))
    return Memory(tuple(samples), tuple(rss_bytes), round(1000 * slope, 3), round(slope * float(x[-1] - x[0])))


def soak(
    session: Session,
    charges: Sequence[Charge],
    length: Length,
    board_pid: int | None,
    on_samples: Callable[[int], None],
    *,
    speed: float | None = None,
) -> Soak:
    """Replay the charges over and over, at `speed` times real time; `session` is open.

    The last charge is replayed to its end.
    """
    watch = _Watch((os.getpid(), board_pid))
    samples = n_charges = mismatches = lost = 0
    started = time.monotonic()
    while not length.reached(samples, time.monotonic() - started):
        charge = charges[n_charges % len(charges)]
        answered = 0

        def compare(index: int, answer: Prediction) -> None:
            nonlocal answered, mismatches
            mismatches += answer != charge.expected[index]  # noqa: B023 (called within this turn only)
            answered += index == answered
            on_samples(1)

        watch.look(samples)
        session.replay(charge.samples, compare, speed=speed)
        samples, n_charges, lost = samples + answered, n_charges + 1, lost + len(charge.samples) - answered
    watch.look(samples)
    return Soak(
        samples=samples,
        charges=n_charges,
        mismatches=mismatches,
        lost=lost,
        seconds=round(time.monotonic() - started, 3),
        host=watch.memory(0),
        board=watch.memory(1),
    )


def threads_besides(before: Sequence[threading.Thread]) -> tuple[str, ...]:
    """Names of threads that run now and did not before."""
    return tuple(thread.name for thread in threading.enumerate() if thread not in before)
