"""The answers a charge point's board must give: the file of `python -m codegen reference` of a household."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from host.errors import HostError, ModelMismatchError
from host.messages import Prediction
from host.vehicle_messages import Goal, VehicleAnswer
from host.vehicle_session import VehicleMeasurement, VehicleReply

FIRST_FIELDS = (
    *("possible", "state", "power_class_w", "target_10_s", "target_50_s", "target_90_s", "energy_to_go_wh"),
)
"""Fields of the first line of an answer, behind the sequence."""

LAST_FIELDS = ("car", "confidence_permille", "done_10_s", "done_50_s", "done_90_s", "flags", "state_crc")
"""Fields of the second."""

CHARGE_KEYS = ("sessions", "session_devices", "session_units", "goals")
SAMPLE_KEYS = ("t_ms", "vehicle_samples", *FIRST_FIELDS, *LAST_FIELDS)


@dataclass(frozen=True, slots=True)
class VehicleCharge:
    """One charge of a reference, n samples."""

    session: str
    device: str  # the true car, as the dataset names it
    unit: str
    goal: Goal
    samples: list[VehicleMeasurement]  # [n]
    expected: list[VehicleReply]  # [n], numbered from 0


@dataclass(frozen=True, slots=True)
class VehicleReference:
    """All charges of a reference file."""

    cars: tuple[str, ...]
    charges: tuple[VehicleCharge, ...]

    def chosen(self, session: str | None, n_charges: int | None) -> tuple[VehicleCharge, ...]:
        """The charges to verify; raises HostError when none is left."""
        charges = [charge for charge in self.charges if session in (None, charge.session) and charge.samples]
        if not charges:
            named = "" if session is None else f"--session {session}: "
            raise HostError(f"{named}no such charge with samples in the reference; name another, or other --data")
        return tuple(charges[:n_charges])


def load_vehicle_reference(path: Path, model_hash: str) -> VehicleReference:
    """Read and check a reference; raises HostError naming file and key, ModelMismatchError for another model's."""
    data = _read(path)
    if str(data["model_hash"]) != model_hash:
        raise ModelMismatchError(
            f"{path}: made for model {data['model_hash']}, the artifact is {model_hash}; run codegen reference again"
        )
    offsets, n = data["offsets"].tolist(), len(data["t_ms"])
    if offsets[0] != 0 or offsets[-1] != n or offsets != sorted(offsets):
        raise HostError(f"{path}: key 'offsets' does not cut {n} samples into charges; run codegen reference again")
    wrong = [key for key in SAMPLE_KEYS if len(data[key]) != n]
    if wrong:
        raise HostError(
            f"{path}: key {wrong[0]!r} has {len(data[wrong[0]])} rows, not {n}; run codegen reference again"
        )
    charges = tuple(_charge(data, k, slice(*offsets[k : k + 2])) for k in range(len(offsets) - 1))
    return VehicleReference(tuple(map(str, data["device_names"].tolist())), charges)


def _read(path: Path) -> Mapping[str, NDArray[Any]]:
    keys = ("model_hash", "device_names", "offsets", *CHARGE_KEYS, *SAMPLE_KEYS)
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in keys if key not in file.files]
            data = {key: file[key] for key in keys if key not in missing}
    except FileNotFoundError:
        raise HostError(f"{path}: not found; make it with: python -m codegen reference") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise HostError(f"{path}: is not a reference ({error}); make it with: python -m codegen reference") from None
    if missing:
        raise HostError(f"{path}: key {missing[0]!r} is missing; make it of this household: codegen reference")
    return data


def _charge(data: Mapping[str, NDArray[Any]], index: int, rows: slice) -> VehicleCharge:
    samples = np.column_stack([data["t_ms"][rows].astype(np.int64), data["vehicle_samples"][rows].astype(np.int64)])
    first = np.column_stack([data[key][rows].astype(np.int64) for key in FIRST_FIELDS]).tolist()
    last = np.column_stack([data[key][rows].astype(np.int64) for key in LAST_FIELDS]).tolist()
    session, device, unit = (str(data[key][index]) for key in CHARGE_KEYS[:3])
    target_pct, energy_wh = (int(value) for value in data["goals"][index])
    return VehicleCharge(
        session=session,
        device=device,
        unit=unit,
        goal=Goal(target_pct, energy_wh),
        samples=[VehicleMeasurement(*values) for values in samples.tolist()],
        expected=[
            VehicleReply(VehicleAnswer(k, *one), Prediction(k, *other))
            for k, (one, other) in enumerate(zip(first, last, strict=True))
        ],
    )
