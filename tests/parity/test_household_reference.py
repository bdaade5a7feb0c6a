"""The household's C against the reference written from docs/vehicle.md, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from codegen.reference_household import household_answers
from tests.unit.codegen.drawn_household import write_household
from train.artifact_household import Household
from train.features.core import WP_MISSING
from train.features.household import COLUMNS, answer_charge
from train.features.vehicle import extract_vehicle, vehicle_feature_names
from train.sessions.simulator.ev import simulate_vehicles

pytestmark = pytest.mark.parity

GOALS = ((80, 0), (100, 0), (0, 0), (50, 9_000))


def assert_equal(household: Household, x: NDArray[np.int32], goal: tuple[int, int]) -> NDArray[np.int32]:
    names = vehicle_feature_names()
    got = household_answers(household, x, names, np.zeros(len(x), np.uint32), *goal)
    state = got["state"]
    apart = {"flags": state & 31, "phase": state >> 5 & 7, "stage": state >> 8 & 15, "active_phases": state >> 12}
    want = answer_charge(household.tables, household.rules, x, target_pct=goal[0], energy_wh=goal[1])
    for name in COLUMNS:
        column = want.column(name).astype(np.int64)
        wrong = np.flatnonzero(column != (apart | {k: v for k, v in got.items() if k not in apart})[name])
        if len(wrong):
            k = int(wrong[0])
            pytest.fail(f"sample {k}, {name}: C {column[k]}, reference {got.get(name, apart.get(name, column))[k]}")
    return want.table


def test_simulated_charges(tmp_path: Path) -> None:
    """Of AC and DC, at all stages and in all phases."""
    seen_stages, seen_phases = set[int](), set[int]()
    for seed, car in enumerate(("leaf_40", "model_3_sr", "citigo_e")):
        household = write_household(tmp_path / car, seed, n_cars=2 + 3 * seed)
        for number, charge in enumerate(simulate_vehicles([car], seed=5, units_per_car=2, charges_per_unit=8)):
            table = assert_equal(household, extract_vehicle(charge).x, GOALS[number % len(GOALS)])
            seen_stages |= set(table[:, COLUMNS.index("stage")].tolist())
            seen_phases |= set(table[:, COLUMNS.index("phase")].tolist())
    assert seen_phases == {0, 1, 2, 3, 4}
    assert len(seen_stages) >= 9


def test_any_features(tmp_path: Path) -> None:
    """Features that no charge has, at the edges of what rules ask for, and any tables."""
    source = np.random.default_rng(7)
    names = vehicle_feature_names()
    edges = np.array([WP_MISSING, WP_MISSING, 0, 1, 3, 30, 60, 80, 100, 999, 1000, 5999, 6000, 16_000, 80_001, 276_001])
    for seed in range(60):
        household = write_household(tmp_path / "drawn", 100 + seed, n_cars=1 + seed % 8)
        n = 60
        x = np.where(
            source.random((n, len(names))) < 0.5,
            source.choice(edges, (n, len(names))),
            source.integers(-(2 ** source.integers(1, 31)), 2 ** source.integers(1, 31), (n, len(names))),
        )
        x[:, names.index("elapsed_s")] = np.cumsum(source.integers(0, 40, n))
        kinds = source.integers(0, 4)
        if kinds & 1:
            x[:, names.index("pilot_ma")] = WP_MISSING
            x[:, names.index("active_phases")] = 1
        if kinds & 2:
            x[:, names.index("current_ma")] = 16_000
        goal = (int(source.integers(-1, 102)), int(source.choice([0, 1, 20_000, 2**31 - 1])))
        assert_equal(household, x.astype(np.int32), goal)
