"""`python -m codegen reference`: predictions of train in, the answers a board must give out (docs/artifact.md)."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from codegen import process
from codegen.emit.artifact import read_artifact_model
from codegen.errors import CodegenError, MismatchError, ModelError, StepError
from codegen.reference import Answers, answers_from_outputs, check_margins, outputs_from_leaves
from codegen.reference_history import history_features, unfamiliar
from codegen.reference_of_network import check_inputs, network_margins, network_seconds, replayed, state_crcs

if TYPE_CHECKING:
    from train.artifact import Artifact, ModelFile, Network

# The keys of predictions that the reference passes on, and the kind of their dtype; `n` samples, `s` charges.
_PASSED_ON = {
    "model_hash": "U",
    "device_names": "U",
    "sessions": "U",
    "session_devices": "U",
    "session_units": "U",
    "offsets": "i",
    "t_ms": "u",
    "voltage_mv": "i",
    "current_ma": "i",
    "features": "i",
    "state_crc": "u",
    "phase": "u",
    "true_remaining_s": "i",
    "baseline_remaining_s": "i",
    "device_margin": "f",
    "remaining_margin": "f",
}
_LEAVES = {"device_leaf": "i", "remaining_leaf": "i", "history_features": "i"}
_NETWORK = {"features_crc": "u", "network_input": "i", "network_output": "i"}
_PER_CHARGE = ("model_hash", "device_names", "sessions", "session_devices", "session_units", "offsets")

Arrays = Mapping[str, NDArray[Any]]


def write_reference(artifact: Artifact, predictions: Path, out: Path) -> tuple[int, int]:
    """Answer every sample of a predictions file and write the reference; returns numbers of samples and charges."""
    arrays = read_predictions(predictions, artifact)
    state_crc = arrays["state_crc"]
    if artifact.network is None:
        margin, quantile = _outputs(artifact, arrays)
    else:
        margin, quantile, state_crc = _network_outputs(artifact.network, arrays)
    answers = _answers(artifact, arrays, margin, quantile)
    if artifact.network is None:
        _check_history(artifact, arrays, answers)
    passed_on = [*_PASSED_ON, *(["history_features"] if artifact.network is None else [])]
    columns = {key: arrays[key] for key in passed_on} | {
        "state_crc": state_crc,
        "device_output": margin.astype(np.int32),
        "remaining_output": quantile.astype(np.int32),
        "device": answers.device,
        "confidence_permille": answers.confidence_permille,
        "remaining_s": answers.remaining_s,
        "flags": answers.flags,
    }
    write_npz(out, columns)
    return len(arrays["t_ms"]), len(arrays["sessions"])


def predict(artifact: Path, data: Path, out: Path, *, n_charges: int | None, split: str) -> None:
    """Start `python -m train predict`; its own line and exit code are passed on as a StepError."""
    command = [sys.executable, "-m", "train", "predict", "--model", str(artifact), "--data", str(data)]
    command += ["--split", split, "--out", str(out)]
    command += [] if n_charges is None else ["--charges", str(n_charges)]
    done = process.run(command, stdin=DEVNULL, stderr=PIPE, stdout=PIPE)
    if done.returncode:
        lines = (
            done.stderr.decode("utf-8", "replace").strip() or "python -m train predict failed without a word"
        ).splitlines()
        raise StepError(lines[-1].removeprefix("error: "), done.returncode)


def read_predictions(path: Path, artifact: Artifact) -> Arrays:
    """Load and check a predictions file; raises ModelError naming the key that is wrong."""
    kinds = _PASSED_ON | (_LEAVES if artifact.network is None else _NETWORK)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in kinds}
    except KeyError as error:
        raise ModelError(f"{path}: {error.args[0]}; make it with: python -m train predict") from None
    except (OSError, ValueError, EOFError) as error:
        raise ModelError(f"{path}: cannot be read as predictions: {error}") from None
    for key, kind in kinds.items():
        if arrays[key].dtype.kind != kind:
            raise ModelError(f"{path}: {key} is of type {arrays[key].dtype}; make it with: python -m train predict")
    n_samples = len(arrays["t_ms"])
    wrong = [key for key in kinds if key not in _PER_CHARGE and arrays[key].shape[:1] != (n_samples,)]
    wrong += [key for key in kinds if key.endswith(("_leaf", "_margin")) and arrays[key].ndim != 2]
    if artifact.network is not None:
        sizes = {"network_input": artifact.network.input_bytes, "network_output": artifact.network.output_bytes}
        wrong += [key for key, size in sizes.items() if arrays[key].shape[1:] != (size,)]
    elif arrays["history_features"].shape != (n_samples, 3):
        wrong.append("history_features")
    if wrong or list(arrays["offsets"][[0, -1]]) != [0, n_samples]:
        raise ModelError(f"{path}: {(wrong or ['offsets'])[0]} does not fit the {n_samples} samples; predict again")
    if str(arrays["model_hash"]) != artifact.model_hash:
        raise ModelError(
            f"{path}: predictions of model {arrays['model_hash']}, but {artifact.path} is {artifact.model_hash}; "
            "predict again"
        )
    return arrays


def _outputs(artifact: Artifact, arrays: Arrays) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Integer outputs of both models, [n, devices] and [n, 3]; with one device the first has no columns."""
    margin = np.zeros((len(arrays["t_ms"]), 0), np.int64)
    if artifact.device_model is not None:
        margin = _outputs_of(artifact, artifact.device_model, arrays, "device", len(artifact.devices))
    return margin, _outputs_of(artifact, artifact.remaining_model, arrays, "remaining", 3)


