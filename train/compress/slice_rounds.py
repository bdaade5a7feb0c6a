"""Slicing: the first rounds of the uncompressed forest, the rest thrown away. Nothing is trained."""

from __future__ import annotations

from train.compress.forest_task import CompressedForest, ForestTask
from train.compress.forest_trees import SavedForest, read_forest, write_forest


def compress(task: ForestTask, *, rounds: int, leaf_bits: int = 12) -> CompressedForest:
    """Keep `rounds` rounds."""
    return CompressedForest(write_forest(sliced(read_forest(task.uncompressed), rounds)), leaf_bits)


def sliced(forest: SavedForest, rounds: int) -> SavedForest:
    """The forest's first rounds: one tree an output each."""
    return SavedForest(forest.document, forest.trees[: rounds * len(forest.base)])
