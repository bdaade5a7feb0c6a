"""Writing a dataset folder in Parquet: sessions.parquet and samples/device=…/*.parquet with a session column."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from train.sessions.checks import DETAIL_COLUMNS, PHASE_COLUMNS, SESSION_COLUMNS, row_of
from train.sessions.partitions import SAMPLES, SESSIONS
from train.sessions.place import is_url
from train.sessions.types import Charge

ROWS_A_GROUP = 1 << 19  # written at a time and device: bounds the writer's memory, some 10 MB a device
ROWS_A_FILE = 1 << 22  # then the device goes on in another: some 20 MB, a part of the work of training


class Kind(NamedTuple):
    """Charges whose samples have the same columns."""

    device: str
    phased: bool  # three phases of a charge point in AC
    metered: bool  # with what a charge point says besides


@dataclass(slots=True)
class ParquetWriter:
    """Writes charges one by one into an existing, empty folder; files of some ROWS_A_FILE samples, by device."""

    folder: Path
    _rows: list[dict[str, str]] = field(default_factory=list)
    _pending: dict[Kind, list[Charge]] = field(default_factory=dict)
    _files: dict[Kind, Any] = field(default_factory=dict)
    _streams: dict[Kind, Any] = field(default_factory=dict)  # what the files of a URL are written through
    _written: dict[Kind, int] = field(default_factory=dict)  # samples in the kind's open file
    _n_files: dict[str, int] = field(default_factory=dict)

    def add(self, charge: Charge) -> None:
        """Keep the charge until its device has a row group's worth of samples."""
        kind = _kind(charge)
        pending = self._pending.setdefault(kind, [])
        pending.append(charge)
        self._rows.append(row_of(charge))
        if sum(len(kept.t_ms) for kept in pending) >= ROWS_A_GROUP:
            self._flush(kind)

    def close(self) -> None:
        """Write what is kept and sessions.parquet."""
        import pyarrow
        from pyarrow import parquet

        for kind in list(self._pending):
            self._flush(kind)
        for kind in list(self._files):
            self._close(kind)
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

    def _flush(self, kind: Kind) -> None:
        import pyarrow

        charges, self._pending[kind] = self._pending[kind], []
        if not charges:
            return
        schema = _schema(kind)
        lengths = [len(charge.t_ms) for charge in charges]
        codes = pyarrow.array(np.repeat(np.arange(len(charges), dtype=np.int32), lengths))
        columns = [pyarrow.DictionaryArray.from_arrays(codes, [charge.session for charge in charges])]
        for entry in list(schema)[1:]:
            pieces = [_piece(charge, entry.name, entry.type) for charge in charges]
            columns.append(pyarrow.chunked_array(pieces, entry.type))
        if kind not in self._files:
            self._open(kind, schema)
        self._files[kind].write_table(pyarrow.Table.from_arrays(columns, schema=schema))
        self._written[kind] += sum(lengths)
        if self._written[kind] >= ROWS_A_FILE:
            self._close(kind)

    def _open(self, kind: Kind, schema: Any) -> None:
        from pyarrow import parquet

        device = kind.device
        folder = self.folder / SAMPLES / f"device={quote(device)}"
        folder.mkdir(parents=True, exist_ok=True)
        number = self._n_files.get(device, 0)
        path = folder / f"part-{number}.parquet"
        target: Any = path
        if is_url(path):
            target = self._streams[kind] = path.open("wb")
        self._files[kind] = parquet.ParquetWriter(target, schema, compression="zstd", use_dictionary=["session"])
        self._written[kind], self._n_files[device] = 0, number + 1

    def _close(self, kind: Kind) -> None:
        self._files.pop(kind).close()
        if kind in self._streams:
            self._streams.pop(kind).close()


def _kind(charge: Charge) -> Kind:
    return Kind(charge.device, charge.phases is not None, charge.pilot_da is not None or charge.energy_wh is not None)


def _schema(kind: Kind) -> Any:
    import pyarrow

    whole = PHASE_COLUMNS if kind.phased else ("voltage_mv", "current_ma")
    metered = ("pilot_da", "energy_wh") if kind.metered else ()
    return pyarrow.schema(
        [
            ("session", pyarrow.dictionary(pyarrow.int32(), pyarrow.string())),
            ("t_ms", pyarrow.uint32()),
            *((name, pyarrow.int32()) for name in whole),
            ("soc_pct", pyarrow.float32()),
            ("temperature_decidegc", pyarrow.int32()),
            *((name, pyarrow.int32()) for name in metered),
        ]
    )


def _piece(charge: Charge, name: str, kind: Any) -> Any:
    import pyarrow

    if charge.phases is not None and name in PHASE_COLUMNS:
        what, phase = name.rsplit("_l", 1)
        values = getattr(charge.phases, what)[:, int(phase) - 1]
    else:
        values = getattr(charge, name)
    return pyarrow.nulls(len(charge.t_ms), kind) if values is None else pyarrow.array(values, kind)
