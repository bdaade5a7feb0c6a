"""A board on a port, watched: what happens on the link, in batches, for as long as somebody wants them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager

from host.board import AUTO
from host.errors import ModelMismatchError, PortError, SilentBoardError
from host.framing import LineSplitter
from host.messages import PROTOCOL_VERSION, encode
from host.monitor.asking import Asker
from host.monitor.entries import Entry, Kind
from host.monitor.tracker import Tracker
from host.transport import Link

BATCH_S = 0.1
"""A batch is handed over at least so often, be it empty: views move on, keys are read."""

FIRST_HELLO_S = 10.0
"""A port on which nobody says hello for so long at the start is not the board's."""

REOPEN_S = (0.5, 1.0, 2.0, 5.0)
"""Waits between attempts to open a lost port; the last one repeats."""

Batches = Generator[list[Entry], None, None]


class Clock:
    """Seconds since 1970 that never run backwards, and go on while the machine sleeps."""

    def __init__(self) -> None:
        self._source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        self._offset_s = time.time() - time.clock_gettime(self._source)

    def __call__(self) -> float:
        """Now."""
        return time.clock_gettime(self._source) + self._offset_s


def live_batches(
    open_link: Callable[[], AbstractContextManager[Link]], source: str, tracker: Tracker, clock: Callable[[], float]
) -> Batches:
    """Watch the board behind `open_link`; when its port is lost, open it again, for ever.

    The consumer feeds each batch to the tracker before it takes the next. Raises what open_link raises the first time,
    SilentBoardError when nobody says hello at the start, ModelMismatchError for another protocol.
    """
    attempts = 0
    while True:
        try:
            with open_link() as link:
                attempts = 0
                yield [Entry(clock(), Kind.OPENED, _name(link, source).encode())]
                yield from _watch(link, tracker, clock)
        except PortError as error:
            if tracker.hello_at_s is None:
                raise
            yield [Entry(clock(), Kind.LOST, str(error).encode())]
        until = clock() + REOPEN_S[min(attempts, len(REOPEN_S) - 1)]
        attempts += 1
        while clock() < until:
            time.sleep(BATCH_S)
            yield []


def _name(link: Link, source: str) -> str:
    """As the user named it; the port that was found, where it was left to be found."""
    return str(getattr(link, "port", source)) if source == AUTO else source


def _watch(link: Link, tracker: Tracker, clock: Callable[[], float]) -> Batches:
    opened_at_s = clock()
    asker, splitter = Asker(opened_at_s), LineSplitter()
    while True:
        batch = []
        for message in asker.due(clock(), tracker, tracker.snapshot(clock()).status):
            line = encode(message)
            batch.append(Entry(clock(), Kind.SENT, line.rstrip(b"\n")))
            link.send(line)
        data = link.receive(BATCH_S)
        now = clock()
        batch += [Entry(now, Kind.RECEIVED, line.rstrip(b"\r")) for line in splitter.push(data) if line]
        yield batch
        _check(tracker, now - opened_at_s)


def _check(tracker: Tracker, open_for_s: float) -> None:
    protocol = tracker.protocol
    if protocol is None:
        if open_for_s > FIRST_HELLO_S:
            raise SilentBoardError(
                f"nobody says hello in {FIRST_HELLO_S:.0f} s; is this the board's port, does it run this firmware, "
                "and is the baud rate right? host doctor finds out"
            )
    elif protocol & 15 != PROTOCOL_VERSION:
        raise ModelMismatchError(
            f"the board speaks protocol {protocol & 15}, this program {PROTOCOL_VERSION}; flash the firmware again"
        )
