"""How far the board's answers are from what really happened, beside "class median minus elapsed"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from host.reference import Charge

HORIZONS_S: Mapping[str, int] = {"5s": 5, "10s": 10, "30s": 30, "60s": 60, "300s": 300, "1800s": 1800}
OVERALL = "overall"


@dataclass(frozen=True, slots=True)
class FieldError:
    """Means by horizon and `overall`; a horizon about which nothing is known has no key."""

    mae_minutes: Mapping[str, float]
    baseline_mae_minutes: Mapping[str, float]
    accuracy: Mapping[str, float]  # 0 … 1, of the name in the answer, said to be unknown or not
    unknown: Mapping[str, float]  # 0 … 1, answers that say "unknown"; none where nothing is classified


def charge_error(
    charge: Charge,
    device: NDArray[Any],
    remaining_50_s: NDArray[Any],
    unknown: NDArray[np.bool_],
    device_names: Sequence[str],
) -> FieldError:
    """Compare the 50 % answers, devices and "unknown" [n] of one charge with its truth.

    At a horizon counts the answer then in force; overall, the mean of all answers. The accuracy is left out where the
    model has no classifier, or not this device.
    """
    t_ms = np.array([sample.t_ms for sample in charge.samples], dtype=np.int64)
    elapsed_ms = np.cumsum(np.diff(t_ms, prepend=t_ms[:1]) % 2**32)
    known, every = charge.true_remaining_s >= 0, np.full(len(t_ms), True)
    truth_s = charge.true_remaining_s.astype(np.float64)
    error = np.abs(remaining_50_s.astype(np.float64) - truth_s) / 60
    baseline = np.abs(charge.baseline_remaining_s.astype(np.float64) - truth_s) / 60
    return FieldError(
        _at_horizons(elapsed_ms, error, known),
        _at_horizons(elapsed_ms, baseline, known),
        _accuracy(charge.device, elapsed_ms, device, device_names),
        _at_horizons(elapsed_ms, unknown.astype(np.float64), every) if len(device_names) > 1 else {},
    )


def field_error(errors: Sequence[FieldError]) -> FieldError:
    """Means over charges, each of the same weight."""
    return FieldError(
        _means([error.mae_minutes for error in errors]),
        _means([error.baseline_mae_minutes for error in errors]),
        _means([error.accuracy for error in errors]),
        _means([error.unknown for error in errors]),
    )


def _accuracy(
    device: str, elapsed_ms: NDArray[np.int64], answered: NDArray[Any], device_names: Sequence[str]
) -> dict[str, float]:
    if device not in device_names or len(device_names) == 1:
        return {}
    right = (answered == device_names.index(device)).astype(np.float64)
    return _at_horizons(elapsed_ms, right, np.full(len(answered), True))


def _at_horizons(
    elapsed_ms: NDArray[np.int64], values: NDArray[np.float64], known: NDArray[np.bool_]
) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, horizon_s in HORIZONS_S.items():
        row = int(np.searchsorted(elapsed_ms, horizon_s * 1000, side="right")) - 1
        if elapsed_ms[-1] >= horizon_s * 1000 and known[row]:
            figures[name] = float(values[row])
    if known.any():
        figures[OVERALL] = float(values[known].mean())
    return figures


def _means(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    found = {name: [part[name] for part in parts if name in part] for name in (*HORIZONS_S, OVERALL)}
    return {name: sum(values) / len(values) for name, values in found.items() if values}
