"""Every message of docs/wire.md as a frozen dataclass; its fields are in the order of the line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from host.layouts import HEX8, I32, U8, U16, U32, Layout, parse, readers, writers
from host.vehicle_messages import (
    FROM_BOARD,
    FROM_HOST,
    LAYOUTS,
    Advice,
    Goal,
    LiveRest,
    SamplePhases,
    SampleRest,
    VehicleAnswer,
)

PROTOCOL_VERSION = 1
CHARGER, CHARGE_POINT = 0, 1
"""Whose charges a board follows: the upper four bits of its hello's protocol."""

PROFILES = ("charger", "charge point")

BOOT_REASONS = ("power", "reset", "watchdog", "brown-out")
PHASES = ("pre-charge", "constant current", "constant voltage", "full")

REFUSED_GAP, REFUSED_TOO_OLD, REFUSED_TIME, REFUSED_MODE, REFUSED_DIFFERENT = range(1, 6)

LIVE, INJECTED = 0, 1

FLAG_UNKNOWN = 0x01
FLAG_NO_CLASSIFIER = 0x08

PLUG, UNPLUG, SENSOR_FAULT, SENSOR_WELL = range(1, 5)
"""Events of an `E` line."""

SENSOR_FAULTS = {
    1: "no answer",
    2: "saturated",
    3: "frozen",
    4: "out of range",
    5: "damaged replies",
    6: "refused: another kind of meter",
}
"""What is wrong with the sensor or meter, by the detail of a SENSOR_FAULT."""

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
    """Board: who it is; `firmware_version` is 0xMMmmpp, `protocol` the profile (four bits) and the version (four)."""

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
    def profile(self) -> int:
        """CHARGER or CHARGE_POINT."""
        return self.protocol >> 4

    @property
    def protocol_version(self) -> int:
        """Of the wire."""
        return self.protocol & 15

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


HostMessage = (
    AskHello | AskStatistics | AskSettings | SetSetting | Reset | Mode | Sample | SamplePhases | SampleRest | Goal
)
BoardMessage = (
    Hello
    | Credit
    | Reset
    | Mode
    | Prediction
    | VehicleAnswer
    | Goal
    | SamplePhases
    | LiveRest
    | Advice
    | LiveSample
    | Event
    | Statistic
    | Setting
    | Refusal
    | BoardError
)

_LAYOUTS: Mapping[type[Any], Layout] = {
    AskHello: Layout("H", ()),
    AskStatistics: Layout("T", ()),
    AskSettings: Layout("V", ()),
    SetSetting: Layout("W", (U32, I32)),
    Reset: Layout("R", (U32,)),
    Mode: Layout("M", (U8,)),
    Sample: Layout("S", (U32, U32, I32, I32)),
    Hello: Layout("H", (HEX8, HEX8, U8, U32, U8, U8)),
    Credit: Layout("C", (U32,)),
    Prediction: Layout("P", (U32, U8, U16, I32, I32, I32, U8, HEX8)),
    LiveSample: Layout("L", (U32, U32, I32, I32)),
    Event: Layout("E", (U8, U32)),
    Statistic: Layout("T", (U8, U32)),
    Setting: Layout("V", (U8, I32, I32, I32, U8)),
    Refusal: Layout("N", (U32, U8, U32)),
    BoardError: Layout("X", (U8,)),
    **LAYOUTS,
}
_WRITERS = writers(_LAYOUTS)
_FROM_HOST = readers(_LAYOUTS, (AskHello, AskStatistics, AskSettings, SetSetting, Reset, Mode, Sample, *FROM_HOST))
_FROM_BOARD = readers(
    _LAYOUTS,
    (
        *(Hello, Credit, Reset, Mode, Prediction, LiveSample, Event, Statistic, Setting, Refusal, BoardError),
        *FROM_BOARD,
    ),
)


def encode(message: HostMessage | BoardMessage) -> bytes:
    """The line of a message, LF included; raises ValueError when a field is out of its range."""
    return _WRITERS[type(message)].line(message)


def parse_from_board(line: bytes) -> BoardMessage:
    """The board's message in a line without LF; raises DamagedLineError."""
    message: BoardMessage = parse(line, _FROM_BOARD)
    return message


def parse_from_host(line: bytes) -> HostMessage:
    """The host's message in a line without LF; raises DamagedLineError."""
    message: HostMessage = parse(line, _FROM_HOST)
    return message
