"""What a board must make of features beside its device's history, in NumPy int64 (docs/artifact.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from codegen.reference_estimate import FEATURE_MAX, divided

if TYPE_CHECKING:
    from train.artifact import EstimateRules, Prototypes

MISSING = -(1 << 31)
BEGUN_MS = 30_000
_DISTANCE_MAX = 80


def history_features(
    features: NDArray[Any], names: Sequence[str], device: NDArray[Any], rules: EstimateRules
) -> NDArray[np.int64]:
    """The features [n, 3] behind the others, of rows [n, features] whose columns are `names`."""
    history = np.array([(h.duration_s, h.charge_mah, h.power_mw) for h in rules.histories], np.int64)[device]
    column = {name: features[:, names.index(name)].astype(np.int64) for name in _USED}
    power_uw = column["voltage_mean_60s_mv"] * column["current_mean_60s_ma"]
    charge = divided(1000 * column["charge_mah"], history[:, 1])
    power = divided(power_uw, history[:, 2])
    return np.column_stack([history[:, 0], charge, power]).clip(-FEATURE_MAX, FEATURE_MAX)


_USED = ("charge_mah", "voltage_mean_60s_mv", "current_mean_60s_ma")


def unfamiliarity(
    features: NDArray[Any], names: Sequence[str], device: NDArray[Any], prototypes: Prototypes
) -> NDArray[np.int64]:
    """How far rows [n, features] lie from the prototypes of the answered devices [n]; a device without any is at 0."""
    columns = features[:, [names.index(name) for name in prototypes.features]].astype(np.int64)
    columns = np.where(columns == MISSING, 0, columns)
    values = np.sign(columns) * (np.abs(columns) >> np.array(prototypes.shifts, np.int64))
    found = np.zeros(len(features), np.int64)
    for index, (centres, weights) in enumerate(zip(prototypes.centres, prototypes.weights, strict=True)):
        rows = np.flatnonzero(np.asarray(device) == index)
        if len(rows) and centres:
            apart = np.abs(values[rows][:, None, :] - np.array(centres, np.int64)).clip(max=65_535)
            distance = ((apart * np.array(weights, np.int64)) >> 12).clip(max=_DISTANCE_MAX)
            found[rows] = (distance**2).sum(axis=2).min(axis=1)
    return found


def unfamiliar(
    features: NDArray[Any],
    names: Sequence[str],
    device: NDArray[Any],
    elapsed_ms: NDArray[Any],
    prototypes: Prototypes | None,
) -> NDArray[np.bool_] | None:
    """Rows too far from every prototype of their answered device; None without prototypes."""
    if prototypes is None:
        return None
    far = unfamiliarity(features, names, device, prototypes) > prototypes.unfamiliar_above
    return np.asarray(far & (np.asarray(elapsed_ms, np.int64) >= BEGUN_MS))
