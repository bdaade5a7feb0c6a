"""A recorded run: what happened on a link, as JSON lines. The monitor shows it again, exactly.

The first line is {"wattprint_run": 1, "source": …, "wall_clock": …}; each further one has `at_s` and one of the keys
`opened`, `lost`, `sent`, `received` with the line on the wire. Bytes that are not UTF-8 are lone surrogates.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from host.errors import HostError
from host.monitor.entries import Entry, Kind

FORMAT = 1
FLUSH_EVERY_S = 1.0


class Run(NamedTuple):
    """A run as read from its file."""

    source: str
    wall_clock: bool
    entries: list[Entry]


class RunWriter:
    """Writes a run while it happens; a power cut loses the last second."""

    def __init__(self, path: Path, source: str) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("x", encoding="utf-8", newline="\n")
        except FileExistsError:
            raise HostError(f"--save {path}: exists; name another file, or show it: host monitor {path}") from None
        except OSError as error:
            raise HostError(f"--save {path}: cannot be written: {error.strerror}; name another file") from None
        self._flushed_at_s = 0.0
        self._is_empty = True
        self._write([json.dumps({"wattprint_run": FORMAT, "source": source, "wall_clock": True})])

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if self._is_empty:  # the port was never opened: another attempt may have the name
            self._path.unlink(missing_ok=True)

    def add(self, entries: Iterable[Entry]) -> None:
        """Append what happened; raises HostError when the disk is full."""
        entries = list(entries)
        self._is_empty = self._is_empty and not entries
        self._write([json.dumps(_to_json(entry)) for entry in entries])
        if entries and entries[-1].at_s - self._flushed_at_s >= FLUSH_EVERY_S:
            self._flushed_at_s = entries[-1].at_s
            self._flush()

    def _write(self, lines: list[str]) -> None:
        try:
            self._file.writelines(f"{line}\n" for line in lines)
        except OSError as error:
            raise self._failed(error) from None

    def _flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> HostError:
        return HostError(f"--save {self._path}: cannot be written any more: {error.strerror}; what is in it is sound")


def is_run(path: Path) -> bool:
    """Whether a file looks like a run; nothing is said about the rest of it."""
    try:
        with path.open("rb") as file:
            return file.read(18).startswith(b'{"wattprint_run":')
    except OSError:
        return False


def read_run(path: Path) -> Run:
    """Read a run; a last line cut short by a power cut is left out. Raises HostError naming file and line."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise HostError(f"{path}: cannot be read: {error}") from None
    try:
        head = json.loads(lines[0])
        if head["wattprint_run"] != FORMAT:
            raise HostError(f"{path}:1: run format {head['wattprint_run']}, this version reads {FORMAT}")
        source, wall_clock = str(head["source"]), bool(head["wall_clock"])
    except (ValueError, KeyError, TypeError):
        raise HostError(f"{path}:1: is not a run; make one with: host monitor --port PORT --save FILE") from None
    return Run(source, wall_clock, list(_entries(path, lines)))


def _entries(path: Path, lines: list[str]) -> Iterator[Entry]:
    for number, line in enumerate(lines[1:-1], start=2):  # behind the last LF stands nothing, or half a line
        try:
            yield _from_json(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise HostError(f"{path}:{number}: is not a line of a run; was the file changed by hand?") from None


def _to_json(entry: Entry) -> dict[str, Any]:
    return {"at_s": round(entry.at_s, 3), entry.kind.value: entry.line.decode("utf-8", "surrogateescape")}


def _from_json(value: dict[str, Any]) -> Entry:
    at_s = float(value.pop("at_s"))
    ((kind, text),) = value.items()
    return Entry(at_s, Kind(kind), text.encode("utf-8", "surrogateescape"))
