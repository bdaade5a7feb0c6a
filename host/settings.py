"""What a board keeps in flash (docs/wire.md, Settings): its sensor and calibration, or its meter and advice."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass

from host.board import board_link
from host.conversation import Conversation
from host.errors import HostError
from host.messages import AskSettings, BoardError, BoardMessage, SetSetting, Setting

SENSORS = ("none", "ina219", "ina226")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a setting's number means; `words` stand for its values where it has any."""

    name: str
    says: str
    words: tuple[str, ...] = ()
    hexadecimal: bool = False

    def text(self, value: int) -> str:
        """A value as a person writes it."""
        if 0 <= value < len(self.words):
            return self.words[value]
        return f"{value:#x}" if self.hexadecimal else str(value)


BAUDS = ("1200", "2400", "4800", "9600", "19200", "38400", "57600", "115200")
WISHES = ("none", "stop", "later", "stop+later", "slowly", "stop+slowly", "later+slowly", "stop+later+slowly")

CHARGER_KINDS = (
    Kind("sensor", "the chip that measures", words=SENSORS),
    Kind("address", "its I2C address", hexadecimal=True),
    Kind("shunt_uohm", "its shunt"),
    Kind("current_gain_ppm", "added to the current: so much of it"),
    Kind("current_offset_ua", "and so much"),
    Kind("voltage_gain_ppm", "added to the voltage: so much of it"),
    Kind("voltage_offset_uv", "and so much"),
    Kind("averaging_ms", "a value is the mean of at most"),
)
CHARGE_POINT_KINDS = (
    Kind("meter", "the energy meter on its line", words=("none", "sdm630")),
    Kind("meter_address", "its Modbus address"),
    Kind("meter_baud", "the rate of its line", words=BAUDS),
    Kind("period_s", "from reading to reading"),
    Kind("advice", "what advice may switch; it is no protection", words=WISHES),
    Kind("ready_in_min", "be ready so long after the plug; 0: whenever"),
    Kind("most_ma", "the highest current advice may ask for"),
)
KINDS = (CHARGER_KINDS, CHARGE_POINT_KINDS)
"""The settings this program knows, by a board's profile and their number; docs/wire.md."""

UNKNOWN_TYPE = 1
REFUSALS = {
    3: "this board has no such setting",
    4: "this board does not take that value",
    5: "its flash did not keep it; what was in force still is",
}
"""Why a setting is not taken, by the code of the board's error."""


def settings(args: argparse.Namespace) -> int:
    """Show a board's settings, after the changes asked for."""
    asked = [parse_change(text) for text in args.changes]
    with board_link(args.port, args.baud, args.firmware, settings=args.file) as link:
        conversation = Conversation(link, keep=False)
        profile = conversation.ask_hello().profile
        kinds = KINDS[profile] if profile < len(KINDS) else ()
        before = read_settings(conversation)
        changes = [(_number_of(kinds, kind), value) for kind, value in asked]
        for number, value in changes:
            _check(kinds, before, number, value)
        for number, value in changes:
            set_setting(conversation, number, value, kinds)
        found = read_settings(conversation)
    _print(kinds, found, as_json=args.json, changed=sum(found[k].value != before[k].value for k in range(len(found))))
    return 0


def parse_change(text: str) -> tuple[Kind, int]:
    """`shunt_uohm=10000` as a setting and a value; raises HostError that says what is allowed."""
    name, equals, value = text.partition("=")
    known = {kind.name: kind for kinds in KINDS for kind in kinds}
    if not equals or name not in known:
        raise HostError(f"{text}: not NAME=VALUE of a setting; names are {', '.join(known)}")
    kind = known[name]
    if value.lower() in kind.words:
        return kind, kind.words.index(value.lower())
    try:
        if kind.words is BAUDS:
            raise ValueError  # a number is a rate, not its place in the list
        return kind, int(value, 0)
    except ValueError:
        allowed = f"one of {', '.join(kind.words)}" if kind.words else "a whole number"
        raise HostError(f"{text}: {value!r} is not {allowed}") from None


def _number_of(kinds: Sequence[Kind], kind: Kind) -> int:
    """On a board with these settings; raises HostError where it has no such one."""
    if kind not in kinds:
        whose = "a charger's board" if kind in CHARGER_KINDS else "a charge point's"
        raise HostError(
            f"{kind.name}: a setting of {whose}, which this is not; this one has {', '.join(k.name for k in kinds)}"
        )
    return kinds.index(kind)


def read_settings(conversation: Conversation) -> Sequence[Setting]:
    """All of a board's settings by number; raises HostError for a board that keeps none."""
    found: dict[int, Setting] = {}

    def collect(message: BoardMessage) -> Sequence[Setting] | None:
        if isinstance(message, BoardError):
            old = message.code == UNKNOWN_TYPE
            why = "its firmware is older than settings" if old else "there is no flash for any on it"
            raise HostError(f"the board keeps no settings: {why}")
        if isinstance(message, Setting):
            found[message.number] = message
            if len(found) == message.n_settings:
                return [found[k] for k in sorted(found)]
        return None

    return conversation.ask(AskSettings(), collect, "does not tell its settings")


def _check(kinds: Sequence[Kind], before: Sequence[Setting], number: int, value: int) -> None:
    kind = kinds[number]
    if number >= len(before):
        raise HostError(f"{kind.name}: this board has no such setting; its firmware is older")
    lowest, highest = before[number].lowest, before[number].highest
    if not lowest <= value <= highest:
        allowed = f"{kind.text(lowest)} to {kind.text(highest)}"
        raise HostError(f"{kind.name}={kind.text(value)}: this board takes {allowed}")


def set_setting(conversation: Conversation, number: int, value: int, kinds: Sequence[Kind] = CHARGER_KINDS) -> None:
    """Keep a value in the board's flash; raises HostError when the board refuses."""

    def take(message: BoardMessage) -> Setting | None:
        if isinstance(message, BoardError):
            reason = REFUSALS.get(message.code, f"error {message.code}")
            raise HostError(f"{kinds[number].name}: {reason}")
        return message if isinstance(message, Setting) and message.number == number else None

    conversation.ask(SetSetting(number, value), take, "does not say whether it kept a setting")


def _print(kinds: Sequence[Kind], found: Sequence[Setting], *, as_json: bool, changed: int) -> None:
    known = [(kind, setting) for kind, setting in zip(kinds, found, strict=False)]
    if as_json:
        entries = {
            kind.name: {
                "value": kind.text(setting.value) if kind.words else setting.value,
                "lowest": setting.lowest,
                "highest": setting.highest,
            }
            for kind, setting in known
        }
        print(json.dumps(entries, indent=1))
        return
    for kind, setting in known:
        limits = f"{kind.text(setting.lowest)} … {kind.text(setting.highest)}"
        print(f"{kind.name:18} {kind.text(setting.value):>8}   {limits:22} {kind.says}")
    print(f"{len(found)} settings, {changed} changed" if changed else f"{len(found)} settings")
