"""The answers a board must give: the file of `python -m codegen reference` (docs/artifact.md)."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from host.errors import HostError, ModelMismatchError
from host.messages import Prediction
from host.session import Measurement

SAMPLE_KEYS = (
    "t_ms",
    "voltage_mv",
    "current_ma",
    "state_crc",
    "phase",
    "true_remaining_s",
    "baseline_remaining_s",
    "device",
    "confidence_permille",
    "flags",
)
CHARGE_KEYS = ("sessions", "session_devices", "session_units")
MARGIN_KEYS = ("device_margin", "remaining_margin", "device_output")
"""What a reference may lack."""

ANSWER_FIELDS = (
    "device",
    "confidence_permille",
    "remaining_10_s",
    "remaining_50_s",
    "remaining_90_s",
    "flags",
    "state_crc",
)
"""Columns of `Charge.answers`; names of a Prediction's fields."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge of a reference, n samples; true_remaining_s is −1 where it is not known."""

    session: str
    device: str
    unit: str
    samples: list[Measurement]  # [n]
    expected: list[Prediction]  # [n], numbered from 0
    answers: NDArray[np.int64]  # [n, ANSWER_FIELDS], the same
    features: NDArray[np.int32]  # [n, features]
    device_margin: NDArray[np.float32]  # [n, devices] of the trained model; no columns where the reference has none
    remaining_margin: NDArray[np.float32]  # [n, 3], likewise
    device_output: NDArray[np.int32]  # [n, devices], the integers in place of device_margin, likewise
    true_remaining_s: NDArray[np.int32]  # [n]
    baseline_remaining_s: NDArray[np.int32]  # [n]

    @property
    def unit_key(self) -> str:
        """`device/unit`, the name of the physical unit in splits."""
        return f"{self.device}/{self.unit}"

    @property
    def period_s(self) -> float:
        """Median time between samples; 0 when there is one only."""
        t_ms = np.array([sample.t_ms for sample in self.samples], dtype=np.int64)
        return float(np.median(np.diff(t_ms) % 2**32)) / 1000 if len(t_ms) > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Reference:
    """All charges of a reference file."""

    device_names: tuple[str, ...]
    charges: tuple[Charge, ...]


def load_reference(path: Path, model_hash: str) -> Reference:
    """Read and check a reference; raises HostError naming file and key, ModelMismatchError for another model's."""
    data = _read(path)
    if str(data["model_hash"]) != model_hash:
        raise ModelMismatchError(
            f"{path}: made for model {data['model_hash']}, the artifact is {model_hash}; run codegen reference again"
        )
    offsets = data["offsets"].tolist()
    n = len(data["t_ms"])
    if offsets[0] != 0 or offsets[-1] != n or offsets != sorted(offsets):
        raise HostError(f"{path}: key 'offsets' does not cut {n} samples into charges; run codegen reference again")
    for key in (*SAMPLE_KEYS, "remaining_s", "features", *(key for key in MARGIN_KEYS if key in data)):
        if len(data[key]) != n:
            raise HostError(f"{path}: key {key!r} has {len(data[key])} rows, not {n}; make it again: codegen reference")
    charges = tuple(_charge(data, k, slice(*offsets[k : k + 2])) for k in range(len(offsets) - 1))
    return Reference(tuple(map(str, data["device_names"].tolist())), charges)


def chosen(
    reference: Reference, trained_units: frozenset[str], *, held_out: bool, session: str | None, n_charges: int | None
) -> tuple[Charge, ...]:
    """The charges to verify; raises HostError when none is left."""
    charges: Sequence[Charge] = reference.charges
    if session is not None:
        charges = [charge for charge in charges if charge.session == session]
        if not charges:
            raise HostError(f"--session {session}: no charge of that name in the reference")
    elif held_out:
        charges = [charge for charge in charges if charge.unit_key not in trained_units]
    charges = [charge for charge in charges if charge.samples][:n_charges]
    if not charges:
        raise HostError("no charge of a unit the model was not trained on; give --data with one, or --split all")
    return tuple(charges)


def _read(path: Path) -> Mapping[str, NDArray[Any]]:
    keys = ["model_hash", "device_names", *CHARGE_KEYS, "offsets", *SAMPLE_KEYS, "remaining_s", "features"]
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in keys if key not in file.files]
            keys += [key for key in MARGIN_KEYS if key in file.files]
            data = {key: file[key] for key in keys if key not in missing}
    except FileNotFoundError:
        raise HostError(f"{path}: not found; make it with: python -m codegen reference") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise HostError(f"{path}: is not a reference ({error}); make it with: python -m codegen reference") from None
    if missing:
        raise HostError(f"{path}: key {missing[0]!r} is missing; make it again: codegen reference")
    return data


def _charge(data: Mapping[str, NDArray[Any]], index: int, rows: slice) -> Charge:
    columns = [data["device"][rows], data["confidence_permille"][rows], *data["remaining_s"][rows].T]
    columns += [data["flags"][rows], data["state_crc"][rows]]
    answers = np.column_stack([column.astype(np.int64) for column in columns])
    measured = [data[key][rows].tolist() for key in ("t_ms", "voltage_mv", "current_ma")]
    session, device, unit = (str(data[key][index]) for key in CHARGE_KEYS)
    optional: dict[str, Any] = {
        key: data[key][rows] if key in data else np.zeros((len(answers), 0), np.float32) for key in MARGIN_KEYS
    }
    return Charge(
        session=session,
        device=device,
        unit=unit,
        samples=[Measurement(*values) for values in zip(*measured, strict=True)],
        expected=[Prediction(k, *values) for k, values in enumerate(answers.tolist())],
        answers=answers,
        features=data["features"][rows],
        **optional,
        true_remaining_s=data["true_remaining_s"][rows],
        baseline_remaining_s=data["baseline_remaining_s"][rows],
    )
