"""A board in live mode through lost lines, silence, a cable that is pulled, and a supply that is cut."""

from __future__ import annotations

import os
import select
import threading
import time
import tty
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

import pytest

from host.cli import main
from host.errors import HostError, PortError, SilentBoardError
from host.live import LiveSession
from host.messages import Event, Hello, LiveSample
from host.recording import board_source, resuming
from host.recording.board_source import BoardSource
from host.recording.events import Begun, Ended, Measured, Noted, Restarted, SourceEvent
from tests.unit.host.fake_board import FakeBoard, FakeLink, Trouble, Values, line
from tests.unit.host.record.live_board import LiveBoard, Mishaps
from tests.unit.host.record.runs import Program, charge, from_zero, live, values_of, write_rows
from train.sessions.dataset import read_dataset


class LiveLink(FakeLink):
    """To a board that speaks by itself, on a clock of its own."""

    def __init__(self, live_board: LiveBoard) -> None:
        super().__init__(None, Trouble())
        self.live_board = live_board
        self.gone = False

    def send(self, data: bytes) -> None:
        self.sent.append(data)
        self.incoming.append(self.live_board.receive(data))

    def receive(self, timeout_s: float) -> bytes:
        if self.gone:
            raise PortError("fake: the line was lost")
        said = self.live_board.due(self.time)
        if said:
            self.incoming.append(said)
        return super().receive(timeout_s)


def test_opening_tells_a_charge_in_progress() -> None:
    values = charge(1, n_flat=30, n_rest=0)
    link = LiveLink(LiveBoard([values]))
    link.live_board.due(0.0)
    link.live_board.due(10.0)
    link.time = 10.0
    session = LiveSession(link)
    hello = session.open()
    assert hello.n_devices == 7
    heard = [message for _ in range(200) for message in session.listen(0.5)]
    assert not [message for message in heard if isinstance(message, Hello)]
    assert heard[0] == Event(1, 1)
    samples = [message for message in heard if isinstance(message, LiveSample)]
    assert [(s.t_ms, s.voltage_mv, s.current_ma) for s in samples] == from_zero(values)[samples[0].sequence :]
    assert 5 < samples[0].sequence < 15
    assert heard[-1] == Event(2, 1)


def test_a_board_slow_to_say_hello_has_not_started_anew() -> None:
    """It was asked twice, so it says hello twice."""
    link = LiveLink(LiveBoard([]))
    send = link.send
    asked: list[bytes] = []

    def late(data: bytes) -> None:
        asked.append(data)
        if len(asked) == 2:
            send(asked[0])
        if len(asked) >= 2:
            send(data)

    link.send = late  # type: ignore[method-assign]
    session = LiveSession(link)
    session.open()
    assert [data[:2] for data in link.sent] == [b"$H", b"$H", b"$M"]
    assert not [message for _ in range(5) for message in session.listen(0.5) if isinstance(message, Hello)]


def test_a_board_without_a_sensor() -> None:
    board = FakeBoard()
    take = board.take
    board.take = lambda text: line("N,0,4,0") if text.startswith(b"$M") else take(text)  # type: ignore[method-assign]
    with pytest.raises(HostError, match="has no sensor"):
        LiveSession(FakeLink(board, Trouble())).open()


def test_a_silent_board() -> None:
    with pytest.raises(SilentBoardError, match="does not say hello"):
        LiveSession(FakeLink(None, Trouble())).open()


def events_of(
    link: LiveLink, seconds: float, monkeypatch: pytest.MonkeyPatch, patience_s: float = 0
) -> list[SourceEvent]:
    """What a source reports in so long, on the link's clock."""
    monkeypatch.setattr(time, "monotonic", link.now)
    source = BoardSource(lambda: nullcontext(link), on_log=lambda _: None, patience_s=patience_s)
    events: list[SourceEvent] = []
    with source:
        while link.time < seconds:
            events += source.events(0.2)
    return events


def kinds(events: list[SourceEvent]) -> list[type]:
    return [type(event) for k, event in enumerate(events) if k == 0 or type(event) is not type(events[k - 1])]


