"""Firmware built once a session: the program by PlatformIO, the same under sanitisers, and the QEMU board."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FIRMWARE = ROOT / "firmware"
FIXTURE_MODEL = FIRMWARE / "test" / "fixtures" / "model"
WARNINGS = ("all", "extra", "conversion", "sign-conversion", "shadow", "undef", "double-promotion", "error")
FLAGS = ["-std=c11", "-pedantic", *(f"-W{name}" for name in WARNINGS)]
QEMU = ["qemu-system-riscv32", "-M", "virt", "-bios", "none", "-display", "none", "-monitor", "none"]
INCLUDES = [f"-I{FIRMWARE / folder}" for folder in ("lib/core/include", "ports", "test/fixtures/model")]


def run_pio(*arguments: str, build_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """PlatformIO as a user has it, in another build folder, with the small model of the tests."""
    chosen = {"PLATFORMIO_BUILD_DIR": str(build_dir), "WATTPRINT_MODEL_DIR": str(FIXTURE_MODEL)} | variables
    command = [sys.executable, str(ROOT / "tools" / "pio.py"), *arguments]
    return subprocess.run(
        command, env=os.environ | chosen, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


def sources(*folders: str) -> list[str]:
    """All C files of folders of firmware/."""
    return [str(path) for folder in folders for path in sorted((FIRMWARE / folder).glob("*.c"))]


def compile_c(program: Path, *arguments: str, compiler: str = "gcc") -> None:
    """Builds a program with the project's flags."""
    subprocess.run([compiler, *FLAGS, *INCLUDES, *arguments, "-o", str(program)], check=True, timeout=120)


@pytest.fixture(scope="session")
def native_board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The native firmware, built by PlatformIO."""
    build_dir = tmp_path_factory.mktemp("native")
    done = run_pio("run", "-e", "native", build_dir=build_dir)
    assert done.returncode == 0, done.stdout + done.stderr
    return build_dir / "native" / "program"


@pytest.fixture(scope="session")
def checked_board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The native firmware with every access and every arithmetic operation checked."""
    program = tmp_path_factory.mktemp("checked") / "program"
    parts = sources("src", "ports/native", "lib/core/src", "test/fixtures/model")
    compile_c(program, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", *parts)
    return program


@pytest.fixture(scope="session")
def qemu_firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware for QEMU, built by PlatformIO."""
    build_dir = tmp_path_factory.mktemp("qemu")
    done = run_pio("run", "-e", "qemu_riscv32", build_dir=build_dir)
    assert done.returncode == 0, done.stdout + done.stderr
    return build_dir / "qemu_riscv32" / "firmware.elf"


def free_port() -> int:
    """A TCP port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def connect(port: int, process: subprocess.Popen[bytes]) -> socket.socket:
    """Connects as soon as the other side listens."""
    for _ in range(200):
        assert process.poll() is None, "QEMU ended early"
        try:
            link = socket.create_connection(("127.0.0.1", port), timeout=20)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a line waits 40 ms for the one before
            return link
        except ConnectionRefusedError:
            time.sleep(0.05)
    pytest.fail(f"QEMU does not listen on port {port}")


@pytest.fixture
def qemu_board(qemu_firmware: Path) -> Iterator[socket.socket]:
    """The line of a QEMU board that has just been switched on."""
    port = free_port()
    serial = f"tcp:127.0.0.1:{port},server=on,wait=on,nodelay=on"
    with subprocess.Popen([*QEMU, "-serial", serial, "-kernel", str(qemu_firmware)]) as process:
        try:
            with connect(port, process) as line:
                yield line
        finally:
            process.kill()
