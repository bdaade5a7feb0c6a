"""Samples from standard input, from a file that another program is writing, or from a socket that sends rows."""

from __future__ import annotations

import os
import select
import socket
import stat
import sys
import time
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from host.errors import HostError, PortError
from host.recording.csv_layout import Layout
from host.recording.events import Begun, Ended, Exhausted, Measured, Noted, SourceEvent

STANDARD_INPUT = "-"
LOOK_EVERY_S = 0.1
READ_BYTES = 1 << 16
LONGEST_LINE = 1 << 12
SHOWN_BAD_ROWS = 5


class CsvSource:
    """Rows of one charge, or of several one after the other: a time that runs backwards begins the next.

    It is over at the end of the input, or, for a file, when it has not grown for `idle_s`. A last row without a line
    end is not taken: it may be half of one.
    """

    speed: float | None = None

    def __init__(self, where: str, layout: Layout, *, idle_s: float) -> None:
        self.name = where
        self._layout = layout
        self._idle_s = idle_s
        self._rest = b""
        self._line = 0
        self._positions: tuple[int, int, int] | None = None
        self._charge = 0
        self._sequence = 0
        self._origin_ms = 0.0
        self._latest_ms = -1
        self._n_bad = 0
        self._over = False
        self._grown_at = time.monotonic()
        self._socket: socket.socket | None = None
        self._descriptor, self._grows = self._open()

    def __enter__(self) -> CsvSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            self._socket.close()
        elif self.name != STANDARD_INPUT:
            os.close(self._descriptor)

    def events(self, timeout_s: float) -> list[SourceEvent]:
        """The rows that have come; raises HostError for a first row that is none, PortError for a lost socket."""
        if self._over:
            return [Exhausted()]
        data = self._read(timeout_s)
        if data is None:
            self._over = True
            return [Ended("unknown"), Exhausted()] if self._charge else [Exhausted()]
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise HostError(f"{self.name}:{self._line + 1}: a line of over {LONGEST_LINE} bytes; is it a CSV file?")
        return [event for line in lines for event in self._take(line.decode("utf-8-sig", "replace").strip())]

    def _open(self) -> tuple[int, bool]:
        """A descriptor, and whether its end is only the end so far."""
        if self.name == STANDARD_INPUT:
            return sys.stdin.fileno(), False
        if self.name.startswith("socket:"):
            self._socket = _connect(self.name)
            return self._socket.fileno(), False
        must_be_there(self.name)
        try:
            descriptor = os.open(Path(self.name), os.O_RDONLY)
        except OSError as error:
            raise HostError(f"--from {self.name}: {error.strerror}; name a CSV file, - or socket://HOST:PORT") from None
        return descriptor, stat.S_ISREG(os.fstat(descriptor).st_mode)

    def _read(self, timeout_s: float) -> bytes | None:
        """What has come; None at the end."""
        if not self._grows and not select.select([self._descriptor], [], [], timeout_s)[0]:
            return b""
        try:
            data = os.read(self._descriptor, READ_BYTES)
        except OSError as error:
            raise PortError(f"{self.name}: lost ({error.strerror})") from None
        now = time.monotonic()
        if data:
            self._grown_at = now
        elif not self._grows or now - self._grown_at >= self._idle_s:
            return None
        else:
            time.sleep(min(timeout_s, LOOK_EVERY_S))
        return data

    def _take(self, line: str) -> list[SourceEvent]:
        self._line += 1
        if not line:
            return []
        if self._positions is None:
            try:
                self._positions = self._layout.positions(line)
            except HostError as error:
                raise HostError(f"{self.name}:{self._line}: {error}") from None
            if self._positions is not None:
                return []
            self._positions = (0, 1, 2)
        try:
            return self._sample(*self._layout.row(line, self._positions))
        except ValueError as error:
            return self._bad(line, error)

    def _sample(self, clock_ms: float, voltage_mv: int, current_ma: int) -> list[SourceEvent]:
        events: list[SourceEvent] = []
        if not self._charge:
            self._origin_ms = clock_ms if self._layout.from_first else 0.0
        t_ms = round(clock_ms - self._origin_ms)
        if t_ms == self._latest_ms:
            return []  # of rows that repeat a time the first is kept
        if t_ms < self._latest_ms or not self._charge:
            if self._charge:
                events.append(Ended("unknown"))
                self._origin_ms = clock_ms if self._layout.from_first else 0.0
                t_ms = round(clock_ms - self._origin_ms)
            self._charge += 1
            self._sequence = 0
            events.append(Begun(self._charge))
        self._latest_ms = t_ms
        events.append(Measured(self._sequence, t_ms, voltage_mv, current_ma))
        self._sequence += 1
        return events

    def _bad(self, line: str, error: ValueError) -> list[SourceEvent]:
        what = f"{self.name}:{self._line}: {line[:60]!r} is no sample ({error})"
        if not self._charge:
            raise HostError(f"{what}; name its columns with --columns, and see --separator and --decimal-comma")
        self._n_bad += 1
        if self._n_bad > SHOWN_BAD_ROWS:
            return []
        return [Noted(f"{what}; left out" + ("; so are further ones" if self._n_bad == SHOWN_BAD_ROWS else ""))]


def must_be_there(where: str) -> None:
    """Raises HostError for a file that is absent, or a folder."""
    if where == STANDARD_INPUT or where.startswith("socket:"):
        return
    try:
        is_folder = stat.S_ISDIR(Path(where).stat().st_mode)
    except OSError as error:
        raise HostError(f"--from {where}: {error.strerror}; name a CSV file, - or socket://HOST:PORT") from None
    if is_folder:
        raise HostError(f"--from {where}: is a folder; name a CSV file, - or socket://HOST:PORT")


def _connect(url: str) -> socket.socket:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise HostError(f"--from {url}: give socket://HOST:PORT, for instance socket://127.0.0.1:5555")
    try:
        return socket.create_connection((host, port), timeout=10)
    except OSError as error:
        raise PortError(f"{url}: nobody answers there ({error}); start the other side first") from None
