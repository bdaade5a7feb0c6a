"""Firmware built once a session: the program by PlatformIO, the same under sanitisers, and the QEMU board."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from codegen.emit.household import emit_household
from tests.firmware.boards import Board, Firmware, on_boards
from tests.firmware.training import dataset, trained  # noqa: F401 (fixtures)
from tests.unit.codegen.drawn_household import write_household
from train.artifact_household import Household

ROOT = Path(__file__).resolve().parent.parent.parent
FIRMWARE = ROOT / "firmware"
FIXTURE_MODEL = FIRMWARE / "test" / "fixtures" / "model"
WARNINGS = ("all", "extra", "conversion", "sign-conversion", "shadow", "undef", "double-promotion", "error")
FLAGS = ["-std=c11", "-pedantic", *(f"-W{name}" for name in WARNINGS)]
LIBRARIES = ("lib/core/src", "lib/sensor/src", "lib/settings/src", "lib/ina_simulator")
NATIVE = ("src", "ports/native", *LIBRARIES)
"""Folders of all that is in the native firmware but the model."""
METER = ("lib/meter/src", "lib/vehicle/src", "lib/core/src")
"""What reads an energy meter, in programs for charge points only."""
CHARGE_POINT = ("charge_point", "lib/meter/src", "lib/vehicle/src", "lib/advice/src", "lib/meter_simulator")
"""What a charge point's native firmware has besides."""

HEADERS = (
    "lib/core/include",
    "lib/sensor/include",
    "lib/settings/include",
    "lib/ina_simulator",
    "lib/vehicle/include",
    "lib/meter/include",
    "lib/advice/include",
    "lib/meter_simulator",
    "src",
    "ports",
)
INCLUDES = [f"-I{FIRMWARE / folder}" for folder in (*HEADERS, "test/fixtures/model")]


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
    parts = sources(*NATIVE, "test/fixtures/model")
    compile_c(program, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", *parts)
    return program


@pytest.fixture(scope="session", params=on_boards())
def qemu_firmware(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Firmware:
    """The firmware for each board QEMU emulates, built by PlatformIO."""
    board: Board = request.param
    build_dir = tmp_path_factory.mktemp("qemu")
    done = run_pio("run", "-e", board.env, build_dir=build_dir)
    assert done.returncode == 0, done.stdout + done.stderr
    return Firmware(board, build_dir / board.env / "firmware.elf")


def connect(port: int) -> socket.socket:
    """A host's end of a line over TCP."""
    link = socket.create_connection(("127.0.0.1", port), timeout=20)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else a line waits 40 ms for the one before
    return link


@contextmanager
def switched_on(firmware: Firmware) -> Iterator[int]:
    """The TCP port of a QEMU board that starts when a host connects to it."""
    with listening(firmware.board.command(firmware.program, "tcp:127.0.0.1:0,server=on,wait=on,nodelay=on")) as port:
        yield port


@contextmanager
def listening(command: list[str]) -> Iterator[int]:
    """The TCP port on which a QEMU with a line there waits for a host."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            listens = process.stderr.readline()
            found = re.search(r"waiting for connection on: disconnected:tcp:127\.0\.0\.1:(\d+)", listens)
            assert found, listens
            yield int(found[1])
        finally:
            process.kill()


@pytest.fixture
def qemu_board(qemu_firmware: Firmware) -> Iterator[socket.socket]:
    """The line of a QEMU board that has just been switched on."""
    with switched_on(qemu_firmware) as port, connect(port) as line:
        yield line


@pytest.fixture(scope="session")
def household(tmp_path_factory: pytest.TempPathFactory) -> Household:
    """Eight cars with drawn tables."""
    return write_household(tmp_path_factory.mktemp("household"), 3, n_cars=8)


@pytest.fixture(scope="session")
def model(household: Household, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C of the household."""
    folder = tmp_path_factory.mktemp("model")
    emit_household(household, folder)
    return folder
