"""Cells through charges at a constant current, then at a constant voltage, beside those of a physical model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from train.sessions.simulator.cell import STEP_S, Cells, CellType, Floats, curve_table, rested_cells

END_C = 0.05  # current at which such a charge is over, of the nominal capacity an hour
N_STEPS_MAX = 2000


def simulate(kind: CellType, capacity: Floats, rate_c: Floats, arrival: Floats) -> tuple[Floats, Floats, Floats]:
    """The circuit through the same charges: voltage and current [steps, n] at each step's end, end time [n] in s.

    capacity  [n] usable, in units of the nominal one, in which currents are measured
    """
    resistances = kind.resistances()
    table = curve_table([kind.ocv_v, *resistances])
    n = len(capacity)
    return run_cells(
        rested_cells(
            table, np.zeros(n, dtype=np.intp), np.repeat(np.array(kind.relax_s)[:, np.newaxis], n, axis=1), capacity,
            1 / capacity, arrival.copy(),
        ),
        rate_c,
        float(kind.ocv_v[-1]),
    )  # fmt: skip


def run_cells(cells: Cells, rate_c: Floats, full_v: float) -> tuple[Floats, Floats, Floats]:
    """Constant current, then constant voltage, until END_C; as `simulate`."""
    temperature = np.full(len(rate_c), 25.0)
    voltage, current = [], []
    end_s = np.full(len(rate_c), N_STEPS_MAX * STEP_S)
    for step in range(N_STEPS_MAX):
        rest_v, ohm, parts, _ = cells.look(temperature)
        amperes = np.maximum(np.minimum(rate_c, (full_v - rest_v) / ohm), 0)
        cells.charge(amperes, rest_v, ohm, parts)
        voltage.append(cells.cell_v)
        current.append(amperes)
        ended = (amperes <= END_C) & (end_s == N_STEPS_MAX * STEP_S)
        end_s[ended] = (step + 1) * STEP_S
        if np.all(end_s < N_STEPS_MAX * STEP_S):
            break
    return np.array(voltage), np.array(current), end_s


def differences(kind: CellType, usable: float, runs: Sequence[Mapping[str, Any]]) -> list[tuple[Floats, Floats, float]]:
    """Of each charge: voltage and current differences a minute (mV, permille of 1 C), end time difference (share).

    runs  charges of the physical model: rate_c, arrival (0 … 1), and t_s, voltage_mv, current_permille_c point by point
    """
    rate = np.array([run["rate_c"] for run in runs])
    arrival = np.array([run["arrival"] for run in runs])
    voltage, current, end_s = simulate(kind, np.full(len(runs), usable), rate, arrival)
    times = STEP_S * np.arange(1, len(voltage) + 1)
    result = []
    for k, run in enumerate(runs):
        t = np.array(run["t_s"], dtype=np.float64)
        late = t > end_s[k]
        dv = np.interp(t, times, voltage[:, k]) * 1000 - np.array(run["voltage_mv"])
        di = np.interp(t, times, current[:, k]) * 1000 - np.array(run["current_permille_c"])
        result.append((np.where(late, 0, dv), np.where(late, 0, di), float(end_s[k] / t[-1] - 1)))
    return result
