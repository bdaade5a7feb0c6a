"""An SDM630 at a pseudo-terminal, written from its protocol description: Modbus RTU, floats by Python's struct."""

from __future__ import annotations

import os
import struct
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

UNIT = 1
READ_INPUT_REGISTERS, ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 4, 1, 2
N_REGISTERS = 0x4C


def crc16(frame: bytes) -> bytes:
    """CRC-16/MODBUS by long division of the bit-reversed message, low byte first."""
    bits = [byte >> k & 1 for byte in frame for k in range(8)] + [0] * 16
    for k in range(16):
        bits[k] ^= 1  # begins with all ones
    for k in range(len(bits) - 16):
        if bits[k]:
            for power in (0, 1, 14, 16):  # x^16 + x^15 + x^2 + 1, from its highest power on
                bits[k + power] ^= 1
    rest = bits[-16:]
    return bytes(sum(bit << k for k, bit in enumerate(rest[at : at + 8])) for at in (0, 8))


@dataclass
class Sdm630:
    """What it measures, by register, and what it was asked."""

    values: dict[int, float] = field(default_factory=dict)
    asked: list[tuple[int, int]] = field(default_factory=list)

    def reply(self, frame: bytes) -> bytes:
        """Nothing to a frame that is damaged, or another unit's."""
        if len(frame) != 8 or frame[0] != UNIT or crc16(frame[:-2]) != frame[-2:]:
            return b""
        function, first, count = struct.unpack(">xBHHxx", frame)
        self.asked.append((first, count))
        refusal = ILLEGAL_FUNCTION if function != READ_INPUT_REGISTERS else 0
        if first % 2 or count % 2 or not 2 <= count <= 80 or first + count > N_REGISTERS:
            refusal = ILLEGAL_ADDRESS
        if refusal:
            body = bytes([UNIT, function | 0x80, refusal])
        else:
            data = b"".join(struct.pack(">f", self.values.get(at, 0.0)) for at in range(first, first + count, 2))
            body = bytes([UNIT, function, len(data)]) + data
        return body + crc16(body)


@contextmanager
def on_a_terminal(meter: Sdm630) -> Iterator[str]:
    """The path of a serial device with this meter at its other end."""
    master, slave = os.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)

    def serve() -> None:
        while True:
            try:
                frame = os.read(master, 256)
                if reply := meter.reply(frame):
                    os.write(master, reply)
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield path
    finally:
        os.close(slave)  # the last one: the thread's read ends
        thread.join(5)
        os.close(master)
