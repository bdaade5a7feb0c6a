"""A household's charges for its reference: samples, features and the state's CRC after each, by the C."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from train.artifact_household import load_household
from train.errors import TrainError
from train.features.vehicle import extract_vehicle, samples_of, vehicle_feature_names
from train.models.predict import deal_out, write_predictions
from train.sessions.dataset import read_dataset
from train.sessions.labels import VEHICLE
from train.sessions.types import Charge

TARGET_PCT = 80  # where sessions.csv names no other


def predict_household(
    model: Path,
    data: Path,
    out: Path,
    *,
    split: str = "held-out",
    n_charges: int | None = None,
    sessions: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Write the predictions file of docs/artifact.md, Files between commands; returns counts.

    Raises TrainError when nothing is selected, a session is not in the data, or `n_charges` is below 1.
    """
    if n_charges is not None and n_charges < 1:
        raise TrainError(f"--charges {n_charges}: must be at least 1")
    household = load_household(model)
    charges = [charge for charge in read_dataset(data).charges if charge.details.get("profile") == VEHICLE]
    if sessions is not None:
        if unknown := sorted(set(sessions) - {charge.session for charge in charges}):
            raise TrainError(f"--sessions {unknown[0]}: no such charge of a vehicle in {data}")
        charges = [charge for charge in charges if charge.session in sessions]
    enrolled = set(household.manifest.get("split", {}).get("train", ()))
    if split != "all":
        charges = [charge for charge in charges if (charge.session in enrolled) == (split != "held-out")]
    if not charges:
        cure = "" if split == "all" else "; use --split all"
        raise TrainError(f"{data}: has no charge of a vehicle for split {split}{cure}")
    if n_charges is not None:
        charges = deal_out(charges, n_charges)
    found = [extract_vehicle(charge) for charge in charges]
    lengths = [len(charge.t_ms) for charge in charges]
    write_predictions(
        out,
        {
            "model_hash": np.array(household.model_hash),
            "device_names": np.array(household.cars),
            "sessions": np.array([charge.session for charge in charges]),
            "session_devices": np.array([charge.device for charge in charges]),
            "session_units": np.array([charge.unit for charge in charges]),
            "offsets": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            "goals": np.array([_goal(charge) for charge in charges], np.int32),
            "t_ms": np.concatenate([charge.t_ms for charge in charges]),
            "vehicle_samples": np.concatenate([samples_of(charge) for charge in charges]),
            "feature_names": np.array(vehicle_feature_names()),
            "features": np.concatenate([each.x for each in found]),
            "state_crc": np.concatenate([each.state_crc for each in found]),
        },
    )
    return {
        "out": str(out),
        "model_hash": household.model_hash,
        "charges": len(charges),
        "units": len({charge.unit_key for charge in charges}),
        "samples": sum(lengths),
    }


def _goal(charge: Charge) -> tuple[int, int]:
    """State of charge wanted in %, and energy in Wh: what the board is told."""
    target = charge.details.get("target_soc_pct") or ""
    return (int(target) if target.isdecimal() and 1 <= int(target) <= 100 else TARGET_PCT), 0
