"""The log beside the figures: the board's own lines, and what the monitor noticed."""

from __future__ import annotations

import re
from collections import deque

from host.monitor.snapshot import Note

N_NOTES = 50

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Notes:
    """The latest N_NOTES of them."""

    def __init__(self) -> None:
        self._notes: deque[Note] = deque(maxlen=N_NOTES)
        self._frozen: tuple[Note, ...] | None = ()

    def add(self, at_s: float, text: str) -> None:
        """The monitor noticed something."""
        self._append(Note(at_s, text, board=False))

    def log(self, at_s: float, line: bytes) -> None:
        """The board logged a line."""
        self._append(Note(at_s, plain(line), board=True))

    def frozen(self) -> tuple[Note, ...]:
        """Oldest first."""
        if self._frozen is None:
            self._frozen = tuple(self._notes)
        return self._frozen

    def _append(self, note: Note) -> None:
        self._notes.append(note)
        self._frozen = None


def plain(line: bytes) -> str:
    """A line as text without colours and control characters, which would act on a terminal."""
    text = _ESCAPES.sub("", line.decode("utf-8", "replace")).rstrip("\r")
    return _CONTROLS.sub("·", text).expandtabs(4)
