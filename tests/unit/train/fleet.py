"""A few hand-made charges: constant current, then an exponential taper. Enough to learn from, quick to extract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from train.features.build import build_features
from train.sessions import parquet_store
from train.sessions.dataset import write_dataset
from train.sessions.types import Charge

STEP_S = 10


def charge(device: int, unit: int, number: int) -> Charge:
    """A charge of `device` 0, 1, …: more current with each, 5 V the even ones and 9 V the odd."""
    random = np.random.default_rng([device, unit, number])
    peak_ma = (900 + 600 * device) * (1 + 0.01 * unit)
    constant_s, decay_s = random.integers(600, 3000), 500 + 100 * device
    full_s = int(constant_s + decay_s * np.log(20))
    t_s = np.arange(0, full_s + 300, STEP_S)
    current = peak_ma * np.exp(-np.maximum(0, t_s - constant_s) / decay_s) + random.normal(0, 5, len(t_s))
    voltage = (9000 if device % 2 else 5000) - current / 10
    return Charge(
        session=f"d{device}u{unit}c{number}",
        device=f"device{device}",
        unit=f"u{unit}",
        charger="c",
        ended="full",
        t_ms=(1000 * t_s).astype(np.uint32),
        voltage_mv=voltage.astype(np.int32),
        current_ma=current.astype(np.int32),
        full_t_ms=1000 * full_s,
    )


def charges(n_devices: int, n_units: int, n_charges: int) -> list[Charge]:
    """A fleet."""
    return [
        charge(device, unit, number)
        for device in range(n_devices)
        for unit in range(n_units)
        for number in range(n_charges)
    ]


def dataset(folder: Path, n_devices: int = 3, n_units: int = 5, n_charges: int = 2) -> Path:
    """A fleet as a dataset folder."""
    write_dataset(folder, charges(n_devices, n_units, n_charges))
    return folder


def stored_fleet(folder: Path) -> Path:
    """`folder` with a dataset in thirty parts, data, and its training rows, rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet_store, "ROWS_A_GROUP", 100)
        patch.setattr(parquet_store, "ROWS_A_FILE", 500)
        write_dataset(folder / "data", charges(3, 10, 2), format="parquet")
    build_features(folder / "data", folder / "rows")
    return folder
