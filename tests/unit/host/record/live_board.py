"""A board with a sensor, written from docs/wire.md and sharing no code with host: it plays charges in its own time.

As a program (`program --pty --sensor FILE… --speed N`) it stands for the native firmware.
"""

from __future__ import annotations

import csv
import os
import select
import sys
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.unit.host.fake_board import HASH, FakeBoard, Values, answer_of, digest, line

IDLE_S = 0.2


@dataclass
class Mishaps:
    """What goes wrong, by the charge's sample number (of the first charge)."""

    reset_at: int = -1
    reset_for_s: float = 0.0
    damage_at: int = -1
    lose_plug: bool = False
    lose_unplug: bool = False
    die_at: int = -1
    fault_at: int = -1
    fault_s: float = 5.0


@dataclass
class LiveBoard:
    """`take` answers the host, `due` says what the board says by itself until `now` (seconds, any origin)."""

    charges: list[list[Values]]
    speed: float = 1.0
    mishaps: Mishaps = field(default_factory=Mishaps)
    on_sample: Callable[[int, int], None] = lambda _charge, _sequence: None

    def __post_init__(self) -> None:
        self.board = FakeBoard(HASH, boot_mode=0)
        self.charge, self.position = 0, -1
        self.number = 0
        self.next_at: float | None = None
        self.rest = b""
        self.plugged = False
        self.fresh = True
        self.was_reset = False

    def receive(self, data: bytes) -> bytes:
        *lines, self.rest = (self.rest + data).split(b"\n")
        return b"".join(self.answer(text) for text in lines)

    def answer(self, text: bytes) -> bytes:
        if text.startswith(b"$H*"):
            return self.board.hello(0) + (line(f"E,1,{self.number:X}") if self.plugged else b"")
        if text.startswith(b"$R"):
            return b""
        return self.board.take(text)

    def due(self, now: float) -> bytes:
        if self.next_at is None:
            self.next_at = now + IDLE_S
        said = b""
        while self.charge < len(self.charges) and now >= self.next_at:
            said += self.step()
        return said

    def step(self) -> bytes:
        assert self.next_at is not None
        samples = self.charges[self.charge]
        if not self.plugged:
            if self.position < 0:
                self.position = 0
            self.number, self.plugged, self.fresh = self.number + 1, True, True
            self.sequence, self.origin_ms = 0, samples[self.position][0]
            self.board.begin(0)
            return b"" if self.mishaps.lose_plug else line(f"E,1,{self.number:X}")
        if self.position == len(samples):
            self.charge, self.position, self.plugged = self.charge + 1, -1, False
            self.next_at += IDLE_S
            return b"" if self.mishaps.lose_unplug else line(f"E,2,{self.number:X}")
        if (mishap := self.mishap(self.position)) is not None:
            return mishap
        return self.sample(samples)

    def sample(self, samples: list[Values]) -> bytes:
        assert self.next_at is not None
        t_ms, voltage_mv, current_ma = samples[self.position]
        values = (t_ms - self.origin_ms, voltage_mv, current_ma)
        self.board.state = digest(self.board.state, values)
        said = line(f"L,{self.sequence:X},{values[0]:X},{voltage_mv:X},{current_ma:X}")
        said += line(answer_of(self.sequence, self.board.state))
        if self.charge == 0 and self.position == self.mishaps.damage_at:
            said = said.replace(b"L,", b"L;", 1)
        self.on_sample(self.charge, self.position)
        self.position += 1
        self.sequence += 1
        following = samples[self.position][0] if self.position < len(samples) else t_ms
        self.next_at += (following - t_ms) / 1000 / self.speed if self.speed else 0.0
        return said

    def mishap(self, position: int) -> bytes | None:
        if self.charge or self.was_reset:
            return None
        if position == self.mishaps.die_at:
            time.sleep(1.0)  # what was said before is heard
            os._exit(1)
        assert self.next_at is not None
        if position == self.mishaps.reset_at:
            self.was_reset, self.plugged, self.number = True, False, 0
            self.next_at += self.mishaps.reset_for_s
            return line("H,01234567,89ABCDEF,1,100,1,7")
        if position == self.mishaps.fault_at:
            self.was_reset = True
            return line("E,3,1") + line("E,4,0")
        return None


def read_charge(path: Path) -> list[Values]:
    with path.open(encoding="utf-8") as file:
        return [(int(row["t_ms"]), int(row["voltage_mv"]), int(row["current_ma"])) for row in csv.DictReader(file)]


def main(arguments: list[str], mishaps: Mishaps, sent: Path | None = None) -> None:
    """Be the program: `sent` gets a line `charge sample monotonic` for each sample said."""
    files, speed = [], 1.0
    if "--sensor" in arguments:
        end = arguments.index("--speed")
        files = [Path(name) for name in arguments[arguments.index("--sensor") + 1 : end]]
        speed = float(arguments[end + 1])
    board = LiveBoard([read_charge(path) for path in files], speed, mishaps)
    log = None if sent is None else sent.open("a", buffering=1, encoding="ascii")
    if log is not None:
        board.on_sample = lambda charge, sample: print(charge, sample, time.monotonic(), file=log) and None
    master, slave = os.openpty()
    tty.setraw(slave)
    print(os.ttyname(slave), flush=True)
    os.write(master, line("H,01234567,89ABCDEF,1,100,0,7"))
    while True:
        wait_s = 0.1 if board.next_at is None else max(0.0, min(0.1, board.next_at - time.monotonic()))
        ready, _, _ = select.select([master, 0], [], [], wait_s if board.charge < len(board.charges) else 0.1)
        if 0 in ready and not os.read(0, 64):
            return
        if master in ready:
            os.write(master, board.receive(os.read(master, 4096)))
        if said := board.due(time.monotonic()):
            os.write(master, said)


if __name__ == "__main__":
    main(sys.argv[1:], Mishaps())
