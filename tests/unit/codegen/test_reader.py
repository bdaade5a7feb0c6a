"""The reader against XGBoost itself: margins bit for bit, and one clear line for each file it refuses."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from codegen.cli import main
from codegen.errors import CodegenError, ModelError, StyleError
from codegen.ir.forest import Leaf, Split, share_left, walk
from codegen.readers.logf import logf
from codegen.readers.xgboost import read_model
from tests.unit.codegen import zoo
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


@pytest.mark.parametrize("name", zoo.MODELS)
def test_every_kind_of_model(name: str, tmp_path: Path) -> None:
    """Margins of Booster.predict, bit for bit: also dart's, whose weights become part of the leaves."""
    booster = zoo.model(name)
    source = read_model(save(booster, tmp_path / "m.ubj"))
    x = zoo.rows(source.forest, "float32", 60, seed=3)
    assert np.array_equal(evaluate(source.forest, x).view(np.uint32), zoo.float_margins(booster, x).view(np.uint32))
    assert (source.note != "") == (name == "early stopped")


def test_early_stopping_is_followed_as_booster_predict_follows_it(tmp_path: Path) -> None:
    """Nothing is sliced: a model that was loaded predicts with all its trees, whatever its best iteration."""
    booster = zoo.model("early stopped")
    best, n_rounds = booster.best_iteration + 1, booster.num_boosted_rounds()
    path = save(booster, tmp_path / "m.json")
    source = read_model(path)
    assert len(source.forest.trees) == n_rounds > best
    assert source.note.startswith(f"all {n_rounds} rounds are compiled")
    assert source.note.endswith(f"for the best {best}, save booster[:{best}]")
    x = features(40, seed=2)
    loaded = xgb.Booster({"nthread": 1}, model_file=path)
    assert np.array_equal(evaluate(source.forest, x), zoo.float_margins(loaded, x))
    part = read_model(save(booster[:best], tmp_path / "part.json"))
    assert len(part.forest.trees) == best
    assert not part.note
    expected = booster.predict(xgb.DMatrix(x), output_margin=True, iteration_range=(0, best))
    assert np.array_equal(evaluate(part.forest, x)[:, 0], expected)


def test_compile_says_that_all_rounds_are_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(zoo.model("early stopped"), tmp_path / "m.json")
    assert main(["compile", str(path), "--out", str(tmp_path / "c")]) == 0
    assert capsys.readouterr().err.startswith(f"{path}: all ")


def test_rounds_of_an_early_stopped_random_forest_are_counted(tmp_path: Path) -> None:
    booster = train("multi", rounds=5, num_parallel_tree=3, **zoo.DART)
    booster.set_attr(best_iteration="3")
    assert read_model(save(booster, tmp_path / "m.json")).note.startswith("all 5 rounds")
    booster.set_attr(best_iteration="4")
    assert not read_model(save(booster, tmp_path / "m.json")).note


OBJECTIVES: dict[str, tuple[float, ...]] = {
    "binary:logistic": (0.5, 0.01, 0.9731, 0.3333),
    "binary:logitraw": (0.5, 0.2),
    "reg:logistic": (0.7,),
    "count:poisson": (0.5, 3.7, 1e-6),
    "reg:gamma": (1.0, 123.456),
    "reg:tweedie": (0.037,),
    "survival:cox": (2.5,),
    "survival:aft": (0.5, 8.0),
    "reg:squarederror": (-7.25, 1e7),
    "reg:squaredlogerror": (0.5,),
    "reg:pseudohubererror": (0.5,),
    "reg:absoluteerror": (11.0,),
    "binary:hinge": (0.5,),
    "rank:pairwise": (0.25,),
    "rank:ndcg": (0.5,),
    "rank:map": (0.5,),
}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_base_margin_of_each_objective(objective: str, tmp_path: Path) -> None:
    x = np.arange(40, dtype=np.float32).reshape(20, 2)
    label = np.arange(20) % 2 + (objective == "reg:gamma")
    data = xgb.DMatrix(x, label.astype(np.float32))
    if objective.startswith("rank"):
        data.set_group([20])
    if objective == "survival:aft":
        data.set_float_info("label_lower_bound", label.astype(np.float32) + 1)
        data.set_float_info("label_upper_bound", label.astype(np.float32) + 2)
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
        (b'{"name": "tree", "version": "v4", "tree_info": []}', "LightGBM"),
        (b"binf\0\0\0", "old binary"),
        (b"\x80\x04\x95", "pickle"),
        (b"x\x9c\xed\x9d", "joblib"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"CBM1....", "CatBoost"),
        (b'{"model_info": {}, "oblivious_trees": []}', "CatBoost"),
        (b"PK\x03\x04", "zip"),
        (b"\x89HDF\r\n", "HDF5"),
        (b'<?xml version="1.0"?><PMML>', "PMML"),
        (b"\x08\x08\x12\x08skl2onnx\x1a\x06ai.onnx.ml", "ONNX"),
        (b"booster[0]:\n0:[f0<0.5]", "dump"),
        (b'[{"nodeid": 0, "leaf": 0.5}]', "dump"),
        (b'{"version": [3, 2, 0]}', "learner"),
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


