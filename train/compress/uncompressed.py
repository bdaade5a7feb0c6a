"""The uncompressed forest itself: 50 rounds × depth 5, eta 0.3, max_bin 256, in m2cgen's C. All else is held to it."""

from __future__ import annotations

from train.compress.forest_task import CompressedForest, ForestTask


def compress(task: ForestTask, *, style: str = "m2cgen") -> CompressedForest:
    """Whole leaves in branches with exact literals, or as another style of codegen compiles them."""
    return CompressedForest(task.uncompressed, None, style)
