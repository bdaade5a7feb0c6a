"""From the values of one moment to a sample of `wp_vehicle_sample`: what is not told is found, kept or left open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from host.bridge.ocpp.answerer import NOT_TOLD, Three, VehicleSample
from host.bridge.ocpp.measurands import WHOLE, Quantity, Values

MAINS_MAX_A = 88.0
"""More on one phase is no AC charge point's, whose pilot ends at 80 A: a voltage is not assumed for it."""
DIRECT_MV = 276_000
"""One voltage above is a battery's: DC, where there is no pilot and `Current.Offered` is the station's."""
PILOT_MAX_DA = 800
ENERGY_MAX_WH = (1 << 31) - 1
DRAWING_A = 1.0

NO_CURRENT = "neither current nor power"
NO_VOLTAGE = "no voltage, and more current than AC has"


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is taken where a charge point does not say."""

    voltage_v: float = 230.0  # to neutral
    phases: int | None = None  # that a figure without phases is of; None: as many as power, voltage and pilot ask for


class Sampler:
    """The samples of one charge. Pilot, energy and state of charge stay as last told."""

    def __init__(self, assumed: Assumed) -> None:
        self._assumed = assumed
        self._pilot_da, self._soc_pct = NOT_TOLD, NOT_TOLD
        self._register_wh: float | None = None  # at the beginning
        self._energy_wh = NOT_TOLD
        self._n_phases = 1  # of figures without phases
        self._direct = False

    def begin(self, register_wh: float | None) -> None:
        """The meter's register at the plug, where that is told."""
        self._register_wh = register_wh
        self._energy_wh = NOT_TOLD if register_wh is None else 0

    def sample(self, t_ms: int, values: Values) -> VehicleSample | str:
        """The sample, or why there is none."""
        self._keep(values)
        currents = self._currents_a(values)
        if currents is None:
            return NO_CURRENT
        voltages = self._voltages_v(values, currents)
        if voltages is None:
            return NO_VOLTAGE
        voltage_mv = _three({k: max(0.0, v) for k, v in voltages.items()})
        current_ma = _three(currents)
        if (voltage_mv[0] > DIRECT_MV or current_ma[0] > MAINS_MAX_A * 1000) and not any(current_ma[1:]):
            self._direct, self._pilot_da = True, NOT_TOLD
        return VehicleSample(t_ms, voltage_mv, current_ma, self._pilot_da, self._energy_wh, self._soc_pct)

    def _keep(self, values: Values) -> None:
        if offered := values.of(Quantity.OFFERED):
            told_da = max(0, round(min(offered.values()) * 10))
            self._pilot_da = NOT_TOLD if self._direct or told_da > PILOT_MAX_DA else told_da
        if soc := values.of(Quantity.SOC):
            told = int(next(iter(soc.values())))
            self._soc_pct = told if 0 <= told <= 100 else self._soc_pct
        if energy := values.of(Quantity.ENERGY):
            register_wh = energy[WHOLE] if WHOLE in energy else sum(energy.values())
            self._register_wh = register_wh if self._register_wh is None else self._register_wh
            self._energy_wh = min(ENERGY_MAX_WH, max(self._energy_wh, 0, int(register_wh - self._register_wh)))

    def _currents_a(self, values: Values) -> dict[int, float] | None:
        current, power = values.of(Quantity.CURRENT), values.of(Quantity.POWER)
        by_phase = {phase: amperes for phase, amperes in current.items() if phase != WHOLE}
        if by_phase:
            return by_phase
        if WHOLE in current:
            n = self._count(values, current[WHOLE])
            return dict.fromkeys(range(1, n + 1), current[WHOLE])
        by_phase = {phase: watts / self._voltage_of(values, phase) for phase, watts in power.items() if phase != WHOLE}
        if by_phase:
            return by_phase
        if WHOLE in power:
            n = self._count(values, None)
            return {phase: power[WHOLE] / n / self._voltage_of(values, phase) for phase in range(1, n + 1)}
        return None

    def _count(self, values: Values, current_a: float | None) -> int:
        """How many phases a figure without them is of. Once it took more than one it is not fewer."""
        if self._assumed.phases is not None:
            return self._assumed.phases
        if current_a is not None and current_a > MAINS_MAX_A:
            return 1
        power_w = values.of(Quantity.POWER).get(WHOLE) or sum(values.of(Quantity.POWER).values())
        volts = self._voltage_of(values, 1)
        if current_a is not None:
            if current_a >= DRAWING_A and power_w > 0:
                self._n_phases = min(3, max(1, round(power_w / (volts * current_a))))
            return self._n_phases
        # Power alone: as few as the pilot lets, or as any AC charge point has.
        most_a = self._pilot_da / 10 * 1.1 if self._pilot_da > 0 else MAINS_MAX_A
        if volts * 1000 <= DIRECT_MV:
            while self._n_phases < 3 and power_w > self._n_phases * volts * most_a:
                self._n_phases += 1
        return self._n_phases

    def _voltage_of(self, values: Values, phase: int) -> float:
        volts = _of_phase(values.of(Quantity.VOLTAGE), phase)
        return volts if volts > 0 else self._assumed.voltage_v

    def _voltages_v(self, values: Values, currents: Mapping[int, float]) -> dict[int, float] | None:
        told = values.of(Quantity.VOLTAGE)
        if any(told.values()):
            return {phase: _of_phase(told, phase) for phase in {*currents, *told} - {WHOLE}}
        if max(currents.values()) <= MAINS_MAX_A:
            return {phase: self._voltage_of(values, phase) for phase in currents}
        power_w = values.of(Quantity.POWER).get(WHOLE)
        if power_w is not None and len(currents) == 1:
            return {phase: power_w / current for phase, current in currents.items()}
        return None


def _of_phase(told: Mapping[int, float], phase: int) -> float:
    """The phase's own; else what is told of none; else the mean of the others."""
    if phase in told:
        return told[phase]
    if WHOLE in told:
        return told[WHOLE]
    return sum(told.values()) / len(told) if told else 0.0


def _three(by_phase: Mapping[int, float]) -> Three:
    """In thousandths, 0 where there is none."""
    first, second, third = (round(by_phase.get(phase, 0.0) * 1000) for phase in (1, 2, 3))
    return first, second, third
