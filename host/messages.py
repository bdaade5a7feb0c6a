"""Every message of docs/wire.md as a frozen dataclass; its fields are in the order of the line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from host.errors import DamagedLineError
from host.framing import frame, unframe

PROTOCOL_VERSION = 1
BOOT_REASONS = ("power", "reset", "watchdog", "brown-out")
PHASES = ("pre-charge", "constant current", "constant voltage", "full")

REFUSED_GAP, REFUSED_TOO_OLD, REFUSED_TIME, REFUSED_MODE, REFUSED_DIFFERENT = range(1, 6)

LIVE, INJECTED = 0, 1

FLAG_UNKNOWN = 0x01
FLAG_NO_CLASSIFIER = 0x08

PLUG, UNPLUG, SENSOR_FAULT, SENSOR_WELL = range(1, 5)
"""Events of an `E` line."""

SENSOR_FAULTS = {1: "no answer", 2: "saturated", 3: "frozen", 4: "out of range"}
"""What is wrong with the sensor, by the detail of a SENSOR_FAULT."""

COUNTERS = (
    "answered",
    "damaged",
    "refused",
    "answer_us",
    "answer_max_us",
    "next_sequence",
    "answer_ticks",
    "answer_max_ticks",
    "ticks_per_s",
    "stack_bytes",
    "mode",
)
"""Names of the counters of a `T` line, by number. `ticks_per_s` 0: a tick is one executed instruction."""

NOT_KNOWN = 0xFFFFFFFF  # value of a counter that the board cannot tell


@dataclass(frozen=True, slots=True)
class AskHello:
    """Host: who are you?"""


@dataclass(frozen=True, slots=True)
class AskStatistics:
    """Host: all counters, please."""


@dataclass(frozen=True, slots=True)
class AskSettings:
    """Host: all settings, please."""


@dataclass(frozen=True, slots=True)
class SetSetting:
    """Host: keep this value of a setting."""

    number: int
    value: int


@dataclass(frozen=True, slots=True)
class Reset:
    """Host: begin a charge. Board: begun."""

    first_sequence: int


@dataclass(frozen=True, slots=True)
class Mode:
    """Host: take this mode. Board: in force."""

    mode: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Host: one measurement."""

    sequence: int
    t_ms: int
    voltage_mv: int
    current_ma: int


@dataclass(frozen=True, slots=True)
class Hello:
    """Board: who it is; `firmware_version` is 0xMMmmpp."""

    hash_high: int
    hash_low: int
    protocol: int
    firmware_version: int
    boot: int
    n_devices: int

    @property
    def model_hash(self) -> str:
        """The 16 hexadecimal digits of the artifact."""
        return f"{self.hash_high:08x}{self.hash_low:08x}"

    @property
    def version(self) -> str:
        """The firmware's version, as in 0.1.0."""
        number = self.firmware_version
        return f"{number >> 16}.{number >> 8 & 0xFF}.{number & 0xFF}"


@dataclass(frozen=True, slots=True)
class Credit:
    """Board: bytes of sample lines that may be unanswered."""

    n_bytes: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """Board: the answer to one sample; times in s at 10, 50 and 90 %."""

    sequence: int
    device: int
    confidence_permille: int
    remaining_10_s: int
    remaining_50_s: int
    remaining_90_s: int
    flags: int
    state_crc: int


@dataclass(frozen=True, slots=True)
class LiveSample:
    """Board, live mode: one measurement of its own; the Prediction of the same sequence follows."""

    sequence: int
    t_ms: int
    voltage_mv: int
    current_ma: int


@dataclass(frozen=True, slots=True)
class Event:
    """Board: PLUG or UNPLUG with the charge's number since power-up, SENSOR_FAULT with its kind, SENSOR_WELL with 0."""

    event: int
    detail: int


@dataclass(frozen=True, slots=True)
class Statistic:
    """Board: one counter, see COUNTERS."""

    counter: int
    value: int


