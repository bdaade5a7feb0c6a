"""A plain forest on rows of charges, split by charge or, as must not be done, by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.features import asked_rows, extract, to_float
from train.sessions.labels import remaining_s
from train.sessions.types import Charge

ROUNDS = 50
PARAMETERS = {"tree_method": "hist", "nthread": 1, "seed": 1, "max_depth": 5, "eta": 0.3, "max_bin": 256}
SHARE = 5  # every so manieth charge or row is scored


def row_split(charges: Sequence[Charge], devices: Sequence[str], by: str) -> tuple[float, float]:
    """Share of rows whose device is right and mean error in minutes, of rows of charges that got full.

    by   "charge": every SHAREth charge is scored; "row": a SHAREth of all rows, drawn at random
    """
    features, device, left, charge = _rows(charges, devices)
    scored = charge % SHARE == 0
    if by == "row":
        scored = np.random.default_rng(1).random(len(charge)) < 1 / SHARE
    learnt = ~scored
    options = {"objective": "multi:softmax", "num_class": len(devices)}
    named = _predicted(features, device, learnt, scored, options)
    minutes = _predicted(features, left / 60, learnt, scored, {"objective": "reg:squarederror"})
    return float(np.mean(named == device[scored])), float(np.abs(minutes - left[scored] / 60).mean())


def _predicted(
    features: NDArray[np.float32],
    label: NDArray[Any],
    learnt: NDArray[np.bool_],
    scored: NDArray[np.bool_],
    options: dict[str, Any],
) -> NDArray[np.float32]:
    import xgboost as xgb

    data = xgb.DMatrix(features[learnt], label=label[learnt])
    booster = xgb.train({**PARAMETERS, **options}, data, ROUNDS)
    return np.asarray(booster.predict(xgb.DMatrix(features[scored])))


def _rows(charges: Sequence[Charge], devices: Sequence[str]) -> tuple[NDArray[Any], ...]:
    """Features, device, seconds left and charge number wherever the model is asked before full."""
    parts = []
    for number, charge in enumerate(charges):
        left = remaining_s(charge)
        asked = asked_rows((charge.t_ms - charge.t_ms[0]).astype(np.int64))
        asked = asked[left[asked] >= 0]
        if charge.ended != "limit" and len(asked):
            n = len(asked)
            features = to_float(extract(charge, asked).x)
            parts.append((features, np.full(n, devices.index(charge.device)), left[asked], np.full(n, number)))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))
