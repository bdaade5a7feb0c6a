"""Cells as circuits: open-circuit voltage, a resistance and two RC pairs that follow the state of charge; many at once.

The tables of cells.json are fitted to a physical model by tools/fit_cells.py, which also says how closely they follow
it. Resistances there are volts at a current of 1 C: a cell of another capacity, age or temperature scales them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

STEP_S = 10.0
N_CURVES = 4  # open-circuit voltage, then the three resistances

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CellType:
    """One kind of cell at 25 degrees Celsius, new."""

    name: str
    ocv_v: Floats  # [101] at 0 … 100 % state of charge
    soc_pct: Floats  # [n] where the resistances are given; straight lines between
    volts_per_c: Floats  # [3, n] series resistance and the two RC pairs', in volts at 1 C
    relax_s: tuple[float, float]  # time constants of the two pairs
    usable_share: float = 1.0  # of the nominal capacity that the set states: its full range

    def raised_to(self, full_v: float) -> Floats:
        """Open-circuit voltage [101] of a cell made for a higher voltage: raised with the square of the charge, as such
        cells differ near full and little in the middle.
        """
        raised: Floats = self.ocv_v + (full_v - self.ocv_v[-1]) * np.linspace(0, 1, 101) ** 2
        return raised

    def resistances(self) -> Floats:
        """The three resistances at 0 … 100 %, [3, 101] volts at 1 C."""
        return np.stack([np.interp(np.arange(101), self.soc_pct, curve) for curve in self.volts_per_c])


@cache
def cell_types() -> dict[str, CellType]:
    """The fitted cells by name."""
    entries = json.loads((Path(__file__).parent / "cells.json").read_text(encoding="ascii"))["cells"]
    return {
        name: CellType(
            name,
            np.array(entry["ocv_mv"]) / 1000,
            np.array(entry["soc_pct"], dtype=np.float64),
            np.array(entry["millivolts_per_c"]) / 1000,
            (entry["relax_s"][0], entry["relax_s"][1]),
            entry["usable_share"],
        )
        for name, entry in entries.items()
    }


def curve_table(curves: Sequence[Floats]) -> Floats:
    """Curves at 0 … 100 % ([101] each) as rows of values and of what they gain a percent, [101, 2 * n]."""
    values = np.stack(curves, axis=1)
    return np.concatenate([values, np.diff(values, axis=0, append=values[-1:])], axis=1)


@dataclass(slots=True)
class Cells:
    """Parameters and state of n cells, [n] each; a step takes them STEP_S on.

    Both RC pairs advance exactly for a current that is constant over the step. Voltages are at its end.
    """

    table: Floats  # [kinds * 101, 2 * n_curves] of curve_table, the N_CURVES of a cell first; shared
    row: NDArray[np.intp]  # start of the cell's kind in the table
    capacity_as: Floats
    resistance: Floats  # factor on all three resistances: ohm for each volt at 1 C
    decay: Floats  # [2, n] what is left of an RC pair's voltage after a step
    soc: Floats  # 0 … 1
    relaxing_v: Floats  # [2, n] across the RC pairs
    cell_v: Floats

    def keep(self, which: NDArray[np.bool_]) -> Cells:
        """Those cells alone."""
        kept = {entry.name: getattr(self, entry.name)[..., which] for entry in fields(self) if entry.name != "table"}
        return Cells(table=self.table, **kept)

    def look(self, cell_c: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Before a step at these temperatures: voltage without current, ohm, the ohm of each part [3, n], and the
        table's other curves [n, n_curves - N_CURVES].

        A current i through the step ends at voltage + i * ohm. Resistance: +3 % a kelvin below 25 °C, -0.6 % above
        (assumed, of the order published for lithium-ion cells).
        """
        percent = self.soc * 100
        low = np.minimum(percent.astype(np.intp), 99)
        at = self.table.take(self.row + low, axis=0)
        n_curves = at.shape[1] // 2
        curves = at[:, n_curves:]
        curves *= (percent - low)[:, np.newaxis]
        curves += at[:, :n_curves]
        off = 25 - cell_c
        parts: Floats = curves[:, 1:N_CURVES].T * (self.resistance * (1 + np.maximum(0.03 * off, 0.006 * off)))
        kept = self.relaxing_v * self.decay
        rest_v: Floats = curves[:, 0] + kept[0] + kept[1]
        fast, slow = parts[1:] * (1 - self.decay)
        return rest_v, parts[0] + fast + slow, parts, curves[:, N_CURVES:]

    def charge(self, current_a: Floats, rest_v: Floats, ohm: Floats, parts: Floats) -> None:
        """Take the step with these currents; the rest is what `look` returned."""
        self.cell_v = rest_v + current_a * ohm
        self.relaxing_v = self.relaxing_v * self.decay + (1 - self.decay) * (parts[1:] * current_a)
        self.soc = np.minimum(self.soc + current_a * (STEP_S / self.capacity_as), 1.0)


def rested_cells(
    table: Floats, row: NDArray[np.intp], relax_s: Floats, capacity_ah: Floats, resistance: Floats, soc: Floats
) -> Cells:
    """Cells at rest. row [n] in the table; relax_s [2, n]; capacity in Ah; resistance in ohm for each volt at 1 C."""
    percent = soc * 100
    low = np.minimum(percent.astype(np.intp), 99)
    at = table.take(row + low, axis=0)
    return Cells(
        table=table,
        row=row,
        capacity_as=capacity_ah * 3600,
        resistance=resistance,
        decay=np.exp(-STEP_S / relax_s),
        soc=soc,
        relaxing_v=np.zeros_like(relax_s),
        cell_v=at[:, 0] + at[:, table.shape[1] // 2] * (percent - low),
    )
