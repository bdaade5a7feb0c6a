"""The boards QEMU emulates, as platformio.ini and docs/boards.md have them."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

SECONDS_MAX = 240


FILES = Path(__file__).resolve().parents[2] / "firmware" / "platform" / "qemu" / "boards"


@dataclass(frozen=True, slots=True)
class Board:
    """An environment of platformio.ini, the board file it names, and the programs it needs beyond the ring's own."""

    env: str
    file: str
    programs: tuple[str, ...] = ()

    def setting(self, name: str) -> str:
        """A value of the board file's `build`."""
        return str(json.loads((FILES / f"{self.file}.json").read_text(encoding="utf-8"))["build"][name])

    def command(self, program: Path, serial: str) -> list[str]:
        """QEMU with the board's line on `serial`."""
        command = self.setting("qemu").replace("-serial stdio", f"-serial {serial}")
        return f"{command}{'' if command.endswith('=') else ' '}{program}".split()


BOARDS = (
    Board("qemu_riscv32", "qemu_rv32imc"),
    Board("qemu_riscv32f", "qemu_rv32imafc"),
    Board("qemu_cortexm4", "qemu_cortexm4", ("arm-none-eabi-gcc", "qemu-system-arm")),
    Board("qemu_lx6", "qemu_lx6", ("clang-22", "llvm-mc-22", "xtensa-lx106-elf-ld", "qemu-system-xtensa")),
)


def on_boards() -> list[object]:
    """Every board as a parameter, with the programs it needs."""
    return [pytest.param(board, id=board.env, marks=pytest.mark.qemu(*board.programs)) for board in BOARDS]


@dataclass(frozen=True, slots=True)
class Firmware:
    """A program built for a board."""

    board: Board
    program: Path

    def converse(self, lines: Sequence[bytes], n_answers: int) -> bytes:
        """What a board that has just been switched on says to lines on its line's standard input: so many lines.

        QEMU hands over a byte when the one before has been read: no line is too early.
        """
        command = self.board.command(self.program, "stdio")
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            watch = threading.Timer(SECONDS_MAX, process.kill)
            feed = threading.Thread(target=_feed, args=(process, b"".join(lines)))
            watch.start()
            feed.start()
            said = b"".join(process.stdout.readline() for _ in range(n_answers))
            process.kill()
            watch.cancel()
            feed.join()
        return said


def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(data)
        process.stdin.flush()
    except BrokenPipeError:
        pass  # the board was switched off
