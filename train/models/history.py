"""What the charges trained on say of their device: histories, and the median of what was left at each time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import FEATURE_MAX, N_BASELINE, Baseline, History
from train.features import feature_names
from train.models.rows import TrainingRows

CHARGE_QUANTILE = 0.95
BASELINE_MAX_S = (1 << 16) - 1


def histories(rows: TrainingRows, n_devices: int) -> tuple[History, ...]:
    """The history of each device; one without a charge that got full has that of all devices together."""
    every = _history(rows)
    return tuple(
        _history(own) if np.any((own := rows.where(rows.device == device)).remaining_s >= 0) else every
        for device in range(n_devices)
    )


def baselines(rows: TrainingRows, n_devices: int) -> tuple[Baseline, ...]:
    """The median of what was left of each device's charges, over those still running; of a device without a charge
    that got full, of all devices' together."""
    every = _baseline(rows)
    return tuple(
        _baseline(own) if np.any((own := rows.where(rows.device == device)).remaining_s >= 0) else every
        for device in range(n_devices)
    )


def baseline_at(
    tables: tuple[Baseline, ...], device: NDArray[np.integer], elapsed_s: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Seconds [n] that the tables say, of devices [n] at elapsed times [n], without the core's rounding."""
    found = np.zeros(len(device))
    for index, table in enumerate(tables):
        own = device == index
        found[own] = np.interp(elapsed_s[own], table.step_s * np.arange(N_BASELINE), table.remaining_s)
    return found


def durations_s(rows: TrainingRows) -> NDArray[np.int64]:
    """Seconds from plug to full of the charges that got full, ascending."""
    known = rows.where(rows.remaining_s >= 0)
    _, first = np.unique(known.charge, return_index=True)
    return np.sort(known.elapsed_s[first].astype(np.int64) + known.remaining_s[first])


def _history(rows: TrainingRows) -> History:
    known = rows.where(rows.remaining_s >= 0)
    last = np.flatnonzero(np.diff(known.charge, append=-1) != 0)  # the rows of a charge stand together
    charge_mah = known.features[last, feature_names().index("charge_mah")]
    power_mw = known.features[last, feature_names().index("power_max_mw")]
    return History(
        duration_s=_limited(np.median(durations_s(rows))),
        charge_mah=_limited(np.quantile(charge_mah, CHARGE_QUANTILE)),
        power_mw=_limited(np.median(power_mw)),
    )


def _limited(value: np.floating) -> int:
    return int(np.clip(np.rint(value), 1, FEATURE_MAX))


def _baseline(rows: TrainingRows) -> Baseline:
    durations = durations_s(rows)
    if not len(durations):
        return Baseline(1, (0,) * N_BASELINE)
    step = int(np.clip(-(-durations[-1] // (N_BASELINE - 1)), 1, FEATURE_MAX // N_BASELINE))
    left = []
    for at in step * np.arange(N_BASELINE):
        running = durations[durations > at]
        left.append(int(np.clip(np.median(running) - at, 0, BASELINE_MAX_S)) if len(running) else 0)
    return Baseline(step, tuple(left))
