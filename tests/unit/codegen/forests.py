"""Small models trained by XGBoost for tests, and a slow evaluation of a Forest that knows nothing of passes or C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from codegen.ir.forest import Forest, Leaf, Node

Rows = NDArray[np.float32]

N_FEATURES = 5
PARAMETERS: dict[str, dict[str, Any]] = {
    "binary": {"objective": "binary:logistic"},
    "multi": {"objective": "multi:softprob", "num_class": 4},
    "regression": {"objective": "reg:squarederror"},
    "quantiles": {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]},
    "counts": {"objective": "count:poisson"},
    "bagged": {"objective": "multi:softmax", "num_class": 3, "num_parallel_tree": 2, "subsample": 0.7},
}


def features(n_rows: int, seed: int, *, integer: bool = False, missing: float = 0.15) -> Rows:
    """Rows with ties and holes; integers reach far beyond the range that thresholds come from."""
    rng = np.random.default_rng(seed)
    x: Rows = rng.normal(0.0, 40.0, size=(n_rows, N_FEATURES)).astype(np.float32)
    x[:, 0] = x[:, 0].round()
    if integer:
        x = (x * 50).round()
    x[rng.random(x.shape) < missing] = np.nan
    return x


def train(
    kind: str,
    *,
    seed: int = 0,
    rounds: int = 6,
    integer: bool = False,
    n_rows: int = 600,
    missing: float = 0.15,
    **extra: Any,
) -> xgb.Booster:
    """A booster of PARAMETERS[kind], trained on rows with holes so that default directions are mixed."""
    x = features(n_rows, seed, integer=integer, missing=missing)
    known = np.nan_to_num(x, nan=70.0)
    signal = known[:, 0] + known[:, 1] * (known[:, 2] > 0) - np.abs(known[:, 3])
    parameters = {"max_depth": 4, "eta": 0.4, "seed": seed, "nthread": 1} | PARAMETERS[kind] | extra
    n_classes = int(parameters.get("num_class", 2 if kind == "binary" else 0))
    if n_classes:
        edges = np.quantile(signal, np.linspace(0, 1, n_classes + 1)[1:-1])
        label: NDArray[Any] = np.searchsorted(edges, signal)
    else:
        label = np.abs(signal).round() if kind == "counts" else signal
    return xgb.train(parameters, xgb.DMatrix(x, label), rounds)


def margins(booster: xgb.Booster, x: Rows) -> NDArray[np.float32]:
    """XGBoost's own margins [n, outputs]; inplace_predict also takes infinities."""
    margin = np.asarray(booster.inplace_predict(x, predict_type="margin"), dtype=np.float32)
    return margin.reshape(len(x), -1)


def save(booster: xgb.Booster, path: Path) -> Path:
    booster.save_model(path)
    return path


def evaluate(forest: Forest, x: NDArray[Any]) -> NDArray[Any]:
    """Outputs [n, outputs] row by row: float32 sums, or int64 once leaves are scaled. Missing: NaN or INT32_MIN."""
    integer = forest.output_scale_log2 is not None
    dtype = np.int64 if integer else np.float32
    out = np.tile(np.array(forest.base, dtype=dtype), (len(x), 1))
    for tree in forest.trees:
        for row in range(len(x)):
            out[row, tree.output] += dtype(leaf_of(tree.root, x[row]).value)
    return out


def leaf_of(node: Node, row: NDArray[Any]) -> Leaf:
    while not isinstance(node, Leaf):
        value = row[node.feature]
        missing = np.isnan(value) if row.dtype.kind == "f" else value == np.iinfo(np.int32).min
        left = node.default_left if missing else bool(value < node.threshold)
        node = node.left if left else node.right
    return node


def to_int32(x: Rows) -> NDArray[np.int32]:
    """Integer-valued rows as int32, NaN as INT32_MIN."""
    return np.where(np.isnan(x), -(2.0**31), x).astype(np.int64).astype(np.int32)


def hostile_rows(forest: Forest, n_rows: int, seed: int) -> Rows:
    """Rows made of the forest's own thresholds, one ulp to either side, and every special value."""
    rng = np.random.default_rng(seed)
    special = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, 3.4028235e38, -3.4028235e38, 1e-45], dtype=np.float32)
    x = features(n_rows, seed + 1, missing=0.1)
    thresholds = thresholds_of(forest)
    for feature in range(forest.n_features):
        own = thresholds.get(feature, np.zeros(1, np.float32))
        near = np.concatenate([own, np.nextafter(own, np.float32(np.inf)), np.nextafter(own, np.float32(-np.inf))])
        chosen = rng.random(n_rows)
        x[:, feature] = np.where(chosen < 0.6, rng.choice(near, n_rows), x[:, feature])
        x[:, feature] = np.where(chosen > 0.9, rng.choice(special, n_rows), x[:, feature])
    return x


def thresholds_of(forest: Forest) -> dict[int, Rows]:
    from codegen.ir.forest import Split, walk

    found: dict[int, list[float]] = {}
    for tree in forest.trees:
        for node in walk(tree.root):
            if isinstance(node, Split):
                found.setdefault(node.feature, []).append(float(node.threshold))
    return {feature: np.array(sorted(set(values)), dtype=np.float32) for feature, values in found.items()}
