"""One recorded or simulated charge, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Ended = Literal["full", "limit", "unplugged", "unknown"]
ENDED: tuple[str, ...] = get_args(Ended)


@dataclass(frozen=True, slots=True)
class Phases:
    """The three phases of an AC charge point; one that is not connected reads 0."""

    voltage_mv: NDArray[np.int32]  # [n, 3], of L1, L2, L3 to neutral
    current_ma: NDArray[np.int32]  # [n, 3]

    def as_one(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Voltage and current of a single phase that takes the same apparent power, [n] each.

        The current is the sum, the voltage its weighted mean; where nothing flows, L1's.
        """
        total = self.current_ma.sum(axis=1, dtype=np.int64)
        power = (self.voltage_mv.astype(np.int64) * self.current_ma).sum(axis=1)
        mean = np.rint(power / np.where(total == 0, 1, total))
        return np.where(total == 0, self.voltage_mv[:, 0], mean).astype(np.int32), total.astype(np.int32)


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge as a row of sessions.csv and its samples; all arrays have the same length, time ascends strictly.

    `details` holds the optional columns of sessions.csv that are given (`sensor`, `ambient_decidegc`, `soh_pct`,
    `target_soc_pct`, `profile`); `soc_pct`, `temperature_decidegc`, `pilot_da` and `energy_wh` are optional columns of
    the samples. With `phases`, voltage_mv and current_ma are what Phases.as_one says.
    """

    session: str
    device: str
    unit: str  # unique within its device; `device/unit` names it across a dataset
    charger: str
    ended: Ended
    t_ms: NDArray[np.uint32]  # [n]
    voltage_mv: NDArray[np.int32]  # [n]
    current_ma: NDArray[np.int32]  # [n], positive into the device
    full_t_ms: int | None = None  # when the source knows it
    details: Mapping[str, str] = field(default_factory=dict)
    soc_pct: NDArray[np.float32] | None = None
    temperature_decidegc: NDArray[np.int32] | None = None
    phases: Phases | None = None  # of a charge point in AC
    pilot_da: NDArray[np.int32] | None = None  # current a charge point allows on each phase, in tenths of an ampere
    energy_wh: NDArray[np.int32] | None = None  # delivered so far, by the charge point's meter

    @property
    def unit_key(self) -> str:
        """`device/unit`, the name of the physical unit in splits."""
        return f"{self.device}/{self.unit}"
