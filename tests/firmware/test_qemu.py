"""The same firmware as machine code of other processors, on boards QEMU emulates."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.firmware.boards import Firmware
from tests.firmware.test_native import HELLO, converse
from tests.firmware.wire import body, line, replay

pytestmark = [pytest.mark.qemu, pytest.mark.xdist_group("firmware")]

N_SAMPLES = 400


def talk(link: socket.socket, lines: list[bytes], n_answers: int) -> list[str]:
    """Sends lines within the credit of 128 bytes and returns what the answers say."""
    said = []
    with link.makefile("rb") as incoming:
        for i, each in enumerate(lines):
            link.sendall(each)
            if i >= 2:
                said.append(body(incoming.readline()))
        while len(said) < n_answers:
            said.append(body(incoming.readline()))
    return said


def test_answers_as_the_native_board(qemu_board: socket.socket, native_board: Path) -> None:
    lines = [line("R", 0), *replay(N_SAMPLES)]
    expected = converse(native_board, *lines)
    said = talk(qemu_board, lines, len(expected))
    assert said[0] == HELLO
    assert said == expected


def test_a_request_sent_at_power_up_is_heard(qemu_board: socket.socket) -> None:
    """The host connects before the machine starts, and asks at once."""
    assert talk(qemu_board, [line("H"), line("M", 0)], 4) == [HELLO, HELLO, "C,80", "N,0,4,0"]


def test_counters(qemu_board: socket.socket) -> None:
    """An answer takes time on the board's own clock, and stack of which there is enough."""
    said = talk(qemu_board, [line("R", 0), *replay(20), line("T")], 2 + 20 + 11)
    counters = {int(number, 16): int(value, 16) for _, number, value in (each.split(",") for each in said[-11:])}
    assert counters[0] == counters[5] == 20
    assert 0 < counters[3] <= counters[4] < 1_000_000
    assert 0 < counters[6] <= counters[7]
    assert counters[8] in (0, 25_000_000, 40_000_000)
    assert 200 < counters[9] < 2048


def processor_seconds(pid: int) -> float:
    """Time a process has had a processor, proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_sleeps_while_nothing_arrives(qemu_firmware: Firmware) -> None:
    """An emulated board that spins would take a whole core of this machine, or what others leave of it."""
    command = qemu_firmware.board.command(qemu_firmware.program, "stdio")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as board:
        assert board.stdout is not None
        try:
            assert body(board.stdout.readline()) == HELLO
            begin = processor_seconds(board.pid)
            time.sleep(2)
            assert processor_seconds(board.pid) - begin < 0.1
        finally:
            board.kill()


def test_core_needs_no_system(qemu_firmware: Firmware) -> None:
    """What the core leaves to the linker: bytes to copy and 64-bit arithmetic."""
    (library,) = qemu_firmware.program.parent.glob("lib*/libcore.a")
    command = [f"{qemu_firmware.board.setting('toolchain')}nm", "-u", str(library)]
    names = subprocess.run(command, capture_output=True, text=True, check=True)
    wanted = {row.split()[-1] for row in names.stdout.splitlines() if row.strip().startswith("U ")}
    assert wanted
    allowed = r"wp_\w+|mem(cpy|set|cmp|move)|__\w+[ds]i\d|__aeabi_(u?ldivmod|l(mul|cmp|lsl|lsr|asr))"
    assert not [each for each in wanted if not re.fullmatch(allowed, each)]


def test_fits_a_small_chip(qemu_firmware: Firmware) -> None:
    """Without a model: half of the 32 KB that all is to fit, and 1 KB of static memory.

    The budget is RV32IMC's; what clang makes for Xtensa is half as large again.
    """
    limit = 22_528 if qemu_firmware.board.env == "qemu_lx6" else 16_384
    command = [f"{qemu_firmware.board.setting('toolchain')}size", str(qemu_firmware.program)]
    sizes = subprocess.run(command, capture_output=True, text=True, check=True)
    text, data, bss = map(int, sizes.stdout.splitlines()[1].split()[:3])
    assert 0 < text + data <= limit
    assert 0 < data + bss <= 1_024
