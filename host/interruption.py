"""Ctrl-C and SIGTERM as a request that a loop reads, for work that has to be left in order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Interruption:
    """Whether the user wants the work to end."""

    requested: bool = False


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Within the block the first signal sets `requested`; a second one raises KeyboardInterrupt."""
    interruption = Interruption()

    def request(number: int, frame: FrameType | None) -> None:
        if interruption.requested:
            signal.default_int_handler(number, frame)
        interruption.requested = True

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, request) for number in numbers]
    try:
        yield interruption
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
