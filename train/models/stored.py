"""Training rows that lie in a feature folder, and the few charges of its dataset that calibration needs whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from train.errors import DatasetError
from train.features import feature_names, features_version, to_float
from train.features.table import FeatureTable, PartCharges, load_table, read_part_charges, read_part_rows
from train.models.rows import TrainingRows
from train.sessions.faults import Fault
from train.sessions.partitions import Partition, index_dataset, read_partition
from train.sessions.types import Charge

BATCH_ROWS = 1 << 17  # gathered from parts and handed on together: 20 MB of features
DURATIONS_MAX = 1_000  # of a device, kept in an artifact for the baseline
SAMPLE_CHARGES = 5_000  # read whole, at most: some 400 MB at one sample a second


@dataclass(frozen=True, slots=True)
class StoredRows:
    """A feature folder to train on; memory does not grow with it, but for some 200 bytes a charge."""

    table: FeatureTable
    charges: tuple[PartCharges, ...]  # by part

    @property
    def unit_keys(self) -> tuple[str, ...]:
        """`device/unit` of every physical unit, sorted."""
        return tuple(sorted({key for part in self.charges for key in part.unit_keys}))

    def n_full(self, units: Collection[str]) -> int:
        """Charges of some units whose time to full is known."""
        return sum(
            int(full >= 0 and key in units)
            for part in self.charges
            for full, key in zip(part.full_s, part.unit_keys, strict=True)
        )

    def parts_of(self, units: Collection[str], rank: int = 0, n_ranks: int = 1) -> list[int]:
        """The parts with charges of some units, in order; of these each n_ranks-th, from `rank` on."""
        found = [number for number, part in enumerate(self.charges) if any(key in units for key in part.unit_keys)]
        return found[rank::n_ranks]


def load_stored(path: Path) -> StoredRows:
    """Open a feature folder; raises DatasetError if it is not complete or made by another version of the core."""
    table = load_table(path)
    if table.features_version != features_version() or table.features != feature_names():
        raise DatasetError(
            f"{path}: was made with features version {table.features_version}, this core has {features_version()}; "
            "make it again: python -m train features"
        )
    return StoredRows(table, tuple(read_part_charges(path, part.name) for part in table.parts))


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """A dataset whose training rows are stored: to a training what `Dataset` is, but not in memory."""

    path: Path
    rows: StoredRows

    @property
    def hash(self) -> str:
        """The dataset's hash, as the rows have it."""
        return str(self.rows.table.data["hash"])

    @property
    def n_charges(self) -> int:
        """How many charges there are."""
        return int(self.rows.table.data["charges"])

    @property
    def unit_keys(self) -> tuple[str, ...]:
        """`device/unit` of every physical unit, sorted."""
        return self.rows.unit_keys

    def charges_of(self, units: Collection[str]) -> list[Charge]:
        """Whole charges of a sample of these units, by session name."""
        return sample_charges(self.rows, self.path, units)

    def full_durations_s(self, units: Collection[str], devices: Sequence[str]) -> dict[str, list[int]]:
        """Seconds from plug to full of the units' charges, by device, ascending; of many, evenly spaced ranks."""
        durations: dict[str, list[int]] = {device: [] for device in devices}
        for part in self.rows.charges:
            for key, device, full in zip(part.unit_keys, part.device, part.full_s, strict=True):
                if full >= 0 and key in units:
                    durations[device].append(int(full))
        return {device: _evenly(sorted(values)) for device, values in durations.items()}


def open_stored_dataset(data: Path, rows: Path) -> StoredDataset:
    """A dataset and its feature folder; raises DatasetError if that is not complete or of another version."""
    return StoredDataset(data, load_stored(rows))


def _evenly(values: list[int]) -> list[int]:
    if len(values) <= DURATIONS_MAX:
        return values
    return [values[int((k + 0.5) * len(values) / DURATIONS_MAX)] for k in range(DURATIONS_MAX)]


def stored_batches(
    stored: StoredRows, parts: Sequence[int], units: Collection[str], devices: Sequence[str]
) -> Iterator[TrainingRows]:
    """The rows of some units in those parts, some BATCH_ROWS at a time.

    Charges are numbered within a batch, and stand in the order of their session names there: rows that fit into one
    batch are those of training_rows, in the same order.
    """
    for rows, _ in stored_batches_with(stored, parts, units, devices, None):
        yield rows


