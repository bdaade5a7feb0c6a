"""Rows to train and calibrate on: moments of charges as XGBoost takes them, with the unit each belongs to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.features import WP_MISSING, dataset_rows, to_float
from train.sessions.types import Charge

EARLY_S = 300


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Rows of charges; all arrays have one entry a row."""

    features: NDArray[np.float32]  # [n, n_features], NaN is missing
    device: NDArray[np.int32]  # [n] index into the devices of the model
    remaining_s: NDArray[np.int32]  # [n], -1 where censored
    charge: NDArray[np.intp]  # [n] charge numbers
    unit: NDArray[np.intp]  # [n] index into `units`
    elapsed_s: NDArray[np.int32]  # [n]
    phase: NDArray[np.uint8]  # [n]
    units: tuple[str, ...]  # device/unit

    def __len__(self) -> int:
        return len(self.charge)

    def where(self, chosen: NDArray[np.bool_ | np.intp]) -> TrainingRows:
        """The chosen rows, by a mark for each or by their numbers."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in _COLUMNS})

    def of_units(self, units: Collection[str]) -> TrainingRows:
        """The rows of some units."""
        return self.where(np.isin(self.unit, [index for index, unit in enumerate(self.units) if unit in units]))

    def whole_features(self) -> NDArray[np.int32]:
        """The features as the core has them, [n, n_features]; every one is a whole number."""
        return np.where(np.isnan(self.features), WP_MISSING, self.features.astype(np.float64)).astype(np.int32)

    def weight(self, early_weight: float = 1.0) -> NDArray[np.float32]:
        """Weights [n]: a charge's rows weigh 1 together, those of its first EARLY_S that many times the others."""
        relative = np.where(self.elapsed_s <= EARLY_S, early_weight, 1.0)
        _, charge = np.unique(self.charge, return_inverse=True)
        return np.asarray(relative / np.bincount(charge, weights=relative)[charge], dtype=np.float32)

    @staticmethod
    def concatenate(parts: Sequence[TrainingRows]) -> TrainingRows:
        """All rows of the parts, in order; the parts share their units."""
        columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
        return replace(parts[0], **columns)


_COLUMNS = tuple(item.name for item in fields(TrainingRows) if item.name != "units")


def training_rows(charges: Sequence[Charge], devices: Sequence[str]) -> TrainingRows:
    """Rows of charges whose devices are all among `devices`."""
    found = dataset_rows(charges, devices)
    units = tuple(sorted({charge.unit_key for charge in charges}))
    unit_of_charge = np.array([units.index(charge.unit_key) for charge in charges], dtype=np.intp)
    return TrainingRows(
        features=to_float(found.x),
        device=found.device,
        remaining_s=found.remaining_s,
        charge=found.charge,
        unit=unit_of_charge[found.charge],
        elapsed_s=found.elapsed_s,
        phase=found.phase,
        units=units,
    )
