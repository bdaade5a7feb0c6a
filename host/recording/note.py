"""The note of a charge in progress: `.SESSION.recording`, locked by its recorder, gone when the charge has ended."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from host.errors import HostError
from host.recording.folder import Labels, read_table, writing


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a charge comes from, to know it again after an interruption."""

    source: str  # "board", or what --from names
    model_hash: str = ""
    number: int = 0  # the board's, since its power-up
    offset_ms: int = 0  # of the recording's clock to the board's


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A charge whose recorder was stopped, as by a power cut."""

    session: str
    labels: Labels
    origin: Origin
    stopped_at: float  # seconds since 1970, of its last sample


def interrupted(folder: Path) -> Iterator[Interrupted]:
    """The charges of a folder that no recorder is at any more, the latest first; raises HostError."""
    found = []
    with writing(folder):
        for path in folder.glob(".*.recording"):
            state = held(path)
            if state is None:
                continue
            session = path.name[1:].removesuffix(".recording")
            times = [place.stat().st_mtime for place in _places(folder, session) if place.exists()]
            try:
                labels, origin = read_note(state, path)
            except HostError:
                if times:
                    raise
                path.unlink()  # its recorder was stopped before the first sample
                continue
            finally:
                os.close(state)
            found.append(Interrupted(session, labels, origin, max(times, default=path.stat().st_mtime)))
    yield from sorted(found, key=lambda charge: charge.stopped_at, reverse=True)


def settled(folder: Path, session: str) -> bool:
    """Whether a charge's row already says how it ended: then only its note is left over, and is removed."""
    ended = {row["session"]: row["ended"] for row in read_table(folder)[1]}.get(session, "unknown")
    if ended != "unknown":
        with writing(folder):
            (folder / f".{session}.recording").unlink(missing_ok=True)
    return ended != "unknown"


def _places(folder: Path, session: str) -> tuple[Path, Path]:
    return folder / f"{session}.csv", folder / f".{session}.part"


def note_text(session: str, labels: Labels, origin: Origin) -> bytes:
    """What is written of a charge in progress."""
    return json.dumps({"session": session, "labels": asdict(labels), "origin": asdict(origin)}).encode("utf-8")


def read_note(descriptor: int, path: Path) -> tuple[Labels, Origin]:
    """What `note_text` wrote; raises HostError naming the file."""
    try:
        state: Mapping[str, Any] = json.loads(os.pread(descriptor, 1 << 16, 0))
        return Labels(**state["labels"]), Origin(**state["origin"])
    except (ValueError, KeyError, TypeError):
        raise HostError(f"{path}: cannot be read; delete it to give the charge up") from None


def held(path: Path) -> int | None:
    """An open state file held by this process, None while another holds it."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
