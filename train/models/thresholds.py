"""Thresholds in the middle of the gap they were found in.

XGBoost's histograms put a threshold at the lowest training value of its right side: a unit that draws 1 % less than
any trained on falls to the other side. Halfway to the highest value of the left side, every training row keeps its
leaf, and units not seen get the margin.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Gaps = list[NDArray[np.float32]]  # by tree, [n_nodes, 2]: highest value that goes left, lowest that goes right


def centre_thresholds(data: bytes, features: NDArray[np.float32]) -> bytes:
    """A saved forest whose thresholds are moved, among the training rows [n, n_features] it was fitted on.

    Whole-numbered features are assumed: a threshold becomes a whole number too, and float32 holds it.
    """
    return moved_thresholds(data, [gaps_of(data, [features])])


def gaps_of(data: bytes, batches: Iterable[NDArray[np.float32]]) -> Gaps:
    """The gaps that training rows, batch by batch, leave around the thresholds of a saved forest."""
    trees = _trees(json.loads(data))
    gaps = [np.full((len(tree["left_children"]), 2), [-np.inf, np.inf], np.float32) for tree in trees]
    for features in batches:
        for tree, gap in zip(trees, gaps, strict=True):
            _walk(tree, features, gap)
    return gaps


def moved_thresholds(data: bytes, parts: Sequence[Gaps]) -> bytes:
    """The saved forest with each threshold in the middle of its gap, which the parts' rows together leave."""
    model = json.loads(data)
    for number, tree in enumerate(_trees(model)):
        below = np.max([part[number][:, 0] for part in parts], axis=0)
        above = np.min([part[number][:, 1] for part in parts], axis=0)
        for node in np.flatnonzero(np.isfinite(below) & np.isfinite(above)):
            tree["split_conditions"][node] = float(np.ceil((float(below[node]) + float(above[node])) / 2))
    return json.dumps(model, separators=(",", ":")).encode("ascii")


def _trees(model: dict[str, Any]) -> list[dict[str, Any]]:
    trees: list[dict[str, Any]] = model["learner"]["gradient_booster"]["model"]["trees"]
    return trees


def _walk(tree: dict[str, Any], features: NDArray[np.float32], gap: NDArray[np.float32]) -> None:
    """Take the rows down one tree, parents before children, widening the gaps to what they leave."""
    pending = [(0, np.arange(len(features)))]
    while pending:
        node, rows = pending.pop()
        if tree["left_children"][node] == -1 or len(rows) == 0:
            continue
        values = features[rows, tree["split_indices"][node]]
        missing = np.isnan(values)
        left = np.where(missing, bool(tree["default_left"][node]), values < np.float32(tree["split_conditions"][node]))
        gap[node, 0] = max(gap[node, 0], values[left & ~missing].max(initial=-np.inf))
        gap[node, 1] = min(gap[node, 1], values[~left & ~missing].min(initial=np.inf))
        pending += [(tree["left_children"][node], rows[left]), (tree["right_children"][node], rows[~left])]
