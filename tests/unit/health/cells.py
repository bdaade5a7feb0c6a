"""Charges whose every figure is known: a battery of linear voltage and one resistance, solved on paper.

Constant current I until the terminal reaches LIMIT_MV, then the current falls exponentially: at constant voltage
I·R = limit - EMPTY - RISE·q/C, so dI/dq = -RISE/(R·C).
"""

from __future__ import annotations

import numpy as np

from train.sessions.types import Charge

EMPTY_MV, RISE_MV, LIMIT_MV = 3400.0, 800.0, 4200.0
PLATEAU_MA = 1500.0
RATED_MAH = 2000.0
DEVICE = "paper_cell"


def charge(
    session: str, unit: str, soh: float, resistance_ohm: float, *, start: float = 0.0, ambient: int | None = None
) -> Charge:
    """A charge every 5 s from a state of charge of `start` until 2 % of the plateau; voltages in mV, currents in mA."""
    capacity = soh * RATED_MAH
    top = 1 - PLATEAU_MA * resistance_ohm / RISE_MV  # state of charge at which the limit is reached
    constant_s = max(top - start, 0.0) * capacity / PLATEAU_MA * 3600
    tau_s = resistance_ohm * capacity / RISE_MV * 3600
    begin = min(PLATEAU_MA, (1 - start) * RISE_MV / resistance_ohm)
    t = np.arange(0.0, constant_s + tau_s * np.log(begin / (0.02 * PLATEAU_MA)), 5.0)
    current = np.where(t < constant_s, PLATEAU_MA, begin * np.exp(-np.maximum(t - constant_s, 0) / tau_s))
    state = start + np.minimum(t, constant_s) * PLATEAU_MA / 3600 / capacity
    voltage = np.where(t < constant_s, EMPTY_MV + RISE_MV * state + current * resistance_ohm, LIMIT_MV)
    details = {"soh_pct": f"{soh * 100:.2f}"}
    if ambient is not None:
        details["ambient_decidegc"] = str(ambient)
    return Charge(
        session=session,
        device=DEVICE,
        unit=unit,
        charger="bench",
        ended="full",
        t_ms=np.rint(t * 1000).astype(np.uint32),
        voltage_mv=np.rint(voltage).astype(np.int32),
        current_ma=np.rint(current).astype(np.int32),
        details=details,
    )


def ageing(unit: str, fresh_ohm: float, growth: float, n_charges: int = 9) -> list[Charge]:
    """Charges from empty while health falls from 98 to 66 % and the resistance grows."""
    share = np.linspace(0, 1, n_charges)
    return [charge(f"{unit}_{k:02d}", unit, 0.98 - 0.32 * s, fresh_ohm * (1 + growth * s)) for k, s in enumerate(share)]


def fleet() -> list[Charge]:
    """Five units that differ in resistance and in how it grows."""
    kinds = ((0.10, 0.6), (0.12, 0.8), (0.11, 0.5), (0.13, 0.7), (0.115, 0.65))
    return [one for k, (ohm, growth) in enumerate(kinds) for one in ageing(f"u{k}", ohm, growth)]
