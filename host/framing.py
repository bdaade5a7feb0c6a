"""Lines on the wire, docs/wire.md: frame, CRC and canonical numbers. `messages` gives them meaning."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable

from host.errors import DamagedLineError

LINE_MAX = 63
"""Longest message in bytes, LF included."""

LOG_MAX = 1024
"""Longest log line that is shown whole; boot logs of a board are longer than messages."""

_FRAME = re.compile(rb"\$([A-Z][-,0-9A-F]*)\*([0-9A-F]{8})")


def frame(kind: str, fields: Iterable[str] = ()) -> bytes:
    """A whole line, LF included; raises ValueError over LINE_MAX bytes."""
    body = ",".join((kind, *fields)).encode("ascii")
    line = b"$%s*%08X\n" % (body, zlib.crc32(body))
    if len(line) > LINE_MAX:
        raise ValueError(f"line of {len(line)} bytes, the wire takes {LINE_MAX}")
    return line


def unframe(line: bytes) -> bytes:
    """What stands between `$` and `*` in a line without its LF; raises DamagedLineError."""
    match = _FRAME.fullmatch(line)
    if match is None or len(line) >= LINE_MAX:
        raise DamagedLineError("not a frame")
    body, crc = match.groups()
    if zlib.crc32(body) != int(crc, 16):
        raise DamagedLineError("wrong CRC")
    return body


def is_message(line: bytes) -> bool:
    """Whether a line wants to be a message at all; any other is a log."""
    return line.startswith(b"$")


class LineSplitter:
    """Collects bytes into lines; its memory is bounded whatever comes in."""

    def __init__(self) -> None:
        self._rest = b""

    def push(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without LF; an over-long one is cut after LOG_MAX bytes."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:LOG_MAX]
        return [line[:LOG_MAX] for line in lines]
