"""Passes: Forest -> Forest. None changes an output; what can (pruning, quantising) is evaluated in train/compress.

Scaling leaves to int32 is the one change of representation: docs/artifact.md defines its result to the last bit.
"""

from __future__ import annotations

from codegen.ir.forest import FeatureType, Forest
from codegen.passes.integer_features import integer_features
from codegen.passes.merge_equal_leaves import merge_equal_leaves
from codegen.passes.prune_unreachable import prune_unreachable
from codegen.passes.scale_leaves import scale_leaves


def lower(
    forest: Forest,
    feature_type: FeatureType,
    output_type: FeatureType,
    output_scale_log2: int | None = None,
    leaf_bits: int | None = None,
) -> Forest:
    """The passes from a forest as read to one of those types, in order. Raises ModelError from scale_leaves."""
    if output_type == "int32":
        forest = scale_leaves(forest, output_scale_log2, leaf_bits)  # first: it looks at all leaves of a tree
    if feature_type == "int32":
        forest = integer_features(forest)
        forest = prune_unreachable(forest)
    return merge_equal_leaves(forest)


def lower_to_int32(forest: Forest, output_scale_log2: int | None = None, leaf_bits: int | None = None) -> Forest:
    """Integer features and integer outputs: what the firmware takes."""
    return lower(forest, "int32", "int32", output_scale_log2, leaf_bits)


__all__ = ["integer_features", "lower", "lower_to_int32", "merge_equal_leaves", "prune_unreachable", "scale_leaves"]
