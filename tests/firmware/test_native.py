"""The native firmware on stdin and stdout, and on a pseudo-terminal."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.firmware.wire import bodies, body, line, replay

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

HELLO = "H,01234567,89ABCDEF,1,100,0,2"
PATIENCE_S = 20.0


def converse(program: Path, *lines: bytes) -> list[str]:
    """What a board says, from power-up to the end of the lines."""
    done = subprocess.run([program], input=b"".join(lines), capture_output=True, timeout=60, check=True)
    assert done.stderr == b""
    return bodies(done.stdout)


def test_says_hello_and_ends_with_its_line(native_board: Path) -> None:
    assert converse(native_board) == [HELLO]


def test_answers(native_board: Path) -> None:
    said = converse(native_board, line("H"), line("R", 7), *replay(3, first=7), line("T"))
    assert said[:4] == [HELLO, HELLO, "C,80", "R,7"]
    # By hand from the fixture's model: 2 A is device 1 at 2/3; an hour in all, ten minutes less, twenty more.
    assert [each.rsplit(",", 2)[0] for each in said[4:7]] == [
        "P,7,1,29B,BB8,E10,12C0",
        "P,8,1,29B,BB7,E0F,12BF",
        "P,9,1,29B,BB6,E0E,12BE",
    ]
    assert said[7:10] == ["T,0,3", "T,1,0", "T,2,0"]
    assert said[12] == "T,5,A"
    assert [each.split(",")[1] for each in said[7:]] == [f"{k:X}" for k in range(11)]
    ticks = {int(k, 16): int(value, 16) for _, k, value in (each.split(",") for each in said[7:])}
    assert 0 < ticks[6] <= ticks[7]
    assert ticks[8] == 1_000_000_000
    assert (ticks[3], ticks[4]) == (ticks[6] // 1000, ticks[7] // 1000)
    assert ticks[9] == 0xFFFFFFFF
    assert ticks[10] == 1


def test_replays_are_equal(native_board: Path) -> None:
    samples = replay(500)
    said = converse(native_board, line("R", 0), *samples, line("R", 0), *samples)
    assert len(said) == 1 + 2 * 501
    assert said[1:502] == said[502:]
    assert len({each.rsplit(",", 1)[1] for each in said[2:502]}) == 500  # the state moves on with every sample


@pytest.mark.parametrize(
    "options",
    [
        ["--tty"],
        ["--pty", "x"],
        ["--speed", "1"],
        ["--sensor"],
        ["--fault", "no-answer@1"],
        ["--sensor", "x.csv", "--speed", "-1"],
        ["--sensor", "x.csv", "--speed", "fast"],
        ["--sensor", "x.csv", "--speed", "1e6"],
        ["--sensor", "x.csv", "--fault", "no-answer"],
        ["--sensor", "x.csv", "--fault", "frozen@"],
        ["--sensor", "x.csv", "--fault", "frozen@3+"],
        ["--sensor", "x.csv", "--fault", "range@1s"],
        ["--sensor", "x.csv", "--fault", "fire@1"],
    ],
)
def test_usage(native_board: Path, options: list[str]) -> None:
    done = subprocess.run([native_board, *options], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.decode().startswith(f"usage: {native_board} [--pty]")


class Terminal:
    """A host's end of a pseudo-terminal: raw bytes, with patience."""

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
        self.rest = b""

    def send(self, *lines: bytes) -> None:
        """Writes lines."""
        os.write(self.descriptor, b"".join(lines))

    def receive(self) -> str:
        """What the next line says."""
        deadline = time.monotonic() + PATIENCE_S
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.descriptor], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"silence after {self.rest!r}"
            self.rest += os.read(self.descriptor, 4096)
        first, _, self.rest = self.rest.partition(b"\n")
        return body(first + b"\n")

    def close(self) -> None:
        """Lets go of the line."""
        os.close(self.descriptor)


@contextmanager
def board_on_pty(program: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A board and the path of its line."""
    with subprocess.Popen([program, "--pty"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().decode().strip()
        finally:
            process.kill()


def test_pty_survives_a_host_that_closes_it(native_board: Path) -> None:
    samples = replay(40)
    expected = converse(native_board, line("R", 0), *samples)[1:]
    got = []
    with board_on_pty(native_board) as (process, path):
        for turn in range(4):
            terminal = Terminal(path)
            if turn == 0:
                assert terminal.receive() == HELLO
                terminal.send(line("R", 0))
                got.append(terminal.receive())
            for sample in samples[10 * turn : 10 * turn + 10]:
                terminal.send(sample)
                got.append(terminal.receive())
            terminal.close()
            time.sleep(0.05)
        assert process.poll() is None
    assert got == expected


def test_pty_does_not_echo_or_translate(native_board: Path) -> None:
    with board_on_pty(native_board) as (_, path):
        terminal = Terminal(path)
        assert terminal.receive() == HELLO
        terminal.send(b"\x03\x04\x11\x13\r\n", bytes(range(256)), b"\n", line("M", 1))
        assert terminal.receive() == "M,1"
        terminal.close()


@pytest.mark.parametrize("how", ["stdin closes", "SIGTERM", "in the midst of a write"])
def test_pty_board_ends_with_its_parent(native_board: Path, how: str) -> None:
    with board_on_pty(native_board) as (process, path):
        assert process.stdin is not None
        terminal = Terminal(path)
        terminal.send(line("H"))
        assert [terminal.receive() for _ in range(3)] == [HELLO, HELLO, "C,80"]
        if how == "in the midst of a write":  # more answers than the terminal holds, and nobody reads
            os.set_blocking(terminal.descriptor, False)
            for _ in range(400):
                try:
                    terminal.send(line("T"))
                except BlockingIOError:
                    break
            time.sleep(0.1)
        if how == "SIGTERM":
            process.terminate()
        else:
            process.stdin.close()
        assert process.wait(timeout=PATIENCE_S) == (-signal.SIGTERM if how == "SIGTERM" else 0)
        terminal.close()


def test_pty_needs_its_parent(native_board: Path) -> None:
    done = subprocess.run(
        [native_board, "--pty"], stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=True
    )
    assert done.stdout.startswith(b"/dev/")
