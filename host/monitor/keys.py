"""Keys pressed at a terminal, without waiting for Enter."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SEQUENCES = {
    b"\x1b[D": "left",
    b"\x1b[C": "right",
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1b[H": "home",
    b"\x1b[F": "end",
    b"\x1b[1~": "home",
    b"\x1b[4~": "end",
    b"\x1b[5~": "page up",
    b"\x1b[6~": "page down",
    b"\x1bOD": "left",
    b"\x1bOC": "right",
    b"\x1bOA": "up",
    b"\x1bOB": "down",
    b"\x1bOH": "home",
    b"\x1bOF": "end",
}

Keys = Callable[[float], list[str]]
"""The keys pressed since the last call, waiting at most so many seconds for one."""


@contextmanager
def pressed_keys() -> Iterator[Keys]:
    """Read keys one by one while the block lasts; none where standard input is no terminal of a known kind."""
    try:
        import termios
        import tty
    except ImportError:  # not a Unix
        yield lambda _: []
        return
    if not sys.stdin.isatty():
        yield lambda _: []
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def read(timeout_s: float) -> list[str]:
        ready, _, _ = select.select([descriptor], [], [], timeout_s)
        return split_keys(os.read(descriptor, 256)) if ready else []

    try:
        tty.setcbreak(descriptor)
        yield read
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def split_keys(data: bytes) -> list[str]:
    """Names of the keys in what a terminal sent: `left`, `page up`, or the character; others are left out."""
    keys = []
    while data:
        for sequence, name in _SEQUENCES.items():
            if data.startswith(sequence):
                keys.append(name)
                data = data[len(sequence) :]
                break
        else:
            if data[:1] != b"\x1b":
                keys.append(data[:1].decode("ascii", "ignore"))
                data = data[1:]
            else:  # a sequence of another key: up to its last letter
                rest = data[1:].lstrip(b"[O")
                n = next((k for k, byte in enumerate(rest) if chr(byte).isalpha() or byte == 0x7E), len(rest))
                data = rest[n + 1 :]
    return [key for key in keys if key]
