"""Training rows: the features of charges at chosen times, with their labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.features.extract import extract
from train.sessions.labels import full_t_ms, remaining_until
from train.sessions.types import Charge

# Dense while the device is still a question, sparse while hours pass: neighbouring rows of a charge teach the same.
EARLY_S = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300)
MINUTES_UNTIL_S = 1800
MINUTE_S = 60
LATE_STEP_S = 120


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of several charges, charge by charge, time ascending within each."""

    x: NDArray[np.int32]  # [n, n_features], WP_MISSING where not defined
    remaining_s: NDArray[np.int32]  # [n], -1 in charges that are censored
    device: NDArray[np.int32]  # [n] index into the devices asked for, -1 for another
    charge: NDArray[np.intp]  # [n] index of the charge
    elapsed_s: NDArray[np.int32]  # [n]
    phase: NDArray[np.uint8]  # [n] wp_phase

    def __len__(self) -> int:
        return len(self.charge)


def horizons(charge: Charge) -> NDArray[np.intp]:
    """Indices of the samples to learn from, [n_rows] ascending.

    The first sample at or after each of 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240 and 300 s, then every 60 s to
    30 min, then every 120 s; a sample that serves two times is taken once.
    """
    if not len(charge.t_ms):
        return np.zeros(0, np.intp)
    elapsed_ms = charge.t_ms - charge.t_ms[0]  # modulo 2^32, like the core's
    end_s = int(elapsed_ms[-1]) // 1000
    minutes = np.arange(EARLY_S[-1] + MINUTE_S, MINUTES_UNTIL_S + 1, MINUTE_S)
    late = np.arange(MINUTES_UNTIL_S + LATE_STEP_S, end_s + 1, LATE_STEP_S)
    wanted_ms = 1000 * np.concatenate([np.array(EARLY_S), minutes, late]).astype(np.int64)
    found = np.searchsorted(elapsed_ms.astype(np.int64), wanted_ms, side="left")
    return np.unique(found[found < len(elapsed_ms)]).astype(np.intp)


def dataset_rows(charges: Iterable[Charge], devices: Sequence[str]) -> Rows:
    """Rows of all charges at their horizons; what comes after full is left out.

    devices: class names in the order of their indices. Raises DatasetError for a sample that the core refuses.
    """
    index_of = {name: index for index, name in enumerate(devices)}
    parts = [
        charge_rows(charge, number, index_of.get(charge.device, -1), full_t_ms(charge))
        for number, charge in enumerate(charges)
    ]
    if not parts:
        raise ValueError("no charges")
    return Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in Rows.__dataclass_fields__))


def learning_samples(charge: Charge, remaining_s: NDArray[np.integer]) -> NDArray[np.intp]:
    """The horizons that rows are made of: of a charge that gets full, by its `remaining_s`, those before it does."""
    rows = horizons(charge)
    return rows[remaining_s[rows] >= 0] if (remaining_s >= 0).any() else rows


def charge_rows(charge: Charge, number: int, device: int, full: int | None) -> Rows:
    """Rows of one charge, under its number and the index of its device; `full` is its full_t_ms, as found in labels.

    Raises DatasetError for a sample that the core refuses.
    """
    label = remaining_until(charge, full)
    rows = learning_samples(charge, label)
    features = extract(charge, rows)
    n = len(rows)
    return Rows(
        x=features.x,
        remaining_s=label[rows].astype(np.int32),
        device=np.full(n, device, np.int32),
        charge=np.full(n, number, np.intp),
        elapsed_s=features.elapsed_s,
        phase=features.phase,
    )
