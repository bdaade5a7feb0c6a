"""Splits that no row can take both ways are replaced by the side that is taken."""

from __future__ import annotations

from dataclasses import dataclass, replace

from codegen.ir.forest import FEATURE_MAX, Forest, Leaf, Node


@dataclass(frozen=True, slots=True)
class _Values:
    """What a feature can be at a node: low .. high (none when low > high), or missing."""

    low: int = -FEATURE_MAX
    high: int = FEATURE_MAX
    missing: bool = True


def prune_unreachable(forest: Forest) -> Forest:
    """Drop sides of splits that no integer feature in +-FEATURE_MAX, nor a missing one, can reach.

    Integer thresholds make such sides: 3.2 and 3.7 on one path both become 4. Where a feature cannot be missing any
    more, its default direction is left, the cheaper one to emit.
    """
    if forest.feature_type != "int32":
        raise ValueError("features must be integers: run integer_features first")
    return replace(forest, trees=tuple(replace(tree, root=_prune(tree.root, {})) for tree in forest.trees))


def _prune(node: Node, known: dict[int, _Values]) -> Node:
    if isinstance(node, Leaf):
        return node
    values = known.get(node.feature, _Values())
    threshold = int(node.threshold)
    left = _Values(values.low, min(values.high, threshold - 1), values.missing and node.default_left)
    right = _Values(max(values.low, threshold), values.high, values.missing and not node.default_left)
    if not _possible(right):
        return _prune(node.left, known)
    if not _possible(left):
        return _prune(node.right, known)
    return replace(
        node,
        default_left=node.default_left or not values.missing,
        left=_prune(node.left, {**known, node.feature: left}),
        right=_prune(node.right, {**known, node.feature: right}),
    )


def _possible(values: _Values) -> bool:
    return values.missing or values.low <= values.high
