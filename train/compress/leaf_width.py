"""Leaf quantisation: each tree's leaves rounded to 16 … 4 bits (docs/artifact.md). Nothing is trained."""

from __future__ import annotations

from train.compress.forest_task import CompressedForest, ForestTask


def compress(task: ForestTask, *, leaf_bits: int) -> CompressedForest:
    """The uncompressed forest with leaves of that width, in packed tables."""
    return CompressedForest(task.uncompressed, leaf_bits)
