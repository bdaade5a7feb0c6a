"""The rules of docs/dataset.md that decide whether samples are a charge at all, as they come."""

from __future__ import annotations

from dataclasses import dataclass

from host.recording.folder import MIN_SAMPLES

VOLTS_BELOW_MV = 100
AMPERES_BELOW_MA = 20
"""Below these the dataset takes a column for one in volts or amperes."""


@dataclass(slots=True)
class Acceptance:
    """What decides whether a dataset takes a charge, counted sample by sample."""

    n: int = 0
    n_volts: int = 0  # samples that would pass for volts; those of exactly 0 do not count
    n_millivolts: int = 0
    largest_ma: int = -(1 << 31)

    def add(self, voltage_mv: int, current_ma: int) -> None:
        """Count a sample."""
        self.n += 1
        self.n_volts += 0 < abs(voltage_mv) < VOLTS_BELOW_MV
        self.n_millivolts += abs(voltage_mv) >= VOLTS_BELOW_MV
        self.largest_ma = max(self.largest_ma, current_ma)

    @property
    def acceptable(self) -> bool:
        """Whether it would take the samples so far."""
        return not self.objection

    @property
    def objection(self) -> str:
        """Why it would not; empty where it would."""
        if self.n < MIN_SAMPLES:
            return f"{self.n} samples are no charge, which has {MIN_SAMPLES} at least"
        if self.n_volts and self.n_volts >= self.n_millivolts:
            return "the voltage is below 0.1 V throughout; is it in volts?"
        if self.largest_ma < AMPERES_BELOW_MA:
            return f"the current never passes {AMPERES_BELOW_MA} mA; is it in amperes, or is its sign turned?"
        return ""
