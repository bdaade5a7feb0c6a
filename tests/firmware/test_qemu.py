"""The same firmware as RISC-V machine code on a QEMU board."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.firmware.conftest import QEMU
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


def test_sleeps_while_nothing_arrives(qemu_firmware: Path) -> None:
    """An emulated board that spins would take a whole core of this machine."""
    code = (
        "import resource, subprocess, sys, time\n"
        "board = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)\n"
        "time.sleep(2); board.kill(); board.wait()\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_utime + used.ru_stime)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *QEMU, "-serial", "stdio", "-kernel", str(qemu_firmware)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(done.stdout) < 1.0  # seconds of processor time in two; 0.1 to 0.2 of them start QEMU


def test_core_needs_no_system(qemu_firmware: Path) -> None:
    """What the core leaves to the linker: bytes to copy and 64-bit arithmetic."""
    (library,) = qemu_firmware.parent.glob("lib*/libcore.a")
    names = subprocess.run(["riscv64-unknown-elf-nm", "-u", library], capture_output=True, text=True, check=True)
    wanted = {row.split()[-1] for row in names.stdout.splitlines() if row.strip().startswith("U ")}
    assert wanted
    assert not [each for each in wanted if not re.fullmatch(r"wp_\w+|mem(cpy|set|cmp|move)|__\w+[ds]i\d", each)]


def test_fits_a_small_chip(qemu_firmware: Path) -> None:
    """Without a model: a quarter of the 32 KB that all is to fit, and 1 KB of static memory."""
    sizes = subprocess.run(["riscv64-unknown-elf-size", qemu_firmware], capture_output=True, text=True, check=True)
    text, data, bss = map(int, sizes.stdout.splitlines()[1].split()[:3])
    assert 0 < text + data <= 10_240
    assert 0 < data + bss <= 1_024
