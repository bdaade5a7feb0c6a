"""Lessons on disk, for rows that memory does not hold: shuffled once, read back through tf.data epoch by epoch.

One pass over the stored rows deals them out at random over buckets of some BATCH_ROWS rows. An epoch takes the buckets
in a random order, and the rows of each in a random order: whatever a part of the data was (a device, a month), a batch
is drawn from all of it, and no more than a bucket is in memory. Rows that fit into one bucket are learnt from exactly
as rows in memory are.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.artifact_network import NetworkInput
from train.config import Config
from train.features import encode
from train.models import stored as stored_rows
from train.models.distilled import labelled_batches
from train.models.network.learn import Batch, row_batches
from train.models.network.lessons import ROOM, root_of, row_weights
from train.models.network.teachers import Taught, Teachers, of_labels
from train.models.rows import TrainingRows
from train.models.stored import StoredRows, stored_batches


@dataclass(frozen=True, slots=True)
class Spool:
    """Lessons in a folder, a file of records a bucket."""

    buckets: tuple[Path, ...]
    counts: tuple[int, ...]
    record: np.dtype[Any]
    largest_s: float  # that a root can stand for
    mean_weights: Mapping[str, np.float32]

    def n_steps(self, batch: int) -> int:
        """Batches of an epoch."""
        return sum(max(1, count // batch) for count in self.counts if count)

    def batches(self, batch: int, random: np.random.Generator) -> Iterator[Batch]:
        """The batches of an epoch, by tf.data, which reads on while the last one is learnt from."""
        import tensorflow as tf

        names = [name for name in self.record.names or () if name != "remaining_s"]
        types = {name: self.record[name] for name in names} | {"root": np.dtype(np.float32)}
        signature = {
            name: tf.TensorSpec((None, *kind.shape), tf.float32 if kind.base == np.int8 else kind.base)
            for name, kind in types.items()
        }
        yield from tf.data.Dataset.from_generator(
            lambda: self._read(batch, random), output_signature=signature
        ).prefetch(1)

    def _read(self, batch: int, random: np.random.Generator) -> Iterator[Batch]:
        order = random.permutation(len(self.buckets)) if len(self.buckets) > 1 else [0]
        for number in order:
            if self.counts[number]:
                records = np.fromfile(self.buckets[number], self.record)
                yield from row_batches(self._columns(records), batch, random)

    def _columns(self, records: NDArray[Any]) -> Batch:
        columns = {name: records[name] for name in self.record.names or () if name != "remaining_s"}
        for name, mean in self.mean_weights.items():
            columns[name] = columns[name] / mean
        if "taught_roots" in columns:
            columns["taught_roots"] = root_of(columns["taught_roots"], self.largest_s)
        return columns | {"root": root_of(records["remaining_s"], self.largest_s)}


@contextmanager
def spooled(
    stored: StoredRows,
    units: Sequence[str],
    devices: Sequence[str],
    inputs: Sequence[NetworkInput],
    config: Config,
    teacher: Teachers | Path | None,
) -> Iterator[Spool]:
    """The lessons of some units' rows in a temporary folder; from `teacher` too: forests, or a folder of labels."""
    parts = stored.parts_of(units)
    n_rows = sum(stored.table.parts[part].rows for part in parts)
    n_buckets = max(1, math.ceil(n_rows / stored_rows.BATCH_ROWS))
    taught = {"taught_logits": len(devices), "taught_roots": 3} if teacher is not None else {}
    record = np.dtype(
        [
            ("inputs", np.int8, (len(inputs),)),
            *((name, np.int32) for name in ("device", "remaining_s")),
            *((name, np.float32) for name in ("device_weight", "remaining_weight")),
            *((name, np.float32, (width,)) for name, width in taught.items()),
        ]
    )
    random = np.random.default_rng(config.network.seed)
    counts, largest, sums = np.zeros(n_buckets, np.intp), 0, np.zeros(2)
    with tempfile.TemporaryDirectory(prefix="wattprint-lessons-") as folder:
        paths = tuple(Path(folder) / f"{number}.bin" for number in range(n_buckets))
        for rows, said in _batches(stored, parts, units, devices, teacher):
            records = _records(record, rows, inputs, config, said)
            bucket = random.integers(n_buckets, size=len(records))
            for number in np.unique(bucket):
                with paths[number].open("ab") as stream:
                    records[bucket == number].tofile(stream)
            counts += np.bincount(bucket, minlength=n_buckets)
            largest = max(largest, int(rows.remaining_s.max()))
            sums += [len(rows) * float(records[name].mean()) for name in ("device_weight", "remaining_weight")]
        means = np.asarray(sums / counts.sum(), np.float32)
        weights = dict(zip(("device_weight", "remaining_weight"), means, strict=True))
        yield Spool(paths, tuple(map(int, counts)), record, ROOM * float(largest), weights)


def _batches(
    stored: StoredRows, parts: Sequence[int], units: Sequence[str], devices: Sequence[str],
    teacher: Teachers | Path | None,
) -> Iterator[tuple[TrainingRows, Taught | None]]:  # fmt: skip
    if isinstance(teacher, Path):
        for rows, labels in labelled_batches(stored, parts, units, devices, teacher):
            yield rows, of_labels(labels)
        return
    for rows in stored_batches(stored, parts, units, devices):
        yield rows, None if teacher is None else teacher.answers(rows)


def _records(
    record: np.dtype[Any], rows: TrainingRows, inputs: Sequence[NetworkInput], config: Config, taught: Taught | None
) -> NDArray[Any]:
    found = np.empty(len(rows), record)
    found["inputs"] = encode(rows.whole_features(), inputs)
    found["device"], found["remaining_s"] = rows.device, rows.remaining_s
    found["device_weight"], found["remaining_weight"] = row_weights(rows, config)
    if taught is not None:
        found["taught_logits"], found["taught_roots"] = taught.logits, taught.seconds
    return found
