"""The messages that only a charge point's board takes and says: docs/wire.md, At a charge point."""

from __future__ import annotations

from dataclasses import dataclass

from host.layouts import I32, U8, U16, U32, Layout, within

VOLTAGE_MAX_MV = 1_048_575
CURRENT_MAX_MA = 524_287
SECONDS_MAX = (1 << 24) - 1
POWER_MAX_W = 0xFFFFF

PHASES = ("waiting", "charging", "taper", "paused", "done")
"""Of a charge, by the number in a board's answer."""

UNKNOWN_CAR, SEVERAL_CARS, DIRECT_CURRENT, SOC_TOLD, NO_TARGET = 1, 2, 4, 8, 16
"""Flags of a VehicleAnswer."""

STOP, LATE, ON = 1, 2, 4
"""Flags of an Advice."""

NOT_MEASURED = -1001
"""A power factor that is not measured."""


@dataclass(frozen=True, slots=True)
class SamplePhases:
    """Host: a sample's voltages and currents; its SampleRest follows. Board, live mode: its own, then its LiveRest."""

    sequence: int
    voltage_l1_mv: int
    current_l1_ma: int
    voltage_l2_mv: int
    current_l2_ma: int
    voltage_l3_mv: int
    current_l3_ma: int


@dataclass(frozen=True, slots=True)
class SampleRest:
    """Host: the rest of a sample, which is whole now; −1 where pilot, energy or state of charge is not known."""

    sequence: int
    t_ms: int
    pilot_da: int
    energy_wh: int
    soc_pct: int


@dataclass(frozen=True, slots=True)
class LiveRest:
    """Board, live mode: the rest of a sample of its own; `power_factor_permille` NOT_MEASURED where there is none."""

    sequence: int
    t_ms: int
    pilot_da: int
    energy_wh: int
    soc_pct: int
    power_factor_permille: int


@dataclass(frozen=True, slots=True)
class Advice:
    """Board, live mode: what the answer of that sequence proposes (docs/advice.md); −1 where a time is not known."""

    sequence: int
    flags: int  # STOP, LATE, ON
    start_in_s: int
    limit_ma: int
    ready_10_s: int
    ready_50_s: int
    ready_90_s: int
    on_limit_ma: int


@dataclass(frozen=True, slots=True)
class Goal:
    """Host: what is wanted of this charge, 0 for none. Board: in force."""

    target_pct: int
    energy_wh: int


@dataclass(frozen=True, slots=True)
class VehicleAnswer:
    """Board: the first line of an answer; the Prediction of the same sequence completes it. `target_…_s` −1: not known.

    `state`: bits 0–4 flags, 5–7 phase, 8–11 what the estimate rests on, 12–13 active phases.
    """

    sequence: int
    possible: int
    state: int
    power_class_w: int
    target_10_s: int
    target_50_s: int
    target_90_s: int
    energy_to_go_wh: int


_MV, _MA = within(0, VOLTAGE_MAX_MV), within(-CURRENT_MAX_MA, CURRENT_MAX_MA)
_SECONDS = within(-1, SECONDS_MAX)
_PERMILLE = within(NOT_MEASURED, 1000)

LAYOUTS = {
    SamplePhases: Layout("A", (U32, _MV, _MA, _MV, _MA, _MV, _MA)),
    SampleRest: Layout("B", (U32, U32, I32, I32, I32)),
    LiveRest: Layout("B", (U32, U32, I32, I32, I32, _PERMILLE)),
    Advice: Layout(
        "D", (U32, U8, _SECONDS, within(0, CURRENT_MAX_MA), _SECONDS, _SECONDS, _SECONDS, within(0, CURRENT_MAX_MA))
    ),
    Goal: Layout("G", (within(0, 100), within(0, (1 << 31) - 1))),
    VehicleAnswer: Layout(
        "Q", (U32, U8, U16, within(0, POWER_MAX_W), _SECONDS, _SECONDS, _SECONDS, within(0, SECONDS_MAX))
    ),
}
FROM_HOST = (SamplePhases, SampleRest, Goal)
FROM_BOARD = (Goal, VehicleAnswer, SamplePhases, LiveRest, Advice)
