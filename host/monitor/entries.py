"""What happens on a link, entry by entry: the one thing the tracker is fed with, live or from a recorded run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an entry is about; the values are the keys of a run file."""

    OPENED = "opened"  # text: the port
    LOST = "lost"  # text: why
    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line sent or received (without LF), or what became of the port."""

    at_s: float
    kind: Kind
    line: bytes


ANSWERED = {(b"$L,", b"$P,"), (b"$A,", b"$B,"), (b"$B,", b"$Q,"), (b"$Q,", b"$P,"), (b"$P,", b"$D,")}
"""A line and the next of the same sample."""


def worth_showing(entry: Entry, after: Entry | None) -> bool:
    """Whether an entry changes what is shown: no question, no counter, and of sample and answer only the latter."""
    if entry.kind is Kind.SENT or entry.line.startswith(b"$T,"):
        return False
    followed_by = b"" if after is None or after.kind is not Kind.RECEIVED else after.line[:3]
    return (entry.line[:3], followed_by) not in ANSWERED
