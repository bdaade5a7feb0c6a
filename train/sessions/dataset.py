"""The dataset folder of docs/dataset.md: read, checked, hashed and written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from train.errors import DatasetError
from train.sessions import csv_store, parquet_store, partitions
from train.sessions.checks import charge_faults, columns_of, row_of
from train.sessions.faults import Fault, error_of
from train.sessions.place import is_url, remove_folder
from train.sessions.types import Charge

Format = Literal["csv", "parquet"]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset folder in memory; charges in the order of their session names."""

    path: Path
    charges: tuple[Charge, ...]
    hash: str

    @property
    def devices(self) -> tuple[str, ...]:
        """The device names, sorted."""
        return tuple(sorted({charge.device for charge in self.charges}))

    @property
    def n_charges(self) -> int:
        """How many charges there are."""
        return len(self.charges)

    @property
    def unit_keys(self) -> tuple[str, ...]:
        """`device/unit` of every physical unit, sorted."""
        return tuple(sorted({charge.unit_key for charge in self.charges}))

    def charges_of(self, units: Collection[str]) -> list[Charge]:
        """The charges of some units, by session name."""
        return [charge for charge in self.charges if charge.unit_key in units]


def read_dataset(path: Path) -> Dataset:
    """Read a dataset folder; raises DatasetError with the first fault and how many more there are."""
    charges, faults = inspect_dataset(path)
    if faults:
        raise error_of(path, faults)
    return Dataset(path, charges, dataset_hash(charges))


def inspect_dataset(path: Path) -> tuple[tuple[Charge, ...], list[Fault]]:
    """The charges of a folder that can be used, by session name, and every fault; raises DatasetError without one."""
    found = list(scan_dataset(path))
    charges = [item for item in found if isinstance(item, Charge)]
    return tuple(sorted(charges, key=lambda one: one.session)), [item for item in found if isinstance(item, Fault)]


def scan_dataset(path: Path) -> Iterator[Charge | Fault]:
    """The charges of a folder that can be used and every fault, one at a time, in the order they are stored in.

    No more than a charge is held (of charges spread over several runs of rows: those not yet complete). Raises
    DatasetError at once where there is no dataset.
    """
    return _scan(path, partitions.index_dataset(path))


def _scan(path: Path, index: partitions.Index) -> Iterator[Charge | Fault]:
    yield from index.faults
    for partition in index.partitions:
        yield from partitions.read_partition(path, partition)


def read_charges(path: Path) -> Iterator[Charge]:
    """The charges of a folder one at a time, as they are stored; raises DatasetError at its first fault."""
    for item in scan_dataset(path):
        if isinstance(item, Fault):
            raise error_of(path, [item])
        yield item


def dataset_hash(charges: Sequence[Charge]) -> str:
    """`sha256:…` over what the charges say; their order and how they are stored do not change it."""
    return hash_of_digests({charge.session: charge_digest(charge) for charge in charges})


def hash_of_digests(digests: Mapping[str, bytes]) -> str:
    """The hash of a dataset whose charges, by session, have these digests."""
    total = hashlib.sha256()
    for session in sorted(digests):
        total.update(digests[session])
    return "sha256:" + total.hexdigest()


def charge_digest(charge: Charge) -> bytes:
    """SHA-256 of what a charge says.

    It covers its session row without empty fields, as JSON with sorted keys, and for each sample column its name and
    its values: little-endian 64-bit integers, 32-bit floats for soc_pct.
    """
    row = {key: value for key, value in row_of(charge).items() if value}
    digest = hashlib.sha256(json.dumps(row, sort_keys=True, ensure_ascii=True).encode("ascii"))
    for name, values in columns_of(charge).items():
        digest.update(f"\n{name}\n".encode("ascii"))
        digest.update(np.ascontiguousarray(values, dtype="<f4" if values.dtype.kind == "f" else "<i8").data)
    return digest.digest()


def write_dataset(path: Path, charges: Iterable[Charge], *, format: Format = "csv", force: bool = False) -> int:  # noqa: A002
    """Write charges as a dataset folder and return their number; it appears complete or not at all.

    A dataset already at `path` is replaced with `force` only; any other folder there must be empty. Raises
    DatasetError for that, for a charge with a fault, for a session name that comes twice and for a disk that is full
    or cannot be written.
    """
    try:
        _check_target(path, force=force)
        if is_url(path):
            return _write_in_place(path, charges, format)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            return _write_folder(path, temporary, charges, format)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error  # pyarrow's own texts are long
        raise DatasetError(f"{path}: cannot be written: {why}; name another folder") from None


def _write_folder(path: Path, temporary: Path, charges: Iterable[Charge], format: Format) -> int:  # noqa: A002
    temporary.chmod(0o755)
    n_charges = _write_all(_writer(temporary, format), charges)
    if path.exists():
        shutil.rmtree(path)
    temporary.replace(path)
    return n_charges


def _write_in_place(path: Path, charges: Iterable[Charge], format: Format) -> int:  # noqa: A002
    """As _write_folder where nothing can be renamed: the session table comes last, and without it is no dataset."""
    remove_folder(path)
    try:
        return _write_all(_writer(path, format), charges)
    except BaseException:
        remove_folder(path)
        raise


def _writer(folder: Path, format: Format) -> csv_store.CsvWriter | parquet_store.ParquetWriter:  # noqa: A002
    return csv_store.CsvWriter(folder) if format == "csv" else parquet_store.ParquetWriter(folder)


def _write_all(writer: csv_store.CsvWriter | parquet_store.ParquetWriter, charges: Iterable[Charge]) -> int:
    try:
        return _write_each(writer, charges)
    except OSError:
        if isinstance(writer, parquet_store.ParquetWriter):
            writer.abandon()
        raise


def _write_each(writer: csv_store.CsvWriter | parquet_store.ParquetWriter, charges: Iterable[Charge]) -> int:
    seen: set[str] = set()
    for charge in charges:
        fault = next(charge_faults(charge), None)
        if fault:
            raise DatasetError(str(fault))
        if charge.session.casefold() in seen:
            raise DatasetError(f"{charge.session}: two charges have this session name; each needs its own")
        seen.add(charge.session.casefold())
        writer.add(charge)
    if not seen:
        raise DatasetError("there is no charge to write")
    writer.close()
    return len(seen)


def _check_target(path: Path, *, force: bool) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise DatasetError(f"{path}: is a file; name a folder")
    if not any(path.iterdir()):
        return
    if not any((path / name).exists() for name in (csv_store.SESSIONS, partitions.SESSIONS)):
        raise DatasetError(f"{path}: is not empty and not a dataset; name another folder")
    if not force:
        raise DatasetError(
            f"{path}: already holds a dataset; give --force to replace it (import: --add to keep it), or name another"
        )