@dataclass(frozen=True, slots=True)
class Setting:
    """Board: one of its `n_settings` settings, in force."""

    number: int
    value: int
    lowest: int
    highest: int
    n_settings: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Board: that sample was not taken."""

    sequence: int
    reason: int
    expected: int


@dataclass(frozen=True, slots=True)
class BoardError:
    """Board: 1 unknown type, 2 wrong fields, 3 no such setting, 4 value out of its limits, 5 not kept."""

    code: int


HostMessage = AskHello | AskStatistics | AskSettings | SetSetting | Reset | Mode | Sample
BoardMessage = (
    Hello | Credit | Reset | Mode | Prediction | LiveSample | Event | Statistic | Setting | Refusal | BoardError
)


class _Number(NamedTuple):
    low: int
    high: int
    pattern: bytes  # of its one spelling
    spelling: str = "X"


def _unsigned(n_bits: int) -> _Number:
    return _Number(0, (1 << n_bits) - 1, b"0|[1-9A-F][0-9A-F]{0,%d}" % (n_bits // 4 - 1))


_U8, _U16, _U32 = map(_unsigned, (8, 16, 32))
_I32 = _Number(-(1 << 31), (1 << 31) - 1, b"0|-?[1-9A-F][0-9A-F]{0,7}")
_HEX8 = _Number(0, (1 << 32) - 1, b"[0-9A-F]{8}", "08X")


class _Layout(NamedTuple):
    letter: str
    fields: tuple[_Number, ...]


_LAYOUTS: Mapping[type[Any], _Layout] = {
    AskHello: _Layout("H", ()),
    AskStatistics: _Layout("T", ()),
    AskSettings: _Layout("V", ()),
    SetSetting: _Layout("W", (_U32, _I32)),
    Reset: _Layout("R", (_U32,)),
    Mode: _Layout("M", (_U8,)),
    Sample: _Layout("S", (_U32, _U32, _I32, _I32)),
    Hello: _Layout("H", (_HEX8, _HEX8, _U8, _U32, _U8, _U8)),
    Credit: _Layout("C", (_U32,)),
    Prediction: _Layout("P", (_U32, _U8, _U16, _I32, _I32, _I32, _U8, _HEX8)),
    LiveSample: _Layout("L", (_U32, _U32, _I32, _I32)),
    Event: _Layout("E", (_U8, _U32)),
    Statistic: _Layout("T", (_U8, _U32)),
    Setting: _Layout("V", (_U8, _I32, _I32, _I32, _U8)),
    Refusal: _Layout("N", (_U32, _U8, _U32)),
    BoardError: _Layout("X", (_U8,)),
}
_ENCODINGS = {
    kind: (layout.letter, tuple(field.name for field in fields(kind)), layout.fields)
    for kind, layout in _LAYOUTS.items()
}


class _Reader(NamedTuple):
    kind: type[Any]
    body: re.Pattern[bytes]  # a group a field
    signed: tuple[int, ...]  # the fields whose spelling alone does not bound them


def _readers(kinds: Iterable[type[Any]]) -> Mapping[bytes, _Reader]:
    readers = {}
    for kind in kinds:
        letter, numbers = _LAYOUTS[kind].letter.encode("ascii"), _LAYOUTS[kind].fields
        body = re.compile(letter + b"".join(b",(%s)" % number.pattern for number in numbers))
        readers[letter] = _Reader(kind, body, tuple(k for k, number in enumerate(numbers) if number.low < 0))
    return readers


_FROM_HOST = _readers((AskHello, AskStatistics, AskSettings, SetSetting, Reset, Mode, Sample))
_FROM_BOARD = _readers(
    (Hello, Credit, Reset, Mode, Prediction, LiveSample, Event, Statistic, Setting, Refusal, BoardError)
)


def encode(message: HostMessage | BoardMessage) -> bytes:
    """The line of a message, LF included; raises ValueError when a field is out of its range."""
    letter, names, numbers = _ENCODINGS[type(message)]
    return frame(letter, [_write(getattr(message, name), number) for name, number in zip(names, numbers, strict=True)])


def parse_from_board(line: bytes) -> BoardMessage:
    """The board's message in a line without LF; raises DamagedLineError."""
    message: BoardMessage = _parse(line, _FROM_BOARD)
    return message


def parse_from_host(line: bytes) -> HostMessage:
    """The host's message in a line without LF; raises DamagedLineError."""
    message: HostMessage = _parse(line, _FROM_HOST)
    return message


def _parse(line: bytes, readers: Mapping[bytes, _Reader]) -> Any:
    body = unframe(line)
    reader = readers.get(body[:1])
    if reader is None:
        raise DamagedLineError(f"type {body[:1]!r} is not known")
    match = reader.body.fullmatch(body)
    if match is None:
        raise DamagedLineError(f"{body!r}: wrong number of fields, or one that is not a canonical number in its range")
    values = [int(text, 16) for text in match.groups()]
    for k in reader.signed:
        if not _I32.low <= values[k] <= _I32.high:
            raise DamagedLineError(f"{body!r}: a number out of range")
    return reader.kind(*values)


def _write(value: int, number: _Number) -> str:
    if not number.low <= value <= number.high:
        raise ValueError(f"{value} does not lie in {number.low} … {number.high}")
    return format(value, number.spelling)
