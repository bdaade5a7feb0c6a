"""Rows to measure on and to run, in the types of the C that codegen/templates/measure_call.h.j2 declares."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from codegen.errors import CodegenError, ModelError
from codegen.measure_subject import SAMPLE_FIELDS, VEHICLE_SAMPLE_FIELDS, Subject

ROWS_MAX = 10_000  # seconds of QEMU, and well within the memory of its machine


def sample_rows(path: Path, kind: str = "artifact") -> NDArray[np.int32]:
    """Charges of a reference or predictions file (docs/artifact.md): whole ones, spread evenly, ROWS_MAX samples.

    A row is codegen.measure_subject.SAMPLE_FIELDS, of a household VEHICLE_SAMPLE_FIELDS.
    """
    fields = VEHICLE_SAMPLE_FIELDS if kind == "household" else SAMPLE_FIELDS
    try:
        with np.load(path, allow_pickle=False) as file:
            offsets, columns = file["offsets"], [file[key] for key in fields[1:]]
    except (KeyError, OSError, ValueError, EOFError) as error:
        raise ModelError(f"{path}: holds no samples: {error}; make it with: python -m codegen reference") from None
    lengths = np.diff(offsets)
    n_charges = max(1, int(ROWS_MAX // max(lengths.mean(), 1.0)))
    chosen = np.unique(np.linspace(0, len(lengths) - 1, min(n_charges, len(lengths))).astype(int))
    rows = np.concatenate([np.arange(offsets[i], offsets[i + 1]) for i in chosen])[:ROWS_MAX]
    begins = np.isin(rows, offsets[:-1])
    values = np.column_stack([begins, *(column[rows].astype(np.int64) for column in columns)])
    return values.astype(np.uint32).view(np.int32)


def feature_rows(path: Path, subject: Subject) -> NDArray[Any]:
    """Array `x` or `features` [n, row_width] of an .npz, evenly thinned out to ROWS_MAX rows.

    For integer rows values are rounded down and limited to their type; a missing one becomes the smallest number.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            values = model_rows(file, subject.row_width).astype(np.float64)
    except (KeyError, OSError, ValueError, EOFError) as error:
        raise ModelError(f"{path}: has no array x or features: {error}; save one with numpy.savez") from None
    if values.ndim != 2 or values.shape[1] != subject.row_width or not len(values):
        raise ModelError(f"{path}: rows of shape {values.shape}, the model takes [n, {subject.row_width}]")
    values = values[np.linspace(0, len(values) - 1, min(len(values), ROWS_MAX)).astype(int)]
    dtype = np.dtype(subject.row_dtype)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return np.asarray(values.astype(dtype))
    limits = np.iinfo(dtype)
    return np.asarray(np.where(np.isnan(values), limits.min, np.clip(np.floor(values), limits.min, limits.max)), dtype)


def model_rows(file: Mapping[str, NDArray[Any]], row_width: int) -> NDArray[Any]:
    """Array `x` of an .npz, or else `features`, with `history_features` behind them where a model takes these too."""
    if "x" in file:
        return np.asarray(file["x"])
    features = np.asarray(file["features"])
    if "history_features" in file and row_width == features.shape[1] + file["history_features"].shape[1]:
        return np.asarray(np.column_stack([features, file["history_features"]]))
    return features


def exact_rows(rows: ArrayLike, subject: Subject) -> NDArray[Any]:
    """Rows [n, row_width] in the type of the C; raises CodegenError for a value that type does not hold.

    A float64 is rounded to float32, as XGBoost does with its rows.
    """
    values, dtype = np.asarray(rows), np.dtype(subject.row_dtype)
    if values.ndim != 2 or values.shape[1] != subject.row_width:
        raise CodegenError(f"{subject.entry}: rows of shape {values.shape}, it takes [n, {subject.row_width}]")
    with np.errstate(over="ignore", invalid="ignore"):
        table = np.ascontiguousarray(values.astype(dtype))
    if dtype.kind != "f" and not np.array_equal(table, values):
        raise CodegenError(f"{subject.entry}: takes rows of {dtype.name}, some value is none")
    return table
