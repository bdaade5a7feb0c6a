"""A vehicle's charge through a charge point's board: samples of two lines, answers of two lines, a goal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from host.conversation import ignore
from host.messages import CHARGE_POINT, BoardMessage, Prediction, encode
from host.session import InjectedSession
from host.transport import Link
from host.vehicle_messages import CURRENT_MAX_MA, VOLTAGE_MAX_MV, Goal, SamplePhases, SampleRest, VehicleAnswer


class VehicleMeasurement(NamedTuple):
    """What the board is told of one sample; −1 where pilot, energy or state of charge is not known."""

    t_ms: int
    voltage_l1_mv: int
    voltage_l2_mv: int
    voltage_l3_mv: int
    current_l1_ma: int
    current_l2_ma: int
    current_l3_ma: int
    pilot_da: int
    energy_wh: int
    soc_pct: int


@dataclass(frozen=True, slots=True)
class VehicleReply:
    """A whole answer."""

    told: VehicleAnswer
    prediction: Prediction  # `device` is the car, the remaining times until it ends the charge

    @property
    def sequence(self) -> int:
        """Of the sample it answers."""
        return self.prediction.sequence


class VehicleSession(InjectedSession[VehicleMeasurement, VehicleReply]):
    """With a charge point's board. `goal` is what it is told as a charge begins."""

    PROFILE = CHARGE_POINT

    def __init__(
        self,
        link: Link,
        *,
        model_hash: str | None = None,
        on_log: Callable[[str], None] = ignore,
        goal: Goal | None = None,
    ) -> None:
        super().__init__(link, model_hash=model_hash, on_log=on_log)
        self.goal = goal
        self._first: VehicleAnswer | None = None

    def lines(self, sequence: int, sample: VehicleMeasurement) -> bytes:
        """Two lines; what the board would limit goes out limited."""
        volts = [min(max(value, 0), VOLTAGE_MAX_MV) for value in sample[1:4]]
        amps = [min(max(value, -CURRENT_MAX_MA), CURRENT_MAX_MA) for value in sample[4:7]]
        pairs = [value for pair in zip(volts, amps, strict=True) for value in pair]
        rest = SampleRest(sequence, sample.t_ms, sample.pilot_da, sample.energy_wh, sample.soc_pct)
        return encode(SamplePhases(sequence, *pairs)) + encode(rest)

    def answer(self, message: BoardMessage) -> VehicleReply | None:
        """The second line of two that belong together; one whose first line was lost is no answer."""
        if isinstance(message, VehicleAnswer):
            self._first = message
        elif isinstance(message, Prediction) and self._first is not None:
            first, self._first = self._first, None
            if first.sequence == message.sequence:
                return VehicleReply(first, message)
        return None

    def begin(self) -> None:
        """Tell the goal, if there is one."""
        self._first = None
        goal = self.goal
        if goal is not None:
            self.ask(goal, lambda message: message if message == goal else None, "does not take the goal")
