"""Passes: Forest -> Forest. None changes an output; what can (pruning, quantising) is evaluated in train/compress.

Scaling leaves to int32 is the one change of representation: docs/artifact.md defines its result to the last bit.
"""

from __future__ import annotations

from codegen.ir.forest import Forest
from codegen.passes.integer_features import integer_features
from codegen.passes.merge_equal_leaves import merge_equal_leaves
from codegen.passes.prune_unreachable import prune_unreachable
from codegen.passes.scale_leaves import scale_leaves


def lower_to_int32(forest: Forest, output_scale_log2: int | None = None) -> Forest:
    """The passes from a float32 forest to the integer face, in order. Raises ModelError from scale_leaves."""
    forest = integer_features(forest)
    forest = prune_unreachable(forest)
    forest = scale_leaves(forest, output_scale_log2)
    return merge_equal_leaves(forest)


__all__ = ["integer_features", "lower_to_int32", "merge_equal_leaves", "prune_unreachable", "scale_leaves"]
