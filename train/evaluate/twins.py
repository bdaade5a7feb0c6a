"""How far two devices can be told apart at all: a bound on what any model can say of them.

One float model without a budget learns nothing but these two, from many units, and is given every sample so far beside
the features. What it does not tell, by kind of charger, is not in what the charger sees of such charges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.config import Config
from train.evaluate.metrics import horizon_key
from train.evaluate.moments import moments
from train.models.split import split_units
from train.models.unbounded import LabelledRows, unbounded_device
from train.sessions.types import Charge

TIMES_S = (10, 30, 60)


def twins(charges: Sequence[Charge], config: Config, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """A row for each kind of charger, and one of all: `charger`, `charges` scored, and `accuracy` by horizon.

    charges  of two devices, many units of each; held-out units are scored
    """
    shares = config.split
    split = split_units([charge.unit_key for charge in charges], shares.calibration, shares.held_out, shares.seed)
    devices = tuple(sorted({charge.device for charge in charges}))
    progress("features")
    found = moments(charges, devices)
    charger = np.array([charge.charger for charge in charges])
    right: dict[str, dict[str, NDArray[np.bool_]]] = {}
    for seconds in TIMES_S:
        progress(f"told apart after {seconds} s")
        asked = found.where(found.at(seconds))
        parts = [asked.of_units(part).rows for part in (split.train, split.calibration, split.held_out)]
        learnt, stop, scored = (
            LabelledRows(
                np.column_stack([rows.features, _samples(charges, rows.charge, seconds)]).astype(np.float32),
                rows.device,
                np.ones(len(rows), np.float32),
            )
            for rows in parts
        )
        told = unbounded_device(learnt, stop, scored.columns, len(devices), config.forest.seed) == scored.label
        kinds = charger[parts[2].charge]
        for kind in (*np.unique(charger), ""):
            right.setdefault(str(kind), {})[horizon_key(seconds)] = told[(kinds == kind) | (kind == "")]
    return [
        {
            "charger": kind or "all",
            "charges": max(len(one) for one in told.values()),
            "accuracy": {key: float(one.mean()) for key, one in told.items() if len(one)},
        }
        for kind, told in right.items()
    ]


def _samples(charges: Sequence[Charge], numbers: NDArray[np.intp], seconds: int) -> NDArray[np.float64]:
    """Voltage and current of charges each second from the plug on, [n, 2 * (seconds + 1)]."""
    at_ms = 1000 * np.arange(seconds + 1)
    rows = []
    for number in numbers:
        charge = charges[number]
        before = np.searchsorted(charge.t_ms - charge.t_ms[0], at_ms, side="right") - 1
        rows.append(np.concatenate([charge.voltage_mv[before], charge.current_ma[before]]))
    return np.array(rows, np.float64).reshape(len(numbers), 2 * len(at_ms))
