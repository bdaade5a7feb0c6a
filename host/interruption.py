"""Ctrl-C and SIGTERM as a request that a loop reads, for work that has to be left in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

INSIST_AFTER_S = 3.0
"""The work has so long to come to its end; keys pressed in haste meanwhile do not break it off."""


@dataclass(slots=True)
class Interruption:
    """Whether the user wants the work to end."""

    requested: bool = False
    requested_at: float = 0.0


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Within the block the first signal sets `requested`; one that comes much later raises KeyboardInterrupt."""
    interruption = Interruption()

    def request(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not interruption.requested:
            interruption.requested, interruption.requested_at = True, now
        elif now - interruption.requested_at > INSIST_AFTER_S:
            signal.default_int_handler(number, frame)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, request) for number in numbers]
    try:
        yield interruption
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
