"""What XGBoost itself says of a dataset, sample by sample: the independent half of every verification."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.artifact import Artifact, load_artifact
from train.errors import ArtifactError, TrainError
from train.features import extract, feature_names, features_version, to_float
from train.models.crossfit import Forests, load_forests
from train.sessions.dataset import read_dataset
from train.sessions.labels import remaining_s
from train.sessions.types import Charge


def load_model(path: Path) -> tuple[Artifact, Forests]:
    """An artifact and its forests; raises ArtifactError if they are damaged or made with other features."""
    artifact = load_artifact(path)
    if artifact.features_version != features_version() or artifact.features != feature_names():
        raise ArtifactError(
            f"{path}: was trained with features version {artifact.features_version}, this core has "
            f"{features_version()}; train again"
        )
    models = [model for model in (artifact.device_model, artifact.remaining_model) if model is not None]
    missing = [model.file for model in models if model.file not in artifact.manifest["files"]]
    if missing:
        raise ArtifactError(f"{path}: {missing[0]} is not among the manifest's files; train again")
    files = {model.file: (path / model.file).read_bytes() for model in models}
    forests = load_forests(
        files,
        len(artifact.devices),
        len(artifact.features),
        str(path),
        device_file=artifact.device_model.file if artifact.device_model else "",
        remaining_file=artifact.remaining_model.file,
    )
    return artifact, forests


def select_charges(artifact: Artifact, charges: Sequence[Charge], split: str, data: Path) -> list[Charge]:
    """Charges of one part; held-out are those of units the artifact has not seen, wherever they come from.

    Raises TrainError when there is none.
    """
    if split == "all":
        chosen = list(charges)
    elif split == "held-out":
        chosen = [charge for charge in charges if charge.unit_key not in artifact.trained_units]
    else:
        chosen = [charge for charge in charges if charge.unit_key in artifact.split[split]]
    if not chosen:
        hint = "use --split all to take them anyway" if split == "held-out" else "use --split all"
        seen = "the model has seen every unit in it" if split == "held-out" else f"no unit of the {split} part is in it"
        raise TrainError(f"{data}: {seen}; {hint}")
    return chosen


def deal_out(charges: Sequence[Charge], n_charges: int) -> list[Charge]:
    """At most `n_charges`, one of each device in turn, in the order of the dataset."""
    by_device: dict[str, list[Charge]] = defaultdict(list)
    for charge in charges:
        by_device[charge.device].append(charge)
    turns = sorted(
        (turn, device) for device, members in by_device.items() for turn in range(min(n_charges, len(members)))
    )
    return [by_device[device][turn] for turn, device in turns[:n_charges]]


def predict(
    model: Path,
    data: Path,
    out: Path,
    *,
    split: str = "held-out",
    n_charges: int | None = None,
    sessions: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Write the predictions file of docs/artifact.md; returns counts.

    Raises TrainError when nothing is selected, a session is not in the data, or `n_charges` is below 1.
    """
    if n_charges is not None and n_charges < 1:
        raise TrainError(f"--charges {n_charges}: must be at least 1")
    artifact, forests = load_model(model)
    charges: Sequence[Charge] = read_dataset(data).charges
    if sessions is not None:
        unknown = sorted(set(sessions) - {charge.session for charge in charges})
        if unknown:
            raise TrainError(f"--sessions {unknown[0]}: no such session in {data}")
        charges = [charge for charge in charges if charge.session in sessions]
    charges = select_charges(artifact, charges, split, data)
    if n_charges is not None:
        charges = deal_out(charges, n_charges)
    arrays = _arrays(artifact, forests, charges)
    _write(out, arrays)
    return {
        "out": str(out),
        "model_hash": artifact.model_hash,
        "charges": len(charges),
        "units": len({charge.unit_key for charge in charges}),
        "samples": int(arrays["offsets"][-1]),
    }


def baseline_s(artifact: Artifact, device: NDArray[np.integer], elapsed_s: NDArray[np.integer]) -> NDArray[np.int32]:
    """The baseline's remaining seconds [n] for answered devices [n] at elapsed times [n]."""
    answer = np.empty(len(device), dtype=np.int32)
    for index, name in enumerate(artifact.devices):
        rows = np.flatnonzero(device == index)
        if len(rows):
            elapsed, inverse = np.unique(elapsed_s[rows], return_inverse=True)
            table = np.array([artifact.baseline_remaining_s(name, int(at)) for at in elapsed], dtype=np.int32)
            answer[rows] = table[inverse]
    return answer


def _arrays(artifact: Artifact, forests: Forests, charges: Sequence[Charge]) -> dict[str, NDArray[Any]]:
    """All keys of the file; the wide arrays are allocated once and filled a charge at a time."""
    offsets = np.concatenate([[0], np.cumsum([len(charge.t_ms) for charge in charges])]).astype(np.int64)
    n = int(offsets[-1])
    n_devices = len(artifact.devices) if forests.device else 0
    arrays: dict[str, NDArray[Any]] = {
        "model_hash": np.array(artifact.model_hash),
        "device_names": np.array(artifact.devices),
        "sessions": np.array([charge.session for charge in charges]),
        "session_devices": np.array([charge.device for charge in charges]),
        "session_units": np.array([charge.unit for charge in charges]),
        "offsets": offsets,
        "t_ms": np.empty(n, np.uint32),
        "voltage_mv": np.empty(n, np.int32),
        "current_ma": np.empty(n, np.int32),
        "features": np.empty((n, len(artifact.features)), np.int32),
        "state_crc": np.empty(n, np.uint32),
        "phase": np.empty(n, np.uint8),
        "true_remaining_s": np.empty(n, np.int32),
        "baseline_remaining_s": np.empty(n, np.int32),
        "device_leaf": np.empty((n, len(forests.device.trees.group) if forests.device else 0), np.int32),
        "remaining_leaf": np.empty((n, len(forests.remaining.trees.group)), np.int32),
        "device_margin": np.empty((n, n_devices), np.float32),
        "remaining_margin": np.empty((n, 3), np.float32),
    }
    for charge, start, end in zip(charges, offsets[:-1], offsets[1:], strict=True):
        for name, values in _charge_arrays(artifact, forests, charge).items():
            arrays[name][start:end] = values
    return arrays


def _charge_arrays(artifact: Artifact, forests: Forests, charge: Charge) -> dict[str, NDArray[Any]]:
    found = extract(charge)
    features = to_float(found.x)
    values: dict[str, NDArray[Any]] = {
        "t_ms": charge.t_ms,
        "voltage_mv": charge.voltage_mv,
        "current_ma": charge.current_ma,
        "features": found.x,
        "state_crc": found.state_crc,
        "phase": found.phase,
        "true_remaining_s": remaining_s(charge),
        "remaining_leaf": forests.remaining.leaves(features),
        "remaining_margin": forests.remaining.margins(features),
    }
    device = np.zeros(len(found.rows), dtype=np.intp)
    if forests.device is not None:
        values["device_leaf"] = forests.device.leaves(features)
        values["device_margin"] = forests.device.margins(features)
        device = np.argmax(values["device_margin"], axis=1)
    values["baseline_remaining_s"] = baseline_s(artifact, device, found.elapsed_s)
    return values


def _write(out: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write a compressed .npz under a temporary name, then rename it."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        raise TrainError(f"{out}: cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **arrays)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(out)
    except OSError as error:
        raise TrainError(f"{out}: cannot be written: {error.strerror}") from None
    finally:
        Path(temporary).unlink(missing_ok=True)
