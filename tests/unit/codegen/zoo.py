"""Models of every kind there is, trained by XGBoost or made and then loaded by it, so that it is always the oracle.

Tests of all styles share them: a new style is proved by being in codegen.emit.styles.STYLES.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from codegen.ir.forest import FEATURE_MAX, FeatureType, Forest, Node, Split, Tree
from codegen.readers.xgboost import ModelSource
from codegen.reference import check_margins, outputs_from_leaves
from tests.unit.codegen.forests import PARAMETERS, features, train
from tests.unit.codegen.made_forests import FLOATS, Rows, Shape, balanced_tree, comb, random_forest, rows_of

FLOAT32_MAX = np.float32(3.4028235e38)
INT32_MIN = np.iinfo(np.int32).min


def booster_of(forest: Forest) -> xgb.Booster:
    """A forest of float32 features as a booster of reg:squarederror, one target an output."""
    n_outputs, n_trees = forest.n_outputs, len(forest.trees)
    model = {
        "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
        "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(n_trees)},
        "iteration_indptr": [0, n_trees],
        "tree_info": [tree.output for tree in forest.trees],
        "trees": [_saved(tree, index, forest.n_features) for index, tree in enumerate(forest.trees)],
    }
    base = ",".join(str(np.float32(value)) for value in forest.base)
    learner = {
        "attributes": {},
        "feature_names": [],
        "feature_types": [],
        "gradient_booster": {"model": model, "name": "gbtree"},
        "learner_model_param": {
            "base_score": f"[{base}]",
            "boost_from_average": "1",
            "num_class": "0",
            "num_feature": str(forest.n_features),
            "num_target": str(n_outputs),
        },
        "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
    }
    booster = xgb.Booster({"nthread": 1})
    booster.load_model(bytearray(json.dumps({"learner": learner, "version": [3, 2, 0]}).encode()))
    return booster


def _saved(tree: Tree, index: int, n_features: int) -> dict[str, Any]:
    nodes: list[Node] = [tree.root]  # level by level: XGBoost takes a right child to follow the left one
    for node in nodes:
        nodes += [node.left, node.right] if isinstance(node, Split) else []
    ids = {id(node): number for number, node in enumerate(nodes)}
    assert len(ids) == len(nodes), "a node stands in two places"
    parents = {id(child): id(node) for node in nodes if isinstance(node, Split) for child in (node.left, node.right)}
    splits = [node if isinstance(node, Split) else None for node in nodes]
    conditions = [node.threshold if isinstance(node, Split) else node.value for node in nodes]
    n_nodes = len(nodes)
    return {
        "base_weights": [0.0] * n_nodes,
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "default_left": [int(split is not None and split.default_left) for split in splits],
        "id": index,
        "left_children": [-1 if split is None else ids[id(split.left)] for split in splits],
        "loss_changes": [0.0] * n_nodes,
        "parents": [ids[parents[id(node)]] if id(node) in parents else 2147483647 for node in nodes],
        "right_children": [-1 if split is None else ids[id(split.right)] for split in splits],
        "split_conditions": [float(value) for value in conditions],
        "split_indices": [0 if split is None else split.feature for split in splits],
        "split_type": [0] * n_nodes,
        "sum_hessian": [1.0] * n_nodes,
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(n_features),
            "num_nodes": str(n_nodes),
            "size_leaf_vector": "1",
        },
    }


Maker = Callable[[bool], xgb.Booster]  # whether features are integers


def _trained(kind: str, **extra: Any) -> Maker:
    return lambda integer: train(kind, integer=integer, **extra)


def _made(forest: Forest) -> Maker:
    return lambda _: booster_of(forest)


def _targets(integer: bool) -> xgb.Booster:
    """Three targets, a tree each."""
    x = features(500, 3, integer=integer)
    label = np.nan_to_num(x[:, :3], nan=9.0)
    return xgb.train({"max_depth": 4, "nthread": 1}, xgb.DMatrix(x, label), 5)


def _early_stopped(integer: bool) -> xgb.Booster:
    """With rounds after the best one; xgb.train keeps them."""
    x = features(400, 4, integer=integer)
    label = np.random.default_rng(4).normal(size=400)
    held_out = [(xgb.DMatrix(x[200:], label[200:]), "held_out")]
    data = xgb.DMatrix(x[:200], label[:200])
    return xgb.train(
        {"max_depth": 4, "nthread": 1}, data, 30, evals=held_out, early_stopping_rounds=3, verbose_eval=False
    )


def _wide(integer: bool) -> xgb.Booster:
    """A thousand features, of which few matter."""
    rng = np.random.default_rng(5)
    x = rng.normal(0.0, 100.0, (300, 1000)).astype(np.float32)
    x = x.round() if integer else x
    x[rng.random(x.shape) < 0.2] = np.nan
    label = np.nan_to_num(x[:, 7] + x[:, 500] + x[:, 999])
    return xgb.train({"max_depth": 5, "nthread": 1}, xgb.DMatrix(x, label), 6)


def _fine(integer: bool) -> xgb.Booster:
    """One feature with more than 255 thresholds."""
    x = np.random.default_rng(6).normal(0.0, 3000.0, (4000, 1)).astype(np.float32)
    x = x.round() if integer else x
    return xgb.train({"max_depth": 9, "max_bin": 4096, "nthread": 1}, xgb.DMatrix(x, np.sin(x[:, 0] / 300)), 6)


def _constant(integer: bool) -> xgb.Booster:
    x = features(50, 7, integer=integer)
    return xgb.train({"nthread": 1}, xgb.DMatrix(x, np.full(50, 2.5)), 4)


def _no_rounds(integer: bool) -> xgb.Booster:
    x = features(50, 8, integer=integer)
    return xgb.train({"nthread": 1, "base_score": 0.75}, xgb.DMatrix(x, x[:, 0] > 0), 0)


DART: dict[str, Any] = {"booster": "dart", "rate_drop": 0.4, "one_drop": 1}
DEEP: dict[str, Any] = {"max_depth": 0, "max_leaves": 150, "grow_policy": "lossguide", "min_child_weight": 0}

MODELS: dict[str, Maker] = {
    **{kind: _trained(kind) for kind in PARAMETERS},
    "dart regression": _trained("regression", rounds=9, **DART),
    "dart classes": _trained("multi", rounds=5, **DART),
    "dart quantiles": _trained("quantiles", rounds=5, **DART),
    "random forest": _trained("multi", rounds=1, num_parallel_tree=8, subsample=0.5, colsample_bynode=0.5),
    "targets": _targets,
    "early stopped": _early_stopped,
    "nothing missing": lambda integer: train("multi", integer=integer, missing=0.0),
    "mostly missing": lambda integer: train("multi", integer=integer, missing=0.8),
    "stumps": _trained("multi", rounds=20, max_depth=1),
    "deep": _trained("regression", rounds=3, n_rows=2000, **DEEP),
    "a thousand features": _wide,
    "more than 255 thresholds": _fine,
    "constant": _constant,
    "no rounds": _no_rounds,
    "one leaf": _trained("quantiles", min_child_weight=1e9),
    "both ends of float32": _made(random_forest(21, Shape(trees=20, outputs=2), FLOATS)),
    "a comb": _made(comb(200)),
    "more than 65 535 nodes": _made(balanced_tree(33_000)),
}


@cache
def model(name: str, *, integer: bool = False) -> xgb.Booster:
    """One of MODELS."""
    return MODELS[name](integer)


def rows(forest: Forest, feature_type: FeatureType, n_rows: int, seed: int) -> Rows:
    """Rows on and beside all thresholds, missing, and at the ends of what a feature may be."""
    x = rows_of(forest, feature_type, n_rows, seed)
    if x.dtype == np.float32:
        return x
    return np.where(x == INT32_MIN, x, x.clip(-FEATURE_MAX, FEATURE_MAX)).astype(np.int32)


def finite(x: Rows) -> Rows:
    """Infinities as the last finite numbers, which go the same way at every threshold above -FLOAT32_MAX."""
    return x.clip(-FLOAT32_MAX, FLOAT32_MAX) if x.dtype == np.float32 else x


def _as_floats(x: Rows) -> NDArray[np.float32]:
    if x.dtype == np.float32:
        return np.asarray(x, np.float32)
    return np.where(x == INT32_MIN, np.nan, x.astype(np.float64)).astype(np.float32)


def float_margins(booster: xgb.Booster, x: Rows) -> NDArray[np.float32]:
    """Booster.predict's margins [n, outputs]; rows may be integers, with INT32_MIN for a missing one.

    Only inplace_predict takes infinities. It rounds dart's weights in another order than predict does.
    """
    rows = _as_floats(x)
    if json.loads(booster.save_config())["learner"]["gradient_booster"]["name"] == "dart":
        margin = booster.predict(xgb.DMatrix(finite(rows)), output_margin=True)
    else:
        margin = booster.inplace_predict(rows, predict_type="margin")
    return np.asarray(margin, dtype=np.float32).reshape(len(x), -1)


def integer_outputs(
    booster: xgb.Booster, source: ModelSource, x: Rows, scale_log2: int | None, leaf_bits: int | None
) -> NDArray[np.int64]:
    """Scaled leaves of XGBoost's own choice, summed in int64 and checked against its margins; rows must be finite."""
    assert scale_log2 is not None
    leaves = np.asarray(booster.predict(xgb.DMatrix(_as_floats(x)), pred_leaf=True)).astype(np.int64)
    leaves = leaves.reshape(len(x), len(source.forest.trees))
    outputs = outputs_from_leaves(source.forest, leaves, scale_log2, leaf_bits)
    check_margins(source.forest, outputs, float_margins(booster, x), scale_log2, "model", leaf_bits)
    return outputs
