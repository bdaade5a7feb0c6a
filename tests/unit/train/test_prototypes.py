"""Prototypes: what groups a device's charges fall into, and how far their charges lie from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.features import feature_names
from train.models.prototypes import FEATURES, LEAST_CHARGES, PROTOTYPES_MAX, fit_prototypes
from train.models.rows import TrainingRows

CHARGERS = np.array([[5000, 2000, 9000], [9000, 2200, 19800], [9000, 2300, 20700], [9000, 900, 8100]])
SEEN = [FEATURES.index(name) for name in ("voltage_max_mv", "current_at_15s_ma", "power_max_mw")]


def rows_of(device: NDArray[np.intp], values: NDArray[np.float64], elapsed_s: int = 60) -> TrainingRows:
    """One row a charge, with the values [n, 3] of SEEN and nothing in the other features."""
    n = len(device)
    features = np.zeros((n, len(feature_names())), np.float32)
    features[:, [feature_names().index(FEATURES[k]) for k in SEEN]] = values
    return TrainingRows(
        features=features,
        device=device.astype(np.int32),
        remaining_s=np.zeros(n, np.int32),
        charge=np.arange(n),
        unit=np.zeros(n, np.intp),
        elapsed_s=np.full(n, elapsed_s, np.int32),
        phase=np.zeros(n, np.uint8),
        units=("a/1",),
    )


def test_groups_close_in_what_is_steady_are_told_apart() -> None:
    """Two chargers 100 mA apart, which is many times what units differ by, though others are volts away."""
    random = np.random.default_rng(1)
    values = CHARGERS.repeat(30, axis=0) + random.normal(0, [20, 4, 60], (120, 3))
    found = fit_prototypes(rows_of(np.zeros(120, np.intp), values), 1, seed=1)
    assert found is not None
    centres = np.array(found.centres[0], np.float64) * 2.0 ** np.array(found.shifts)
    for charger in CHARGERS:
        nearest = np.abs(centres[:, SEEN] - charger).max(axis=1).min()
        assert nearest <= 40, charger
    sigma = 65536 / np.array(found.weights[0])[SEEN]
    assert sigma[1] < 20  # of 2000 mA: LEAST_SPREAD and what units differ by, not what chargers do


def test_the_same_rows_make_the_same_prototypes() -> None:
    values = CHARGERS.repeat(8, axis=0) + np.random.default_rng(2).normal(0, 30, (32, 3))
    rows = rows_of(np.arange(32) % 2, values)
    assert fit_prototypes(rows, 2, seed=3) == fit_prototypes(rows, 2, seed=3)


def test_charges_that_are_all_alike_make_one_prototype() -> None:
    found = fit_prototypes(rows_of(np.zeros(9, np.intp), np.tile(CHARGERS[1], (9, 1))), 1, seed=1)
    assert found is not None
    assert len(found.centres[0]) == 1


def test_at_most_five_and_of_at_least_three_charges_each() -> None:
    values = np.random.default_rng(4).uniform(1000, 20_000, (60, 3))
    found = fit_prototypes(rows_of(np.zeros(60, np.intp), values), 1, seed=1)
    assert found is not None
    assert 1 <= len(found.centres[0]) <= PROTOTYPES_MAX
    lonely = np.vstack([np.tile(CHARGERS[0], (20, 1)), np.tile(CHARGERS[1], (LEAST_CHARGES - 1, 1))])
    found = fit_prototypes(rows_of(np.zeros(len(lonely), np.intp), lonely), 1, seed=1)
    assert found is not None
    assert len(found.centres[0]) == 1


def test_without_enough_charges_of_each_device_there_are_none() -> None:
    device = np.array([0] * 10 + [1] * (LEAST_CHARGES - 1))
    values = np.tile(CHARGERS[0], (len(device), 1))
    assert fit_prototypes(rows_of(device, values), 2, seed=1) is None
    early = rows_of(np.zeros(10, np.intp), values[:10], elapsed_s=29)
    assert fit_prototypes(early, 1, seed=1) is None
