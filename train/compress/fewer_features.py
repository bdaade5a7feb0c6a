"""Fewer features: those whose splits took away the most loss, and a small forest on them alone.

Costs nothing to look up on the board, and what is not split on need not be computed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.compress.forest_task import CompressedForest, ForestTask
from train.compress.forest_trees import read_forest


def compress(task: ForestTask, *, n_features: int, leaf_bits: int = 12, **parameters: Any) -> CompressedForest:
    """Retrain on the `n_features` that the uncompressed forest gains most by."""
    model = task.train(replace(task.small, **parameters), only_features(task, n_features))
    return CompressedForest(model, leaf_bits)


def only_features(task: ForestTask, n_features: int) -> NDArray[np.float32]:
    """The task's features with all but the best `n_features` missing everywhere, so that nothing splits on them."""
    gain = np.zeros(task.features.shape[1])
    for tree in read_forest(task.uncompressed).trees:
        splits = [node for node in tree.order() if tree.left[node] >= 0]
        np.add.at(gain, tree.feature[splits], tree.gain[splits])
    kept = np.argsort(-gain, kind="stable")[:n_features]
    masked = np.full_like(task.features, np.nan)
    masked[:, kept] = task.features[:, kept]
    return masked
