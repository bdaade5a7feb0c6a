"""When a charge was full, and how long it had to go at each sample (docs/dataset.md, Full)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.sessions.types import Charge

WINDOW_MS = 60_000  # of the mean current, and of its stay below the limit
LIMIT_MIN_MA = 50.0
LIMIT_OF_PEAK = 0.05
VEHICLE = "ev"  # the profile of charges at a charge point
VEHICLE_LIMIT_OF_PEAK = 0.02
STILL_MS = 600_000  # without power, of a vehicle that stopped by itself


def mean_current_ma(charge: Charge) -> NDArray[np.float64]:
    """Time-weighted mean current of the 60 s before each sample, [n]; NaN during the first 60 s.

    The current runs straight from sample to sample, so the mean is exact for samples of any spacing.
    """
    t = charge.t_ms.astype(np.float64) - float(charge.t_ms[0])
    current = charge.current_ma.astype(np.float64)
    doubled = np.concatenate(([0.0], np.cumsum((current[1:] + current[:-1]) * np.diff(t))))  # mA·ms, twice the charge
    mean = np.full(len(t), np.nan)
    first = int(np.searchsorted(t, WINDOW_MS))
    start = t[first:] - WINDOW_MS
    k = np.minimum(np.searchsorted(t, start, side="right") - 1, len(t) - 2)
    into = start - t[k]
    at_start = current[k] + (current[k + 1] - current[k]) * (into / (t[k + 1] - t[k]))
    mean[first:] = (doubled[first:] - doubled[k] - (current[k] + at_start) * into) / (2 * WINDOW_MS)
    return mean


def full_t_ms(charge: Charge) -> int | None:
    """When the charge was full, on the clock of its samples; None where it is censored.

    What the source says wins. Otherwise the first sample from which the 60 s mean current stays at or below
    max(5 % of the charge's largest 60 s mean, 50 mA) for 60 s, counted from when it first lay above: a rest before the
    charge is not its end. Electric vehicles: _vehicle_full_t_ms.
    """
    if charge.full_t_ms is not None:
        return charge.full_t_ms
    if charge.details.get("profile") == VEHICLE:
        return _vehicle_full_t_ms(charge)
    mean = mean_current_ma(charge)
    if np.all(np.isnan(mean)):
        return None
    limit = max(LIMIT_OF_PEAK * float(np.nanmax(mean)), LIMIT_MIN_MA)
    above = mean > limit  # NaN is not above
    if not np.any(above):
        return None
    t = charge.t_ms.astype(np.int64)
    # A stretch at or below the limit starts behind a sample above it, and ends before the next one or at the last
    # sample: it must last WINDOW_MS in samples that were seen.
    turns = np.diff(above.astype(np.int8))
    starts = np.flatnonzero(turns == -1) + 1
    ends = np.append(np.flatnonzero(turns == 1), len(t) - 1)
    for start in starts:
        end = ends[np.searchsorted(ends, start)]
        if t[end] - t[start] >= WINDOW_MS:
            return int(t[start])
    return None


def _vehicle_full_t_ms(charge: Charge) -> int | None:
    """When a vehicle took no more than 2 % of its peak power, for good: to the end of the recording, 60 s or more.

    Nothing is known of one that was unplugged, stopped at a level, or is not allowed to draw then (`pilot_da` is 0): a
    schedule makes pauses that look like an end.
    """
    if charge.ended not in ("full", "unknown"):
        return None
    power = charge.voltage_mv.astype(np.int64) * charge.current_ma
    drawing = np.flatnonzero(power > VEHICLE_LIMIT_OF_PEAK * power.max())
    end = int(drawing[-1]) + 1
    if end == len(power) or int(charge.t_ms[-1]) - int(charge.t_ms[end]) < WINDOW_MS:
        return None
    if charge.pilot_da is not None and np.any(charge.pilot_da[end:] == 0):
        return None
    return int(charge.t_ms[end])


def vehicle_done_t_ms(charge: Charge) -> int | None:
    """When an electric vehicle ended the charge: full, or at a level of its own; None where it is censored.

    Full is _vehicle_full_t_ms, or what the source says. A charge that ended at a `limit` was done at the first sample
    from which its power stays at or below 2 % of the peak for 600 s, or for 60 s to the end of the recording, while the
    charge point allows it to draw: what a car takes later, to warm it for a departure, is no part of the charge.
    """
    if charge.ended != "limit":
        return full_t_ms(charge) if charge.ended in ("full", "unknown") else None
    power = charge.voltage_mv.astype(np.int64) * charge.current_ma
    allowed = np.ones(len(power), bool) if charge.pilot_da is None else charge.pilot_da > 0
    above = power > VEHICLE_LIMIT_OF_PEAK * power.max()
    t = charge.t_ms.astype(np.int64)
    drawing = np.flatnonzero(above)
    # The stretch without power that follows each drawing sample.
    ends = [*drawing[1:].tolist(), len(t) - 1]
    for last, end in zip(drawing.tolist(), ends, strict=True):
        still_ms = int(t[end] - t[min(last + 1, len(t) - 1)])
        if still_ms >= (WINDOW_MS if end == len(t) - 1 else STILL_MS) and allowed[last + 1 : end].all():
            return int(t[last + 1])
    return None


def remaining_s(charge: Charge) -> NDArray[np.int32]:
    """Seconds to full at each sample, rounded to nearest, halves up, [n]; -1 after full and where it is censored."""
    return remaining_until(charge, full_t_ms(charge))


def remaining_until(charge: Charge, full: int | None) -> NDArray[np.int32]:
    """As remaining_s, where it is known already when the charge was full."""
    if full is None:
        return np.full(len(charge.t_ms), -1, dtype=np.int32)
    left_ms = full - charge.t_ms.astype(np.int64)
    return np.where(left_ms >= 0, (left_ms + 500) // 1000, -1).astype(np.int32)
