"""What is learnt from which units: the charges of one part are changed, and only what may depend on them changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.train.fleet import charges
from train.artifact import Artifact, load_artifact
from train.config import Config, Forest, Forests, Split
from train.models.fit import fit
from train.sessions.dataset import write_dataset
from train.sessions.types import Charge

FOREST = Forest(rounds=3, max_depth=3, eta=0.5, min_child_weight=0.1)
CALIBRATED = {"softmax", "unknown_below_permille", "prototypes", "interval"}


def other(charge: Charge) -> Charge:
    """Another charge of the same unit: a fifth less current, for a third longer."""
    t_ms = np.arange(0, int(charge.t_ms[-1]) * 4 // 3, 10_000, dtype=np.uint32)
    at = np.arange(len(t_ms)) * (len(charge.t_ms) - 1) // (len(t_ms) - 1)
    return replace(
        charge,
        t_ms=t_ms,
        voltage_mv=charge.voltage_mv[at],
        current_ma=(charge.current_ma[at] * 4 // 5).astype(np.int32),
        full_t_ms=None if charge.full_t_ms is None else charge.full_t_ms * 4 // 3,
    )


def trained(folder: Path, fleet: list[Charge], enough_calibration_units: int) -> tuple[Artifact, dict[str, Any]]:
    """The artifact, and all its manifest says but of the data as a whole."""
    write_dataset(folder / "fleet", fleet)
    config = Config(
        split=Split(enough_calibration_units=enough_calibration_units), forest=Forests(device=FOREST, remaining=FOREST)
    )
    fit(folder / "fleet", folder / "model", config)
    artifact = load_artifact(folder / "model")
    return artifact, {key: value for key, value in artifact.manifest.items() if key not in ("data", "hash")}


@pytest.mark.parametrize("enough_calibration_units", [1, 20])
@pytest.mark.parametrize(
    ("part", "changes"),
    [("held_out", set()), ("calibration", CALIBRATED), ("train", {"files", "full_durations_s", "history"})],
)
def test_a_part_decides_only_what_it_is_for(
    part: str, changes: set[str], enough_calibration_units: int, tmp_path: Path
) -> None:
    fleet = charges(3, 5, 2)
    artifact, before = trained(tmp_path / "a", fleet, enough_calibration_units)
    units = artifact.split[part]
    _, after = trained(
        tmp_path / "b", [other(one) if one.unit_key in units else one for one in fleet], enough_calibration_units
    )
    changed = {key for key in before if before[key] != after[key]}
    if part == "train":
        assert changed >= changes
    else:
        assert changed <= changes
        assert bool(changed) == bool(changes)
