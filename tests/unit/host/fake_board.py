"""A board in memory, written from docs/wire.md and sharing no code with host; and a line to it that does damage.

Its answer to a sample is a digest of every sample of the charge so far, so a skipped, doubled or damaged one shows in
all answers after it.
"""

from __future__ import annotations

import binascii
import random
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

Values = tuple[int, int, int]

HASH = "0123456789abcdef"
CREDIT = 128


def line(body: str) -> bytes:
    return f"${body}*{binascii.crc32(body.encode()):08X}\n".encode()


def number(text: str) -> int:
    value = int(text, 16)
    if f"{value:X}" != text:
        raise ValueError(text)
    return value


def digest(history: bytes, values: Values) -> bytes:
    return struct.pack("<I", binascii.crc32(struct.pack("<Iii", *values), struct.unpack("<I", history)[0]))


def answer_of(sequence: int, state: bytes) -> str:
    crc = struct.unpack("<I", state)[0]
    return (
        f"P,{sequence:X},{crc % 7:X},{crc % 1001:X},{crc % 100:X},{crc % 1000:X},{crc % 10000:X},{crc % 16:X},{crc:08X}"
    )


def expected_answers(samples: list[Values]) -> list[str]:
    state, answers = bytes(4), []
    for k, values in enumerate(samples):
        state = digest(state, values)
        answers.append(answer_of(k, state))
    return answers


class FakeBoard:
    """`receive` takes bytes and returns what the board says."""

    def __init__(self, model_hash: str = HASH, protocol: int = 1, boot_mode: int = 1) -> None:
        self.model_hash = model_hash
        self.protocol = protocol
        self.boot_mode = boot_mode
        self.processed = 0
        self.damaged = 0
        self.max_unanswered_bytes = 0
        self.start()

    def start(self) -> bytes:
        self.rest = b""
        self.mode = self.boot_mode
        self.begin(0)
        return self.hello(boot=1)

    def begin(self, first: int) -> None:
        self.state, self.expected, self.last_t = bytes(4), first, -1
        self.kept: dict[int, tuple[Values, str]] = {}

    def hello(self, boot: int) -> bytes:
        high, low = self.model_hash[:8].upper(), self.model_hash[8:].upper()
        return line(f"H,{high},{low},{self.protocol:X},100,{boot:X},7") + line(f"C,{CREDIT:X}")

    def receive(self, data: bytes) -> bytes:
        *lines, self.rest = (self.rest + data).split(b"\n")
        return b"".join(self.take(text) for text in lines)

    def take(self, text: bytes) -> bytes:
        try:
            body, star, crc = text.decode("ascii").partition("*")
            if len(text) > 62 or not body.startswith("$") or not star or crc != f"{binascii.crc32(text[1:-9]):08X}":
                raise ValueError
            kind, *fields = body[1:].split(",")
            values = [number(field) for field in fields]
        except ValueError:
            self.damaged += 1
            return b""
        match kind, values:
            case "H", []:
                return self.hello(boot=0)
            case "R", [first]:
                self.begin(first)
                return line(f"R,{first:X}")
            case "M", [mode]:
                self.mode = mode
                return line(f"M,{mode:X}")
            case "T", []:
                counters = [self.processed, self.damaged, 0, 12, 34, self.expected, 1200, 3400, 0, 640, self.mode]
                return b"".join(line(f"T,{k:X},{value:X}") for k, value in enumerate(counters))
            case "S", [sequence, t_ms, voltage_mv, current_ma]:
                return self.sample(sequence, (t_ms, voltage_mv, current_ma))
        return line("X,2" if kind in "HRMTS" else "X,1")

    def sample(self, sequence: int, values: Values) -> bytes:
        def refuse(reason: int) -> bytes:
            return line(f"N,{sequence:X},{reason:X},{self.expected:X}")

        if self.mode != 1:
            return refuse(4)
        if sequence in self.kept:
            sample, answer = self.kept[sequence]
            return line(answer) if sample == values else refuse(5)
        if sequence != self.expected:
            return refuse(1 if sequence > self.expected else 2)
        if values[0] <= self.last_t:
            return refuse(3)
        self.state, self.last_t = digest(self.state, values), values[0]
        answer = answer_of(sequence, self.state)
        self.kept[sequence] = (values, answer)
        self.kept.pop(sequence - 8, None)
        self.expected += 1
        self.processed += 1
        return line(answer)


@dataclass(frozen=True)
class Trouble:
    """Probabilities: damage per line each way, restart of the board and chatter per line received."""

    drop: float = 0.0
    flip: float = 0.0
    double: float = 0.0
    cut: float = 0.0
    restart: float = 0.0
    chatter: float = 0.0
    hello_lost: float = 0.0


class FakeLink:
    """A line with a clock of its own: waiting costs nothing. Delivers in pieces of any length."""

    def __init__(self, board: FakeBoard | None, trouble: Trouble, seed: int = 0) -> None:
        self.board = board
        self.trouble = trouble
        self.random = random.Random(seed)
        self.time = 0.0
        self.incoming: deque[bytes] = deque()
        self.sent: list[bytes] = []
        self.on_send: Callable[[], None] = lambda: None

    def damage(self, data: bytes) -> bytes:
        pieces = data.splitlines(keepends=True)
        return b"".join(self.damage_line(piece) for piece in pieces)

    def damage_line(self, piece: bytes) -> bytes:
        chance, trouble = self.random.random, self.trouble
        if chance() < trouble.drop:
            return b""
        if chance() < trouble.double:
            piece = piece * 2
        if chance() < trouble.cut:
            where = self.random.randrange(len(piece))
            piece = piece[:where] + piece[where + self.random.randrange(1, 41) :]
        if piece and chance() < trouble.flip:
            flipped = bytearray(piece)
            for _ in range(self.random.randrange(1, 4)):
                flipped[self.random.randrange(len(flipped))] ^= 1 << self.random.randrange(8)
            piece = bytes(flipped)
        return piece

    def send(self, data: bytes) -> None:
        self.sent.append(data)
        self.on_send()
        if self.board is None:
            return
        for piece in self.damage(data).splitlines(keepends=True):
            reply = b""
            if self.random.random() < self.trouble.restart:
                reply += self.board.start() if self.random.random() >= self.trouble.hello_lost else self.lost_start()
            if self.random.random() < self.trouble.chatter:
                reply += b"I (123) wifi: \xff\xfe\x00 some log\r\n"
            reply += self.board.receive(piece)
            self.incoming.append(self.damage(reply))

    def lost_start(self) -> bytes:
        assert self.board is not None
        self.board.start()
        return b""

    def receive(self, timeout_s: float) -> bytes:
        while self.incoming and not self.incoming[0]:
            self.incoming.popleft()
        if not self.incoming:
            self.time += timeout_s
            return b""
        self.time += 0.001
        data = self.incoming.popleft()
        cut = self.random.randrange(1, len(data) + 1)
        if cut < len(data):
            self.incoming.appendleft(data[cut:])
        return data[:cut]

    def now(self) -> float:
        return self.time
