"""A dataset in parts: files whose charges lie in no other part, each read a charge at a time.

Of Parquet only the session column is read to find them; memory then depends on the longest charge, not on the number
of charges. The index itself holds the session table: some 0.8 KB a charge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from train.errors import DatasetError
from train.sessions import csv_store
from train.sessions.checks import charge_from, profile_faults, sample_faults, session_faults
from train.sessions.faults import Fault
from train.sessions.parquet_files import Columns, joined, read_sessions, sample_runs, session_runs
from train.sessions.types import Charge

SESSIONS = "sessions.parquet"
SAMPLES = "samples"
CSV_CHARGES = 256  # of a part in CSV


@dataclass(frozen=True, slots=True)
class Partition:
    """Sample files, by their names in the folder, and the rows of the session table of the charges in them."""

    files: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str]]  # by session
    scattered: Mapping[str, int]  # number of runs of those sessions that lie in more than one


@dataclass(frozen=True, slots=True)
class Index:
    """A dataset's parts, in the order of their first files, and the faults of the table and of whole files."""

    partitions: tuple[Partition, ...]
    faults: tuple[Fault, ...]
    n_charges: int


def index_dataset(folder: Path) -> Index:
    """The parts of a dataset folder in either form; raises DatasetError where there is none."""
    return index_parquet(folder) if is_parquet(folder) else index_csv(folder)


def is_parquet(folder: Path) -> bool:
    """Whether a dataset folder is in Parquet; raises DatasetError where there is no dataset."""
    if not folder.is_dir():
        raise DatasetError(f"{folder}: is not a folder; name a dataset folder (docs/dataset.md)")
    in_csv, in_parquet = (folder / csv_store.SESSIONS).exists(), (folder / SESSIONS).exists()
    if in_csv and in_parquet:
        raise DatasetError(f"{folder}: holds both sessions.csv and sessions.parquet; keep one of them")
    if not in_csv and not in_parquet:
        what = "has no sessions.csv or sessions.parquet" if any(folder.iterdir()) else "is empty"
        raise DatasetError(f"{folder}: {what}; make a dataset with: python -m train simulate {folder}")
    return in_parquet


def index_csv(folder: Path) -> Index:
    """The parts of a CSV dataset folder: so many charges each, in the order of its table."""
    rows, faults = csv_store.read_table(folder)
    sessions = list(rows)
    chunks = [sessions[start : start + CSV_CHARGES] for start in range(0, len(sessions), CSV_CHARGES)]
    partitions = [
        Partition(tuple(f"{one}.csv" for one in chunk), {one: rows[one] for one in chunk}, {}) for chunk in chunks
    ]
    return Index(tuple(partitions), tuple(faults), len(rows))


def index_parquet(folder: Path) -> Index:
    """The parts of a Parquet dataset folder; with a fault in the session table there is none."""
    table, faults = read_sessions(folder / SESSIONS)
    if not table and not faults:
        faults = [Fault(SESSIONS, "lists no charge")]
    rows: dict[str, Mapping[str, str]] = {}
    for i, row in enumerate(table):
        place = f"{SESSIONS} row {i + 1}"
        faults += session_faults(row, place)
        if row.get("session") in rows:
            faults.append(Fault(place, f"session {row['session']!r} is already there"))
        rows.setdefault(row.get("session", ""), row)
    if faults:
        return Index((), tuple(faults), 0)
    return _grouped(folder, rows)


def _grouped(folder: Path, rows: Mapping[str, Mapping[str, str]]) -> Index:
    faults: list[Fault] = []
    group_of: dict[str, int] = {}  # by session
    n_runs: Counter[str] = Counter()  # of sessions that come again
    files: dict[int, list[str]] = {}  # by group
    members: dict[int, list[str]] = {}  # sessions by group
    for number, path in enumerate(sorted((folder / SAMPLES).glob("**/*.parquet"), key=str)):
        name = path.relative_to(folder).as_posix()
        try:
            runs = list(session_runs(path))
        except ValueError as error:
            faults.append(Fault(name, str(error)))
            continue
        unlisted = sorted({session for session in runs if session not in rows})
        faults += [Fault(name, f"session {session!r} is not listed in {SESSIONS}") for session in unlisted]
        files[number], members[number] = [name], []
        for session in runs:
            if session in group_of:
                n_runs[session] += 1
            elif session in rows:
                group_of[session] = number
                members[number].append(session)
        joins = {group_of[session] for session in runs if session in group_of} | {number}
        into = max(joins, key=lambda group: len(members[group]))
        for group in sorted(joins - {into}):
            files[into] += files.pop(group)
            group_of.update(dict.fromkeys(members[group], into))
            members[into] += members.pop(group)
    missing = [session for session in rows if session not in group_of]
    faults += [Fault(SAMPLES, f"has no samples of session {one!r}, but {SESSIONS} lists it") for one in missing]
    partitions = [
        Partition(
            files=tuple(sorted(files[group])),
            rows={session: rows[session] for session in sorted(sessions)},
            scattered={session: n_runs[session] + 1 for session in sorted(sessions) if session in n_runs},
        )
        for group, sessions in members.items()
        if sessions
    ]
    return Index(tuple(sorted(partitions, key=lambda part: part.files)), tuple(faults), len(group_of))


def read_partition(folder: Path, partition: Partition) -> Iterator[Charge | Fault]:
    """The charges of a part that have no fault, in the order they lie in, and the faults of the others."""
    if partition.files[0].endswith(".csv"):
        yield from _read_csv(folder, partition)
        return
    waiting: dict[str, list[Columns]] = {}
    places: dict[str, str] = {}
    for name in partition.files:
        try:
            for session, columns in sample_runs(folder / name):
                if session not in partition.rows:
                    continue  # not listed: the index has told
                places.setdefault(session, name)
                parts = waiting.setdefault(session, [])
                parts.append(columns)
                if len(parts) == partition.scattered.get(session, 1):
                    yield from _assemble(partition.rows[session], waiting.pop(session), places.pop(session))
        except ValueError as error:
            yield Fault(name, str(error))
    for session in waiting:
        yield Fault(places[session], f"session {session!r} lacks rows: the file changed or cannot be read")


def _read_csv(folder: Path, partition: Partition) -> Iterator[Charge | Fault]:
    for file, row in zip(partition.files, partition.rows.values(), strict=True):
        columns, faults = csv_store.read_samples(folder / file)
        if columns is not None:
            faults = list(profile_faults(row, columns, file))
        yield from faults if columns is None or faults else [charge_from(row, columns)]


def _assemble(row: Mapping[str, str], parts: list[Columns], name: str) -> Iterator[Charge | Fault]:
    if any(part.keys() != parts[0].keys() for part in parts):
        yield Fault(name, f"session {row['session']!r} is in files with different columns")
        return
    columns = joined(sorted(parts, key=lambda part: int(part["t_ms"][0])))  # whatever the files are called
    place = f"{name} session {row['session']}"
    faults = list(profile_faults(row, columns, place))
    faults += sample_faults(columns, place, lambda i: f"{place} row {i + 1}")
    if faults:
        yield from faults
    else:
        yield charge_from(row, columns)
