"""Go-back-N against a board in memory, over lines that lose, double, damage and cut, and a board that restarts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.errors import HostError, ModelMismatchError, SilentBoardError
from host.messages import Prediction, encode
from host.session import Measurement, Session
from host.transport import Link
from host.window import Window
from tests.unit.host.fake_board import CREDIT, HASH, FakeBoard, FakeLink, Trouble, expected_answers, line


def charge(n: int, seed: int = 0) -> list[Measurement]:
    source = random.Random(seed)
    t_ms, samples = 0, []
    for _ in range(n):
        t_ms += source.randrange(1, 5_000)
        samples.append(Measurement(t_ms, source.randrange(-100, 24_000), source.randrange(-500, 5_000)))
    return samples


def replay(link: Link, samples: list[Measurement], model_hash: str | None = HASH) -> tuple[list[bytes], Session]:
    """The answers in order; a repeated one must be equal to the first."""
    session = Session(link, model_hash=model_hash)
    session.open()
    answers: dict[int, bytes] = {}

    def keep(index: int, answer: Prediction) -> None:
        assert index <= len(answers)
        assert answers.setdefault(index, encode(answer)) == encode(answer)

    session.replay(samples, keep)
    return [answers[k] for k in range(len(samples))], session


def expected(samples: list[Measurement]) -> list[bytes]:
    return [line(body) for body in expected_answers([(s.t_ms, s.voltage_mv, s.current_ma) for s in samples])]


def test_a_good_line_sends_each_sample_once() -> None:
    samples = charge(500)
    board = FakeBoard()
    answers, session = replay(FakeLink(board, Trouble()), samples)
    assert answers == expected(samples)
    counters = session.counters
    assert (counters.sent, counters.resent, counters.damaged, counters.refusals, counters.resets) == (500, 0, 0, 0, 0)
    assert counters.bytes_received > counters.bytes_sent > 500 * 20
    assert session.statistics() == {
        "answered": 500,
        "damaged": 0,
        "refused": 0,
        "answer_us": 12,
        "answer_max_us": 34,
        "next_sequence": 500,
        "answer_ticks": 1200,
        "answer_max_ticks": 3400,
        "ticks_per_s": 0,
        "stack_bytes": 640,
        "mode": 1,
    }


def test_an_empty_charge_needs_no_sample() -> None:
    answers, session = replay(FakeLink(FakeBoard(), Trouble()), [])
    assert answers == []
    assert session.counters.sent == 0


def test_unanswered_bytes_stay_within_the_credit() -> None:
    """Nothing comes back until the host has no more to say; what it said since fits the credit."""
    link = FakeLink(FakeBoard(), Trouble())
    session = Session(link, model_hash=HASH)
    session.open()
    link.sent.clear()
    session.replay(charge(50), lambda _index, _answer: None)
    bursts = [data for data in link.sent if data.startswith(b"$S")]
    assert max(map(len, bursts)) <= CREDIT
    assert len(bursts[0]) > CREDIT - 50


@pytest.mark.parametrize(("credit", "n_lines"), [(128, 4), (127, 3), (96, 3), (32, 1), (1, 1)])
def test_the_credit_to_the_byte(credit: int, n_lines: int) -> None:
    """Lines of 32 bytes; one may always be sent."""
    assert len(Window([bytes(32)] * 9, credit).take(9)) == n_lines


@pytest.mark.parametrize("lost", [b"$S,1E,", b"$P,1E,"])
def test_one_lost_line_costs_one_credit_of_lines(lost: bytes) -> None:
    """The answer or refusal after it tells at once, and the refusals of the other lines in flight tell nothing new."""

    class LosesOne(FakeLink):
        n_lost = 0

        def damage_line(self, piece: bytes) -> bytes:
            if piece.startswith(lost) and not self.n_lost:
                self.n_lost += 1
                return b""
            return piece

    samples = charge(100)
    link = LosesOne(FakeBoard(), Trouble())
    answers, session = replay(link, samples)
    assert answers == expected(samples)
    assert link.n_lost == 1
    assert (session.counters.silences, session.counters.resets) == (0, 0)
    assert 1 <= session.counters.resent <= CREDIT // 20


@given(
    seed=st.integers(0, 2**32),
    trouble=st.builds(
        Trouble,
        drop=st.sampled_from([0.0, 0.01, 0.05]),
        flip=st.sampled_from([0.0, 0.01, 0.05]),
        double=st.sampled_from([0.0, 0.05]),
        cut=st.sampled_from([0.0, 0.02, 0.05]),
        chatter=st.sampled_from([0.0, 0.1]),
    ),
)
@settings(max_examples=60, deadline=None)
def test_no_answer_is_wrong_or_missing_over_a_bad_line(seed: int, trouble: Trouble) -> None:
    samples = charge(120, seed)
    board = FakeBoard()
    answers, _ = replay(FakeLink(board, trouble, seed), samples)
    assert answers == expected(samples)
    assert board.processed == len(samples)


@given(seed=st.integers(0, 2**32), hello_lost=st.sampled_from([0.0, 0.5, 1.0]), drop=st.sampled_from([0.0, 0.05]))
@settings(max_examples=40, deadline=None)
def test_a_board_that_restarts_gets_the_charge_again(seed: int, hello_lost: float, drop: float) -> None:
    samples = charge(60, seed)
    trouble = Trouble(restart=0.01, hello_lost=hello_lost, drop=drop)
    answers, _ = replay(FakeLink(FakeBoard(), trouble, seed), samples)
    assert answers == expected(samples)


def test_a_restart_is_counted() -> None:
    samples = charge(100)
    board = FakeBoard()
    link = FakeLink(board, Trouble())

    def restart_once() -> None:
        if board.processed == 50:
            board.processed += 1
            link.incoming.append(board.start())

    link.on_send = restart_once
    answers, session = replay(link, samples)
    assert answers == expected(samples)
    assert session.counters.resets == 1
    assert session.counters.refusals == 0  # its hello was enough


def test_a_board_that_never_gets_through_is_given_up() -> None:
    board = FakeBoard()
    link = FakeLink(board, Trouble())

    def restart_at_20() -> None:
        if board.expected > 20 and board.expected < 100:
            link.incoming.append(board.start())

    link.on_send = restart_at_20
    with pytest.raises(SilentBoardError, match="lost the charge 10 times"):
        replay(link, charge(100))
    assert link.time < 60


def test_a_board_that_was_in_live_mode_is_asked_into_injected() -> None:
    samples = charge(30)
    answers, _ = replay(FakeLink(FakeBoard(boot_mode=0), Trouble()), samples)
    assert answers == expected(samples)


def test_old_lines_of_another_host_are_read_away() -> None:
    """Answers, hellos and echoes that were waiting in the port belong to nobody now."""
    samples = charge(30)
    board = FakeBoard()
    link = FakeLink(board, Trouble())
    old = board.start() + line("M,1") + line("R,0") + b"".join(line(body) for body in expected_answers([(1, 2, 3)] * 9))
    link.incoming.extend([old[:7], old[7:]])
    answers, _ = replay(link, samples)
    assert answers == expected(samples)


def test_a_silent_board_is_given_up_after_a_bounded_time() -> None:
    link = FakeLink(None, Trouble())
    with pytest.raises(SilentBoardError, match="does not say hello") as caught:
        Session(link).open()
    assert caught.value.exit_code == 7
    assert link.time <= 6


def test_a_board_that_falls_silent_in_a_charge_is_given_up() -> None:
    board = FakeBoard()
    link = FakeLink(board, Trouble())

    def unplug() -> None:
        if board.processed >= 30:
            link.board = None

    link.on_send = unplug
    with pytest.raises(SilentBoardError, match="does not answer sample"):
        replay(link, charge(100))
    assert link.time <= 20


def test_a_board_that_talks_but_does_not_answer_is_given_up() -> None:
    """Events ten times a second are no answers, however many."""

    class Talking(FakeLink):
        def receive(self, timeout_s: float) -> bytes:
            if self.board is None and timeout_s > 0:
                self.time += min(timeout_s, 0.1)
                return line("E,3,0")
            return super().receive(timeout_s)

    board = FakeBoard()
    link = Talking(board, Trouble())

    def fall_ill() -> None:
        assert link.time < 60, "waits for ever"
        if board.processed >= 30:
            link.board = None

    link.on_send = fall_ill
    with pytest.raises(SilentBoardError, match="does not answer sample"):
        replay(link, charge(100))
    assert link.time <= 20


@pytest.mark.parametrize(
    ("board", "message"),
    [(FakeBoard(model_hash="0123456789abcdee"), "runs model 0123456789abcdee"), (FakeBoard(protocol=2), "protocol 2")],
)
def test_another_model_or_protocol_is_refused(board: FakeBoard, message: str) -> None:
    with pytest.raises(ModelMismatchError, match=message) as caught:
        replay(FakeLink(board, Trouble()), charge(3))
    assert caught.value.exit_code == 4
    assert board.processed == 0


def test_any_model_is_taken_when_none_is_named() -> None:
    answers, _ = replay(FakeLink(FakeBoard(model_hash="00000000ffffffff"), Trouble()), charge(3), model_hash=None)
    assert len(answers) == 3


def test_a_firmware_swapped_in_mid_charge_is_noticed() -> None:
    board = FakeBoard()
    link = FakeLink(board, Trouble())

    def swap() -> None:
        if board.processed == 20:
            board.model_hash = "ffffffffffffffff"
            link.incoming.append(board.start())

    link.on_send = swap
    with pytest.raises(ModelMismatchError):
        replay(link, charge(60))


def test_time_that_stands_still_is_the_recording_s_fault() -> None:
    samples = charge(20)
    samples[12] = samples[11]
    with pytest.raises(HostError, match="sample 12, t_ms") as caught:
        replay(FakeLink(FakeBoard(), Trouble()), samples)
    assert caught.value.exit_code == 2


def test_logs_are_shown_and_never_parsed() -> None:
    logs: list[str] = []
    link = FakeLink(FakeBoard(), Trouble(chatter=1.0), seed=3)
    session = Session(link, on_log=logs.append)
    session.open()
    assert session.counters.logs == len(logs) == 3
    assert logs[0].startswith("I (123) wifi: ")
    assert logs[0].endswith("some log")
