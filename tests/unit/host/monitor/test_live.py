"""The loop around the port, with links in memory and a clock that only moves when somebody waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

import host.monitor.live as live
from host.errors import ModelMismatchError, PortError, SilentBoardError
from host.monitor.entries import Kind
from host.monitor.snapshot import Snapshot, Status
from host.monitor.tracker import Tracker
from tests.unit.host.monitor import live_board as board
from tests.unit.host.monitor.feeding import MODELS, START_S


class Bench:
    """A port whose other end is `replies`; `now` moves by what is waited."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, replies: Callable[[bytes], list[bytes]]) -> None:
        self.at_s = START_S
        self.replies = replies
        self.incoming: list[bytes] = []
        self.sent: list[tuple[float, bytes]] = []
        self.opens: list[float] = []
        self.refuse = 0
        self.unplug_at = float("inf")
        self.closed = 0
        self.tracker = Tracker(MODELS, "x")
        monkeypatch.setattr("time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.at_s += seconds

    @contextmanager
    def open(self) -> Iterator[Bench]:
        self.opens.append(self.at_s)
        if self.refuse:
            self.refuse -= 1
            raise PortError("x: no such port")
        try:
            yield self
        finally:
            self.closed += 1

    def send(self, data: bytes) -> None:
        for line in data.splitlines():
            self.sent.append((self.at_s, line))
            self.incoming += self.replies(line)

    def receive(self, timeout_s: float) -> bytes:
        if self.at_s >= self.unplug_at:
            self.unplug_at = float("inf")
            raise PortError("x: the line was lost")
        if not self.incoming:
            self.at_s += timeout_s
            return b""
        lines, self.incoming = self.incoming, []
        return b"".join(line + b"\n" for line in lines)

    def now(self) -> float:
        return self.at_s

    def run(self, seconds: float) -> Snapshot:
        until = self.at_s + seconds
        batches = live.live_batches(self.open, "x", self.tracker, self.now)
        for batch in batches:
            for entry in batch:
                self.tracker.take(entry)
            if self.at_s >= until:
                break
        batches.close()
        return self.tracker.snapshot(self.at_s)

    def count(self, body: str) -> int:
        return sum(line == board.line(body) for _, line in self.sent)


def well_behaved(line: bytes) -> list[bytes]:
    if line == board.line("H"):
        return [board.hello(), board.credit()]
    return board.counters() if line == board.line("T") else []


def test_it_asks_once_and_then_keeps_in_touch(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, well_behaved)
    assert bench.run(60).status is Status.UNPLUGGED
    assert bench.count("H") == 1
    assert 25 <= bench.count("T") <= 31
    assert bench.count("M,0") == 0
    assert bench.closed == 1


def test_the_hello_is_asked_until_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def deaf(line: bytes) -> list[bytes]:
        asked.append(line)
        return well_behaved(line) if len(asked) > 4 else []

    bench = Bench(monkeypatch, deaf)
    assert bench.run(20).status is Status.UNPLUGGED
    assert bench.count("H") == 5


def test_nobody_there_is_told_with_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, lambda _: [])
    with pytest.raises(SilentBoardError, match="baud rate"):
        bench.run(60)
    assert bench.closed == 1


def test_another_protocol_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(
        monkeypatch, lambda line: [board.hello(protocol=2), board.credit()] if line == board.line("H") else []
    )
    with pytest.raises(ModelMismatchError, match="protocol 2"):
        bench.run(60)


def test_another_protocol_of_a_charge_point_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(
        monkeypatch, lambda line: [board.hello(protocol=0x12), board.credit()] if line == board.line("H") else []
    )
    with pytest.raises(ModelMismatchError, match="speaks protocol 2"):
        bench.run(60)


def test_a_port_that_is_not_there_at_the_start_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, well_behaved)
    bench.refuse = 1
    with pytest.raises(PortError):
        bench.run(60)


def test_injected_mode_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    mode = [1]

    def injected(line: bytes) -> list[bytes]:
        if line == board.line("M,0"):
            mode[0] = 0
            return [board.line("M,0")]
        return board.counters(mode[0]) if line == board.line("T") else well_behaved(line)

    bench = Bench(monkeypatch, injected)
    assert bench.run(30).status is Status.UNPLUGGED
    assert bench.count("M,0") == 1


def test_a_board_without_a_sensor_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def sensorless(line: bytes) -> list[bytes]:
        if line == board.line("M,0"):
            return [board.line("N,0,4,0")]
        return board.counters(mode=1) if line == board.line("T") else well_behaved(line)

    bench = Bench(monkeypatch, sensorless)
    assert bench.run(60).status is Status.NO_SENSOR
    assert bench.count("M,0") == 1


def test_a_lost_port_is_opened_again_with_longer_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, well_behaved)
    bench.unplug_at = START_S + 10
    original = bench.open

    @contextmanager
    def open_link() -> Iterator[Bench]:
        if len(bench.opens) == 1:
            bench.refuse = 5
        with original() as link:
            yield link

    bench.open = open_link  # type: ignore[method-assign]
    now = bench.run(60)
    waits = [round(b - a) for a, b in zip(bench.opens[1:], bench.opens[2:], strict=False)]
    assert waits == [1, 2, 5, 5, 5]
    assert (now.status, now.link.reconnects) == (Status.UNPLUGGED, 1)
    assert bench.count("H") == 2  # it might be another board now
    assert any("disconnected" in note.text for note in now.notes)


def test_a_silent_board_is_asked_for_its_hello_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, lambda line: well_behaved(line) if not 20 < bench.at_s - START_S < 40 else [])
    now = bench.run(60)
    assert 10 <= bench.count("H") <= 20
    assert now.status is Status.UNPLUGGED
    assert now.link.restarts == 0


def test_a_fault_is_asked_about_until_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end is said once; here that line was lost."""

    def faulty(line: bytes) -> list[bytes]:
        greeting = [board.hello(), board.credit()]
        if bench.at_s - START_S < 25:
            greeting.append(board.fault(2))
        return greeting if line == board.line("H") else well_behaved(line)

    bench = Bench(monkeypatch, faulty)
    assert bench.run(60).status is Status.UNPLUGGED
    assert 3 <= bench.count("H") <= 5
    assert bench.tracker.snapshot(bench.at_s).link.restarts == 0


def test_what_was_sent_and_received_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, well_behaved)
    kinds = []
    for batch in live.live_batches(bench.open, "x", bench.tracker, bench.now):
        for entry in batch:
            kinds.append((entry.kind, entry.line[:2]))
            bench.tracker.take(entry)
        if bench.at_s > START_S + 1:
            break
    assert kinds[:4] == [(Kind.OPENED, b"x"), (Kind.SENT, b"$H"), (Kind.RECEIVED, b"$H"), (Kind.RECEIVED, b"$C")]


def test_a_port_that_was_found_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, well_behaved)
    bench.port = "/dev/ttyUSB7"  # type: ignore[attr-defined]
    for source, shown in (("auto", "/dev/ttyUSB7"), ("sim", "sim")):
        tracker = Tracker(MODELS, source)
        batches = live.live_batches(bench.open, source, tracker, bench.now)
        for entry in next(batches):
            tracker.take(entry)
        batches.close()
        assert tracker.snapshot(bench.at_s).source == shown


def test_the_clock_goes_forward_from_now() -> None:
    import time

    clock = live.Clock()
    assert abs(clock() - time.time()) < 5
    assert clock() <= clock()
