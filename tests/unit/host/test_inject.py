"""Damage on the line: what it does, and that it is noticed when some of it gets through."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from host import inject, inject_storm
from host.cli import main
from host.errors import DamagedLineError, HostError
from host.inject import KINDS, DamagingLink, Plan, parse_plan
from host.inject_storm import storm
from host.messages import BoardMessage, Prediction, encode, parse_from_board
from host.reference import ANSWER_FIELDS, Charge
from host.session import Measurement, Session
from tests.unit.host.conftest import WRONG_AT_17, Bench
from tests.unit.host.fake_board import FakeBoard, FakeLink, Trouble, Values, expected_answers, line

EVERY_KIND = "drop,flip,cut,garbage"


def charge_of(n: int, seed: int = 3) -> Charge:
    source = random.Random(seed)
    samples: list[Values] = [(1000 * k, source.randrange(21_000), source.randrange(3_000)) for k in range(n)]
    answers = np.array(
        [[int(field, 16) for field in body.split(",")[2:]] for body in expected_answers(samples)], dtype=np.int64
    )
    return Charge(
        session="made",
        device="device_0",
        unit="a",
        samples=[Measurement(*sample) for sample in samples],
        expected=[Prediction(k, *row) for k, row in enumerate(answers.tolist())],
        answers=answers,
        features=np.zeros((n, 1), np.int32),
        device_margin=np.zeros((n, 0), np.float32),
        remaining_margin=np.zeros((n, 0), np.float32),
        device_output=np.zeros((n, 0), np.int32),
        true_remaining_s=np.zeros(n, np.int32),
        baseline_remaining_s=np.zeros(n, np.int32),
    )


def replayed(
    board: FakeBoard, charge: Charge, plan: Plan, resets_at: list[int]
) -> tuple[list[Prediction], DamagingLink]:
    """The final answers, after each was checked against the one it must be."""
    link = DamagingLink(FakeLink(board, Trouble()), plan, resets_at, board.start)
    session = Session(link)
    session.open()
    answers: dict[int, Prediction] = {}

    def keep(index: int, answer: Prediction) -> None:
        answers[index] = answer
        assert answer == charge.expected[index]

    session.replay(charge.samples, keep)
    assert session.counters.resets == len(resets_at)
    return [answers[k] for k in range(len(answers))], link


@pytest.mark.parametrize("seed", range(6))
def test_a_bad_line_and_resets_change_no_answer(seed: int) -> None:
    charge = charge_of(1500)
    answers, link = replayed(FakeBoard(), charge, parse_plan(EVERY_KIND, 0.05, seed), [200, 1000, 1100])
    assert answers == charge.expected
    damage = link.damage
    assert damage.resets == 3
    assert damage.accepted == 0
    assert damage.hit.keys() == set(KINDS)
    # 5 % of at least 3000 lines each way, in which chance may take a fifth.
    assert 0.04 < damage.damaged / damage.lines < 0.06
    assert damage.lines > 2 * len(charge.samples)


def test_damage_that_is_taken_for_a_message_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage that happens to mend its own CRC, as two in 2^33 random ones would."""

    def forged(original: bytes, _: random.Random) -> bytes:
        body = original[1:-10].decode("ascii")
        return line(body[:-1] + ("1" if body[-1] == "0" else "0")) if body.startswith("P,") else original

    monkeypatch.setitem(inject.KINDS, "flip", forged)
    charge = charge_of(300)
    link = DamagingLink(FakeLink(FakeBoard(), Trouble()), Plan({"flip": 0.05}, 0, 1), [], lambda: None)
    session = Session(link)
    session.open()
    wrong: list[int] = []

    def compare(index: int, answer: Prediction) -> None:
        if answer != charge.expected[index]:
            wrong.append(index)

    session.replay(charge.samples, compare)
    assert wrong
    assert link.damage.accepted >= len(wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_what_each_kind_does(kind: str) -> None:
    source, original = random.Random(5), encode(Prediction(7, 1, 900, 60, 120, 240, 2, 0xBEEF))
    damaged = {KINDS[kind](original, source) for _ in range(300)}
    lengths = {len(each) - len(original) for each in damaged}
    if kind == "drop":
        assert damaged == {b""}
    elif kind == "flip":
        assert lengths == {0}
        bits = {bin(int.from_bytes(each) ^ int.from_bytes(original)).count("1") for each in damaged}
        assert {1, 2, 3} <= bits <= {0, 1, 2, 3}
    elif kind == "cut":
        assert -inject.CUT_MAX <= min(lengths) < -20
        assert max(lengths) == -1
    else:
        assert min(lengths) >= 1
        assert max(lengths) == inject.CUT_MAX
        assert any(b"\n" in each[:-1] for each in damaged)


def test_the_same_seed_does_the_same_damage() -> None:
    runs = [replayed(FakeBoard(), charge_of(400), parse_plan(EVERY_KIND, 0.05, 11), [])[1].damage for _ in range(2)]
    assert runs[0] == runs[1]
    assert runs[0].damaged > 20


def test_what_is_asked_for() -> None:
    assert parse_plan("drop,flip", 0.01, 1).rates == {"drop": 0.005, "flip": 0.005}
    plan = parse_plan("drop=0.1, cut, reset", 0.02, 1)
    assert plan.rates == {"drop": 0.1, "cut": 0.02}
    assert plan.resets == inject.DEFAULT_RESETS
    assert parse_plan("reset=7", 0.01, 1) == Plan({}, 7, 1)


@pytest.mark.parametrize(
    ("text", "rate", "words"),
    [
        ("smoke", 0.01, "'smoke': is none of drop, flip, cut, garbage, reset"),
        ("drop=x", 0.01, "'x' is not a number"),
        ("reset=1.5", 0.01, "'1.5' is not a number"),
        ("drop=0.6", 0.01, "from 0 to 0.5"),
        ("drop", 0.6, "from 0 to 0.5"),
        ("flip=-0.1", 0.01, "from 0 to 0.5"),
        ("reset=-1", 0.01, "resets from 0"),
    ],
)
def test_what_cannot_be_asked_for(text: str, rate: float, words: str) -> None:
    with pytest.raises(HostError, match="--inject") as caught:
        parse_plan(text, rate, 1)
    assert words in str(caught.value)


def stormed(board: FakeBoard, n_lines: int = 4000) -> inject_storm.Storm:
    link = FakeLink(board, Trouble())
    session = Session(link)
    session.open()
    return storm(session, [charge_of(60)], parse_plan(EVERY_KIND, 0.01, 2), n_lines, lambda _: None, link.now)


def test_a_storm_of_damage_gets_nowhere() -> None:
    result = stormed(FakeBoard())
    assert result.lines >= 4000
    assert min(result.to_board, result.from_board) >= 1900
    assert (result.accepted, result.mismatches) == (0, 0)
    assert result.answers > 500


class CredulousBoard(FakeBoard):
    """A board that does not look at the CRC."""

    def take(self, text: bytes) -> bytes:
        body = text[1:].split(b"*")[0]
        return super().take(line(body.decode("ascii", "replace"))[:-1])

    def sample(self, sequence: int, values: Values) -> bytes:
        t_ms, voltage_mv, current_ma = (value & 0x7FFFFFFF for value in values)
        return super().sample(sequence, (t_ms, voltage_mv, current_ma))


def test_a_board_that_takes_damage_is_found_out() -> None:
    result = stormed(CredulousBoard())
    assert result.to_board_accepted + result.mismatches > 10
    assert result.from_board_accepted == 0


class OtherwiseBoard(FakeBoard):
    """A board that answers one sample otherwise, which has nothing to do with damage."""

    def sample(self, sequence: int, values: Values) -> bytes:
        said = super().sample(sequence, values)
        return line("P,11,0,0,0,0,0,0,00000000") if sequence == 17 else said


def test_an_answer_in_a_storm_is_compared() -> None:
    result = stormed(OtherwiseBoard())
    assert result.accepted == 0
    assert result.mismatches == pytest.approx(result.answers / 60, abs=1)


def test_a_host_that_takes_damage_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def credulous(text: bytes) -> BoardMessage:
        body = text[1:].split(b"*")[0].decode("ascii", "replace")
        try:
            return parse_from_board(line(body)[:-1])
        except UnicodeEncodeError:
            raise DamagedLineError("not ASCII") from None

    monkeypatch.setattr(inject_storm, "parse_from_board", credulous)
    result = stormed(FakeBoard())
    assert result.from_board_accepted > 10
    assert result.to_board_accepted == 0


Report = Callable[..., dict[str, object]]


@pytest.mark.slow
def test_the_command_damages_the_line(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*bench.arguments(), "--inject", f"{EVERY_KIND},reset=1", "--inject-rate", "0.1", "--json"]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    injected = report["inject"]
    assert injected["session"] == "s1"  # the longest
    assert (injected["samples"], injected["wrong"], injected["differ"]) == (130, 0, 0)
    assert injected["damage"]["resets"] == injected["link"]["resets"] == 1
    assert injected["damage"]["accepted"] == 0
    assert sum(injected["damage"]["hit"].values()) > 10
    assert report["link"]["resets"] == 0  # that is the line as it was while the charges were streamed


def test_the_command_sends_nothing_but_damage(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*bench.arguments(), "--lines", "1500", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["storm"]["to_board"] + found["storm"]["from_board"] >= 1500
    assert found["storm"]["to_board_accepted"] == found["storm"]["from_board_accepted"] == 0
    assert found["inject"] == {}


def test_a_wrong_answer_over_a_bad_line_fails(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    program = bench.program(WRONG_AT_17)
    assert main([*bench.arguments(program), "--inject", "flip", "--json"]) == 1
    verdicts = {check["group"]: check["verdict"] for check in json.loads(capsys.readouterr().out)["checks"]}
    assert verdicts["damage"] == verdicts["board"] == "FAIL"


def test_bad_kinds_are_told_before_the_board_is_asked(
    bench: Bench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*bench.arguments(tmp_path / "no-program"), "--inject", "smoke"]) == 2
    assert "--inject 'smoke'" in capsys.readouterr().err


def test_fields_of_an_answer_are_a_prediction_s() -> None:
    """The rows that are compared hold every field but the number."""
    fields = {name for name in Prediction.__slots__ if name != "sequence"}
    assert set(ANSWER_FIELDS) == fields
