"""A charge point's own samples and answers, put together from the lines of live mode (docs/wire.md)."""

from __future__ import annotations

from dataclasses import dataclass

from host.messages import BoardMessage, LiveSample, Prediction
from host.vehicle_messages import NOT_MEASURED, LiveRest, SamplePhases, VehicleAnswer
from host.vehicle_session import VehicleReply

Three = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class VehicleReading:
    """What the meter and the charge point said; −1 where pilot, energy or state of charge is not known."""

    voltage_mv: Three
    current_ma: Three
    pilot_da: int
    energy_wh: int
    soc_pct: int
    power_factor_permille: int | None

    def as_one(self) -> tuple[int, int]:
        """Voltage and current of a single phase that takes the same apparent power (docs/dataset.md)."""
        total = sum(self.current_ma)
        power = sum(v * i for v, i in zip(self.voltage_mv, self.current_ma, strict=True))
        return (self.voltage_mv[0] if total == 0 else round(power / total)), total


@dataclass(frozen=True, slots=True)
class VehicleSample:
    """A whole sample: as one phase, and all of it."""

    sample: LiveSample
    reading: VehicleReading


class Assembler:
    """Joins lines that belong together; a half whose other was lost is dropped."""

    def __init__(self) -> None:
        self._phases: SamplePhases | None = None
        self._told: VehicleAnswer | None = None

    def sample(self, message: BoardMessage) -> VehicleSample | None:
        """The sample that a line completes."""
        if isinstance(message, SamplePhases):
            self._phases = message
        elif isinstance(message, LiveRest):
            phases, self._phases = self._phases, None
            if phases is not None and phases.sequence == message.sequence:
                return _joined(phases, message)
        return None

    def reply(self, message: BoardMessage) -> VehicleReply | None:
        """The answer that a line completes."""
        if isinstance(message, VehicleAnswer):
            self._told = message
        elif isinstance(message, Prediction):
            told, self._told = self._told, None
            if told is not None and told.sequence == message.sequence:
                return VehicleReply(told, message)
        return None


def _joined(phases: SamplePhases, rest: LiveRest) -> VehicleSample:
    factor = rest.power_factor_permille
    reading = VehicleReading(
        (phases.voltage_l1_mv, phases.voltage_l2_mv, phases.voltage_l3_mv),
        (phases.current_l1_ma, phases.current_l2_ma, phases.current_l3_ma),
        rest.pilot_da,
        rest.energy_wh,
        rest.soc_pct,
        None if factor == NOT_MEASURED else factor,
    )
    return VehicleSample(LiveSample(rest.sequence, rest.t_ms, *reading.as_one()), reading)
