"""Vehicles' samples and answers over a line that loses some of it."""

from __future__ import annotations

import pytest

from host.errors import ModelMismatchError
from host.messages import (
    INJECTED,
    REFUSED_GAP,
    AskHello,
    Credit,
    Hello,
    Mode,
    Prediction,
    Refusal,
    Reset,
    encode,
    parse_from_host,
)
from host.session import Session
from host.vehicle_messages import Goal, SamplePhases, SampleRest, VehicleAnswer
from host.vehicle_session import VehicleMeasurement, VehicleReply, VehicleSession

SAMPLES = [VehicleMeasurement(1000 * k, 230_000, -5, 0, 16_000, 600_000, 0, 160, 10 * k, -1) for k in range(5)]


def reply(k: int) -> VehicleReply:
    return VehicleReply(VehicleAnswer(k, 7, 0x1022, 7400, -1, -1, -1, 9000), Prediction(k, 2, 900, 10, 20, 30, 2, k))


class FakePoint:
    """A Link to a charge point that answers at once; `lost` are lines it is not told, or does not say, by number."""

    def __init__(self, lost_in: set[int], lost_out: set[int], protocol: int = 0x11) -> None:
        self.heard: list[object] = []
        self.n_said = 0
        self._lost_in, self._lost_out, self._protocol = lost_in, lost_out, protocol
        self._phases: int | None = None
        self._expected = 0
        self._time = 0.0
        self._out = b""

    def now(self) -> float:
        return self._time

    def receive(self, timeout_s: float) -> bytes:
        out, self._out = self._out, b""
        self._time += timeout_s if not out else 0.001
        return out

    def send(self, data: bytes) -> None:
        for line in data.splitlines():
            if len(self.heard) in self._lost_in:
                self._lost_in.discard(len(self.heard))
                continue
            message = parse_from_host(line)
            self.heard.append(message)
            self._take(message)

    def _say(self, message: object) -> None:
        if self.n_said not in self._lost_out:
            self._out += encode(message)  # type: ignore[arg-type]
        self.n_said += 1

    def _take(self, message: object) -> None:
        if isinstance(message, AskHello):
            self._say(Hello(0, 0, self._protocol, 0x100, 0, 3))
            self._say(Credit(128))
        elif isinstance(message, Mode):
            self._say(Mode(INJECTED))
        elif isinstance(message, Reset):
            self._phases, self._expected = None, 0
            self._say(message)
        elif isinstance(message, Goal):
            self._say(message)
        elif isinstance(message, SamplePhases):
            self._phases = message.sequence
        elif isinstance(message, SampleRest):
            self._answer(message.sequence)

    def _answer(self, k: int) -> None:
        if self._phases != k or k > self._expected:
            self._say(Refusal(k, REFUSED_GAP, self._expected))
            return
        self._expected = max(self._expected, k + 1)
        self._say(reply(k).told)
        self._say(reply(k).prediction)


def replayed(link: FakePoint) -> list[VehicleReply]:
    session = VehicleSession(link, goal=Goal(70, 0))
    session.open()
    got: list[VehicleReply] = []
    session.replay(SAMPLES, lambda _, answer: got.append(answer))
    return got


def test_samples_are_two_lines_within_the_board_s_limits() -> None:
    link = FakePoint(set(), set())
    assert replayed(link) == [reply(k) for k in range(5)]
    assert Goal(70, 0) in link.heard
    assert link.heard[-2:] == [SamplePhases(4, 230_000, 16_000, 0, 524_287, 0, 0), SampleRest(4, 4000, 160, 40, -1)]


@pytest.mark.parametrize("number", range(3, 16))
def test_a_lost_line_to_the_board_is_sent_again(number: int) -> None:
    assert replayed(FakePoint({number}, set())) == [reply(k) for k in range(5)]


@pytest.mark.parametrize("number", range(4, 16))
def test_half_an_answer_is_none(number: int) -> None:
    assert replayed(FakePoint(set(), {number})) == [reply(k) for k in range(5)]


def test_each_session_wants_its_own_board() -> None:
    with pytest.raises(ModelMismatchError, match=r"the board is a charge point's, what is asked of it a charger's"):
        Session(FakePoint(set(), set())).open()
    with pytest.raises(ModelMismatchError, match=r"the board is a charger's, what is asked of it a charge point's"):
        VehicleSession(FakePoint(set(), set(), protocol=1)).open()
    with pytest.raises(ModelMismatchError, match="protocol 2"):
        VehicleSession(FakePoint(set(), set(), protocol=0x12)).open()
