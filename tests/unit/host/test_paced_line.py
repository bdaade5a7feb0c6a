"""A line that carries what a UART of its rate would: nothing early, nothing lost, both ways at once."""

from __future__ import annotations

import os
import socket
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.cli import main
from host.errors import PortError
from host.paced_line import Pacer, paced_line
from host.session import Measurement, Session
from host.transport import SerialLink
from tests.unit.host.fake_board import HASH, FakeBoard

BAUD = 1_000  # 10 ms a byte


@given(st.lists(st.tuples(st.floats(0, 0.2), st.binary(min_size=1, max_size=9), st.booleans()), max_size=30))
def test_every_byte_takes_ten_bits_and_waits_for_those_before(
    steps: list[tuple[float, bytes, bool]],
) -> None:
    """Against a slow account of each single byte: when its stop bit is through."""
    pacer = Pacer(BAUD)
    now, free_at = 0.0, 0.0
    due: list[tuple[float, int]] = []
    for pause_s, data, look in steps:
        now += pause_s
        pacer.push(data, now)
        for byte in data:
            free_at = max(free_at, now) + 10 / BAUD
            due.append((free_at, byte))
        if look:
            now += 0.0137
            arrived = pacer.take(now)
            assert list(arrived) == [byte for _, byte in due[: len(arrived)]]
            assert all(at <= now + 1e-9 for at, _ in due[: len(arrived)])
            assert all(at > now - 1e-9 for at, _ in due[len(arrived) :])
            del due[: len(arrived)]
        assert pacer.waiting == len(due)
        assert (pacer.done_at is None) == (not due)
    assert pacer.take(now + 1e6) == bytes(byte for _, byte in due)


def test_it_is_worth_waking_when_a_line_is_through() -> None:
    pacer = Pacer(BAUD)
    pacer.push(b"$A\n$BC\n$", 1.0)
    pacer.push(b"D\n", 1.02)
    ends = []
    while (at := pacer.done_at) is not None:
        ends.append((round(at, 6), pacer.take(at + 1e-9)))
    assert ends == [(1.03, b"$A\n"), (1.07, b"$BC\n"), (1.08, b"$"), (1.1, b"D\n")]


@pytest.fixture
def port() -> Iterator[tuple[int, str]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


def read_exactly(descriptor: int, n: int) -> bytes:
    data = b""
    while len(data) < n:
        data += os.read(descriptor, n - len(data))
    return data


def test_both_ways_at_once_and_each_at_its_own_pace(port: tuple[int, str]) -> None:
    """600 bytes each way at 20 000 baud are 0.3 s, however the two meet; less would be a line no UART is.

    One after the other they would take 0.6 s; a machine may be slow, but not each of many times.
    """
    for _ in range(20):
        seconds = seconds_of_600_bytes_each_way(port)
        assert min(seconds) >= 0.3
        if max(seconds) < 0.6:
            return
    pytest.fail(f"never both ways at once: {seconds}")


def seconds_of_600_bytes_each_way(port: tuple[int, str]) -> tuple[float, float]:
    """Until the board and until the host have what the other has sent."""
    board, path = port
    down, up = bytes(k % 251 for k in range(600)), bytes(k % 241 for k in range(600))
    heard: dict[str, tuple[bytes, float]] = {}
    started = time.monotonic()
    with paced_line(path, 20_000) as paced, SerialLink(paced, 115_200) as link:

        def be_the_board() -> None:
            os.write(board, up)
            heard["board"] = read_exactly(board, len(down)), time.monotonic() - started

        thread = threading.Thread(target=be_the_board)
        thread.start()
        link.send(down)
        received = b""
        while len(received) < len(up):
            received += link.receive(5.0)
        heard["host"] = received, time.monotonic() - started
        thread.join(timeout=60)
    assert heard["board"][0] == down
    assert heard["host"][0] == up
    return heard["board"][1], heard["host"][1]


def test_a_port_that_goes_away_hangs_up_the_paced_line_too() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    with paced_line(os.ttyname(slave), 115_200) as path, SerialLink(path, 115_200) as link:
        os.close(slave)
        os.close(master)
        with pytest.raises(PortError, match="the line was lost"):
            link.receive(10.0)


def test_a_port_that_is_not_there() -> None:
    with pytest.raises(PortError, match="/dev/no-such-board: cannot be opened"), paced_line("/dev/no-such-board", 9600):
        pass
    with pytest.raises(PortError, match="cannot be opened"), paced_line("socket://127.0.0.1:1", 9600):
        pass


def test_a_charge_through_a_paced_socket() -> None:
    board = FakeBoard()

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            while data := connection.recv(4096):
                connection.sendall(board.receive(data))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        answers: list[int] = []
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with paced_line(url, 115_200) as path, SerialLink(path, 115_200) as link:
            session = Session(link, model_hash=HASH)
            session.open()
            began = time.monotonic()
            session.replay([Measurement(k + 1, 5_000, 600) for k in range(100)], lambda index, _: answers.append(index))
            seconds = time.monotonic() - began
            counters = session.counters
        thread.join(timeout=60)
    assert answers == list(range(100))
    assert counters.resent == 0
    assert seconds >= 100 * 40 * 10 / 115_200  # an answer has more than 40 bytes


def test_a_real_port_has_its_own_pace(
    port: tuple[int, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    charge = tmp_path / "charge.csv"
    charge.write_text("t_ms,voltage_mv,current_ma\n0,5000,600\n", encoding="ascii")
    assert main(["stream", str(charge), "--port", port[1], "--pace", "9600"]) == 2
    assert f"{port[1]} has a pace of its own" in capsys.readouterr().err
