"""Features of whole charges, by the C core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.errors import DatasetError
from train.features.core import WP_MISSING, feature_names, load_core, pointer
from train.sessions.labels import VEHICLE
from train.sessions.types import Charge


@dataclass(frozen=True, slots=True)
class Features:
    """What the core knows after some samples of a charge; the arrays have one entry a row."""

    rows: NDArray[np.intp]  # [n_rows] index of the sample, ascending
    x: NDArray[np.int32]  # [n_rows, n_features], WP_MISSING where not defined
    state_crc: NDArray[np.uint32]  # [n_rows] CRC-32 of the serialised state
    phase: NDArray[np.uint8]  # [n_rows] wp_phase
    elapsed_s: NDArray[np.int32]  # [n_rows] since the first sample


def extract(charge: Charge, rows: NDArray[np.intp] | None = None) -> Features:
    """Feed a charge to the core; its features after each sample in `rows` [n_rows], ascending strictly, or after all.

    Raises DatasetError naming session and sample where the core refuses a sample's time; ValueError for wrong rows.
    """
    features, _ = _extract(charge, rows, with_states=False)
    return features


def extract_states(charge: Charge) -> NDArray[np.uint8]:
    """The serialised state after each sample, [n, state bytes]: to see where two of them part."""
    _, states = _extract(charge, None, with_states=True)
    return states


def to_float(x: NDArray[np.int32]) -> NDArray[np.float32]:
    """Features as XGBoost takes them: float32 of the same shape, NaN for WP_MISSING; nothing is rounded."""
    return np.where(x == WP_MISSING, np.float32(np.nan), x.astype(np.float32))


def _extract(charge: Charge, rows: NDArray[np.intp] | None, *, with_states: bool) -> tuple[Features, NDArray[np.uint8]]:
    if charge.details.get("profile") == VEHICLE:
        raise DatasetError(
            f"session {charge.session} is of an electric vehicle (profile {VEHICLE}); the features are those of a "
            "charger's output: leave it out, or learn a household's cars with fit --profile ev (docs/vehicle.md)"
        )
    ffi, core = load_core()
    n = len(charge.t_ms)
    wanted = np.arange(n) if rows is None else _checked_rows(rows, n)
    x = np.empty((len(wanted), len(feature_names())), np.int32)
    state_crc = np.empty(len(wanted), np.uint32)
    phase = np.empty(len(wanted), np.uint8)
    states = np.empty((len(wanted), core.wp_binding_state_bytes() if with_states else 0), np.uint8)
    n_taken = core.wp_binding_extract(
        n,
        pointer(_samples(charge.t_ms, n, np.uint32)),
        pointer(_samples(charge.voltage_mv, n, np.int32)),
        pointer(_samples(charge.current_ma, n, np.int32)),
        len(wanted),
        pointer(wanted.astype(np.int64, copy=False)),
        pointer(x),
        pointer(state_crc),
        pointer(phase),
        pointer(states) if with_states else ffi.NULL,
    )
    if n_taken != n:
        raise DatasetError(_refusal(charge, int(n_taken)))
    return Features(wanted, x, state_crc, phase, x[:, feature_names().index("elapsed_s")]), states


def _checked_rows(rows: NDArray[np.intp], n: int) -> NDArray[np.intp]:
    checked = np.ascontiguousarray(rows, dtype=np.intp)
    if checked.ndim != 1 or (len(checked) and (checked[0] < 0 or checked[-1] >= n or (np.diff(checked) <= 0).any())):
        raise ValueError(f"rows must ascend strictly within 0 … {n - 1}")
    return checked


def _samples(values: NDArray[Any], n: int, dtype: type[np.integer[Any]]) -> NDArray[Any]:
    """One column for C; a type that might wrap and a length that differs are refused."""
    if values.shape != (n,):
        raise ValueError(f"samples have the shape {values.shape} instead of ({n},)")
    return np.ascontiguousarray(values.astype(dtype, casting="safe", copy=False))


def _refusal(charge: Charge, sample: int) -> str:
    before, after = int(charge.t_ms[sample - 1]), int(charge.t_ms[sample])
    return (
        f"session {charge.session}, sample {sample}: t_ms {after} does not lie after the {before} before it; "
        "remove the sample or split the charge there"
    )
