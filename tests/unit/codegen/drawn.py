"""Models drawn at random: a seed decides objective, booster, shape, features and rows. XGBoost trains or loads each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb
from numpy.typing import NDArray

from tests.unit.codegen.made_forests import FLOATS, Shape, random_forest
from tests.unit.codegen.zoo import booster_of

OBJECTIVES = (
    *(
        "multi:softprob",
        "multi:softprob",
        "multi:softmax",
        "reg:quantileerror",
        "reg:quantileerror",
        "reg:squarederror",
    ),
    *("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:squaredlogerror", "reg:logistic"),
    *("binary:logistic", "binary:logitraw", "binary:hinge", "reg:gamma", "reg:tweedie", "count:poisson"),
)
COLUMNS = ("normal", "integers", "decimals", "exponents", "few values", "binary")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A model, what it was drawn as, and whether its features are integers."""

    booster: xgb.Booster
    words: str
    integer: bool


def draw(seed: int) -> Drawn:
    """The model of a seed; every fourth one is made rather than trained, every third takes integers."""
    rng = np.random.default_rng([seed, 77])
    integer = seed % 3 == 1
    if seed % 4 == 3:
        return _made(seed, rng, integer=integer)
    parameters = _parameters(rng)
    x = _rows(rng, int(rng.integers(20, 500)), int(rng.choice([1, 2, 5, 12, 40])), integer=integer)
    label = _label(rng, x, parameters)
    rounds = int(rng.integers(1, 10))
    booster = xgb.train(parameters, xgb.DMatrix(x, label), rounds)
    return Drawn(booster, f"seed {seed}: {rounds} rounds of {parameters} on {x.shape}", integer)


def _made(seed: int, rng: np.random.Generator, *, integer: bool) -> Drawn:
    shape = Shape(
        trees=int(rng.integers(1, 40)),
        depth=int(rng.integers(1, 9)),
        split=float(rng.uniform(0.4, 1.0)),
        outputs=int(rng.integers(1, 6)),
        thresholds=int(rng.integers(1, 300)),
        missing_left=float(rng.choice([0.0, 0.3, 0.5, 1.0])),
    )
    values = FLOATS if not integer and rng.random() < 0.3 else None
    return Drawn(booster_of(random_forest(seed, shape, values)), f"seed {seed}: {shape}", integer)


def _parameters(rng: np.random.Generator) -> dict[str, Any]:
    objective = str(rng.choice(OBJECTIVES))
    parameters: dict[str, Any] = {
        "objective": objective,
        "max_depth": int(rng.integers(1, 9)),
        "eta": float(rng.choice([0.05, 0.3, 1.0])),
        "max_bin": int(rng.choice([2, 16, 256, 1024])),
        "min_child_weight": float(rng.choice([0.0, 1.0, 5.0])),
        "lambda": float(rng.choice([0.0, 1.0])),
        "gamma": float(rng.choice([0.0, 0.0, 1.0])),
        "seed": int(rng.integers(1 << 30)),
        "nthread": 1,
        "verbosity": 0,
    }
    if rng.random() < 0.3:
        parameters |= {"grow_policy": "lossguide", "max_leaves": int(rng.integers(2, 60)), "max_depth": 0}
    if rng.random() < 0.25:
        parameters |= {"booster": "dart", "rate_drop": 0.3, "normalize_type": str(rng.choice(["tree", "forest"]))}
    if rng.random() < 0.25:
        parameters |= {"num_parallel_tree": int(rng.integers(2, 5)), "subsample": 0.6, "colsample_bynode": 0.7}
    if rng.random() < 0.3:
        parameters["base_score"] = float(rng.uniform(0.05, 0.95))
    if objective.startswith("multi"):
        parameters["num_class"] = int(rng.integers(2, 9))
    if objective == "reg:quantileerror":
        parameters["quantile_alpha"] = sorted(rng.uniform(0.02, 0.98, int(rng.integers(1, 5))).tolist())
    return parameters


def _rows(rng: np.random.Generator, n_rows: int, n_features: int, *, integer: bool) -> NDArray[np.float32]:
    x = np.stack([_column(rng, str(kind), n_rows) for kind in rng.choice(COLUMNS, n_features)], axis=1)
    x = x.clip(-1e6, 1e6).round() if integer else x
    x[rng.random(x.shape) < rng.choice([0.0, 0.1, 0.5, 0.9])] = np.nan
    return np.asarray(x, dtype=np.float32)


def _column(rng: np.random.Generator, kind: str, n_rows: int) -> NDArray[np.float64]:
    if kind == "normal":
        return rng.normal(0.0, 50.0, n_rows)
    if kind == "integers":
        return rng.integers(-3000, 3000, n_rows).astype(np.float64)
    if kind == "decimals":
        return rng.integers(-500, 500, n_rows) / 10.0
    if kind == "exponents":
        return rng.choice([-1.0, 1.0], n_rows) * 10.0 ** rng.uniform(-30, 30, n_rows)
    if kind == "few values":
        return rng.choice(rng.normal(0.0, 5.0, 4), n_rows)
    return rng.integers(0, 2, n_rows).astype(np.float64)


def _label(rng: np.random.Generator, x: NDArray[np.float32], parameters: dict[str, Any]) -> NDArray[np.float64]:
    """Of the first feature and noise, in the range its objective asks for."""
    noise = rng.normal(size=len(x))
    signal: NDArray[np.float64] = np.tanh(np.nan_to_num(x[:, 0]) / 30.0) + 0.5 * noise
    objective = str(parameters["objective"])
    n_classes = parameters.get("num_class", 2 if objective.startswith("binary") else 0)
    scales = rng.choice([1e-3, 1.0, 1e4], int(rng.integers(2, 4)))
    if n_classes:
        label = np.floor((signal + 1.5) / 3.0 * n_classes).clip(0, n_classes - 1)
    elif objective == "reg:logistic":
        label = signal.clip(-1, 1) / 2.0 + 0.5
    elif objective in ("reg:gamma", "reg:tweedie", "count:poisson", "reg:squaredlogerror"):
        label = np.exp(signal).round(1) + 0.1
    elif objective in ("reg:squarederror", "reg:absoluteerror") and rng.random() < 0.4:
        label = signal[:, None] * scales
    else:
        label = signal * scales[0]
    return np.asarray(label, dtype=np.float64)
