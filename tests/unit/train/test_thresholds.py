"""Thresholds move into their gaps and no training row moves with them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from train.models.thresholds import centre_thresholds


def test_training_rows_keep_their_leaves() -> None:
    import xgboost as xgb

    random = np.random.default_rng(2)
    features = random.integers(-(2**24) + 1, 2**24, (3000, 4)).astype(np.float32)
    features[:, 3] = random.integers(0, 3, 3000)
    features[random.random(features.shape) < 0.2] = np.nan
    label = (np.nansum(features, axis=1) > 0).astype(np.float32)
    rows = xgb.DMatrix(features, label=label)
    booster = xgb.train({"max_depth": 6, "tree_method": "hist", "objective": "binary:logistic"}, rows, 8)
    data = bytes(booster.save_raw("json"))
    moved = xgb.Booster(model_file=bytearray(centre_thresholds(data, features)))
    assert json.loads(moved.save_raw("json")) != json.loads(data)
    assert np.array_equal(moved.predict(rows, pred_leaf=True), booster.predict(rows, pred_leaf=True))
    assert np.array_equal(moved.predict(rows, output_margin=True), booster.predict(rows, output_margin=True))


@pytest.mark.parametrize(
    ("values", "expected"),
    [([10, 20, 30, 40], 25), ([10, 20, 21, 40], 21), ([10, 20, 23, 40], 22), ([-40, -30, -20, -10], -25)],
)
def test_the_middle_of_the_gap(values: list[float], expected: float) -> None:
    tree = {
        "split_indices": [0, 0, 0],
        "split_conditions": [values[2], 1.5, -1.5],
        "left_children": [1, -1, -1],
        "right_children": [2, -1, -1],
        "default_left": [1, 0, 0],
    }
    data = json.dumps({"learner": {"gradient_booster": {"model": {"trees": [tree]}}}}).encode()
    features = np.array([[np.nan], *([value] for value in values)], dtype=np.float32)
    moved = json.loads(centre_thresholds(data, features))["learner"]["gradient_booster"]["model"]["trees"][0]
    assert moved["split_conditions"] == [expected, 1.5, -1.5]


def test_a_threshold_with_rows_on_one_side_only_stays() -> None:
    tree = {
        "split_indices": [0, 0, 0],
        "split_conditions": [7.5, 1.5, -1.5],
        "left_children": [1, -1, -1],
        "right_children": [2, -1, -1],
        "default_left": [0, 0, 0],
    }
    data = json.dumps({"learner": {"gradient_booster": {"model": {"trees": [tree]}}}}).encode()
    features = np.array([[np.nan], [1.0]], dtype=np.float32)
    moved = json.loads(centre_thresholds(data, features))["learner"]["gradient_booster"]["model"]["trees"][0]
    assert moved["split_conditions"][0] == 7.5
