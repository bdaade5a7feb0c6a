"""A board in live mode: its lines, written from docs/wire.md and sharing no code with host; and one behind a socket."""

from __future__ import annotations

import binascii
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HASH = "0123456789abcdef"
DEVICES = 7


def line(body: str) -> bytes:
    return f"${body}*{binascii.crc32(body.encode()):08X}".encode()


def hello(model_hash: str = HASH, protocol: int = 1, boot: int = 0) -> bytes:
    high, low = model_hash[:8].upper(), model_hash[8:].upper()
    return line(f"H,{high},{low},{protocol:X},10203,{boot:X},{DEVICES:X}")


def credit() -> bytes:
    return line("C,80")


def sample(sequence: int, t_ms: int, voltage_mv: int = 9_000, current_ma: int = 1_500) -> bytes:
    numbers = (f"-{-value:X}" if value < 0 else f"{value:X}" for value in (sequence, t_ms, voltage_mv, current_ma))
    return line("L," + ",".join(numbers))


def answer(
    sequence: int,
    device: int = 2,
    confidence: int = 930,
    remaining_s: tuple[int, int, int] = (2_460, 2_820, 3_360),
    phase: int = 1,
    *,
    unknown: bool = False,
    classifier: bool = True,
) -> bytes:
    low, middle, high = remaining_s
    flags = int(unknown) | phase << 1 | (0 if classifier else 8)
    return line(f"P,{sequence:X},{device:X},{confidence:X},{low:X},{middle:X},{high:X},{flags:X},0BADCAFE")


def plug(number: int = 1) -> bytes:
    return line(f"E,1,{number:X}")


def unplug(number: int = 1) -> bytes:
    return line(f"E,2,{number:X}")


def fault(kind: int) -> bytes:
    return line(f"E,3,{kind:X}")


def well() -> bytes:
    return line("E,4,0")


def counters(mode: int = 0, answered: int = 0) -> list[bytes]:
    values = [answered, 0, 0, 43, 61, answered, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 412, mode]
    return [line(f"T,{number:X},{value:X}") for number, value in enumerate(values)]


class SocketBoard:
    """Answers `$H` and `$T`; says everything else when told to, once it was asked. One host at a time."""

    def __init__(self) -> None:
        self.state: list[bytes] = []  # what a newcomer is told behind the hello
        self.heard: list[bytes] = []
        self.connected = threading.Event()
        self._connection: socket.socket | None = None
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> str:
        return f"socket://127.0.0.1:{self._server.getsockname()[1]}"

    def say(self, *lines: bytes) -> None:
        assert self.connected.wait(10)
        assert self._connection is not None
        self._connection.sendall(b"".join(one + b"\n" for one in lines))

    def charge(self, first: int, last: int, **answered: object) -> None:
        """Samples `first` … `last` − 1, one a second on the board's clock, and their answers."""
        for k in range(first, last):
            self.say(sample(k, 1_000 * k), answer(k, **answered))  # type: ignore[arg-type]

    def hang_up(self) -> None:
        self.connected.clear()
        if self._connection is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.close()
        self.hang_up()

    def _serve(self) -> None:
        while True:
            try:
                self._connection, _ = self._server.accept()
            except OSError:
                return
            with self._connection:
                self._converse(self._connection)

    def _converse(self, connection: socket.socket) -> None:
        rest = b""
        while True:
            try:
                data = connection.recv(4096)
            except OSError:
                return
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            self.heard += lines
            for one in lines:
                replies = []
                if one == line("H"):
                    replies = [hello(), credit(), *self.state]
                elif one == line("T"):
                    replies = counters()
                if replies:
                    with suppress(OSError):
                        connection.sendall(b"".join(reply + b"\n" for reply in replies))
                    self.connected.set()  # what is said before the host asks may be lost: it clears its buffer


@contextmanager
def socket_board() -> Iterator[SocketBoard]:
    board = SocketBoard()
    try:
        yield board
    finally:
        board.close()
