"""What a forest technique is given and what it hands back: the one interface of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from train.config import Config, Forest
from train.models.alone import fitted_to_few
from train.models.forest import train_device_forest, train_remaining_forest
from train.models.rows import EARLY_S, TrainingRows

Kind = Literal["device", "remaining"]
KINDS: tuple[Kind, ...] = ("device", "remaining")

# What everything is held against, as people train a forest without a microcontroller in mind.
UNCOMPRESSED = Forest(
    rounds=50, max_depth=5, eta=0.3, max_bin=256, gamma=0.0, min_child_weight=0.014, l2=0.014, early_weight=10.0
)
QUANTILES = (0.1, 0.5, 0.9)
SMALL: Mapping[Kind, Forest] = {
    "device": Forest(rounds=12, max_depth=5, eta=0.5, gamma=0.8, min_child_weight=0.2, early_weight=10.0),
    "remaining": Forest(rounds=15, max_depth=5, eta=0.35, min_child_weight=8.0, early_weight=7.0),
}
"""What is trained small begins with these parameters, whatever the configuration: so rows stay comparable."""


@dataclass(frozen=True, slots=True)
class CompressedForest:
    """A technique's result: what is saved, compiled and scored."""

    model: bytes  # XGBoost's JSON
    leaf_bits: int | None = 12  # None: whole leaves
    style: str = "small"  # of codegen: the C in which it is deployed


@dataclass(frozen=True)
class ForestTask:
    """One of the two forests to be learnt, and the uncompressed one of the same rows.

    Labels are class numbers of the device forest, seconds of the remaining one; a charge's rows weigh 1 together.
    """

    kind: Kind
    features: NDArray[np.float32]  # [n, n_features], NaN is missing
    label: NDArray[np.float32]  # [n]
    early: NDArray[np.bool_]  # [n] rows of the first minutes, which `early_weight` lifts
    charge: NDArray[np.intp]  # [n] charge numbers
    unit: NDArray[np.intp]  # [n] unit numbers
    n_outputs: int
    seed: int
    small: Forest  # the parameters of what is trained small
    configured: Forest  # those of the configuration, with the steps that it asks for
    known: bytes | None = None  # the uncompressed forest, where it has been trained

    @cached_property
    def uncompressed(self) -> bytes:
        """The forest of UNCOMPRESSED on these rows, trained when first asked for."""
        return self.train(UNCOMPRESSED) if self.known is None else self.known

    def weight(self, early_weight: float) -> NDArray[np.float32]:
        """Weights [n]: early rows that many times the others of their charge, a charge 1."""
        relative = np.where(self.early, early_weight, 1.0)
        _, charge = np.unique(self.charge, return_inverse=True)
        return np.asarray(relative / np.bincount(charge, weights=relative)[charge], dtype=np.float32)

    def train(self, parameters: Forest, features: NDArray[np.float32] | None = None) -> bytes:
        """XGBoost's JSON of a forest on these rows, or on other features [n, any] of them."""
        x = self.features if features is None else features
        weight = self.weight(parameters.early_weight)
        if self.kind == "device":
            return train_device_forest(x, self.label.astype(np.int32), weight, self.n_outputs, parameters, self.seed)
        return train_remaining_forest(x, self.label, weight, parameters, self.seed)

    def with_rows(self, chosen: NDArray[np.bool_]) -> ForestTask:
        """The same task on some of its rows."""
        names = ("features", "label", "early", "charge", "unit")
        columns: dict[str, Any] = {name: getattr(self, name)[chosen] for name in names}
        return replace(self, known=None, **columns)


def forest_task(
    rows: TrainingRows, kind: Kind, n_devices: int, config: Config, known: bytes | None = None
) -> ForestTask:
    """The task of one forest on training rows, as `train fit` would learn it."""
    small, configured = SMALL[kind], config.forest.device
    label = rows.device
    if kind == "remaining":
        rows = rows.where(rows.remaining_s >= 0)
        n_charges = len(np.unique(rows.charge))
        small, configured = (fitted_to_few(found, n_charges) for found in (small, config.forest.remaining))
        label = rows.remaining_s
    return ForestTask(
        kind=kind,
        features=rows.features,
        label=label.astype(np.float32),
        early=rows.elapsed_s <= EARLY_S,
        charge=rows.charge,
        unit=rows.unit,
        n_outputs=n_devices if kind == "device" else len(QUANTILES),
        seed=config.forest.seed,
        small=small,
        configured=configured,
        known=known,
    )
