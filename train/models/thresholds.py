"""Thresholds in the middle of the gap they were found in.

XGBoost's histograms put a threshold at the lowest training value of its right side: a unit that draws 1 % less than
any trained on falls to the other side. Halfway to the highest value of the left side, every training row keeps its
leaf, and units not seen get the margin.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray


def centre_thresholds(data: bytes, features: NDArray[np.float32]) -> bytes:
    """A saved forest whose thresholds are moved, among the training rows [n, n_features] it was fitted on.

    Whole-numbered features are assumed: a threshold becomes a whole number too, and float32 holds it.
    """
    model = json.loads(data)
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        _centre(tree, features)
    return json.dumps(model, separators=(",", ":")).encode("ascii")


def _centre(tree: dict[str, Any], features: NDArray[np.float32]) -> None:
    """Walk the rows down one tree, parents before children, moving thresholds in place."""
    pending = [(0, np.arange(len(features)))]
    while pending:
        node, rows = pending.pop()
        if tree["left_children"][node] == -1 or len(rows) == 0:
            continue
        values = features[rows, tree["split_indices"][node]]
        threshold = np.float32(tree["split_conditions"][node])
        missing = np.isnan(values)
        left = np.where(missing, bool(tree["default_left"][node]), values < threshold)
        below, above = values[left & ~missing], values[~left & ~missing]
        if len(below) and len(above):
            tree["split_conditions"][node] = float(np.ceil((float(below.max()) + float(above.min())) / 2))
        pending += [(tree["left_children"][node], rows[left]), (tree["right_children"][node], rows[~left])]
