"""The features of docs/vehicle.md a second time: from whole lists of what happened, in Python's own integers.

Not a state machine as the C is: levels, changes of the limit and pauses are found over the whole charge first, and each
sample's features are then looked up among those that lie before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

MISSING = -(2**31)
MOST = 2**24 - 1
FOREVER = 2**32 - 1

Sample = Sequence[int]  # three voltages, three currents, pilot, energy, state of charge


@dataclass
class Level:
    first: int
    last: int
    value: int
    confirmed: int | None = None  # sample at which it had held for 30 s


@dataclass
class Found:
    """Everything that happened, by the number of the sample at which it was known."""

    elapsed: list[int]
    time: list[int]  # without an end
    volts: list[list[int]]
    amps: list[list[int]]
    pilot: list[int | None]
    top: list[int] = field(default_factory=list)
    drawing: list[bool] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    answers: list[tuple[int, int]] = field(default_factory=list)
    pauses: list[int] = field(default_factory=list)
    restarts: list[int] = field(default_factory=list)


def oracle_vehicle(t_ms: Sequence[int], samples: Sequence[Sample]) -> list[list[int]]:
    """Features after each sample, in the order of docs/vehicle.md."""
    found = _find(t_ms, samples)
    energy = _energies(found, samples)
    return [
        [
            *_now(found, m),
            *_beginning(found, m),
            *_plateaus(found, m),
            *_limits(found, m),
            *_tapers(found, m),
            *_charged(energy, samples, m),
        ]
        for m in range(len(samples))
    ]


def _find(t_ms: Sequence[int], samples: Sequence[Sample]) -> Found:
    time = [0]
    for before, after in pairwise(t_ms):
        time.append(time[-1] + (after - before) % 2**32)
    found = Found(
        elapsed=[min(t, FOREVER) for t in time],
        time=time,
        volts=[[min(max(v, 0), 1_048_575) for v in one[0:3]] for one in samples],
        amps=[[min(max(a, -524_287), 524_287) for a in one[3:6]] for one in samples],
        pilot=[None if one[6] < 0 else min(one[6], 800) for one in samples],
    )
    found.top = [max(one) for one in found.amps]
    found.drawing = [top >= 1000 for top in found.top]
    _find_levels(found)
    _find_changes(found)
    _find_pauses(found)
    return found


def _find_levels(found: Found) -> None:
    level: Level | None = None
    for k, top in enumerate(found.top):
        if not found.drawing[k]:
            level = None
        elif level is not None and abs(top - level.value) <= max(250, level.value // 50):
            level.last = k
            if level.confirmed is None and found.elapsed[k] - found.elapsed[level.first] >= 30_000:
                level.confirmed = k
        else:
            level = Level(k, k, top)
            found.levels.append(level)


def _find_changes(found: Found) -> None:
    for k in range(1, len(found.pilot)):
        before, after = found.pilot[k - 1], found.pilot[k]
        if before is not None and after is not None and abs(after - before) >= 5:
            found.changes.append(k)
    for k in found.changes:
        if (found.pilot[k] or 0) > (found.pilot[k - 1] or 0):
            continue
        for j in range(k, len(found.pilot)):
            pilot = found.pilot[j]
            if pilot is None or (j > k and j in found.changes):
                break
            if found.top[j] <= pilot * 100 + 500:
                found.answers.append((j, (found.elapsed[j] - found.elapsed[k]) // 1000))
                break


def _find_pauses(found: Found) -> None:
    """A pause is known at its first sample 60 s after its first one."""
    begun: int | None = None
    counted = False
    for k in range(_first(found.drawing), len(found.drawing)):
        if found.drawing[k]:
            if counted:
                found.restarts.append(k)
            begun, counted = None, False
        elif begun is None:
            begun = k
        if begun is not None and not counted and found.time[k] - found.time[begun] >= 60_000:
            found.pauses.append(k)
            counted = True


def _first(flags: Sequence[bool]) -> int:
    return flags.index(True) if True in flags else len(flags)


def _now(found: Found, m: int) -> list[int]:
    powers = []
    for volts, amps in zip(found.volts[: m + 1], found.amps[: m + 1], strict=True):
        microwatts = sum(v * a for v, a in zip(volts, amps, strict=True))
        size = (abs(microwatts) + 500_000) // 1_000_000
        powers.append(size if microwatts >= 0 else -size)
    active = [p for p in range(3) if any(one[p] >= 1000 for one in found.amps[: m + 1])]
    top = found.top[m]
    unbalance = MISSING
    if len(active) > 1 and found.drawing[m]:
        unbalance = (top - min(found.amps[m][p] for p in active)) * 1000 // top
    pilot = found.pilot[m]
    return [
        found.elapsed[m] // 1000,
        len(active),
        powers[m],
        max(powers),
        top,
        max(found.top[: m + 1]),
        found.volts[m][found.amps[m].index(top)],
        unbalance,
        MISSING if pilot is None else pilot * 100,
    ]


def _confirmed(found: Found, m: int) -> list[Level]:
    return [one for one in found.levels if one.confirmed is not None and one.confirmed <= m]


def _beginning(found: Found, m: int) -> list[int]:
    start = _first(found.drawing)
    allowed = _first([pilot is None or pilot >= 60 for pilot in found.pilot])
    delay = rise = MISSING
    if start <= m and allowed <= m and found.elapsed[start] >= found.elapsed[allowed]:
        delay = (found.elapsed[start] - found.elapsed[allowed]) // 1000
    levels = _confirmed(found, m)
    if levels and start > 0:
        took = found.elapsed[levels[0].first] - found.elapsed[start - 1]
        rise = min(levels[0].value * 1000 // took, MOST)
    return [delay, rise]


def _plateaus(found: Found, m: int) -> list[int]:
    levels = _confirmed(found, m)
    values = [one.value for one in levels]
    dwell = MISSING
    if levels and levels[-1].last >= m:
        dwell = (found.elapsed[m] - found.elapsed[levels[-1].first]) // 1000
    of_limit = MISSING
    for one in levels:
        pilot = found.pilot[one.confirmed or 0]
        if pilot:
            of_limit = one.value * 10 // pilot
    return [
        values[-1] if values else MISSING,
        dwell,
        values[-2] if len(values) > 1 else MISSING,
        values[0] if values else MISSING,
        of_limit,
    ]


def _limits(found: Found, m: int) -> list[int]:
    answers = [seconds for k, seconds in found.answers if k <= m]
    pauses = [k for k in found.pauses if k <= m]
    start = _first(found.drawing)
    paused = sum(found.time[k] - found.time[k - 1] for k in range(start + 1, m + 1) if not found.drawing[k - 1])
    return [
        sum(k <= m for k in found.changes),
        answers[-1] if answers else MISSING,
        len(pauses),
        sum((pilot := found.pilot[k]) is not None and pilot < 60 for k in pauses),
        min(paused, FOREVER) // 1000,
        sum(k <= m for k in found.restarts),
    ]


def _tapers(found: Found, m: int) -> list[int]:
    levels = _confirmed(found, m)
    steps = []
    for before, after in pairwise(levels):
        low, high = before.confirmed or 0, after.confirmed or 0
        forced = any(low < k <= high for k in (*found.changes, *found.pauses))
        if not forced and after.value < before.value:
            steps.append((high, before, after))
    if not steps:
        return [0, MISSING, MISSING, MISSING]
    _, before, after = steps[-1]
    return [
        len(steps),
        before.value - after.value,
        (found.elapsed[before.last] - found.elapsed[before.first]) // 1000,
        (found.elapsed[m] - found.elapsed[steps[0][0]]) // 1000,
    ]


def _energies(found: Found, samples: Sequence[Sample]) -> list[int]:
    """Delivered since the first sample, after each."""
    energies = []
    if samples[0][7] >= 0:
        latest = 0
        for one in samples:
            latest = one[7] - samples[0][7] if one[7] >= 0 else latest
            latest = min(max(latest, -MOST), MOST)
            energies.append(latest)
        return energies
    twice = 0
    watts = [_now(found, m)[2] for m in range(len(samples))]
    for k in range(len(samples)):
        if k:
            twice += (watts[k - 1] + watts[k]) * min(found.time[k] - found.time[k - 1], 300_000)
        size = min(abs(twice) // 7_200_000, MOST)
        energies.append(size if twice >= 0 else -size)
    return energies


def _charged(energy: Sequence[int], samples: Sequence[Sample], m: int) -> list[int]:
    told = [(k, one[8]) for k, one in enumerate(samples[: m + 1]) if 0 <= one[8] <= 100]
    if not told:
        return [energy[m], MISSING, MISSING, MISSING]
    highest = told[0][1]
    marks = []
    for k, soc in told:
        if soc > highest:
            highest = soc
            marks.append((soc, energy[k]))
    each = MISSING
    if len(marks) > 1:
        gained, share = marks[-1][1] - marks[0][1], marks[-1][0] - marks[0][0]
        each = min(abs(gained) // share, MOST) * (1 if gained >= 0 else -1)
    return [energy[m], highest, highest - told[0][1], each]
