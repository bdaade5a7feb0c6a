"""The simulator's cells against charges of a physical model (tests/data/pybamm_charges.json, tools/fit_cells.py)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from train.sessions.simulator.catalogue import devices
from train.sessions.simulator.cell import CellType, cell_types
from train.sessions.simulator.cell_check import differences

CHARGES = Path(__file__).parents[2] / "data" / "pybamm_charges.json"
SETS: dict[str, Any] = json.loads(CHARGES.read_text(encoding="ascii"))["sets"]
UNFITTED_C = 0.7
USED = sorted({device.cell for device in devices().values()})


def worst(kind: CellType, name: str, rates: tuple[float, ...] = ()) -> tuple[float, float]:
    """Largest rms voltage difference in mV and largest end time difference as a share, at those rates (all)."""
    runs = [run for run in SETS[name]["charges"] if not rates or run["rate_c"] in rates]
    found = differences(kind, kind.usable_share, runs)
    return max(float(np.sqrt(np.mean(dv**2))) for dv, _, _ in found), max(abs(end) for _, _, end in found)


@pytest.mark.parametrize("name", USED)
def test_cells_follow_the_physical_model(name: str) -> None:
    voltage_mv, end = worst(cell_types()[name], name)
    assert voltage_mv <= 10
    assert end <= 0.02


@pytest.mark.parametrize("name", USED)
def test_at_a_current_they_were_not_fitted_to(name: str) -> None:
    voltage_mv, end = worst(cell_types()[name], name, (UNFITTED_C,))
    assert voltage_mv <= 10
    assert end <= 0.02


def test_half_the_resistance_is_seen() -> None:
    kind = cell_types()["Chen2020"]
    voltage_mv, _ = worst(replace(kind, volts_per_c=kind.volts_per_c / 2), "Chen2020")
    assert voltage_mv > 10


def test_four_kinds_of_cell_are_used() -> None:
    assert len(USED) >= 4
