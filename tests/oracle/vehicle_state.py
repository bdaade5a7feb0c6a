"""The state of docs/vehicle.md a second time, byte for byte: from lists of all that happened, as in vehicle.py."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from itertools import accumulate, pairwise

from tests.oracle.vehicle import FOREVER, MISSING, Found, Sample, _charged, _confirmed, _energies, _find, _first
from tests.oracle.vehicle import _beginning as beginning
from tests.oracle.vehicle import _limits as limits
from tests.oracle.vehicle import _now as now
from tests.oracle.vehicle import _plateaus as plateaus
from tests.oracle.vehicle import _tapers as tapers

LAYOUT = "<3I7iH4I6iI2Ii5I2I2iq8i"


def oracle_states(t_ms: Sequence[int], samples: Sequence[Sample]) -> list[bytes]:
    """The serialised state after each sample."""
    found = _find(t_ms, samples)
    energy = _energies(found, samples)
    twice = _twice_energies(found)
    taper = next((k for k in range(len(samples)) if tapers(found, k)[0]), len(samples))
    return [
        struct.pack(
            LAYOUT,
            *(m + 1, t_ms[m], found.elapsed[m]),
            *_measured(found, m),
            _flags(found, m),
            *_levels(found, m),
            *_counts(found, m, found.elapsed[taper] if taper <= m else 0),
            twice[m],
            *(samples[0][7] if samples[0][7] >= 0 else MISSING, energy[m]),
            *_marks(energy, samples, m),
        )
        for m in range(len(samples))
    ]


def oracle_crcs(t_ms: Sequence[int], samples: Sequence[Sample]) -> list[int]:
    """CRC-32 of each."""
    return [zlib.crc32(state) for state in oracle_states(t_ms, samples)]


def _measured(found: Found, m: int) -> list[int]:
    _, _, power, power_max, top, top_max, voltage, _, _ = now(found, m)
    active = _active(found, m)
    least = min((found.amps[m][phase] for phase in active), default=MISSING)
    pilot = found.pilot[m]
    return [voltage, top, least, top_max, power, power_max, MISSING if pilot is None else pilot]


def _active(found: Found, m: int) -> list[int]:
    return [phase for phase in range(3) if any(one[phase] >= 1000 for one in found.amps[: m + 1])]


def _allows(pilot: int | None) -> bool:
    return pilot is None or pilot >= 60


def _flags(found: Found, m: int) -> int:
    start = _first(found.drawing)
    levels = _confirmed(found, m)
    settled = levels[-1].confirmed if levels else None
    since = range((-1 if settled is None else settled) + 1, m + 1)
    flags = (
        found.drawing[m],
        start <= m,
        any(map(_allows, found.pilot[: m + 1])),
        start > 0,
        bool(levels) and levels[-1].last >= m,
        found.drawing[m],
        any(k in found.changes or k in found.pauses for k in since),
        _awaits_answer(found, m),
        any(not any(found.drawing[k : m + 1]) for k in found.pauses if k <= m),
    )
    active = sum(1 << phase for phase in _active(found, m))
    return active | sum(flag << (3 + k) for k, flag in enumerate(flags))


def _awaits_answer(found: Found, m: int) -> bool:
    changes = [k for k in found.changes if k <= m]
    if not changes or (found.pilot[changes[-1]] or 0) > (found.pilot[changes[-1] - 1] or 0):
        return False
    last = changes[-1]
    known = all(pilot is not None for pilot in found.pilot[last : m + 1])
    return known and not any(last <= k <= m for k, _ in found.answers)


def _levels(found: Found, m: int) -> list[int]:
    start = _first(found.drawing)
    allowed = _first([_allows(pilot) for pilot in found.pilot])
    idle = min(m, start - 1)
    begun = m
    for level in found.levels:
        if found.drawing[m] and level.first <= m:
            begun = level.first
    confirmed = _confirmed(found, m)
    plateau_ms = 0
    if confirmed:
        plateau_ms = found.elapsed[min(confirmed[-1].last, m)] - found.elapsed[confirmed[-1].first]
    latest, _, previous, first, of_limit = plateaus(found, m)
    return [
        found.elapsed[allowed] if allowed <= m else 0,
        found.elapsed[start] if start <= m else 0,
        found.elapsed[idle] if idle >= 0 else 0,
        found.elapsed[begun],
        found.top[begun],
        *(latest, previous, first, of_limit, beginning(found, m)[1], plateau_ms),
    ]


def _counts(found: Found, m: int, taper_ms: int) -> list[int]:
    start = _first(found.drawing)
    changes = [k for k in found.changes if k <= m]
    n_changes, response, n_pauses, by_limit, _, restarts = limits(found, m)
    still = 0
    if start <= m and not found.drawing[m]:
        begun = max(k for k in range(m) if found.drawing[k]) + 1
        still = found.time[m] - found.time[begun]
    paused = sum(found.time[k] - found.time[k - 1] for k in range(start + 1, m + 1) if not found.drawing[k - 1])
    n_steps, step, dwell, _ = tapers(found, m)
    return [
        n_changes,
        found.elapsed[changes[-1]] if changes else 0,
        *(response, n_pauses, by_limit, restarts),
        min(still, FOREVER),
        min(paused, FOREVER),
        n_steps,
        taper_ms,
        *(step, dwell),
    ]


def _twice_energies(found: Found) -> list[int]:
    watts = [now(found, k)[2] for k in range(len(found.time))]
    steps = [0, *(min(after - before, 300_000) for before, after in pairwise(found.time))]
    return list(accumulate((watts[max(k - 1, 0)] + watts[k]) * step for k, step in enumerate(steps)))


def _marks(energy: Sequence[int], samples: Sequence[Sample], m: int) -> list[int]:
    """The highest told, the first told, and per cent and energy at the first and the latest rise."""
    told = [(k, one[8]) for k, one in enumerate(samples[: m + 1]) if 0 <= one[8] <= 100]
    if not told:
        return [MISSING] * 6
    rises = [(k, soc) for n, (k, soc) in enumerate(told) if n and soc > max(before for _, before in told[:n])]
    highest = _charged(energy, samples, m)[1]
    ends = [(rises[0], rises[-1])] if rises else []
    marks = [value for first, last in ends for k, soc in (first, last) for value in (soc, energy[k])]
    return [highest, told[0][1], *(marks or [MISSING] * 4)]
