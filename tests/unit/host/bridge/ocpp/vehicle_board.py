"""A charge point's board behind a socket, written from docs/wire.md and sharing no code with host."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.unit.host.monitor.live_board import HASH, line

CARS = 3


class VehicleBoard:
    """Cars 0 and 2 are possible, from the third sample on car 2 alone. It can lose lines and all memory."""

    def __init__(self) -> None:
        self.bodies: list[str] = []  # all that was heard
        self.protocol = 0x11
        self.lose = 0  # so many answers, and so many first lines of samples
        self.lose_first = 0
        self.stammer = False  # says its latest answer again before the next
        self.connections = 0
        self._expected = 0
        self._first: list[str] | None = None
        self._said: tuple[str, ...] = ()
        self._connection: socket.socket | None = None
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> str:
        return f"socket://127.0.0.1:{self._server.getsockname()[1]}"

    def of(self, letter: str) -> list[str]:
        return [body for body in self.bodies if body[0] == letter]

    def start_anew(self) -> None:
        """As after a brown-out: all is forgotten, and a hello is said unasked."""
        self._expected, self._first = 0, None
        self.say(self._hello(), b"C,80")

    def hang_up(self) -> None:
        """As when the cable is pulled."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.close()
        self.hang_up()

    def say(self, *bodies: bytes | str) -> None:
        texts = [body if isinstance(body, str) else body.decode() for body in bodies]
        if self._connection is not None:
            with suppress(OSError):
                self._connection.sendall(b"".join(line(text) + b"\n" for text in texts))

    def _hello(self) -> str:
        return f"H,{HASH[:8].upper()},{HASH[8:].upper()},{self.protocol:X},10203,0,{CARS}"

    def _serve(self) -> None:
        while True:
            try:
                self._connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
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
            for one in lines:
                body = one.decode()[1:-9]
                assert line(body) == one
                self.bodies.append(body)
                self._take(body)

    def _take(self, body: str) -> None:
        letter, *fields = body.split(",")
        if letter == "H":
            self.say(self._hello(), "C,80")
        elif letter == "R":
            self._expected, self._first = int(fields[0], 16), None
            self.say(body)
        elif letter in "MG":
            self.say(body)
        elif letter == "A":
            self._first = fields
            if self.lose_first:
                self.lose_first -= 1
                self._first = None
        elif letter == "B":
            self._answer(int(fields[0], 16), int(fields[1], 16))
        else:
            self.say("X,1")

    def _answer(self, sequence: int, t_ms: int) -> None:
        if self._first is None or int(self._first[0], 16) != sequence or sequence > self._expected:
            self.say(f"N,{sequence:X},1,{self._expected:X}")
            return
        self._expected = sequence + 1
        if self.lose:
            self.lose -= 1
            return
        if self.stammer and sequence:
            self.say(*self._said)
        possible, several = (0b101, 2) if sequence < 2 else (0b100, 0)
        state = several | 1 << 5 | 3 << 8 | 3 << 12
        self._said = (
            f"Q,{sequence:X},{possible:X},{state:X},2AF8,-1,-1,-1,4E20",
            f"P,{sequence:X},2,3CA,E10,1C20,2A30,2,{t_ms:08X}",
        )
        self.say(*self._said)


@contextmanager
def vehicle_board() -> Iterator[VehicleBoard]:
    board = VehicleBoard()
    try:
        yield board
    finally:
        board.close()
