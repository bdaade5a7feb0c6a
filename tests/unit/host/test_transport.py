"""Ports that are absent, held or no ports at all; sockets; and a pty that goes away."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
import threading
import time
import tty
from collections.abc import Iterator

import pytest

from host.cli import main
from host.errors import HostError, PortError
from host.session import Measurement, Session
from host.transport import SerialLink
from tests.unit.host.fake_board import HASH, FakeBoard


@pytest.fixture
def pty() -> Iterator[tuple[int, str]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


def test_an_absent_port(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--port", "/dev/no-such-board"]) == 3
    assert "/dev/no-such-board: no such port; plug the board in" in capsys.readouterr().err


def test_a_busy_port(pty: tuple[int, str], capsys: pytest.CaptureFixture[str]) -> None:
    holder = os.open(pty[1], os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        assert main(["info", "--port", pty[1]]) == 3
    finally:
        os.close(holder)
    assert f"{pty[1]}: busy; close the other program" in capsys.readouterr().err


def test_a_port_is_held_while_open_and_free_afterwards(pty: tuple[int, str]) -> None:
    with SerialLink(pty[1], 115_200), pytest.raises(PortError, match="busy"):
        SerialLink(pty[1], 115_200)
    with SerialLink(pty[1], 115_200):
        pass


def test_a_file_is_no_port(capsys: pytest.CaptureFixture[str]) -> None:
    with tempfile.NamedTemporaryFile() as file:
        assert main(["info", "--port", file.name]) == 3
    assert f"{file.name}: is no serial port" in capsys.readouterr().err


def test_an_unknown_url_is_bad_usage() -> None:
    with pytest.raises(HostError, match="--port nonsense://x") as caught:
        SerialLink("nonsense://x", 115_200)
    assert caught.value.exit_code == 2


def test_nobody_on_the_socket(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert main(["info", "--port", f"socket://127.0.0.1:{port}"]) == 3
    assert "nobody answers there" in capsys.readouterr().err


def test_bytes_go_both_ways_unchanged(pty: tuple[int, str]) -> None:
    master, path = pty
    every = bytes(range(256))
    with SerialLink(path, 115_200) as link:
        link.send(every)
        assert os.read(master, 512) == every
        os.write(master, every)
        received = b""
        while len(received) < 256:
            data = link.receive(2.0)
            assert data
            received += data
        assert received == every
        before = time.monotonic()
        assert link.receive(0.05) == b""  # and does not wait for ever, which pytest's own limit would end
        assert time.monotonic() - before > 0.04


def test_a_reset_is_a_pulse_on_rts_then_on_dtr(pty: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> None:
    pulses: list[tuple[str, bool]] = []

    class Lines:
        def __setattr__(self, name: str, value: bool) -> None:
            pulses.append((name, value))

        def close(self) -> None: ...

    with SerialLink(pty[1], 115_200) as link:
        assert not link.pulse_reset()  # a pseudo-terminal has neither
        link._serial.close()
        monkeypatch.setattr(link, "_serial", Lines())
        assert link.pulse_reset()
    assert pulses == [("rts", True), ("rts", False), ("dtr", True), ("dtr", False)]


def test_a_port_that_goes_away_is_said() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    with SerialLink(os.ttyname(slave), 115_200) as link:
        os.close(slave)
        os.close(master)
        with pytest.raises(PortError, match="the line was lost"):
            link.receive(10.0)


def test_a_board_behind_a_socket() -> None:
    """The same code over TCP, as an emulator offers it."""
    board = FakeBoard()

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            while data := connection.recv(4096):
                connection.sendall(board.receive(data))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        answers: list[int] = []
        with SerialLink(f"socket://127.0.0.1:{server.getsockname()[1]}", 115_200) as link:
            session = Session(link, model_hash=HASH)
            session.open()
            session.replay([Measurement(k + 1, 5, 6) for k in range(100)], lambda index, _: answers.append(index))
        thread.join(timeout=60)
    assert answers == list(range(100))


@pytest.mark.parametrize("port", ["socket://nope", "socket://nope:x", "socket://:5", "socket://a:70000", "socket:a:5"])
def test_a_socket_without_host_or_port_is_bad_input(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--port", port]) == 2
    assert capsys.readouterr().err.endswith("give socket://HOST:PORT, for instance socket://127.0.0.1:5555\n")
