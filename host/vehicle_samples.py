"""Samples of vehicles' charges to send to a board: of one CSV file, or of a dataset folder (docs/dataset.md)."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from host.errors import HostError
from host.samples import PARQUET_TABLE, table_column
from host.vehicle_session import VehicleMeasurement

VEHICLE = "ev"
NOT_TOLD = -1
PHASED = ("voltage_mv_l1", "voltage_mv_l2", "voltage_mv_l3", "current_ma_l1", "current_ma_l2", "current_ma_l3")
ONE = ("voltage_mv", "current_ma")
OPTIONAL = ("pilot_da", "energy_wh", "soc_pct")


@dataclass(frozen=True, slots=True)
class VehicleCharge:
    """A charge to send."""

    session: str
    samples: Sequence[VehicleMeasurement]


def holds_vehicles(path: Path) -> bool:
    """Whether a sample file has a charge point's columns, or a dataset folder lists a charge of profile ev."""
    try:
        if path.is_file():
            with path.open(encoding="utf-8-sig", newline="") as file:
                header = next(csv.reader(file), [])
            return bool({PHASED[0], *OPTIONAL[:2]} & {name.strip() for name in header})
        return any(profile == VEHICLE for _, profile in _table(path))
    except (OSError, UnicodeDecodeError, csv.Error):
        return False  # what is wrong with it is told by who reads it


def load_vehicle_charges(path: Path, session: str | None, n_charges: int | None) -> list[VehicleCharge]:
    """The vehicles' charges of a file or folder, in the order of its table; raises HostError naming file and line."""
    if path.is_file():
        return [VehicleCharge(path.stem, _read(path))]
    names = [name for name, profile in _table(path) if profile == VEHICLE]
    if session is not None:
        if session not in names:
            raise HostError(f"--session {session}: {path} lists no vehicle's charge of that name")
        names = [session]
    read = _read_parquet if (path / PARQUET_TABLE).is_file() else _read_csv
    return [VehicleCharge(name, read(path, name)) for name in names[:n_charges]]


def _table(folder: Path) -> list[tuple[str, str | None]]:
    """(session, profile) of every charge of a dataset folder, in the order of its table."""
    if (folder / PARQUET_TABLE).is_file():
        sessions, profiles = (table_column(folder, name) for name in ("session", "profile"))
        return [(name, profile) for name, profile in zip(sessions, profiles, strict=True) if name]
    with (folder / "sessions.csv").open(encoding="utf-8-sig", newline="") as file:
        return [(row["session"], row.get("profile")) for row in csv.DictReader(file) if row.get("session")]


def _read_parquet(folder: Path, session: str) -> list[VehicleMeasurement]:
    """Files of AC and DC lie side by side, each with its own columns; what a file lacks is null."""
    import pyarrow
    from pyarrow import dataset

    kinds = {"t_ms": pyarrow.int64(), **dict.fromkeys((*PHASED, *ONE, *OPTIONAL), pyarrow.float64())}
    schema = pyarrow.schema([("session", pyarrow.string()), *kinds.items()])
    try:
        stored = dataset.dataset(folder / "samples", schema=schema, format="parquet")
        rows = stored.to_table(columns=list(kinds), filter=dataset.field("session") == session).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise HostError(
            f"{folder}: cannot be read: {str(error).splitlines()[0]}; see python -m train validate"
        ) from None
    if not rows:
        raise HostError(f"{folder}: has no samples of {session}; see python -m train validate {folder}")
    told = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return [_sample(row, f"{folder}: {session} sample {k}") for k, row in enumerate(told)]


def _read_csv(folder: Path, session: str) -> list[VehicleMeasurement]:
    return _read(folder / f"{session}.csv")


def _read(path: Path) -> list[VehicleMeasurement]:
    samples: list[VehicleMeasurement] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            for row in reader:
                place = f"{path}:{reader.line_num}"
                sample = _sample(row, place)
                if samples and sample.t_ms <= samples[-1].t_ms:
                    raise HostError(f"{place}: t_ms is {sample.t_ms} after {samples[-1].t_ms}; time must move forward")
                samples.append(sample)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise HostError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not samples:
        raise HostError(f"{path}: has no samples")
    return samples


def _sample(row: Mapping[str, str | float], place: str) -> VehicleMeasurement:
    """In DC, without phases, voltage and current stand in the first; −1 where the rest is not told."""
    try:
        if PHASED[0] in row:
            flow = [int(row[name]) for name in PHASED]
        else:
            voltage_mv, current_ma = (int(row[name]) for name in ONE)
            flow = [voltage_mv, 0, 0, current_ma, 0, 0]
        rest = [int(float(row[name])) if name in row else NOT_TOLD for name in OPTIONAL]
        sample = VehicleMeasurement(int(row["t_ms"]), *flow, *rest)
    except (KeyError, ValueError, TypeError, OverflowError):
        raise HostError(f"{place}: is no sample of a charge point; see python -m train validate") from None
    if not 0 <= sample.t_ms <= 0xFFFFFFFF or not all(-(1 << 31) <= value < 1 << 31 for value in sample[1:]):
        raise HostError(f"{place}: a value is out of range")
    return sample
