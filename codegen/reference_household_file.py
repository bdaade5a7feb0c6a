"""`python -m codegen reference` of a household: predictions of train in, the answers a board must give out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from codegen.errors import ModelError
from codegen.reference_file import Arrays, write_npz
from codegen.reference_household import ANSWER_KEYS, household_answers

if TYPE_CHECKING:
    from train.artifact_household import Household

N_VALUES = 9  # of a sample beside its time
# Keys of predictions, all passed on, and the kind of their dtype.
_KINDS = {
    "model_hash": "U",
    "device_names": "U",
    "sessions": "U",
    "session_devices": "U",
    "session_units": "U",
    "offsets": "i",
    "goals": "i",
    "t_ms": "u",
    "vehicle_samples": "i",
    "feature_names": "U",
    "features": "i",
    "state_crc": "u",
}
_PER_SAMPLE = ("t_ms", "vehicle_samples", "features", "state_crc")


def write_household_reference(household: Household, predictions: Path, out: Path) -> tuple[int, int]:
    """Answer every sample of a predictions file and write the reference; returns numbers of samples and charges."""
    arrays = read_predictions(predictions, household)
    names = tuple(map(str, arrays["feature_names"].tolist()))
    answers = []
    for k, (start, end) in enumerate(zip(arrays["offsets"][:-1], arrays["offsets"][1:], strict=True)):
        own = slice(int(start), int(end))
        target_pct, energy_wh = (int(value) for value in arrays["goals"][k])
        x, crcs = arrays["features"][own].astype(np.int32), arrays["state_crc"][own].astype(np.uint32)
        answers.append(household_answers(household, x, names, crcs, target_pct, energy_wh))
    columns = {key: arrays[key] for key in _KINDS if key != "state_crc"}
    columns |= {key: np.concatenate([answer[key] for answer in answers]) for key in ANSWER_KEYS}
    write_npz(out, columns)
    return len(arrays["t_ms"]), len(arrays["sessions"])


def read_predictions(path: Path, household: Household) -> Arrays:
    """Load and check a predictions file; raises ModelError naming the key that is wrong."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in _KINDS}
    except KeyError as error:
        raise ModelError(f"{path}: {error.args[0]}; make it with: python -m train predict") from None
    except (OSError, ValueError, EOFError) as error:
        raise ModelError(f"{path}: cannot be read as predictions: {error}") from None
    n, wrong = len(arrays["t_ms"]), [key for key, kind in _KINDS.items() if arrays[key].dtype.kind != kind]
    wrong += [key for key in _PER_SAMPLE if len(arrays[key]) != n]
    wrong += ["vehicle_samples"] if arrays["vehicle_samples"].shape[1:] != (N_VALUES,) else []
    wrong += ["features"] if arrays["features"].shape[1:] != arrays["feature_names"].shape else []
    wrong += ["goals"] if arrays["goals"].shape != (len(arrays["sessions"]), 2) else []
    if wrong or arrays["offsets"][[0, -1]].tolist() != [0, n]:
        raise ModelError(f"{path}: {(wrong or ['offsets'])[0]} does not fit the {n} samples; predict again")
    if str(arrays["model_hash"]) != household.model_hash:
        raise ModelError(
            f"{path}: predictions of model {arrays['model_hash']}, but {household.path} is {household.model_hash}; "
            "predict again"
        )
    return arrays
