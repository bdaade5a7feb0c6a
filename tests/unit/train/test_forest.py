"""Forests: integer outputs against XGBoost's margins, scale, refusals of files that are not XGBoost's."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from train.compress.leaves import OUTPUT_LIMIT, output_scale_log2, quantised
from train.config import Forest
from train.errors import ArtifactError, TrainError
from train.models.forest import ForestModel, load_forest, train_device_forest, train_remaining_forest

N_FEATURES = 5
SMALL = Forest(rounds=6, max_depth=4, min_child_weight=0.1)


def rows(seed: int = 1) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    features = random.integers(-3000, 3000, (2000, N_FEATURES)).astype(np.float32)
    features[random.random(features.shape) < 0.1] = np.nan
    return features


def loaded(data: bytes, objective: str, n_outputs: int) -> ForestModel:
    return load_forest(data, where="m.json", objective=objective, n_features=N_FEATURES, n_outputs=n_outputs)


@pytest.fixture(scope="module")
def device_json() -> bytes:
    features = rows()
    device = (np.nan_to_num(features[:, 0]) > 500).astype(np.int32) + (np.nan_to_num(features[:, 1]) > 0)
    return train_device_forest(features, device, np.full(len(features), 0.1, np.float32), 3, SMALL, 1)


@pytest.fixture(scope="module")
def remaining_json() -> bytes:
    features = rows()
    remaining = (5000 + np.nan_to_num(features[:, 0]) + np.nan_to_num(features[:, 2]) ** 2 / 1000).astype(np.float32)
    return train_remaining_forest(features, remaining, np.full(len(features), 0.1, np.float32), SMALL, 1)


def tree_by_tree(model: dict[str, Any], row: NDArray[np.float32], scale: float) -> list[int]:
    """Outputs of one row by walking the saved JSON: the rule of docs/artifact.md read literally."""
    forest = model["learner"]["gradient_booster"]["model"]
    base = json.loads(model["learner"]["learner_model_param"]["base_score"])
    totals = [round(float(np.float32(value)) * scale) for value in base]
    for tree, group in zip(forest["trees"], forest["tree_info"], strict=True):
        node = 0
        while tree["left_children"][node] != -1:
            value = row[tree["split_indices"][node]]
            left = tree["default_left"][node] if np.isnan(value) else value < np.float32(tree["split_conditions"][node])
            node = tree["left_children" if left else "right_children"][node]
        totals[group] += round(float(np.float32(tree["split_conditions"][node])) * scale)
    return totals


@pytest.mark.parametrize(("name", "objective"), [("device", "multi:softprob"), ("remaining", "reg:quantileerror")])
def test_integer_outputs(name: str, objective: str, request: pytest.FixtureRequest) -> None:
    data = request.getfixturevalue(f"{name}_json")
    model = loaded(data, objective, 3)
    scale_log2 = model.trees.scale_log2()
    features = rows(2)
    outputs = model.outputs(features, scale_log2)
    for row in range(50):
        assert outputs[row].tolist() == tree_by_tree(json.loads(data), features[row], 2.0**scale_log2)
    # XGBoost sums float32: each of the trees adds up to half an ulp of the largest partial sum.
    n_trees = len(model.trees.group)
    margins = model.margins(features).astype(np.float64)
    bound = (n_trees + 1) * (2.0 ** -(scale_log2 + 1) + np.spacing(np.float32(np.abs(margins).max() * 2)) / 2)
    assert np.abs(outputs / 2.0**scale_log2 - margins).max() <= bound
    assert np.abs(outputs).max() < OUTPUT_LIMIT


def test_training_repeats_to_the_byte(device_json: bytes) -> None:
    features = rows()
    device = (np.nan_to_num(features[:, 0]) > 500).astype(np.int32) + (np.nan_to_num(features[:, 1]) > 0)
    assert train_device_forest(features, device, np.full(len(features), 0.1, np.float32), 3, SMALL, 1) == device_json


def test_chunks_change_nothing(device_json: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    model = loaded(device_json, "multi:softprob", 3)
    whole = model.outputs(rows(), 18)
    monkeypatch.setattr("train.models.forest.CHUNK_ROWS", 333)
    assert np.array_equal(model.outputs(rows(), 18), whole)
    assert model.outputs(rows()[:0], 18).shape == (0, 3)


def test_splits_are_counted(device_json: bytes) -> None:
    trees = json.loads(device_json)["learner"]["gradient_booster"]["model"]["trees"]
    expected = sum(left != -1 for tree in trees for left in tree["left_children"])
    assert loaded(device_json, "multi:softprob", 3).trees.n_splits == expected > 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"",
        lambda _: b"{}",
        lambda _: b"[1, 2]",
        lambda _: b"\x80\x04pickle",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b'"split_indices"', b'"split_indexes"'),
        lambda data: data.replace(b'"base_score"', b'"bass_score"'),
        lambda data: data.replace(b'"tree_info":[0,1,2', b'"tree_info":[0,1,7'),
    ],
)
def test_a_file_that_is_not_xgboost_s_is_refused(device_json: bytes, damage: Any) -> None:
    data = damage(device_json)
    assert data != device_json
    with pytest.raises(ArtifactError, match=r"m\.json: is not a model that XGBoost saved"):
        loaded(data, "multi:softprob", 3)


def test_another_kind_of_model_is_refused(device_json: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"m\.json: is a multi:softprob model of 5 features"):
        loaded(device_json, "reg:quantileerror", 3)
    with pytest.raises(ArtifactError, match="needed is multi:softprob of 6"):
        load_forest(device_json, where="m.json", objective="multi:softprob", n_features=6, n_outputs=3)


def test_scale_leaves_no_room_for_overflow() -> None:
    group = np.array([0, 1, 0], dtype=np.int32)
    base, leaf = np.array([-900.0, 3.0]), np.array([100.0, 1.0, 23.5])
    scale_log2 = output_scale_log2(base, leaf, group)
    largest = 900 + 100 + 23.5
    assert largest * 2**scale_log2 + 1.5 < OUTPUT_LIMIT <= largest * 2 ** (scale_log2 + 1) + 1.5
    assert output_scale_log2(np.zeros(2), np.ones(3) * 0.1, group) == 20
    assert output_scale_log2(np.array([2.0**30 - 10, 0.0]), np.ones(3), group) == 0
    for base_margin in (2.0**30, 2.0**30 - 1):  # two trees and the base may each round up by a half
        with pytest.raises(TrainError, match="beyond int32"):
            output_scale_log2(np.array([base_margin, 0.0]), np.zeros(3), group)


def test_rounding_is_to_nearest_even() -> None:
    values = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 0.75], dtype=np.float32)
    assert quantised(values, 0).tolist() == [0, 2, 2, 0, -2, 1]
