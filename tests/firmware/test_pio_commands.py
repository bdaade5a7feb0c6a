"""`pio run -t exec`, `-t serve` and `pio device monitor`, as a person at a terminal uses them."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.firmware.boards import Firmware
from tests.firmware.conftest import FIXTURE_MODEL, ROOT
from tests.firmware.wire import line

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

PATIENCE_S = 120.0
HELLO = b"$H,01234567,89ABCDEF,1,100,0,2*"


@contextmanager
def pio(*arguments: str, build_dir: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """PlatformIO at work; it and all that it has started are gone when the block is left."""
    chosen = {"PLATFORMIO_BUILD_DIR": str(build_dir), "WATTPRINT_MODEL_DIR": str(FIXTURE_MODEL)} | variables
    with subprocess.Popen(
        [sys.executable, str(ROOT / "tools" / "pio.py"), *arguments],
        cwd=ROOT,
        env=os.environ | chosen,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def read_until(descriptor: int, needle: bytes) -> bytes:
    """What is said until something has been; fails when it takes too long."""
    said, deadline = b"", time.monotonic() + PATIENCE_S
    while needle not in said:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, said
        more = os.read(descriptor, 4096)
        assert more, said
        said += more
    return said


def check_exec(env: str, build_dir: Path) -> None:
    with pio("run", "-e", env, "-t", "exec", build_dir=build_dir) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line("R", 7))
        process.stdin.flush()
        assert HELLO in read_until(process.stdout.fileno(), b"$R,7*")


def test_exec_puts_the_native_board_on_this_terminal(native_board: Path) -> None:
    check_exec("native", native_board.parent.parent)


def test_exec_puts_a_board_on_this_terminal(qemu_firmware: Firmware) -> None:
    check_exec(qemu_firmware.board.env, qemu_firmware.program.parent.parent)


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        number: int = chosen.getsockname()[1]
        return number


def listens(port: int) -> bool:
    """Whether somebody does, without connecting: QEMU takes one host only."""
    rows = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return any(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "0A" for row in rows)


@pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="asks Linux who listens")
def test_device_monitor_shows_a_served_board(qemu_firmware: Firmware) -> None:
    port = free_port()
    env, build_dir = qemu_firmware.board.env, qemu_firmware.program.parent.parent
    with pio("run", "-e", env, "-t", "serve", build_dir=build_dir, WATTPRINT_QEMU_PORT=str(port)):
        deadline = time.monotonic() + PATIENCE_S
        while not listens(port):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        monitor, terminal = pty.openpty()
        command = [sys.executable, str(ROOT / "tools" / "pio.py"), "device", "monitor", "--raw", "--eol", "LF"]
        with subprocess.Popen(
            [*command, "-p", f"socket://127.0.0.1:{port}"],
            cwd=ROOT,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        ) as process:
            try:
                read_until(monitor, b"Quit: Ctrl+C")
                # The board's first hello may be among what the monitor drops as it opens the socket: one is asked for.
                os.write(monitor, line("H"))
                read_until(monitor, HELLO)
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                os.close(terminal)
                os.close(monitor)