@pytest.mark.parametrize(
    ("keys", "value", "word"),
    [
        (("learner",), [], "learner is not an object"),
        (("version",), "3", "version are not integers"),
        (("version",), [3.5, 2], "version are not integers"),
        (("learner", "gradient_booster", "name"), None, "name is not a text"),
        (("learner", "gradient_booster", "name"), "gbforest", "booster 'gbforest' is not compiled"),
        (("learner", "learner_model_param", "num_feature"), "0", "at least one feature"),
        (("learner", "learner_model_param", "num_feature"), "70000", "within 0..65535"),
        (("learner", "learner_model_param", "num_class"), "1e3", "num_class '1e3' is not a number"),
        (("learner", "learner_model_param", "num_class"), [4], "num_class is not a number"),
        (("learner", "learner_model_param", "num_class"), "9" * 30, "num_class is not a number"),
        (("learner", "gradient_booster", "model", "trees"), {}, "trees are not a list"),
        (("learner", "gradient_booster", "model", "trees"), [[]], "has 1 trees, but lists 8 outputs"),
        (("learner", "gradient_booster", "model", "tree_info"), [0, 1, 2, 3, 0, 1, 2, 4], "output 4 of 4"),
        (("learner", "gradient_booster", "model", "tree_info"), [[0], [1, 2]], "tree_info are not integers"),
        (("learner", "objective"), "multi:softprob", "objective is not an object"),
        (("learner", "attributes"), {"best_iteration": "x"}, "best_iteration 'x' is not a number"),
    ],
)
def test_wrong_types_are_refused(keys: tuple[str, ...], value: object, word: str, tmp_path: Path) -> None:
    content = document(tmp_path)
    parent = content
    for key in keys[:-1]:
        parent = parent[key]
    parent[keys[-1]] = value
    assert word in str(refusal(written(tmp_path, content)))


def test_darts_weights_must_be_there(tmp_path: Path) -> None:
    booster = train("regression", rounds=3, **zoo.DART)
    content = json.loads(save(booster, tmp_path / "good.json").read_text())
    content["learner"]["gradient_booster"]["weight_drop"].pop()
    assert "has 3 trees" in str(refusal(written(tmp_path, content)))
    content["learner"]["gradient_booster"]["weight_drop"].append(3e38)
    trees = content["learner"]["gradient_booster"]["gbtree"]["model"]["trees"]
    trees[2]["split_conditions"][-1] = 9.0  # the last node is a leaf
    assert "tree 2: node" in str(refusal(written(tmp_path, content)))


def assert_read_or_refused(path: Path) -> None:
    try:
        read_model(path)
        said = ""
    except CodegenError as error:
        said = str(error)
    assert not said or (str(path) in said and "\n" not in said)


def test_darts_negative_zeros(tmp_path: Path) -> None:
    """XGBoost adds a leaf to 0 before it multiplies by the weight, so that no weighted leaf is -0."""
    booster = train("regression", rounds=2, max_depth=1, base_score=0.25, **zoo.DART)
    content = json.loads(save(booster, tmp_path / "good.json").read_text())
    content["learner"]["learner_model_param"]["base_score"] = "[-0E0]"
    for tree in content["learner"]["gradient_booster"]["gbtree"]["model"]["trees"]:
        tree["split_conditions"][1:] = [-0.0, -0.0]
    path = written(tmp_path, content)
    x = features(5, seed=1)
    expected = zoo.float_margins(xgb.Booster({"nthread": 1}, model_file=path), x)
    assert np.array_equal(evaluate(read_model(path).forest, x).view(np.uint32), expected.view(np.uint32))
    assert not expected.view(np.uint32).any()


BAD_VALUES: tuple[Any, ...] = (
    *(None, True, "", "x", "5E-1", "[1,2]", "9" * 30, -1, 7, 3.5, 1e99, 10**30, 10**19, [], {}, [1], [[1], [2, 3]]),
    *(["a"], [None], {"a": 1}, [1e99] * 3),
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key in a document, of long lists the first few."""
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(min(len(value), 4)))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


@pytest.mark.parametrize("kind", ["multi", "dart regression", "quantiles"])
def test_whatever_stands_in_a_document_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    rng = random.Random(kind)
    text = save(zoo.model(kind), tmp_path / "good.json").read_text()
    for _ in range(60):
        content = json.loads(text)
        for _ in range(rng.choice((1, 1, 2))):
            parent, key = rng.choice(list(places(content)))
            parent[key] = rng.choice(BAD_VALUES)
        assert_read_or_refused(written(tmp_path, content))


def test_whatever_bytes_are_in_a_file_is_read_or_refused(tmp_path: Path) -> None:
    rng = random.Random(5)
    data = save(train("multi", rounds=2, max_depth=2), tmp_path / "good.ubj").read_bytes()
    path = tmp_path / "bad.ubj"
    for _ in range(500):
        damaged = bytearray(data)
        for _ in range(rng.choice((1, 1, 4))):
            at, n_bytes = rng.randrange(len(damaged)), rng.randrange(5)
            damaged[at : at + n_bytes] = rng.randbytes(rng.choice((n_bytes, n_bytes, 3)))
        path.write_bytes(damaged)
        assert_read_or_refused(path)


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
