"""The Parquet files of a dataset folder, read lazily: a batch of rows at a time, whatever the size of the file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.sessions.checks import OPTIONAL_SAMPLE_COLUMNS, SESSION_COLUMNS, WHOLE_COLUMNS, required_columns
from train.sessions.faults import Fault

ROWS_A_BATCH = 1 << 18  # read at a time: some 6 MB

Columns = dict[str, NDArray[Any]]


def read_sessions(path: Path) -> tuple[list[dict[str, str]], list[Fault]]:
    """The rows of sessions.parquet as text, or the fault that it has."""
    import pyarrow
    from pyarrow import parquet

    try:
        with path.open("rb") as file:
            table = parquet.read_table(file)
    except (pyarrow.ArrowInvalid, OSError) as error:
        return [], [Fault(path.name, f"cannot be read: {first_line(error)}")]
    missing = [name for name in SESSION_COLUMNS if name not in table.column_names]
    if missing:
        return [], [Fault(path.name, f"column {', '.join(missing)} is missing")]
    names = table.column_names
    known: dict[str, str] = {}  # devices, units and the like come again and again: one string of each is kept
    columns = []
    for name in names:
        texts = ("" if value is None else str(value) for value in table.column(name).to_pylist())
        columns.append(list(texts) if name == "session" else [known.setdefault(text, text) for text in texts])
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)], []


def session_runs(path: Path) -> Iterator[str]:
    """The session of each run of rows that belong together, in order; raises ValueError in one line."""
    last: str | None = None
    with _opened(path) as file:
        for batch in file.iter_batches(ROWS_A_BATCH, columns=["session"], use_threads=False):
            for session, _, _ in _runs(batch.column(0)):
                if session != last:
                    yield session
                last = session


def sample_runs(path: Path) -> Iterator[tuple[str, Columns]]:
    """Each run of rows of one session with its columns, in order; raises ValueError in one line.

    A column that is optional and has no value in a run is left out.
    """
    session: str | None = None
    parts: list[Columns] = []
    with _opened(path) as file:
        names = file.schema_arrow.names
        wanted = ["session", *(n for n in (*required_columns(names), *OPTIONAL_SAMPLE_COLUMNS) if n in names)]
        for batch in file.iter_batches(ROWS_A_BATCH, columns=wanted, use_threads=False):
            columns = {name: _to_numpy(batch.column(name), name) for name in wanted[1:]}
            for key, start, end in _runs(batch.column("session")):
                if key != session and session is not None:
                    yield session, joined(parts)
                    parts = []
                session = key
                parts.append({name: values[start:end] for name, values in columns.items()})
    if session is not None:
        yield session, joined(parts)


def joined(parts: list[Columns]) -> Columns:
    """The parts' columns, one after the other, without optional ones that have no value in any."""
    columns = parts[0]
    if len(parts) > 1:
        columns = {key: np.concatenate([part[key] for part in parts]) for key in columns}
    return {key: values for key, values in columns.items() if key in WHOLE_COLUMNS or not _absent(values)}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A sample file with the columns it must have; raises ValueError for one that cannot be read."""
    import pyarrow
    from pyarrow import parquet

    try:
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            file = parquet.ParquetFile(stream, read_dictionary=["session"])
            required = required_columns(file.schema_arrow.names)
            missing = [name for name in ("session", *required) if name not in file.schema_arrow.names]
            if missing:
                raise ValueError(f"column {', '.join(missing)} is missing")
            for name in required:
                _check_type(file.schema_arrow.field(name).type, name)
            yield file
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise ValueError(f"cannot be read: {first_line(error)}") from None


def _runs(column: Any) -> Iterator[tuple[str, int, int]]:
    """(session, first row, row behind the last) of each run of equal names; raises ValueError for empty rows."""
    if column.null_count:
        raise ValueError("column session has empty rows")
    if len(column) == 0:
        return
    codes, names = column.indices.to_numpy(zero_copy_only=False), column.dictionary.to_pylist()
    starts = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1))
    for start, end in zip(starts, [*starts[1:], len(codes)], strict=True):
        yield names[codes[start]], int(start), int(end)


def _check_type(kind: Any, name: str) -> None:
    import pyarrow

    whole = pyarrow.types.is_integer(kind)
    if name in WHOLE_COLUMNS and not whole:
        raise ValueError(f"column {name} is {kind}, not whole numbers; give ms, mV and mA as integers")
    if not (whole or pyarrow.types.is_floating(kind) or pyarrow.types.is_null(kind)):
        raise ValueError(f"column {name} is {kind}, not numbers")


def _to_numpy(column: Any, name: str) -> Any:
    """A column as integers, or as floats where it is optional and has empty rows (NaN)."""
    import pyarrow

    _check_type(column.type, name)
    if name in WHOLE_COLUMNS and column.null_count:
        raise ValueError(f"column {name} has {column.null_count} empty rows")
    if pyarrow.types.is_null(column.type):
        return np.full(len(column), np.nan)
    values = column.to_numpy(zero_copy_only=False)
    # uint64 cannot be compared with the negative end of a range; the checks work in int64.
    return values.astype(np.int64) if values.dtype.kind == "u" else values


def _absent(values: NDArray[Any]) -> bool:
    return values.dtype.kind == "f" and bool(np.all(np.isnan(values)))


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
