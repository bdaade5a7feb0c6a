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
class Charge:
    """A charge as a row of sessions.csv and its samples; all arrays have the same length, time ascends strictly.

    `details` holds the optional columns of sessions.csv that are given (`sensor`, `ambient_decidegc`, `soh_pct`,
    `target_soc_pct`, `profile`); `soc_pct` and `temperature_decidegc` are optional columns of the samples.
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

    @property
    def unit_key(self) -> str:
        """`device/unit`, the name of the physical unit in splits."""
        return f"{self.device}/{self.unit}"
