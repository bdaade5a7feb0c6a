"""A line as slow as a real one, for boards that have none: a proxy that lets bytes through at the pace of a UART.

Ten bits a byte (start, eight, stop), each direction by itself and both at once. A byte arrives when its stop bit has,
at the earliest: what the proxy is late by makes the line slower than a real one, never faster.
"""

from __future__ import annotations

import math
import os
import re
import select
import socket
import threading
import time
import tty
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from host.errors import PortError

BITS_A_BYTE = 10
FIFO_BYTES = 256
"""So many bytes may wait to be sent; with more, the sender has to wait, as with a real UART."""

WAKE_EVERY_S = 0.005
"""Bytes are handed on when the end of their line has arrived, which nobody can use before, or after this time."""

READ_BYTES = 4096
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")


class Pacer:
    """One direction: bytes go in when they are written, and come out when the line has carried them."""

    def __init__(self, baud: int) -> None:
        self._byte_s = BITS_A_BYTE / baud
        self._bursts: deque[tuple[float, bytes]] = deque()  # start of its first bit, a line or part of one
        self._free_at = 0.0

    @property
    def waiting(self) -> int:
        """Bytes on their way."""
        return sum(len(data) for _, data in self._bursts)

    @property
    def done_at(self) -> float | None:
        """When the last byte of the first line of them arrives, None without any."""
        if not self._bursts:
            return None
        start, data = self._bursts[0]
        return start + len(data) * self._byte_s

    def push(self, data: bytes, now: float) -> None:
        """Hand bytes to the line; they follow what is on it already."""
        for line in _LINE.findall(data):
            start = max(now, self._free_at)
            self._free_at = start + len(line) * self._byte_s
            self._bursts.append((start, line))

    def take(self, now: float) -> bytes:
        """The bytes that have arrived by now and were not taken before."""
        arrived = b""
        while self._bursts:
            start, data = self._bursts[0]
            n = min(len(data), max(0, int((now - start) / self._byte_s)))
            arrived += data[:n]
            if n < len(data):
                self._bursts[0] = (start + n * self._byte_s, data[n:])
                break
            self._bursts.popleft()
        return arrived


class _Way:
    """One direction of the proxy: from a descriptor to another."""

    def __init__(self, read: int, write: int, baud: int) -> None:
        self.read, self.write = read, write
        self.pacer = Pacer(baud)
        self._late = b""  # arrived, but the receiver's buffer is full

    @property
    def wakes_at(self) -> float:
        """When there is something to hand on."""
        if self._late:
            return time.monotonic() + WAKE_EVERY_S
        return math.inf if self.pacer.done_at is None else self.pacer.done_at

    def move(self, readable: bool) -> None:
        """Take what was written, hand on what has arrived; raises OSError when a side is gone."""
        now = time.monotonic()
        if readable:
            data = os.read(self.read, READ_BYTES)
            if not data:
                raise OSError
            self.pacer.push(data, now)
        self._late += self.pacer.take(now)
        if self._late:
            with suppress(BlockingIOError):
                self._late = self._late[os.write(self.write, self._late) :]


@contextmanager
def paced_line(port: str, baud: int) -> Iterator[str]:
    """The path of a pseudo-terminal that is the port `port` (a path or socket://HOST:PORT), at `baud` bits a second.

    Raises PortError when the port cannot be opened.
    """
    board, close_board = _open(port)
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    ends_read, ends_write = os.pipe()
    pump = threading.Thread(
        target=_pump, args=(board, master, slave, ends_read, baud), name=f"pace {port}", daemon=True
    )
    pump.start()
    try:
        yield os.ttyname(slave)
    finally:
        os.close(ends_write)
        pump.join()
        os.close(ends_read)
        close_board()


def _pump(board: int, master: int, slave: int, ends: int, baud: int) -> None:
    """Carry bytes until either side is gone or `ends` is closed; then the host's line hangs up."""
    ways = (_Way(master, board, baud), _Way(board, master, baud))
    try:
        while True:
            due = min(way.wakes_at for way in ways)
            wait_s = None if due == math.inf else min(max(due - time.monotonic(), 0.0), WAKE_EVERY_S)
            listening = [way.read for way in ways if way.pacer.waiting < FIFO_BYTES]
            readable = select.select([*listening, ends], [], [], wait_s)[0]
            if ends in readable:
                return
            for way in ways:
                way.move(way.read in readable)
    except OSError:
        return
    finally:
        os.close(slave)
        os.close(master)


def _open(port: str) -> tuple[int, Callable[[], None]]:
    try:
        if port.startswith("socket://"):
            host, _, number = port.removeprefix("socket://").rpartition(":")
            connection = socket.create_connection((host, int(number)), timeout=10)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setblocking(False)
            return connection.fileno(), connection.close
        descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        raise PortError(f"{port}: cannot be opened: {error}") from None
    tty.setraw(descriptor)
    return descriptor, lambda: os.close(descriptor)
