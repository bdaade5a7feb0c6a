"""The forests that are measured, their rows, and XGBoost's own answers to them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen.ir.forest import FEATURE_MAX, FeatureType, Split, walk
from codegen.readers.xgboost import ModelSource, read_model

FOLDER = "WATTPRINT_BENCH"
Rows = NDArray[np.float32]

N_FEATURES = 24
# As the measured models of the same names: classes (1: a regression), rounds, depth.
SHAPES = {"clfS": (3, 20, 4), "regS": (1, 50, 4), "clfL": (8, 50, 5), "regL": (1, 200, 6)}


@dataclass(frozen=True)
class Model:
    """A saved XGBoost model and rows [n, n_features] for it: ordinary ones, on thresholds, missing, infinite."""

    name: str
    path: Path
    x: Rows

    @cached_property
    def source(self) -> ModelSource:
        """As codegen reads it."""
        return read_model(self.path)

    def rows(self, features: FeatureType) -> Rows:
        """The rows as that kind of features: whole numbers within the integer range, or as they are."""
        if features == "float32":
            return self.x
        return np.floor(self.x).clip(-FEATURE_MAX, FEATURE_MAX)

    def margins(self, features: FeatureType) -> NDArray[np.float32]:
        """XGBoost's margins [n, n_outputs]."""
        margin = self._booster.inplace_predict(self.rows(features), predict_type="margin")
        return np.asarray(margin, dtype=np.float32).reshape(len(self.x), -1)

    def leaves(self, features: FeatureType) -> NDArray[np.int64]:
        """XGBoost's leaf of every tree [n, n_trees]; it takes no infinities here, which the largest floats replace."""
        import xgboost as xgb

        largest = np.finfo(np.float32).max
        rows = xgb.DMatrix(self.rows(features).clip(-largest, largest))
        return np.asarray(self._booster.predict(rows, pred_leaf=True)).astype(np.int64).reshape(len(self.x), -1)

    @cached_property
    def _booster(self) -> Any:
        import xgboost as xgb

        return xgb.Booster({"nthread": 1}, model_file=self.path)


def benchmark_models(work: Path, names: tuple[str, ...]) -> Iterator[Model]:
    """Those of the folder that WATTPRINT_BENCH names (NAME.json with NAME_rows.npz), else forests trained here."""
    named = os.environ.get(FOLDER)
    if named is None:
        yield from (_trained(name, work) for name in SHAPES if not names or name in names)
        return
    folder = Path(named) / "forests" if (Path(named) / "forests").is_dir() else Path(named)
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_size):
        rows = path.with_name(f"{path.stem}_rows.npz")
        if rows.exists() and (not names or path.stem in names):
            with np.load(rows, allow_pickle=False) as file:
                yield Model(path.stem, path, file["x"].astype(np.float32))


def _trained(name: str, work: Path) -> Model:
    """A forest of that shape on drawn data, the same on every machine."""
    import xgboost as xgb

    n_classes, rounds, depth = SHAPES[name]
    x, signal = _data(20_000, seed=1)
    label: NDArray[Any] = signal
    options: dict[str, Any] = {"objective": "reg:squarederror"}
    if n_classes > 1:
        label = np.searchsorted(np.quantile(signal, np.linspace(0, 1, n_classes + 1)[1:-1]), signal)
        options = {"objective": "multi:softprob", "num_class": n_classes}
    options |= {"max_depth": depth, "eta": 0.3, "max_bin": 256, "seed": 1, "nthread": 1}
    booster = xgb.train(options, xgb.DMatrix(x, label), rounds)
    path = work / f"{name}.json"
    booster.save_model(path)
    return Model(name, path, _rows(path, _data(2_000, seed=2)[0]))


def _data(n_rows: int, seed: int) -> tuple[Rows, NDArray[np.float64]]:
    """Features as a charger has them, currents, ratios, counts and times, and something to learn from them."""
    random = np.random.default_rng(seed)
    scale = 10.0 ** np.linspace(-1, 4, N_FEATURES)
    x = (random.gamma(2.0, 1.0, (n_rows, N_FEATURES)) * scale).astype(np.float32)
    x[:, ::3] = np.round(x[:, ::3])
    z = x / scale
    signal = z[:, 20] * 40 + z[:, 11] * z[:, 8] * 9 - 25 * (z[:, 14] > 2) + 12 * np.sqrt(z[:, 5]) + z[:, 17] ** 2
    return x, signal + random.normal(0, 3, n_rows)


def _rows(path: Path, test: Rows) -> Rows:
    """Test rows, one on each threshold, and rows of missing values, largest values, zeros below zero, infinities."""
    random = np.random.default_rng(3)
    thresholds = sorted(
        {
            (node.feature, float(node.threshold))
            for tree in read_model(path).forest.trees
            for node in walk(tree.root)
            if isinstance(node, Split)
        }
    )
    parts = [test, test[random.integers(0, len(test), len(thresholds))].copy()]
    for row, (feature, threshold) in zip(parts[1], thresholds, strict=True):
        row[feature] = threshold
    for special in ([np.nan], [3.4028235e38, -3.4028235e38, -0.0], [np.inf, -np.inf]):
        part = test[random.integers(0, len(test), 200)].copy()
        chosen = random.random(part.shape) < 0.15
        part[chosen] = random.choice(np.array(special, np.float32), int(chosen.sum()))
        parts.append(part)
    return np.concatenate(parts)