@pytest.mark.parametrize("lost", ["", "lose_plug", "lose_unplug"])
def test_a_lost_event_is_asked_for(monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    values = charge(2, n_flat=30, n_rest=0)
    link = LiveLink(LiveBoard([values], mishaps=Mishaps(**({lost: True} if lost else {}))))
    events = events_of(link, 60.0, monkeypatch)
    measured = [(e.t_ms, e.voltage_mv, e.current_ma) for e in events if isinstance(e, Measured)]
    assert measured == from_zero(values)
    assert [event for event in events if isinstance(event, Ended)] == [Ended("unplugged")]
    assert (Begun(1, "0123456789abcdef") in events) == (lost != "lose_plug")


def test_a_board_that_loses_its_supply(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its USB adapter is still there, and says nothing for ever."""
    link = LiveLink(LiveBoard([charge(3, n_flat=300)]))
    monkeypatch.setattr(link.live_board, "due", lambda now, due=link.live_board.due: due(now) if now < 20 else b"")
    receive = link.live_board.receive
    monkeypatch.setattr(link.live_board, "receive", lambda data: receive(data) if link.time < 20 else b"")
    with pytest.raises(SilentBoardError, match="has gone silent"):
        events_of(link, 100.0, monkeypatch)
    assert 20 < link.time < 40


def test_a_lost_line_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    values = charge(4, n_flat=60, n_rest=0)
    board = LiveBoard([values])
    link = LiveLink(board)
    monkeypatch.setattr(time, "monotonic", link.now)

    def sleep(seconds: float) -> None:
        link.time += seconds
        board.due(link.time)
        link.gone = 20 < link.time < 30

    monkeypatch.setattr(time, "sleep", sleep)
    n_opened = 0

    def open_link() -> nullcontext[LiveLink]:
        nonlocal n_opened
        n_opened += 1
        if link.gone:
            raise PortError("fake: no such port")
        link.incoming.clear()
        return nullcontext(link)

    events: list[SourceEvent] = []
    with BoardSource(open_link, on_log=lambda _: None, patience_s=60) as source:
        while link.time < 90:
            link.gone = 20 < link.time < 30
            events += source.events(0.2)
    assert n_opened > 5
    sequences = [event.sequence for event in events if isinstance(event, Measured)]
    gap = next(k for k, (a, b) in enumerate(pairwise(sequences)) if b - a > 1)
    assert sequences[gap + 1] - sequences[gap] == pytest.approx(10, abs=2)
    assert sequences[-1] == 59
    notes = [event.text for event in events if isinstance(event, Noted)]
    assert notes == ["fake: the line was lost; waiting for it", "the board is back"]
    back = events.index(Noted("the board is back"))
    assert events[back - 1] == Restarted()
    assert events[back + 1] == Begun(1, "0123456789abcdef")


def test_patience_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    link = LiveLink(LiveBoard([charge(5)]))
    monkeypatch.setattr(time, "monotonic", link.now)
    monkeypatch.setattr(time, "sleep", lambda seconds: setattr(link, "time", link.time + seconds))

    def open_link() -> nullcontext[LiveLink]:
        if link.gone:
            raise PortError("fake: no such port; plug it in")
        return nullcontext(link)

    with BoardSource(open_link, on_log=lambda _: None, patience_s=30) as source:
        source.events(0.2)
        link.gone = True
        with pytest.raises(PortError, match=r"no such port; plug it in \(waited 30 s for it\)"):
            [source.events(0.2) for _ in range(1_000)]
    assert 30 < link.time < 32


class Cable:
    """A board that measures in its own time, at a port that comes and goes under one name."""

    def __init__(self, board: LiveBoard, path: Path) -> None:
        self.board, self.path = board, path
        self.plugged = threading.Event()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        while not self.stop.is_set():
            if not self.plugged.is_set():
                self.board.due(time.monotonic())
                time.sleep(0.01)
                continue
            master, slave = os.openpty()
            tty.setraw(slave)
            self.path.unlink(missing_ok=True)
            self.path.symlink_to(os.ttyname(slave))
            while self.plugged.is_set() and not self.stop.is_set():
                if select.select([master], [], [], 0.005)[0]:
                    os.write(master, self.board.receive(os.read(master, 4096)))
                os.write(master, self.board.due(time.monotonic()))
            self.path.unlink()
            os.close(slave)
            os.close(master)


@pytest.mark.slow
def test_the_cable_is_pulled_and_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The board goes on measuring; what it said meanwhile is a gap, and the charge is one."""
    monkeypatch.setattr(board_source, "RETRY_EVERY_S", 0.05)
    monkeypatch.setattr(resuming, "CLOCK_TOLERANCE_S", 1e6)  # this board is 30 times too fast
    values = charge(6, n_flat=160, n_rest=0)
    said: list[int] = []
    board = LiveBoard([values], speed=30)
    board.on_sample = lambda _charge, sample: said.append(sample)
    cable = Cable(board, tmp_path / "ttyBoard")
    cable.plugged.set()
    cable.thread.start()

    def pull() -> None:
        while len(said) < 60:
            time.sleep(0.01)
        cable.plugged.clear()
        while len(said) < 75:
            time.sleep(0.01)
        cable.plugged.set()

    puller = threading.Thread(target=pull)
    puller.start()
    try:
        while not cable.path.exists():
            time.sleep(0.01)
        arguments = ["record", "--device", "phone", "--out", str(tmp_path / "data"), "--port", str(cable.path)]
        assert main([*arguments, "--patience", "20"]) == 0
    finally:
        cable.stop.set()
        puller.join()
        cable.thread.join()
    captured = capsys.readouterr()
    assert "the line was lost" in captured.err
    assert "the board is back" in captured.err
    (kept,) = read_dataset(tmp_path / "data").charges
    assert kept.ended == "unplugged"
    assert set(values_of(kept)) <= set(from_zero(values))
    assert 80 < len(kept.t_ms) < 155
    assert values_of(kept)[-1] == from_zero(values)[-1]
    assert "longest gap" in captured.out


def test_played_files_are_there_and_the_table_of_charges_is_none(tmp_path: Path, program: Program) -> None:
    values: list[Values] = charge(7, n_flat=60, n_rest=0)
    (tmp_path / "sessions.csv").write_text("session\n", encoding="ascii")
    files = [tmp_path / "sessions.csv", write_rows(tmp_path / "t.csv", values)]
    assert main(live(program(), tmp_path / "data", *files)) == 0
    (kept,) = read_dataset(tmp_path / "data").charges
    assert values_of(kept) == from_zero(values)
