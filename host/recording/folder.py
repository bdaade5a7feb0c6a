"""The table of charges of a dataset folder: read, checked, and rewritten so that every reader sees it old or new."""

from __future__ import annotations

import csv
import fcntl
import io
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from host.errors import HostError

SESSIONS = "sessions.csv"
REQUIRED = ("session", "device", "unit", "charger", "ended")
DETAILS = ("sensor", "ambient_decidegc", "soh_pct", "target_soc_pct", "profile")
COLUMNS = (*REQUIRED, "full_t_ms", *DETAILS)
VEHICLE = "ev"
"""The `profile` of an electric vehicle's charges."""
SAMPLE_HEADER = "t_ms,voltage_mv,current_ma\n"

MIN_SAMPLES = 10
VOLTAGE_MAX_MV = (1 << 20) - 1
CURRENT_MAX_MA = (1 << 19) - 1
T_MAX_MS = (1 << 32) - 1

_SESSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9 _.+()-]{0,61}[A-Za-z0-9_.+()-])?")


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of a charge besides its samples; text as in the table, empty where it is not known."""

    device: str
    unit: str = "1"
    charger: str = "unknown"
    sensor: str = ""
    ambient_decidegc: str = ""
    soh_pct: str = ""
    target_soc_pct: str = ""
    profile: str = ""

    def check(self) -> None:
        """Raise HostError for a name the dataset does not take."""
        for column in ("device", "unit", "charger"):
            if not _NAME.fullmatch(getattr(self, column)):
                raise HostError(
                    f"--{column} {getattr(self, column)!r}: use letters, digits, space and _.+()-, 63 of them at most"
                )

    def row(self, session: str, ended: str, full_t_ms: int | None) -> dict[str, str]:
        """The charge's row of the table."""
        text = {field.name: str(getattr(self, field.name)) for field in fields(self)}
        return {"session": session, "ended": ended, "full_t_ms": "" if full_t_ms is None else str(full_t_ms), **text}


def check_session(name: str) -> None:
    """Raise HostError for a name that is no file name of the dataset."""
    if not _SESSION.fullmatch(name) or name.lower() == "sessions":
        raise HostError(f"--session {name!r}: cannot name a file; use letters, digits and _.+- only")


def prepare(folder: Path) -> None:
    """Make the folder where it is missing, and see that it takes a file; raises HostError naming what is wrong."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "sessions.parquet").exists():
            raise HostError(f"{folder}: is a dataset in Parquet; record into another folder, in CSV")
        if not (folder / SESSIONS).exists() and any(not path.name.startswith(".") for path in folder.iterdir()):
            raise HostError(f"{folder}: is not empty and not a dataset; name another folder")
        read_table(folder)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn what the disk says into one line."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise HostError(f"{folder}: cannot be written: {why}; free the disk, or name another folder") from None


def read_table(folder: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Header and rows of sessions.csv, no rows without one; raises HostError where it is no table of charges."""
    path = folder / SESSIONS
    if not path.exists():
        return list(REQUIRED), []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [[field.strip() for field in row] for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise HostError(f"{path}: cannot be read: {error}; see python -m train validate {folder}") from None
    header = lines[0] if lines else []
    wrong = [row for row in lines if len(row) != len(header)]
    if wrong or any(name not in header for name in REQUIRED):
        raise HostError(f"{path}: is no table of charges; see python -m train validate {folder}")
    return header, [dict(zip(header, row, strict=True)) for row in lines[1:]]


@contextmanager
def table_lock(folder: Path) -> Iterator[None]:
    """Hold the folder against other recorders while its table changes."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class TableChange:
    """A new sessions.csv with one row added or replaced, on the disk under another name; `commit` is one rename.

    To be used under `table_lock`.
    """

    def __init__(self, folder: Path, row: Mapping[str, str]) -> None:
        header, rows = read_table(folder)
        header += [name for name in COLUMNS if name not in header and row.get(name)]
        known = [other["session"] for other in rows]
        at = known.index(row["session"]) if row["session"] in known else len(rows)
        rows[at : at + 1] = [dict(row)]
        text = io.StringIO()
        writer = csv.DictWriter(text, header, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self._path = folder / SESSIONS
        self._temporary = folder / f".{SESSIONS}.new"
        try:
            write_synced(self._temporary, text.getvalue().encode("utf-8"))
        except OSError:
            self._temporary.unlink(missing_ok=True)
            raise

    def commit(self) -> None:
        """Let the new table take the old one's place."""
        self._temporary.replace(self._path)


def write_synced(path: Path, data: bytes) -> None:
    """Write a whole file and wait until the disk has it; raises OSError."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def taken_names(folder: Path) -> set[str]:
    """Session names in use, listed or as files, in small letters: they are unique, capitals or not."""
    names = {row["session"].casefold() for row in read_table(folder)[1]}
    names |= {path.stem.casefold() for path in folder.glob("*.csv")}
    return names | {path.name[1:].rsplit(".", 1)[0].casefold() for path in folder.glob(".*.recording")}


def latest_labels(folder: Path, device: str) -> Mapping[str, str]:
    """The latest row of a device, of any device where it has none; empty without a table."""
    rows = read_table(folder)[1]
    of_device = [row for row in rows if row["device"] == device]
    return (of_device or rows or [{}])[-1]
