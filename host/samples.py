"""Samples of charges to send to a board: of one CSV file, or of a dataset folder (docs/dataset.md)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from host.errors import HostError
from host.session import Measurement

COLUMNS = ("t_ms", "voltage_mv", "current_ma")
PARQUET_TABLE = "sessions.parquet"
RANGES = ((0, 0xFFFFFFFF), (-(1 << 31), (1 << 31) - 1), (-(1 << 31), (1 << 31) - 1))
"""What the wire carries of each column."""


@dataclass(frozen=True, slots=True)
class SampleCharge:
    """A charge to send."""

    session: str
    samples: Sequence[Measurement]


def load_charges(path: Path, session: str | None, n_charges: int | None) -> list[SampleCharge]:
    """The charges of a file or folder, in the order of its table; raises HostError naming file and line."""
    if path.is_file():
        return [SampleCharge(path.stem, read_samples(path))]
    names = _sessions(path)
    if session is not None:
        if session not in names:
            raise HostError(f"--session {session}: {path} lists no charge of that name")
        names = [session]
    return [SampleCharge(name, _of_dataset(path, name)) for name in names[:n_charges]]


def read_samples(path: Path) -> list[Measurement]:
    """The samples of a CSV file; raises HostError naming the line."""
    samples: list[Measurement] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            rows = ([field.strip() for field in row] for row in reader if row)
            header = next(rows, [])
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                raise HostError(f"{path}:1: column {missing[0]} is missing; a sample file has {','.join(COLUMNS)}")
            positions = [header.index(name) for name in COLUMNS]
            for row in rows:
                samples.append(_sample(row, positions, samples, f"{path}:{reader.line_num}"))
    except FileNotFoundError:
        raise HostError(f"{path}: not found; name a CSV file of samples or a dataset folder") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise HostError(f"{path}: cannot be read: {error}") from None
    if not samples:
        raise HostError(f"{path}: has no samples")
    return samples


def _sample(row: Sequence[str], positions: Sequence[int], before: Sequence[Measurement], place: str) -> Measurement:
    try:
        sample = Measurement(*(int(row[position]) for position in positions))
    except (ValueError, IndexError):
        raise HostError(f"{place}: is no sample: t_ms, voltage_mv and current_ma are whole numbers") from None
    if not all(low <= value <= high for value, (low, high) in zip(sample, RANGES, strict=True)):
        raise HostError(f"{place}: a value is out of range")
    if before and sample.t_ms <= before[-1].t_ms:
        raise HostError(f"{place}: t_ms is {sample.t_ms} after {before[-1].t_ms}; time must move forward")
    return sample


def table_column(folder: Path, name: str) -> list[str]:
    """A column of a dataset's table in Parquet, empty text throughout where it has none of that name.

    Raises HostError where the table cannot be read.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(folder / PARQUET_TABLE)
    except (OSError, pyarrow.ArrowException) as error:
        raise HostError(f"{folder / PARQUET_TABLE}: cannot be read: {str(error).splitlines()[0]}") from None
    return [""] * len(table) if name not in table.column_names else table[name].to_pylist()


def _sessions(folder: Path) -> list[str]:
    if (folder / PARQUET_TABLE).is_file():
        return table_column(folder, "session")
    table = folder / "sessions.csv"
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            names = [row.get("session") or "" for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error):
        raise HostError(f"{folder}: is neither a CSV file nor a dataset folder (docs/dataset.md)") from None
    if not names or not all(names):
        raise HostError(f"{table}: lists no charge; see python -m train validate {folder}")
    return names


def _of_dataset(folder: Path, session: str) -> list[Measurement]:
    if not (folder / PARQUET_TABLE).is_file():
        return read_samples(folder / f"{session}.csv")
    from pyarrow import parquet

    table = parquet.read_table(folder / "samples", filters=[("session", "==", session)], columns=[*COLUMNS])
    columns = [table[name].to_pylist() for name in COLUMNS]
    if not columns[0]:
        raise HostError(f"{folder}: has no samples of {session}; see python -m train validate {folder}")
    return [Measurement(*map(int, values)) for values in zip(*columns, strict=True)]
