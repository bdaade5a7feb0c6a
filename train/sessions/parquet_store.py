"""Writing a dataset folder in Parquet: sessions.parquet and samples/device=…/*.parquet with a session column."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from train.sessions.checks import DETAIL_COLUMNS, SESSION_COLUMNS, row_of
from train.sessions.partitions import SAMPLES, SESSIONS
from train.sessions.place import is_url
from train.sessions.types import Charge

ROWS_A_GROUP = 1 << 19  # written at a time and device: bounds the writer's memory, some 10 MB a device
ROWS_A_FILE = 1 << 22  # then the device goes on in another: some 20 MB, a part of the work of training


@dataclass(slots=True)
class ParquetWriter:
    """Writes charges one by one into an existing, empty folder; files of some ROWS_A_FILE samples, by device."""

    folder: Path
    _rows: list[dict[str, str]] = field(default_factory=list)
    _pending: dict[str, list[Charge]] = field(default_factory=dict)
    _files: dict[str, Any] = field(default_factory=dict)
    _streams: dict[str, Any] = field(default_factory=dict)  # what the files of a URL are written through
    _written: dict[str, int] = field(default_factory=dict)  # samples in the device's open file
    _n_files: dict[str, int] = field(default_factory=dict)

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
        for device in list(self._files):
            self._close(device)
        optional = [name for name in ("full_t_ms", *DETAIL_COLUMNS) if any(row[name] for row in self._rows)]
        columns = {name: [row[name] for row in self._rows] for name in (*SESSION_COLUMNS, *optional)}
        table = {name: pyarrow.array(values, pyarrow.string()) for name, values in columns.items()}
        with (self.folder / SESSIONS).open("wb") as stream:  # last: a folder without it is no dataset
            parquet.write_table(pyarrow.table(table), stream, compression="zstd")

    def abandon(self) -> None:
        """Let go of files that could not be written, so that none tries again when it is collected."""
        for file in self._files.values():
            with contextlib.suppress(OSError):
                file.close()
            file.is_open = False

    def _flush(self, device: str) -> None:
        import pyarrow

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
            self._open(device, schema)
        self._files[device].write_table(pyarrow.Table.from_arrays(columns, schema=schema))
        self._written[device] += sum(lengths)
        if self._written[device] >= ROWS_A_FILE:
            self._close(device)

    def _open(self, device: str, schema: Any) -> None:
        from pyarrow import parquet

        folder = self.folder / SAMPLES / f"device={quote(device)}"
        folder.mkdir(parents=True, exist_ok=True)
        number = self._n_files.get(device, 0)
        path = folder / f"part-{number}.parquet"
        target: Any = path
        if is_url(path):
            target = self._streams[device] = path.open("wb")
        self._files[device] = parquet.ParquetWriter(target, schema, compression="zstd", use_dictionary=["session"])
        self._written[device], self._n_files[device] = 0, number + 1

    def _close(self, device: str) -> None:
        self._files.pop(device).close()
        if device in self._streams:
            self._streams.pop(device).close()


def _piece(charge: Charge, name: str, kind: Any) -> Any:
    import pyarrow

    values = getattr(charge, name)
    return pyarrow.nulls(len(charge.t_ms), kind) if values is None else pyarrow.array(values, kind)
