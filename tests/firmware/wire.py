"""The wire as docs/wire.md has it, written apart from both sides that speak it: an oracle."""

from __future__ import annotations

import re
import zlib

FRAME = re.compile(rb"\$([A-Z](?:,[^*]*)?)\*([0-9A-F]{8})\n")


def hexadecimal(value: int) -> str:
    """A number in its one spelling."""
    return f"{value:X}" if value >= 0 else f"-{-value:X}"


def frame(body: str) -> bytes:
    """A line around a body such as `R,0`."""
    return f"${body}*{zlib.crc32(body.encode('ascii')):08X}\n".encode("ascii")


def line(kind: str, *fields: int) -> bytes:
    """A line of numbers."""
    return frame(",".join([kind, *map(hexadecimal, fields)]))


def body(received: bytes) -> str:
    """What a line says; asserts that its frame is right."""
    found = FRAME.fullmatch(received)
    assert found, received
    assert int(found[2], 16) == zlib.crc32(found[1]), received
    return found[1].decode("ascii")


def bodies(received: bytes) -> list[str]:
    """What each line of an output says."""
    return [body(each) for each in received.splitlines(keepends=True)]


def replay(n: int, first: int = 0) -> list[bytes]:
    """Sample lines of a charge that tapers: n samples, about one a second."""
    return [line("S", first + i, 1000 * i + i % 7, 5000 + i % 13, max(40, 2000 - 3 * i)) for i in range(n)]
