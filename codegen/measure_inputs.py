"""Rows to measure on, as the bytes of the C struct that codegen/templates/measure_call.h.j2 declares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codegen.errors import ModelError

ROWS_MAX = 10_000  # seconds of QEMU, and well within the memory of its machine


def sample_rows(path: Path) -> bytes:
    """Charges of a reference or predictions file (docs/artifact.md): whole ones, spread evenly, ROWS_MAX samples."""
    try:
        with np.load(path, allow_pickle=False) as file:
            offsets, columns = file["offsets"], [file[key] for key in ("t_ms", "voltage_mv", "current_ma")]
    except (KeyError, OSError, ValueError, EOFError) as error:
        raise ModelError(f"{path}: holds no samples: {error}; make it with: python -m codegen reference") from None
    lengths = np.diff(offsets)
    n_charges = max(1, int(ROWS_MAX // max(lengths.mean(), 1.0)))
    chosen = np.unique(np.linspace(0, len(lengths) - 1, min(n_charges, len(lengths))).astype(int))
    rows = np.concatenate([np.arange(offsets[i], offsets[i + 1]) for i in chosen])[:ROWS_MAX]
    table = np.zeros((len(rows), 4), dtype="<i4")
    table[:, 0] = np.isin(rows, offsets[:-1])
    for column, values in enumerate(columns, start=1):
        table[:, column] = values[rows].astype(np.int64).astype(np.uint32).view(np.int32)
    return table.tobytes()


def feature_rows(path: Path, n_features: int, c_type: str) -> bytes:
    """Array `x` or `features` [n, n_features] of an .npz, evenly thinned out to ROWS_MAX rows."""
    try:
        with np.load(path, allow_pickle=False) as file:
            values: NDArray[np.float64] = file["x" if "x" in file else "features"].astype(np.float64)
    except (KeyError, OSError, ValueError, EOFError) as error:
        raise ModelError(f"{path}: has no array x or features: {error}; save one with numpy.savez") from None
    if values.ndim != 2 or values.shape[1] != n_features or not len(values):
        raise ModelError(f"{path}: rows of shape {values.shape}, the model takes [n, {n_features}]")
    values = values[np.linspace(0, len(values) - 1, min(len(values), ROWS_MAX)).astype(int)]
    if c_type == "float":
        with np.errstate(over="ignore"):
            return values.astype("<f4").tobytes()
    limit = 2.0**31
    whole = np.where(np.isnan(values), -limit, np.clip(np.floor(values), -limit, limit - 1))
    return whole.astype("<i4").tobytes()
