"""A dataset folder in CSV: sessions.csv and one <session>.csv a charge."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.sessions.checks import (
    DETAIL_COLUMNS,
    OPTIONAL_SAMPLE_COLUMNS,
    PHASE_COLUMNS,
    SESSION_COLUMNS,
    WHOLE_COLUMNS,
    Columns,
    columns_of,
    looks_like_amperes,
    looks_like_volts,
    required_columns,
    row_of,
    sample_faults,
    session_faults,
)
from train.sessions.faults import Fault
from train.sessions.types import Charge

SESSIONS = "sessions.csv"


def read_rows(path: Path) -> tuple[list[tuple[int, dict[str, str]]], list[Fault]]:
    """Rows of a CSV file with a header as (line, {column: text}); rows of another length are faults."""
    rows: list[tuple[int, dict[str, str]]] = []
    faults: list[Fault] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            lines = (row for row in reader if row)
            header = [name.strip() for name in next(lines, [])]
            for row in lines:
                if len(row) != len(header):
                    text = f"has {len(row)} fields, the header has {len(header)}"
                    faults.append(Fault(f"{path.name}:{reader.line_num}", text))
                    continue
                values = (value.strip() for value in row)
                rows.append((reader.line_num, dict(zip(header, values, strict=True))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return [], [Fault(path.name, f"cannot be read: {error}")]
    return rows, [*_repeated(header, path.name), *faults]


def read_table(folder: Path) -> tuple[dict[str, dict[str, str]], list[Fault]]:
    """The rows of sessions.csv that have no fault, by session, and the faults of the table and of files beside it."""
    table, faults = read_rows(folder / SESSIONS)
    if not table:
        return {}, faults or [Fault(SESSIONS, "lists no charge")]
    missing = [name for name in SESSION_COLUMNS if name not in table[0][1]]
    if missing:
        return {}, [Fault(f"{SESSIONS}:1", f"column {', '.join(missing)} is missing")]
    rows: dict[str, dict[str, str]] = {}
    seen: dict[str, int] = {}
    for line, row in table:
        found = list(_row_faults(row, line, seen))
        if not found:
            rows[row["session"]] = row
        faults += found
    listed = {row["session"].casefold() for _, row in table}
    for path in sorted(folder.glob("*.csv"), key=str):
        if path.name != SESSIONS and path.stem.casefold() not in listed:
            faults.append(Fault(path.name, f"is not listed in {SESSIONS}"))
    return rows, faults


def read_samples(path: Path) -> tuple[Columns | None, list[Fault]]:
    """The sample columns of one file, or None and why not."""
    if not path.is_file():
        return None, [Fault(path.name, f"not found, but {SESSIONS} lists it")]
    columns = _read_quickly(path)
    if columns is None or next(sample_faults(columns, path.name, str), None) is not None:
        return _read_slowly(path)
    return columns, []


def _read_quickly(path: Path) -> Columns | None:
    """The columns as pyarrow parses them, or None when it meets anything unusual: then lines must be counted."""
    import pyarrow
    from pyarrow import csv as arrow_csv

    types = dict.fromkeys((*WHOLE_COLUMNS, *OPTIONAL_SAMPLE_COLUMNS), pyarrow.int64())
    types["soc_pct"] = pyarrow.float32()
    convert = arrow_csv.ConvertOptions(column_types=types, null_values=[], strings_can_be_null=False)
    try:
        with path.open("rb") as file:
            table = arrow_csv.read_csv(
                file, convert_options=convert, read_options=arrow_csv.ReadOptions(use_threads=False)
            )
    except (pyarrow.ArrowInvalid, OSError):
        return None
    names = table.column_names
    required = required_columns(names)
    if any(names.count(name) != 1 for name in required) or len(set(names)) != len(names):
        return None
    wanted = [name for name in (*required, *OPTIONAL_SAMPLE_COLUMNS) if name in names]
    return {name: table.column(name).to_numpy() for name in wanted}


def _read_slowly(path: Path) -> tuple[Columns | None, list[Fault]]:
    """As _read_quickly, but every fault with its line."""
    rows, faults = read_rows(path)
    if not rows:
        return None, faults or [Fault(path.name, "has no samples")]
    required = required_columns(rows[0][1])
    missing = [name for name in required if name not in rows[0][1]]
    if missing:
        return None, [*faults, Fault(f"{path.name}:1", f"column {', '.join(missing)} is missing")]
    wanted = [name for name in (*required, *OPTIONAL_SAMPLE_COLUMNS) if name in rows[0][1]]
    columns: dict[str, NDArray[Any]] = {}
    for name in wanted:
        columns[name], found = _parse_column(rows, name, path.name)
        faults += found
    if faults:
        return None, faults

    def at(i: int) -> str:
        return f"{path.name}:{rows[i][0]}"

    faults = list(sample_faults(columns, path.name, at))
    return (None if faults else columns), faults


def _parse_column(
    rows: Sequence[tuple[int, Mapping[str, str]]], name: str, file: str
) -> tuple[NDArray[Any], list[Fault]]:
    """One column as int64 (soc_pct: float32); a decimal column in the wrong unit is one fault, not one a row."""
    kind, parse = (np.float32, float) if name == "soc_pct" else (np.int64, int)
    values: list[float] = []
    faults: list[Fault] = []
    for line, row in rows:
        try:
            value = parse(row[name])
            if not -(2**62) < value < 2**62:
                raise ValueError
            values.append(value)
        except ValueError:
            what = "a number" if name == "soc_pct" else "a whole number"
            faults.append(Fault(f"{file}:{line}", f"{name} is {row[name]!r}, not {what}"))
    reason = _wrong_unit(rows, name) if faults else None
    if reason:
        faults = [Fault(f"{file}:{rows[0][0]}", reason)]
    return np.array(values, dtype=kind), faults


def _wrong_unit(rows: Sequence[tuple[int, Mapping[str, str]]], name: str) -> str | None:
    """Volts or amperes with decimals, if that is what a column without whole numbers holds."""
    test: Mapping[str, Callable[[NDArray[Any]], str | None]] = {
        "voltage_mv": looks_like_volts,
        "current_ma": looks_like_amperes,
        **dict.fromkeys(PHASE_COLUMNS[:3], looks_like_volts),
        **dict.fromkeys(PHASE_COLUMNS[3:], looks_like_amperes),
    }
    try:
        values = np.array([float(row[name]) for _, row in rows])
    except ValueError:
        return None
    return test[name](values) if name in test and np.all(np.isfinite(values)) else None


def _row_faults(row: Mapping[str, str], line: int, seen: dict[str, int]) -> Iterator[Fault]:
    place = f"{SESSIONS}:{line}"
    yield from session_faults(row, place)
    first = seen.setdefault(row["session"].casefold(), line)
    if first != line:
        yield Fault(place, f"session {row['session']!r} is already in line {first}")


def _repeated(header: Sequence[str], file: str) -> Iterator[Fault]:
    for name in sorted({name for name in header if header.count(name) > 1}):
        yield Fault(f"{file}:1", f"column {name!r} is there twice")


@dataclass(slots=True)
class CsvWriter:
    """Writes charges one by one into an existing, empty folder."""

    folder: Path
    _rows: list[dict[str, str]] = field(default_factory=list)

    def add(self, charge: Charge) -> None:
        """Write the samples; the row follows at close."""
        import pyarrow
        from pyarrow import csv as arrow_csv

        table = pyarrow.table(dict(columns_of(charge)))
        options = arrow_csv.WriteOptions(quoting_style="none")
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{charge.session}.csv"
        with path.open("wb") as file:
            file.write((",".join(table.column_names) + "\n").encode("ascii"))
            options.include_header = False
            arrow_csv.write_csv(table, file, options)
        self._rows.append(row_of(charge))

    def close(self) -> None:
        """Write sessions.csv; optional columns that no charge gives are left out."""
        optional = [name for name in ("full_t_ms", *DETAIL_COLUMNS) if any(row[name] for row in self._rows)]
        names = [*SESSION_COLUMNS, *optional]
        with (self.folder / SESSIONS).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)
