"""A dataset folder in Parquet: sessions.parquet and samples/device=…/*.parquet with a session column."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from train.sessions.checks import (
    DETAIL_COLUMNS,
    OPTIONAL_SAMPLE_COLUMNS,
    SAMPLE_COLUMNS,
    SESSION_COLUMNS,
    charge_from,
    row_of,
    sample_faults,
    session_faults,
)
from train.sessions.faults import Fault
from train.sessions.types import Charge

SESSIONS = "sessions.parquet"
SAMPLES = "samples"
ROWS_A_GROUP = 1 << 19  # written at a time and device: bounds the writer's memory, some 10 MB a device

Columns = dict[str, NDArray[Any]]


def read_parquet_folder(folder: Path) -> tuple[list[Charge], list[Fault]]:
    """All charges of a folder that have no fault, and all faults."""
    table, faults = _read_sessions(folder / SESSIONS)
    if not table and not faults:
        return [], [Fault(SESSIONS, "lists no charge")]
    rows: dict[str, dict[str, str]] = {}
    for i, row in enumerate(table):
        place = f"{SESSIONS} row {i + 1}"
        found = list(session_faults(row, place))
        if row.get("session") in rows:
            found.append(Fault(place, f"session {row['session']!r} is already there"))
        rows.setdefault(row.get("session", ""), row)
        faults += found
    if faults:
        return [], faults
    parts: dict[str, list[Columns]] = {}
    places: dict[str, str] = {}
    for path in sorted((folder / SAMPLES).glob("**/*.parquet")):
        name = path.relative_to(folder).as_posix()
        try:
            for session, columns in _read_sample_file(path):
                parts.setdefault(session, []).append(columns)
                places.setdefault(session, name)
        except ValueError as error:
            faults.append(Fault(name, str(error)))
    charges = []
    for session, row in rows.items():
        if session not in parts:
            faults.append(Fault(SAMPLES, f"has no samples of session {session!r}, but {SESSIONS} lists it"))
            continue
        charge, found = _assemble(row, parts.pop(session), places[session])
        charges += [charge] if charge else []
        faults += found
    faults += [Fault(places[session], f"session {session!r} is not listed in {SESSIONS}") for session in parts]
    return charges, faults


def _assemble(row: Mapping[str, str], parts: list[Columns], name: str) -> tuple[Charge | None, list[Fault]]:
    columns = parts[0]
    if len(parts) > 1:
        if any(part.keys() != columns.keys() for part in parts):
            return None, [Fault(name, f"session {row['session']!r} is in files with different columns")]
        in_time = sorted(parts, key=lambda part: int(part["t_ms"][0]))  # whatever the files are called
        columns = {key: np.concatenate([part[key] for part in in_time]) for key in columns}
    place = f"{name} session {row['session']}"
    # The optional columns are null where a file shares them with charges that have none.
    columns = {key: values for key, values in columns.items() if key in SAMPLE_COLUMNS or not _absent(values)}
    faults = list(sample_faults(columns, place, lambda i: f"{place} row {i + 1}"))
    return (None if faults else charge_from(row, columns)), faults


def _absent(values: NDArray[Any]) -> bool:
    return values.dtype.kind == "f" and bool(np.all(np.isnan(values)))


def _read_sessions(path: Path) -> tuple[list[dict[str, str]], list[Fault]]:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowInvalid, OSError) as error:
        return [], [Fault(path.name, f"cannot be read: {_first_line(error)}")]
    missing = [name for name in SESSION_COLUMNS if name not in table.column_names]
    if missing:
        return [], [Fault(path.name, f"column {', '.join(missing)} is missing")]
    rows = table.to_pylist()
    return [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows], []


def _read_sample_file(path: Path) -> Iterator[tuple[str, Columns]]:
    """The charges of one file, rows kept in order; raises ValueError in one line."""
    import pyarrow
    from pyarrow import parquet

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            file = parquet.ParquetFile(path, read_dictionary=["session"])
        with file:
            names = file.schema_arrow.names
            missing = [name for name in ("session", *SAMPLE_COLUMNS) if name not in names]
            if missing:
                raise ValueError(f"column {', '.join(missing)} is missing")
            wanted = ["session", *(n for n in (*SAMPLE_COLUMNS, *OPTIONAL_SAMPLE_COLUMNS) if n in names)]
            table = file.read(columns=wanted, use_threads=False).unify_dictionaries().combine_chunks()
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise ValueError(f"cannot be read: {_first_line(error)}") from None
    if table.num_rows == 0:
        return
    # An optional column without any value in this file may be of Arrow's null type.
    empty = [name for name in wanted[4:] if table.column(name).null_count == table.num_rows]
    columns = {name: _to_numpy(table.column(name), name) for name in wanted[1:] if name not in empty}
    session = table.column("session").combine_chunks()
    session = session.chunk(0) if isinstance(session, pyarrow.ChunkedArray) else session
    if session.null_count:
        raise ValueError("column session has empty rows")
    codes, keys = session.indices.to_numpy(zero_copy_only=False), session.dictionary.to_pylist()
    starts = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1))
    for start, end in zip(starts, [*starts[1:], len(codes)], strict=True):
        yield keys[codes[start]], {name: values[start:end] for name, values in columns.items()}


def _to_numpy(column: Any, name: str) -> Any:
    """A column as int64 or float64; required columns must be whole numbers without nulls."""
    import pyarrow

    if name in SAMPLE_COLUMNS:
        if column.null_count:
            raise ValueError(f"column {name} has {column.null_count} empty rows")
        if not pyarrow.types.is_integer(column.type):
            raise ValueError(f"column {name} is {column.type}, not whole numbers; give ms, mV and mA as integers")
        values = column.to_numpy()
        # uint64 cannot be compared with the negative end of a range; the checks work in int64.
        return values.astype(np.int64) if values.dtype.kind == "u" else values
    if not (pyarrow.types.is_integer(column.type) or pyarrow.types.is_floating(column.type)):
        raise ValueError(f"column {name} is {column.type}, not numbers")
    return column.to_numpy()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


@dataclass(slots=True)
class ParquetWriter:
    """Writes charges one by one into an existing, empty folder; one file a device."""

    folder: Path
    _rows: list[dict[str, str]] = field(default_factory=list)
    _pending: dict[str, list[Charge]] = field(default_factory=dict)
    _files: dict[str, Any] = field(default_factory=dict)

    def add(self, charge: Charge) -> None:
        """Keep the charge until its device has a row group's worth of samples."""
        pending = self._pending.setdefault(charge.device, [])
        pending.append(charge)
        self._rows.append(row_of(charge))
        if sum(len(kept.t_ms) for kept in pending) >= ROWS_A_GROUP:
            self._flush(charge.device)

    def close(self) -> None:
        """Write what is kept and sessions.parquet."""
        import pyarrow
        from pyarrow import parquet

        for device in list(self._pending):
            self._flush(device)
        for file in self._files.values():
            file.close()
        optional = [name for name in ("full_t_ms", *DETAIL_COLUMNS) if any(row[name] for row in self._rows)]
        columns = {name: [row[name] for row in self._rows] for name in (*SESSION_COLUMNS, *optional)}
        table = {name: pyarrow.array(values, pyarrow.string()) for name, values in columns.items()}
        parquet.write_table(pyarrow.table(table), self.folder / SESSIONS, compression="zstd")

    def abandon(self) -> None:
        """Let go of files that could not be written, so that none tries again when it is collected."""
        for file in self._files.values():
            with contextlib.suppress(OSError):
                file.close()
            file.is_open = False

    def _flush(self, device: str) -> None:
        import pyarrow
        from pyarrow import parquet

        charges, self._pending[device] = self._pending[device], []
        if not charges:
            return
        schema = pyarrow.schema(
            [
                ("session", pyarrow.dictionary(pyarrow.int32(), pyarrow.string())),
                ("t_ms", pyarrow.uint32()),
                ("voltage_mv", pyarrow.int32()),
                ("current_ma", pyarrow.int32()),
                ("soc_pct", pyarrow.float32()),
                ("temperature_decidegc", pyarrow.int32()),
            ]
        )
        lengths = [len(charge.t_ms) for charge in charges]
        codes = pyarrow.array(np.repeat(np.arange(len(charges), dtype=np.int32), lengths))
        columns = [pyarrow.DictionaryArray.from_arrays(codes, [charge.session for charge in charges])]
        for entry in list(schema)[1:]:
            pieces = [_piece(charge, entry.name, entry.type) for charge in charges]
            columns.append(pyarrow.chunked_array(pieces, entry.type))
        if device not in self._files:
            path = self.folder / SAMPLES / f"device={quote(device)}"
            path.mkdir(parents=True, exist_ok=True)
            self._files[device] = parquet.ParquetWriter(
                path / "part-0.parquet", schema, compression="zstd", use_dictionary=["session"]
            )
        self._files[device].write_table(pyarrow.Table.from_arrays(columns, schema=schema))


def _piece(charge: Charge, name: str, kind: Any) -> Any:
    import pyarrow

    values = getattr(charge, name)
    return pyarrow.nulls(len(charge.t_ms), kind) if values is None else pyarrow.array(values, kind)