def stored_batches_with(
    stored: StoredRows,
    parts: Sequence[int],
    units: Collection[str],
    devices: Sequence[str],
    beside: Callable[[str], NDArray[np.float32]] | None,
) -> Iterator[tuple[TrainingRows, NDArray[np.float32]]]:
    """As stored_batches, and with the rows what lies beside them: `beside` tells it by the part's name, [n, k]."""
    names = tuple(sorted(units))
    pending: list[tuple[TrainingRows, NDArray[np.float32]]] = []
    sessions: list[str] = []
    for number in parts:
        rows, chosen = _rows_of_part(stored, number, names, devices, len(sessions))
        if len(rows):
            more = np.empty((len(rows), 0), np.float32)
            if beside is not None:
                more = beside(stored.table.parts[number].name)[chosen]
            pending.append((rows, more))
            sessions += stored.charges[number].session
        if sum(len(rows) for rows, _ in pending) >= BATCH_ROWS:
            yield _by_session(pending, sessions)
            pending, sessions = [], []
    if pending:
        yield _by_session(pending, sessions)


def _by_session(
    parts: list[tuple[TrainingRows, NDArray[np.float32]]], sessions: list[str]
) -> tuple[TrainingRows, NDArray[np.float32]]:
    """The parts' rows, whose charges are numbered as `sessions` stand, ordered by session; what lies beside as well."""
    rows = TrainingRows.concatenate([rows for rows, _ in parts])
    rank = np.empty(len(sessions), np.intp)
    rank[sorted(range(len(sessions)), key=sessions.__getitem__)] = np.arange(len(sessions))
    numbered = replace(rows, charge=rank[rows.charge])
    order = np.argsort(numbered.charge, kind="stable")
    return numbered.where(order), np.concatenate([more for _, more in parts])[order]


def _rows_of_part(
    stored: StoredRows, number: int, units: tuple[str, ...], devices: Sequence[str], first_charge: int
) -> tuple[TrainingRows, NDArray[np.bool_]]:
    """The rows of a part that are of these units, and which of the part's they are."""
    charges = stored.charges[number]
    found = read_part_rows(stored.table.path, stored.table.parts[number].name, stored.table.features)
    unit_index = {unit: index for index, unit in enumerate(units)}
    unit = np.array([unit_index.get(key, -1) for key in charges.unit_keys], np.intp)[found.charge]
    device = np.array([devices.index(name) if name in devices else -1 for name in charges.device], np.int32)
    rows = TrainingRows(
        features=to_float(found.x),
        device=device[found.charge],
        remaining_s=found.remaining_s,
        charge=found.charge.astype(np.intp) + first_charge,
        unit=unit,
        elapsed_s=found.elapsed_s,
        phase=found.phase.astype(np.uint8),
        units=units,
    )
    return rows.where(unit >= 0), unit >= 0


def sample_charges(
    stored: StoredRows, data: Path, units: Collection[str], n_charges: int = SAMPLE_CHARGES
) -> list[Charge]:
    """Whole charges of some units, read from their dataset, by session; at most n_charges, all of a unit or none.

    Which units is decided by a hash of their names. Raises DatasetError if `data` is not the dataset that the rows
    were made from, as far as can be seen from these charges.
    """
    by_unit: dict[str, list[str]] = {}
    digests: dict[str, bytes] = {}
    for part in stored.charges:
        for session, key, digest in zip(part.session, part.unit_keys, part.data_digest, strict=True):
            if key in units:
                by_unit.setdefault(key, []).append(session)
                digests[session] = digest
    wanted: set[str] = set()
    for key in sorted(by_unit, key=lambda unit: (hashlib.sha256(unit.encode()).digest(), unit)):
        if wanted and len(wanted) + len(by_unit[key]) > n_charges:
            break
        wanted.update(by_unit[key])
    return sorted(_read_sessions(data, wanted, digests), key=lambda charge: charge.session)


def _read_sessions(data: Path, wanted: set[str], digests: dict[str, bytes]) -> Iterator[Charge]:
    from train.sessions.dataset import charge_digest

    missing = set(wanted)
    for partition in index_dataset(data).partitions:
        rows = {session: row for session, row in partition.rows.items() if session in wanted}
        if not rows:
            continue
        files = partition.files
        if files[0].endswith(".csv"):
            files = tuple(f"{session}.csv" for session in rows)
        for item in read_partition(data, Partition(files, rows, partition.scattered)):
            if isinstance(item, Fault):
                raise DatasetError(f"{data}/{item}")
            if charge_digest(item) != digests[item.session]:
                raise DatasetError(f"{data}: session {item.session} is not as the rows have it; make the rows again")
            missing.discard(item.session)
            yield item
    if missing:
        raise DatasetError(f"{data}: has no session {min(missing)}, but the rows have; is it the dataset they are of?")
