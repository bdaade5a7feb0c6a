"""A charge point's board, sample by sample, over a line that loses what it likes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from host.board import board_link
from host.bridge.ocpp.answerer import Goal, VehicleAnswer, VehicleSample
from host.bridge.ocpp.board_answerer import BoardAnswerer
from host.errors import HostError, ModelMismatchError, PortError, SilentBoardError
from host.transport import SerialLink
from host.vehicle_answers import Cars, known_households
from tests.unit.codegen.drawn_household import write_household
from tests.unit.host.bridge.ocpp.vehicle_board import VehicleBoard, vehicle_board
from tests.unit.host.monitor.live_board import HASH


@pytest.fixture
def board() -> Iterator[VehicleBoard]:
    with vehicle_board() as there:
        yield there


def connect(board: VehicleBoard, known: Cars | None = None) -> BoardAnswerer:
    def link() -> AbstractContextManager[SerialLink]:
        return board_link(board.port, 115_200, None)

    return BoardAnswerer("the board", link, known or {HASH: ("id3", "zoe", "model_3")})


def sample(k: int) -> VehicleSample:
    return VehicleSample(10_000 * k, (230_000, 231_000, 0), (16_000, 15_500, 0), 160, -1, 42)


def test_a_charge(board: VehicleBoard) -> None:
    answerer = connect(board)
    assert answerer.model_hash == HASH
    answerer.begin(Goal())
    first, _, third = (answerer.answer(sample(k)) for k in range(3))
    answerer.close()
    assert first.cars == ("id3", "model_3")
    assert third == VehicleAnswer(
        car="model_3",
        cars=("model_3",),
        unknown=False,
        confidence_permille=970,
        phase="charging",
        phases=3,
        power_class_w=11_000,
        done_s=(3_600, 7_200, 10_800),
        target_s=None,
        energy_to_go_wh=20_000,
    )
    assert board.of("A")[1] == "A,1,38270,3E80,38658,3C8C,0,0"
    assert board.of("B")[1] == "B,1,2710,A0,-1,2A"
    assert board.of("G") == []


@pytest.mark.parametrize(
    ("goal", "line"),
    [(Goal(90), "G,5A,0"), (Goal(energy_wh=12_000), "G,0,2EE0"), (Goal(90, 12_000), "G,5A,2EE0")],
)
def test_a_goal(board: VehicleBoard, goal: Goal, line: str) -> None:
    answerer = connect(board)
    answerer.begin(goal)
    assert board.of("G") == [line]
    answerer.begin(Goal())
    answerer.close()
    assert board.of("G") == [line]
    assert board.of("R")[-2:] == ["R,0", "R,0"]


def test_lost_lines_are_sent_again(board: VehicleBoard) -> None:
    answerer = connect(board)
    answerer.begin(Goal())
    board.lose, board.lose_first = 1, 1
    assert answerer.answer(sample(0)).cars == ("id3", "model_3")
    assert answerer.answer(sample(1)).cars == ("id3", "model_3")
    answerer.close()
    assert [body.split(",")[1] for body in board.of("B")] == ["0", "0", "0", "1"]


def test_an_answer_that_comes_twice_is_not_the_next_samples(board: VehicleBoard) -> None:
    answerer = connect(board)
    answerer.begin(Goal())
    board.stammer = True
    assert [len(answerer.answer(sample(k)).cars) for k in range(4)] == [2, 2, 1, 1]
    answerer.close()


def test_a_board_that_starts_anew_has_lost_the_charge(board: VehicleBoard) -> None:
    answerer = connect(board)
    answerer.begin(Goal())
    answerer.answer(sample(0))
    board.start_anew()
    with pytest.raises(SilentBoardError, match=r"started anew|forgotten the charge"):
        answerer.answer(sample(1))
    answerer.close()


def test_a_pulled_cable(board: VehicleBoard) -> None:
    answerer = connect(board)
    answerer.begin(Goal())
    board.hang_up()
    with pytest.raises(PortError, match="the line was lost"):
        answerer.answer(sample(0))
    answerer.close()
    answerer.close()


def test_a_chargers_board_is_refused_in_one_line(board: VehicleBoard) -> None:
    board.protocol = 1
    with pytest.raises(ModelMismatchError, match="is a charger's board, which answers phones"):
        connect(board)


def test_cars_without_an_artifact_are_numbered(board: VehicleBoard) -> None:
    answerer = connect(board, {"0" * 16: ("a",)})
    answerer.begin(Goal())
    assert answerer.answer(sample(0)).cars == ("car 0", "car 2")
    answerer.close()


def test_names_are_of_the_artifact_that_has_the_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    household = write_household(tmp_path / "build" / "artifact", 1)
    assert known_households(household.path) == {household.model_hash: household.cars}
    monkeypatch.chdir(tmp_path)
    assert known_households(None) == {household.model_hash: household.cars}
    with pytest.raises(HostError, match="--artifact"):
        known_households(tmp_path)