def _network_outputs(
    network: Network, arrays: Arrays
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32]]:
    """Integer outputs of both kinds and the state CRC of every sample; raises MismatchError where inputs differ."""
    out, crcs = arrays["network_output"].astype(np.int8), []
    for session, start, end in zip(arrays["sessions"], arrays["offsets"][:-1], arrays["offsets"][1:], strict=True):
        own = slice(int(start), int(end))
        rows, ticks, kept = replayed(network, arrays["features"][own], arrays["t_ms"][own], out[own])
        check_inputs(arrays["network_input"][own], rows, str(session))
        crcs.append(state_crcs(arrays["features_crc"][own], ticks, kept))
    return network_margins(network, out), network_seconds(network, out), np.concatenate(crcs)


def elapsed_of(arrays: Arrays) -> NDArray[np.int64]:
    """Milliseconds since its charge's first sample, [n]; modulo 2**32, as clocks have it."""
    n_of_charge = np.diff(arrays["offsets"])
    first = np.repeat(arrays["t_ms"][arrays["offsets"][:-1]], n_of_charge)
    return (arrays["t_ms"].astype(np.uint32) - first.astype(np.uint32)).astype(np.int64)


def _answers(artifact: Artifact, arrays: Arrays, margin: NDArray[np.int64], quantile: NDArray[np.int64]) -> Answers:
    elapsed_ms = elapsed_of(arrays)
    device = margin.argmax(axis=1) if artifact.device_model is not None else np.zeros(len(margin), np.intp)
    return answers_from_outputs(
        margin,
        quantile,
        arrays["phase"],
        softmax=artifact.softmax if artifact.device_model is not None else None,
        unknown_below_permille=artifact.unknown_below_permille,
        remaining_shift=artifact.remaining_model.output_scale_log2,
        elapsed_ms=elapsed_ms,
        offsets=arrays["offsets"],
        estimate=artifact.estimate,
        unfamiliar=unfamiliar(arrays["features"], artifact.features, device, elapsed_ms, artifact.prototypes),
    )


def _check_history(artifact: Artifact, arrays: Arrays, answers: Answers) -> None:
    """XGBoost's leaves rest on the history features: they are those of the device answered here, or a mismatch."""
    expected = history_features(arrays["features"], artifact.features, answers.device, artifact.estimate)
    wrong = np.argwhere(arrays["history_features"] != expected)
    if wrong.size:
        row, column = (int(index) for index in wrong[0])
        raise MismatchError(
            f"history_features: row {row}, column {column}: {arrays['history_features'][row, column]}, the answered "
            f"device's charges give {expected[row, column]}; predict again with this model"
        )


def _outputs_of(artifact: Artifact, model: ModelFile, arrays: Arrays, kind: str, n_outputs: int) -> NDArray[np.int64]:
    forest = read_artifact_model(artifact, model, n_outputs).forest
    scale, bits = model.output_scale_log2, model.leaf_bits
    outputs = outputs_from_leaves(forest, arrays[f"{kind}_leaf"], scale, bits)
    check_margins(forest, outputs, arrays[f"{kind}_margin"], scale, f"{kind} model", bits)
    return outputs


def write_npz(out: Path, columns: Arrays) -> None:
    """Write under a temporary name in the same folder, then rename."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        raise CodegenError(f"{out}: cannot be written: {error.strerror}; name another file") from None
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez(stream, allow_pickle=False, **dict(columns))
        temporary.chmod(0o644)
        temporary.replace(out)
    except OSError as error:
        raise CodegenError(f"{out}: cannot be written: {error.strerror}; name another file") from None
    finally:
        temporary.unlink(missing_ok=True)
