"""What XGBoost, or TFLite Micro, itself says of a dataset, sample by sample: the independent half of a proof."""

from __future__ import annotations

import os
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.artifact import Artifact, load_artifact
from train.errors import ArtifactError, TrainError
from train.features import Features, extract, feature_names, features_version, to_float
from train.models.answering import Forests, board_model, forest_outputs
from train.models.crossfit import load_forests
from train.models.network.run import Runner, margins, remaining, tick_numbers
from train.models.network.train import MARGIN_SCALE_LOG2
from train.models.outputs import Models
from train.sessions.dataset import read_dataset
from train.sessions.labels import remaining_s
from train.sessions.types import Charge


def load_model(path: Path) -> tuple[Artifact, Models]:
    """An artifact and its models; raises ArtifactError if they are damaged or made with other features."""
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
    if artifact.network is not None:
        return artifact, Runner(files[artifact.remaining_model.file], artifact.network)
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
    artifact, models = load_model(model)
    charges: Sequence[Charge] = read_dataset(data).charges
    if sessions is not None:
        unknown = sorted(set(sessions) - {charge.session for charge in charges})
        if unknown:
            raise TrainError(f"--sessions {unknown[0]}: no such session in {data}")
        charges = [charge for charge in charges if charge.session in sessions]
    charges = select_charges(artifact, charges, split, data)
    if n_charges is not None:
        charges = deal_out(charges, n_charges)
    arrays = _arrays(artifact, models, charges)
    write_predictions(out, arrays)
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


def _arrays(artifact: Artifact, models: Models, charges: Sequence[Charge]) -> dict[str, NDArray[Any]]:
    """All keys of the file; the wide arrays are allocated once and filled a charge at a time."""
    offsets = np.concatenate([[0], np.cumsum([len(charge.t_ms) for charge in charges])]).astype(np.int64)
    arrays: dict[str, NDArray[Any]] = {
        "model_hash": np.array(artifact.model_hash),
        "device_names": np.array(artifact.devices),
        "sessions": np.array([charge.session for charge in charges]),
        "session_devices": np.array([charge.device for charge in charges]),
        "session_units": np.array([charge.unit for charge in charges]),
        "offsets": offsets,
    }
    for charge, start, end in zip(charges, offsets[:-1], offsets[1:], strict=True):
        for name, values in _charge_arrays(artifact, models, charge).items():
            if name not in arrays:
                arrays[name] = np.empty((int(offsets[-1]), *values.shape[1:]), values.dtype)
            arrays[name][start:end] = values
    return arrays


def _charge_arrays(artifact: Artifact, models: Models, charge: Charge) -> dict[str, NDArray[Any]]:
    found = extract(charge)
    values: dict[str, NDArray[Any]] = {
        "t_ms": charge.t_ms.astype(np.uint32, copy=False),
        "voltage_mv": charge.voltage_mv.astype(np.int32, copy=False),
        "current_ma": charge.current_ma.astype(np.int32, copy=False),
        "features": found.x,
        "state_crc": found.state_crc,
        "phase": found.phase,
        "true_remaining_s": remaining_s(charge).astype(np.int32, copy=False),
    }
    if isinstance(models, Runner):
        values |= _network_arrays(models, charge, found)
    else:
        values |= _forest_arrays(artifact, models, found)
    device = np.zeros(len(found.rows), dtype=np.intp)
    if values["device_margin"].shape[1]:
        device = np.argmax(values["device_margin"], axis=1)
    values["baseline_remaining_s"] = baseline_s(artifact, device, found.elapsed_s)
    return values


def _forest_arrays(artifact: Artifact, forests: Forests, found: Features) -> dict[str, NDArray[Any]]:
    """XGBoost's own leaves and margins at every sample; the remaining model is told of the device the board answers."""
    outputs = forest_outputs(board_model(artifact, forests), found)
    n, features = len(found.x), to_float(found.x)
    columns = np.column_stack([features, outputs.history.astype(np.float32)])
    return {
        "history_features": outputs.history,
        "device_leaf": forests.device.leaves(features) if forests.device else np.empty((n, 0), np.int32),
        "remaining_leaf": forests.remaining.leaves(columns),
        "device_margin": forests.device.margins(features) if forests.device else np.empty((n, 0), np.float32),
        "remaining_margin": forests.remaining.margins(columns),
    }


def _network_arrays(runner: Runner, charge: Charge, found: Features) -> dict[str, NDArray[Any]]:
    """TFLite Micro's own bytes at every sample, and the state CRC over what the network remembers as well."""
    network = runner.network
    ticks = tick_numbers(charge.t_ms, network.tick_ms)
    given, out, kept = runner.charge(found.x, np.diff(ticks, prepend=0) != 0)
    counted = ticks.astype("<u4")
    crc = [
        zlib.crc32(kept[index].tobytes(), zlib.crc32(counted[index].tobytes(), int(found.state_crc[index])))
        for index in range(len(ticks))
    ]
    return {
        "features_crc": found.state_crc,
        "state_crc": np.array(crc, np.uint32),
        "network_input": given,
        "network_output": out,
        "device_margin": (margins(network, out) * 2.0**-MARGIN_SCALE_LOG2).astype(np.float32),
        "remaining_margin": remaining(network, out).astype(np.float32),
    }


def write_predictions(out: Path, arrays: dict[str, NDArray[Any]]) -> None:
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
