"""Charges as sequences: the rows of a feature folder, charge by charge, as a recurrent network takes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from train.features.core import WP_MISSING
from train.features.table import FeatureTable, read_part_charges, read_part_rows

EARLY_S = 300
EARLY_WEIGHT = 10.0  # of the first minutes' rows, as [forest.*] early_weight


@dataclass(frozen=True, slots=True)
class ChargeSequence:
    """One charge; n rows."""

    part: int
    first_row: int  # in its part
    x: NDArray[np.float32]  # [n, 2 × n_features] scaled features, and marks of those that are missing
    device: int
    hours: NDArray[np.float32]  # [n] to full, NaN where censored
    weight: NDArray[np.float32]  # [n] adds up to 1


def read_sequences(
    table: FeatureTable, parts: Sequence[int], devices: Sequence[str], units: Collection[str] | None = None
) -> Iterator[ChargeSequence]:
    """The charges of some parts, of these units only if they are named."""
    for number in parts:
        name = table.parts[number].name
        charges = read_part_charges(table.path, name)
        rows = read_part_rows(table.path, name, table.features)
        starts = np.flatnonzero(np.diff(rows.charge, prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(rows.charge)], strict=True):
            entry = int(rows.charge[start])
            if units is not None and charges.unit_keys[entry] not in units:
                continue
            device = charges.device[entry]
            kept = slice(int(start), int(end))
            left = rows.remaining_s[kept]
            early = np.where(rows.elapsed_s[kept] <= EARLY_S, EARLY_WEIGHT, 1.0)
            yield ChargeSequence(
                part=number,
                first_row=int(start),
                x=scaled(rows.x[kept]),
                device=devices.index(device) if device in devices else -1,
                hours=np.where(left >= 0, left / 3600, np.nan).astype(np.float32),
                weight=(early / early.sum()).astype(np.float32),
            )


def scaled(x: NDArray[np.int32]) -> NDArray[np.float32]:
    """Features [n, f] as [n, 2 f]: sign · log(1 + |x|) / 8, 0 where missing; then 1 where missing."""
    missing = x == WP_MISSING
    values = np.where(missing, 0, x).astype(np.float64)
    logs = np.sign(values) * np.log1p(np.abs(values)) / 8
    return np.concatenate([logs, missing], axis=1).astype(np.float32)
