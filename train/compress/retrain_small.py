"""Retraining small: fewer rounds, less depth, a larger step, a price on splits, coarser histograms, fewer features.

No compression of what there is: a forest that is trained to be small. The yardstick of all that follow.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from train.compress.forest_task import CompressedForest, ForestTask


def compress(task: ForestTask, *, leaf_bits: int = 12, **parameters: Any) -> CompressedForest:
    """Train anew with the task's small parameters, `parameters` (of train.config.Forest) put over them."""
    return CompressedForest(task.train(replace(task.small, **parameters)), leaf_bits)
