"""Capacity of recorded cells that were not learnt from (docs/health.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from train.health.evaluate import fit_tail, leave_units_out
from train.sessions.importers.nasa import read_nasa

pytestmark = pytest.mark.recordings


def test_capacity_of_unseen_cells(recordings: Path) -> None:
    found = leave_units_out(list(read_nasa(recordings)), fit_tail(2000.0))
    empty, half = found["starts"]["empty"], found["starts"]["half full"]
    assert empty["charges"] == 64
    assert half["charges"] == 5 * 64
    assert empty["answered"] >= 60
    assert half["answered"] >= 310
    assert empty["error_pct"] <= 4.0
    assert half["error_pct"] <= 7.0
    assert half["error_pct"] < half["class_mean_error_pct"]
    assert 0.65 <= found["trend"]["coverage"] <= 0.9
    assert found["temperature"]["cold_or_hot"] == found["temperature"]["of_these_out_of_family"] == 16
