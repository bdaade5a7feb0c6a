"""Features of an electric vehicle's charges, by the C of firmware/lib/vehicle (docs/vehicle.md)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.errors import DatasetError
from train.features.core import BINDING, CORE, ROOT, VEHICLE, WP_MISSING, build_library, open_library
from train.sessions.types import Charge

UNKNOWN = -1  # pilot, energy or state of charge that is not told


@dataclass(frozen=True, slots=True)
class VehicleFeatures:
    """What is known after some samples of a charge; one entry a row."""

    rows: NDArray[np.intp]  # [n_rows] index of the sample, ascending
    x: NDArray[np.int32]  # [n_rows, n_features], WP_MISSING where not defined
    state_crc: NDArray[np.uint32]  # [n_rows], of the C's serialised state

    def column(self, name: str) -> NDArray[np.int32]:
        """One feature, [n_rows]."""
        return self.x[:, vehicle_feature_names().index(name)]


@cache
def load_vehicle() -> tuple[Any, Any]:
    """(ffi, library) of this checkout's firmware/lib/vehicle. Raises BuildError."""
    return open_library(build_vehicle(), "vehicle_binding.h")


def vehicle_version() -> int:
    """WP_VEHICLE_VERSION."""
    return int(load_vehicle()[1].wp_vehicle_binding_version())


def build_vehicle(root: Path = ROOT) -> Path:
    """Compile it unless it is compiled already; return the shared library. Raises BuildError."""
    sources = [*sorted((root / VEHICLE / "src").glob("*.c")), root / CORE / "src" / "crc32.c"]
    sources += [root / BINDING / "vehicle_binding.c"]
    return build_library(root, sources, "wattprint_vehicle")


@cache
def vehicle_feature_names() -> tuple[str, ...]:
    """Names of the features in the order of their columns."""
    ffi, library = load_vehicle()
    names: list[str] = []
    while (name := library.wp_vehicle_binding_name(len(names))) != ffi.NULL:
        names.append(ffi.string(name).decode("ascii"))
    return tuple(names)


def samples_of(charge: Charge) -> NDArray[np.int32]:
    """Samples as the C takes them, [n, 9]: voltages, currents, pilot, energy, state of charge in whole per cents."""
    n = len(charge.t_ms)
    samples = np.zeros((n, 9), dtype=np.int32)
    if charge.phases is not None:
        samples[:, 0:3], samples[:, 3:6] = charge.phases.voltage_mv, charge.phases.current_ma
    else:
        samples[:, 0], samples[:, 3] = charge.voltage_mv, charge.current_ma
    samples[:, 6] = UNKNOWN if charge.pilot_da is None else charge.pilot_da
    samples[:, 7] = UNKNOWN if charge.energy_wh is None else charge.energy_wh
    samples[:, 8] = UNKNOWN if charge.soc_pct is None else np.floor(charge.soc_pct).astype(np.int32)
    return samples


def extract_vehicle(charge: Charge, rows: NDArray[np.intp] | None = None) -> VehicleFeatures:
    """Feed a charge; its features after each sample in `rows` [n_rows], ascending strictly, or after all.

    Raises DatasetError naming session and sample where a sample's time is refused; ValueError for wrong rows.
    """
    n = len(charge.t_ms)
    wanted = np.arange(n) if rows is None else np.ascontiguousarray(rows, dtype=np.intp)
    if len(wanted) and (wanted[0] < 0 or wanted[-1] >= n or (np.diff(wanted) <= 0).any()):
        raise ValueError(f"rows must ascend strictly within 0 … {n - 1}")
    return VehicleFeatures(wanted, *_fed(charge.session, charge.t_ms, samples_of(charge), wanted))


def _fed(
    session: str, t_ms: NDArray[np.uint32], samples: NDArray[np.int32], rows: NDArray[np.intp]
) -> tuple[NDArray[np.int32], NDArray[np.uint32]]:
    ffi, library = load_vehicle()
    state_crc = np.zeros(len(rows), dtype=np.uint32)
    x = np.full((len(rows), len(vehicle_feature_names())), WP_MISSING, dtype=np.int32)
    n_taken = library.wp_vehicle_binding_extract(
        len(t_ms),
        ffi.from_buffer("uint32_t[]", np.ascontiguousarray(t_ms)),
        ffi.from_buffer("int32_t[]", np.ascontiguousarray(samples)),
        len(rows),
        ffi.from_buffer("int64_t[]", np.ascontiguousarray(rows, dtype=np.int64)),
        ffi.from_buffer("int32_t[]", x, require_writable=True),
        ffi.from_buffer("uint32_t[]", state_crc, require_writable=True),
    )
    if n_taken != len(t_ms):
        raise DatasetError(
            f"session {session}, sample {n_taken}: t_ms {t_ms[n_taken]} does not lie after the {t_ms[n_taken - 1]} "
            "before it; remove the sample or split the charge there"
        )
    return x, state_crc
