"""Settings: what is sent, what is refused, on lines that lose some of it."""

from __future__ import annotations

import pytest

from host.conversation import Conversation
from host.errors import HostError
from host.messages import Setting
from host.settings import KINDS, parse_change, read_settings, set_setting
from tests.unit.host.fake_board import FakeBoard, FakeLink, Trouble, line, number


class KeepingBoard(FakeBoard):
    """Two settings, as docs/wire.md has them."""

    def __init__(self) -> None:
        super().__init__()
        self.values = [1, -5]
        self.fails = False

    def take(self, text: bytes) -> bytes:
        kind, *fields = text.decode("ascii").partition("*")[0][1:].split(",")
        values = [number(field) for field in fields]
        if kind == "V":
            return self.tell(0) + self.tell(1)
        if kind == "W":
            if values[0] > 1:
                return line("X,3")
            if abs(values[1]) > 9:
                return line("X,4")
            if self.fails:
                return line("X,5")
            self.values[values[0]] = values[1]
            return self.tell(values[0])
        return super().take(text)

    def tell(self, k: int) -> bytes:
        value = self.values[k]
        return line(f"V,{k:X},{'-' if value < 0 else ''}{abs(value):X},-9,9,2")


def conversation_with(board: FakeBoard, trouble: Trouble | None = None, seed: int = 0) -> Conversation:
    return Conversation(FakeLink(board, trouble or Trouble(), seed))


def test_reads_and_sets() -> None:
    board = KeepingBoard()
    conversation = conversation_with(board)
    assert read_settings(conversation) == [Setting(0, 1, -9, 9, 2), Setting(1, -5, -9, 9, 2)]
    set_setting(conversation, 1, 7)
    assert board.values == [1, 7]


@pytest.mark.parametrize("seed", range(20))
def test_asks_again_on_a_bad_line(seed: int) -> None:
    board = KeepingBoard()
    conversation = conversation_with(board, Trouble(drop=0.3, cut=0.0, chatter=0.3), seed)
    for value in (3, -4, 8):
        set_setting(conversation, 0, value)
        assert read_settings(conversation)[0].value == value


@pytest.mark.parametrize(
    ("setting", "value", "fails", "why"),
    [
        (1, 10, False, "address: this board does not take that value"),
        (2, 0, False, "shunt_uohm: this board has no such setting"),
        (0, 2, True, "sensor: its flash did not keep it; what was in force still is"),
    ],
)
def test_says_why_not(setting: int, value: int, fails: bool, why: str) -> None:
    board = KeepingBoard()
    board.fails = fails
    with pytest.raises(HostError, match=why):
        set_setting(conversation_with(board), setting, value)
    assert board.values == [1, -5]


def test_older_firmware() -> None:
    with pytest.raises(HostError, match="the board keeps no settings: its firmware is older than settings"):
        read_settings(conversation_with(FakeBoard()))


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("sensor=INA226", (0, 2)),
        ("sensor=1", (0, 1)),
        ("address=0x41", (1, 65)),
        ("current_gain_ppm=-4200", (3, -4200)),
    ],
)
def test_changes(text: str, change: tuple[int, int]) -> None:
    kind, value = parse_change(text)
    assert (KINDS[0].index(kind), value) == change


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("shunt", "shunt: not NAME=VALUE of a setting; names are sensor, address, shunt_uohm, "),
        ("ohm=1", "ohm=1: not NAME=VALUE of a setting"),
        ("sensor=ina3221", "sensor=ina3221: 'ina3221' is not one of none, ina219, ina226"),
        ("shunt_uohm=0.1", "shunt_uohm=0.1: '0.1' is not a whole number"),
    ],
)
def test_changes_that_are_none(text: str, complaint: str) -> None:
    with pytest.raises(HostError, match=complaint):
        parse_change(text)


@pytest.mark.parametrize(
    ("text", "number", "value"),
    [("meter_baud=19200", 2, 4), ("advice=later+slowly", 4, 6), ("period_s=10", 3, 10), ("meter=none", 0, 0)],
)
def test_changes_of_a_charge_point(text: str, number: int, value: int) -> None:
    kind, found = parse_change(text)
    assert (KINDS[1].index(kind), found) == (number, value)


def test_a_rate_is_no_place_in_a_list() -> None:
    with pytest.raises(HostError, match="meter_baud=3: '3' is not one of 1200, 2400"):
        parse_change("meter_baud=3")
