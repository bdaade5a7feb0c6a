"""One part of a dataset to its training rows: the unit of work of every engine."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from train.errors import DatasetError
from train.features import rows as horizon_rows
from train.features.core import feature_names, features_version
from train.features.rows import Rows, charge_rows
from train.features.table import ROW_COLUMNS, Part, charges_file, rows_file
from train.sessions.dataset import charge_digest
from train.sessions.faults import Fault, FaultCount, error_of
from train.sessions.labels import full_t_ms
from train.sessions.partitions import Partition, read_partition
from train.sessions.place import is_url
from train.sessions.types import Charge

ROWS_A_GROUP = 1 << 16  # gathered before they are written: some 12 MB


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is given: a part of the data, and where its rows go."""

    name: str
    data: Path
    partition: Partition
    out: Path
    features_version: int  # of the core that asks: a worker with another one refuses
    carry_on: bool  # leave faulty charges out


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a job; `count` holds the faults of the charges left out."""

    part: Part
    count: FaultCount
    cpu_s: float = 0.0  # of one core; 0 where it was there already


def job_of(data: Path, partition: Partition, out: Path, *, carry_on: bool) -> Job:
    """The job for a part. Its name is a hash of all that its rows depend on, files by size and date."""
    stamps = []
    for file in partition.files:
        about = (data / file).stat()
        stamps.append((file, about.st_size, int(getattr(about, "st_mtime", 0) * 1000)))
    rule = (horizon_rows.EARLY_S, horizon_rows.MINUTES_UNTIL_S, horizon_rows.MINUTE_S, horizon_rows.LATE_STEP_S)
    text = json.dumps([stamps, dict(partition.rows), features_version(), rule, carry_on], sort_keys=True)
    name = hashlib.sha256(text.encode()).hexdigest()[:20]
    return Job(name, data, partition, out, features_version(), carry_on)


def run_job(job: Job) -> Done:
    """Work out a part and write it, rows first; only then its charges, which tell that it is complete.

    Nothing but files depends on the worker: a job that was broken off is simply done again. Raises DatasetError for
    the first fault, unless it is to carry on, and for a place that cannot be written.
    """
    if job.features_version != features_version():
        raise DatasetError(
            f"this worker's core has features version {features_version()}, asked for is {job.features_version}; "
            "run the same checkout on every machine"
        )
    start = time.process_time()
    count = FaultCount()
    writer = _PartWriter(job.out, job.name)
    try:
        with writer.rows():
            for item in read_partition(job.data, job.partition):
                if isinstance(item, Fault):
                    if not job.carry_on:
                        raise error_of(job.data, [item])
                    count.add(item)
                else:
                    writer.add(item)
        return Done(writer.write_charges(count), count, time.process_time() - start)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise DatasetError(f"{job.out}: cannot be written: {reason}; name another folder") from None


def finished(job: Job) -> Done | None:
    """What came of a job that was done before; None if it was not."""
    from pyarrow import parquet

    path = charges_file(job.out, job.name)
    if not path.exists():
        return None
    try:
        with path.open("rb") as stream:
            about = json.loads(parquet.read_schema(stream).metadata[b"wattprint"])
    except Exception:  # whatever is wrong with it: it is made again
        return None
    faults = FaultCount(
        n_faults=about["n_faults"],
        bad_rows=Counter(about["bad_rows"]),
        first={file: Fault(*fault) for file, fault in about["first"].items()},
    )
    return Done(Part(job.name, **about["part"]), faults)


@dataclass(slots=True)
class _PartWriter:
    folder: Path
    name: str
    _stream: Any = None
    _columns: dict[str, list[Any]] = field(default_factory=dict)
    _pending: list[Rows] = field(default_factory=list)
    _n_pending: int = 0
    _n_rows: int = 0
    _n_samples: int = 0

    @contextmanager
    def rows(self) -> Iterator[None]:
        """Open for `add`; what is added appears as a whole when it is left."""
        import pyarrow
        from pyarrow import parquet

        schema = pyarrow.schema([(name, pyarrow.int32()) for name in (*ROW_COLUMNS, *feature_names())])
        with (
            _appearing(rows_file(self.folder, self.name)) as stream,
            parquet.ParquetWriter(stream, schema, compression="zstd") as self._stream,
        ):
            yield
            self._flush()

    def add(self, charge: Charge) -> None:
        number = len(self._columns.setdefault("session", []))
        full = full_t_ms(charge)
        found = charge_rows(charge, number, 0, full)
        for key, value in (
            ("session", charge.session),
            ("device", charge.device),
            ("unit", charge.unit),
            ("samples", len(charge.t_ms)),
            ("rows", len(found)),
            ("full_s", -1 if full is None else (full - int(charge.t_ms[0])) // 1000),
            ("data_digest", charge_digest(charge)),
            ("rows_digest", _digest(found)),
        ):
            self._columns.setdefault(key, []).append(value)
        self._n_samples += len(charge.t_ms)
        self._n_pending += len(found)
        self._pending.append(found)
        if self._n_pending >= ROWS_A_GROUP:
            self._flush()

    def write_charges(self, count: FaultCount) -> Part:
        import pyarrow
        from pyarrow import parquet

        part = Part(self.name, len(self._columns.get("session", [])), self._n_samples, self._n_rows)
        numbers = {"samples": pyarrow.int64(), "rows": pyarrow.int64(), "full_s": pyarrow.int64()}
        digests = dict.fromkeys(("data_digest", "rows_digest"), pyarrow.binary(32))
        types = dict.fromkeys(("session", "device", "unit"), pyarrow.string()) | numbers | digests
        about = {
            "part": {"charges": part.charges, "samples": part.samples, "rows": part.rows},
            "n_faults": count.n_faults,
            "bad_rows": dict(count.bad_rows),
            "first": {file: (fault.place, fault.text) for file, fault in count.first.items()},
        }
        schema = pyarrow.schema(list(types.items()), metadata={"wattprint": json.dumps(about)})
        columns = [pyarrow.array(self._columns.get(name, []), kind) for name, kind in types.items()]
        with _appearing(charges_file(self.folder, self.name)) as stream:
            parquet.write_table(pyarrow.Table.from_arrays(columns, schema=schema), stream, compression="zstd")
        return part

    def _flush(self) -> None:
        import pyarrow

        if not self._pending:
            return
        columns = [
            np.concatenate([getattr(found, name) for found in self._pending]).astype(np.int32) for name in ROW_COLUMNS
        ]
        x = np.concatenate([found.x for found in self._pending])
        columns += [np.ascontiguousarray(x[:, k]) for k in range(x.shape[1])]
        self._stream.write_table(pyarrow.table(columns, schema=self._stream.schema))
        self._n_rows += self._n_pending
        self._pending, self._n_pending = [], 0


def _digest(rows: Rows) -> bytes:
    """SHA-256 of a charge's rows: times, phases, labels and features, little-endian 32-bit."""
    digest = hashlib.sha256()
    for values in (rows.elapsed_s, rows.phase, rows.remaining_s, rows.x):
        digest.update(np.ascontiguousarray(values, dtype="<i4").data)
    return digest.digest()


@contextmanager
def _appearing(path: Path) -> Iterator[Any]:
    """A file to write that appears as a whole: renamed into place, or at once when a URL's is closed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_url(path):
        with path.open("wb") as stream:
            yield stream
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with temporary.open("wb") as stream:
            yield stream
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
