"""The reader against XGBoost itself: margins bit for bit, and one clear line for each file it refuses."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from codegen.errors import CodegenError, ModelError, StyleError
from codegen.ir.forest import Leaf, Split, share_left, walk
from codegen.readers.logf import logf
from codegen.readers.xgboost import read_model
from tests.unit.codegen.forests import PARAMETERS, evaluate, features, hostile_rows, leaf_of, margins, save, train


@pytest.mark.parametrize("kind", PARAMETERS)
def test_margins_are_bit_equal_to_xgboost(kind: str, tmp_path: Path) -> None:
    booster = train(kind)
    forest = read_model(save(booster, tmp_path / "m.json")).forest
    x = hostile_rows(forest, 150, seed=5)
    assert np.array_equal(evaluate(forest, x).view(np.uint32), margins(booster, x).view(np.uint32))


@pytest.mark.parametrize("kind", PARAMETERS)
def test_both_formats_give_the_same_forest(kind: str, tmp_path: Path) -> None:
    booster = train(kind)
    from_json = read_model(save(booster, tmp_path / "m.json"))
    from_ubjson = read_model(save(booster, tmp_path / "m.ubj"))
    assert from_json.forest == from_ubjson.forest
    assert from_json.xgboost_version == from_ubjson.xgboost_version == xgb.__version__


def test_leaves_carry_the_node_ids_of_pred_leaf(tmp_path: Path) -> None:
    booster = train("multi", gamma=5.0)
    forest = read_model(save(booster, tmp_path / "m.json")).forest
    x = features(50, seed=9)
    ids = booster.predict(xgb.DMatrix(x), pred_leaf=True).reshape(len(x), -1)
    for row in range(len(x)):
        assert [leaf_of(tree.root, x[row]).node_id for tree in forest.trees] == list(ids[row])


def test_weights_are_the_rows_that_came_by(tmp_path: Path) -> None:
    booster = train("regression")
    forest = read_model(save(booster, tmp_path / "m.ubj")).forest
    ids = booster.predict(xgb.DMatrix(features(600, seed=0)), pred_leaf=True)  # what it was trained on
    for index, tree in enumerate(forest.trees):
        counted = dict(zip(*np.unique(ids[:, index], return_counts=True), strict=True))
        assert {leaf.node_id: leaf.weight for leaf in walk(tree.root) if isinstance(leaf, Leaf)} == counted
        assert tree.root.weight == 600
        assert isinstance(tree.root, Split)
        assert share_left(tree.root) == (tree.root.left.weight or 0) / 600


def test_a_model_without_weights_is_read(tmp_path: Path) -> None:
    content = document(tmp_path)
    for tree in content["learner"]["gradient_booster"]["model"]["trees"]:
        del tree["sum_hessian"]
    root = read_model(written(tmp_path, content)).forest.trees[0].root
    assert root.weight is None
    assert isinstance(root, Split)
    assert share_left(root) == 0.5


def test_pruned_nodes_are_left_out(tmp_path: Path) -> None:
    booster = train("regression", gamma=40_000.0, tree_method="exact")
    path = save(booster, tmp_path / "m.json")
    saved = json.loads(path.read_text())["learner"]["gradient_booster"]["model"]["trees"]
    n_deleted = sum(int(tree["tree_param"]["num_deleted"]) for tree in saved)
    n_nodes = sum(len(tree["left_children"]) for tree in saved)
    forest = read_model(path).forest
    assert n_deleted > 0
    assert forest.n_splits + forest.n_leaves == n_nodes - n_deleted
    x = features(50, seed=3)
    assert np.array_equal(evaluate(forest, x), margins(booster, x))


def test_an_early_stopped_slice_is_taken_as_saved(tmp_path: Path) -> None:
    booster = train("quantiles", rounds=9)
    part = booster[:4]
    forest = read_model(save(part, tmp_path / "m.json")).forest
    x = features(40, seed=2)
    assert len(forest.trees) == 12
    assert np.array_equal(evaluate(forest, x), margins(part, x))


OBJECTIVES: dict[str, tuple[float, ...]] = {
    "binary:logistic": (0.5, 0.01, 0.9731, 0.3333),
    "binary:logitraw": (0.5, 0.2),
    "reg:logistic": (0.7,),
    "count:poisson": (0.5, 3.7, 1e-6),
    "reg:gamma": (1.0, 123.456),
    "reg:tweedie": (0.037,),
    "survival:cox": (2.5,),
    "reg:squarederror": (-7.25, 1e7),
    "reg:squaredlogerror": (0.5,),
    "reg:pseudohubererror": (0.5,),
    "reg:absoluteerror": (11.0,),
    "binary:hinge": (0.5,),
    "rank:pairwise": (0.25,),
}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_base_margin_of_each_objective(objective: str, tmp_path: Path) -> None:
    x = np.arange(40, dtype=np.float32).reshape(20, 2)
    label = np.arange(20) % 2 + (objective == "reg:gamma")
    data = xgb.DMatrix(x, label.astype(np.float32))
    if objective.startswith("rank"):
        data.set_group([20])
    for base_score in OBJECTIVES[objective]:
        booster = xgb.train({"objective": objective, "base_score": base_score, "max_depth": 2}, data, 2)
        forest = read_model(save(booster, tmp_path / "m.json")).forest
        assert np.array_equal(evaluate(forest, x).view(np.uint32), margins(booster, x).view(np.uint32)), base_score


def test_logf_is_xgboosts_on_many_base_scores(tmp_path: Path) -> None:
    """Half of these are scores whose rounded double logarithm has another last bit."""
    x = np.zeros((4, 1), dtype=np.float32)
    booster = xgb.train({"objective": "reg:gamma", "base_score": 1.0}, xgb.DMatrix(x, np.ones(4)), 1)
    path = save(booster, tmp_path / "m.json")
    document = json.loads(path.read_text())
    drawn = np.random.default_rng(4).uniform(0.5, 2.0, 8000).astype(np.float32)
    hard = np.array([logf(float(score)) for score in drawn]) != np.log(drawn.astype(np.float64)).astype(np.float32)
    assert hard.sum() >= 30
    for score in (*drawn[hard][:30], *drawn[~hard][:30]):
        document["learner"]["learner_model_param"]["base_score"] = f"[{score}]"
        path.write_text(json.dumps(document))
        booster = xgb.Booster({"nthread": 1}, model_file=path)
        assert evaluate(read_model(path).forest, x[:1])[0, 0] == margins(booster, x[:1])[0, 0], score


def refusal(path: Path) -> CodegenError:
    with pytest.raises(CodegenError) as caught:
        read_model(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return caught.value


def document(tmp_path: Path, kind: str = "multi") -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(save(train(kind, rounds=2), tmp_path / "good.json").read_text())
    return loaded


def written(tmp_path: Path, content: dict[str, Any]) -> Path:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"{", "JSON"),
        (b"[1, 2]", "not an XGBoost model"),
        (b'{"learner": NaN}', "NaN"),
        (b'{"a": ' + b"[" * 100_000, "JSON"),
        (b"\xff\xfe", "JSON"),
        (b"tree\nversion=v4\n", "LightGBM"),
        (b"binf\0\0\0", "old binary"),
        (b"\x80\x04\x95", "pickle"),
        (b"CBM1....", "CatBoost"),
        (b"PK\x03\x04", "zip"),
        (b'{"version": [3, 2, 0], "oblivious_trees": []}', "learner"),
    ],
)
def test_strangers_are_named(content: bytes, word: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(content)
    error = refusal(path)
    assert isinstance(error, ModelError)
    assert word in str(error)


def test_a_network_is_sent_away(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(b"\x1c\0\0\0TFL3")
    assert isinstance(refusal(path), StyleError)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    assert "cannot be read" in str(refusal(tmp_path / "nothing.json"))


@pytest.mark.parametrize("suffix", ["json", "ubj"])
def test_no_truncation_is_ever_read(suffix: str, tmp_path: Path) -> None:
    data = save(train("binary", rounds=1, max_depth=2), tmp_path / f"m.{suffix}").read_bytes()
    path = tmp_path / f"cut.{suffix}"
    for end in range(1, len(data), 37):
        path.write_bytes(data[:end])
        refusal(path)


@pytest.mark.parametrize(
    ("extra", "word"),
    [
        ({"booster": "dart"}, "dart"),
        ({"booster": "gblinear", "max_depth": None, "eta": None}, "gblinear"),
        ({"multi_strategy": "multi_output_tree", "tree_method": "hist"}, "vector"),
    ],
)
def test_other_boosters_are_refused(extra: dict[str, Any], word: str, tmp_path: Path) -> None:
    parameters = {key: value for key, value in ({"max_depth": 2} | extra).items() if value is not None}
    x = features(60, seed=1, missing=0.0)
    booster = xgb.train(parameters | {"objective": "reg:squarederror"}, xgb.DMatrix(x, x[:, :2]), 2)
    assert word in str(refusal(save(booster, tmp_path / "m.json")))


def test_categorical_splits_are_refused(tmp_path: Path) -> None:
    x = np.arange(80, dtype=np.float32).reshape(80, 1) % 8
    data = xgb.DMatrix(x, (x[:, 0] % 3).astype(np.float32), feature_types=["c"], enable_categorical=True)
    booster = xgb.train({"max_depth": 2, "tree_method": "hist"}, data, 2)
    assert "categor" in str(refusal(save(booster, tmp_path / "m.json")))


def test_other_versions_are_refused(tmp_path: Path) -> None:
    content = document(tmp_path)
    content["version"] = [2, 1, 0]
    assert "XGBoost 2.1.0" in str(refusal(written(tmp_path, content)))


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("left_children", 9999, "node 9999"),
        ("left_children", 0, "node 0"),
        ("split_indices", 77, "feature 77"),
        ("split_conditions", 1e300, "inf"),
        ("left_children", "x", "not integers"),
        ("split_conditions", "x", "not numbers"),
    ],
)
def test_damaged_trees_are_refused(key: str, value: object, word: str, tmp_path: Path) -> None:
    content = document(tmp_path)
    tree = content["learner"]["gradient_booster"]["model"]["trees"][3]
    tree[key][0] = value
    message = str(refusal(written(tmp_path, content)))
    assert "tree 3" in message
    assert word in message


@pytest.mark.parametrize(
    ("score", "word"),
    [("[1,2]", "2 values for 4"), ("x", "not a number"), ("[1E99,0,0,0]", "not a number"), ("[nan,0,0,0]", "output 0")],
)
def test_base_scores_that_do_not_fit(score: str, word: str, tmp_path: Path) -> None:
    content = document(tmp_path)
    content["learner"]["learner_model_param"]["base_score"] = score
    assert word in str(refusal(written(tmp_path, content)))


@pytest.mark.parametrize("score", ["[0E0]", "[1E0]", "[-3E0]"])
def test_probabilities_lie_between_0_and_1(score: str, tmp_path: Path) -> None:
    content = document(tmp_path, "binary")
    content["learner"]["learner_model_param"]["base_score"] = score
    assert "no probability" in str(refusal(written(tmp_path, content)))


def test_an_unknown_objective_is_refused(tmp_path: Path) -> None:
    content = document(tmp_path)
    content["learner"]["objective"]["name"] = "reg:mine"
    assert "reg:mine" in str(refusal(written(tmp_path, content)))


def test_a_tree_of_one_leaf_is_a_tree(tmp_path: Path) -> None:
    booster = train("regression", rounds=3, min_child_weight=1e9)
    forest = read_model(save(booster, tmp_path / "m.json")).forest
    assert all(isinstance(tree.root, Leaf) for tree in forest.trees)
    assert sum(1 for tree in forest.trees for _ in walk(tree.root)) == 3


@pytest.mark.parametrize(
    "data",
    [
        b"{L" + struct.pack(">q", 1 << 60),
        b"{i\x01a[$d#L" + struct.pack(">q", 1 << 40),
        b"{i\x01aX}",
        b"{i\x01aTi\x01aF}",
        b"{i\x01aT}extra",
        b"{i\x01a{#i\x01i\x01aT}",
        b"{i\x01a" + b"[" * 500,
    ],
)
def test_damaged_ubjson_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.ubj"
    path.write_bytes(data)
    assert "UBJSON" in str(refusal(path))
