"""Float32 leaves and base margins become int32, docs/artifact.md: rint(value * 2**k), or coarser to fit --leaf-bits."""

from __future__ import annotations

from dataclasses import replace

from codegen.errors import ModelError
from codegen.ir.forest import Forest, Leaf, Node, Number, walk

SCALE_LOG2_MAX = 24
# Half of int32: the difference of two margins, which the softmax takes, fits 32 bits as well.
_SUM_MAX = 1 << 30


def scale_leaves(forest: Forest, output_scale_log2: int | None = None, leaf_bits: int | None = None) -> Forest:
    """Scale by 2**output_scale_log2, or by the largest power up to 24 whose every partial sum is below 2**30.

    With leaf_bits b each tree's leaves are multiples of 2**s, with the least s >= 0 for which they span less than
    2**b of those: rint(value * 2**(k - s)) * 2**s. Base margins stay whole.

    Raises ModelError when the scale given, or any scale, lets a sum reach 2**30.
    """
    if forest.output_scale_log2 is not None:
        raise ValueError("leaves are scaled already")
    scale = largest_scale_log2(forest, leaf_bits) if output_scale_log2 is None else output_scale_log2
    if not 0 <= scale <= SCALE_LOG2_MAX:
        raise ModelError(f"output_scale_log2 {scale} is not within 0..{SCALE_LOG2_MAX}")
    if _largest_sum(forest, scale, leaf_bits) >= _SUM_MAX:
        raise ModelError(
            f"margins x 2^{scale} reach {_largest_sum(forest, scale, leaf_bits)}, over 2^30; "
            f"scale the label down, or take --features float32"
        )
    return replace(
        forest,
        trees=tuple(
            replace(tree, root=_scale(tree.root, scale, leaf_shift(tree.root, scale, leaf_bits)))
            for tree in forest.trees
        ),
        base=tuple(scaled(value, scale) for value in forest.base),
        output_scale_log2=scale,
    )


def largest_scale_log2(forest: Forest, leaf_bits: int | None = None) -> int:
    """The largest k up to 24 at which no sum reaches 2**30; 0 when there is none."""
    fitting = (scale for scale in range(SCALE_LOG2_MAX, 0, -1) if _largest_sum(forest, scale, leaf_bits) < _SUM_MAX)
    return next(fitting, 0)


def scaled(value: Number, scale_log2: int, shift: int = 0) -> int:
    """rint(value * 2**(k - shift)) * 2**shift, ties to even; the product is exact in a double."""
    return round(float(value) * 2.0 ** (scale_log2 - shift)) << shift


def leaf_shift(root: Node, scale_log2: int, leaf_bits: int | None) -> int:
    """The least shift at which a tree's scaled leaves span less than 2**leaf_bits steps; 0 for None."""
    values = [node.value for node in walk(root) if isinstance(node, Leaf)]
    shift = 0
    while leaf_bits is not None and _span(values, scale_log2, shift) >> shift >= 1 << leaf_bits:
        shift += 1  # ends: a span below 2**31 is none after 31 shifts
    return shift


def _span(values: list[Number], scale_log2: int, shift: int) -> int:
    return scaled(max(values), scale_log2, shift) - scaled(min(values), scale_log2, shift)


def _largest_sum(forest: Forest, scale: int, leaf_bits: int | None) -> int:
    """Bound on |base + leaves| of any output, over any paths and any part of the sum."""
    sums = [abs(scaled(value, scale)) for value in forest.base]
    for tree in forest.trees:
        shift = leaf_shift(tree.root, scale, leaf_bits)
        leaves = (node for node in walk(tree.root) if isinstance(node, Leaf))
        sums[tree.output] += max(abs(scaled(leaf.value, scale, shift)) for leaf in leaves)
    return max(sums)


def _scale(node: Node, scale: int, shift: int) -> Node:
    if isinstance(node, Leaf):
        return replace(node, value=scaled(node.value, scale, shift))
    return replace(node, left=_scale(node.left, scale, shift), right=_scale(node.right, scale, shift))
