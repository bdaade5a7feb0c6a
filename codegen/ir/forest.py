"""The forest: trees of splits and leaves, each added to one output. Immutable; a pass makes a new one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

# Features lie within +-FEATURE_MAX (wp/types.h), so that float32 holds each integer exactly.
FEATURE_MAX = (1 << 24) - 1
# Deeper trees are refused: passes recurse, and no chart of a charge needs 2**256 regions.
DEPTH_MAX = 256

Number: TypeAlias = float | int
FeatureType = Literal["float32", "int32"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """The end of a path; `value` is added to the tree's output."""

    value: Number  # float32 as XGBoost saved it, or int32 once scaled
    node_id: int  # XGBoost's own number of the node, as pred_leaf reports it
    # As Split.weight.
    weight: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Split:
    """Goes left when x[feature] < threshold; a missing feature goes the default direction."""

    feature: int
    threshold: Number  # float32, or an integer once features are int32
    default_left: bool
    left: Node
    right: Node
    # How much of the training set came by, as XGBoost's sum of hessians (its "cover"): rows for a squared error. Only
    # the ratio of two children means anything, and only the order of emitted code may depend on it. None: unknown.
    weight: float | None = field(default=None, compare=False)


Node: TypeAlias = Split | Leaf


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree and the output its leaves are added to."""

    root: Node
    output: int


@dataclass(frozen=True, slots=True)
class Forest:
    """output[j] = base[j] + the leaf of every tree of j, summed in the order of `trees`.

    With `output_scale_log2` None, leaves and base are float32 and so is the sum; else they are integers and
    margin = output * 2**-output_scale_log2. With features "int32" thresholds are integers and INT32_MIN is missing;
    with "float32" NaN is.
    """

    trees: tuple[Tree, ...]
    base: tuple[Number, ...]  # [n_outputs], margins
    n_features: int
    objective: str
    feature_type: FeatureType = "float32"
    output_scale_log2: int | None = None

    @property
    def n_outputs(self) -> int:
        """Margins per row, in XGBoost's order."""
        return len(self.base)

    @property
    def n_splits(self) -> int:
        """Splits of all trees."""
        return sum(isinstance(node, Split) for tree in self.trees for node in walk(tree.root))

    @property
    def n_leaves(self) -> int:
        """Leaves of all trees."""
        return self.n_splits + len(self.trees)


def walk(root: Node) -> Iterator[Node]:
    """All nodes under root, parents first, left before right."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, Split):
            stack += [node.right, node.left]


def depth(root: Node) -> int:
    """Splits on the longest path."""
    deepest = 0
    stack = [(root, 0)]
    while stack:
        node, above = stack.pop()
        deepest = max(deepest, above)
        if isinstance(node, Split):
            stack += [(node.left, above + 1), (node.right, above + 1)]
    return deepest


def share_left(node: Split) -> float:
    """The part of the rows at a split that goes left, 0 to 1, by the weights of its children; a half if unknown."""
    left, right = node.left.weight, node.right.weight
    if left is None or right is None or not left + right > 0.0:
        return 0.5
    return left / (left + right)


def is_float32(value: Number) -> bool:
    """Whether float32 holds the value exactly (infinity and NaN: no)."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0]) == value and abs(value) != float("inf")
    except (OverflowError, struct.error):
        return False


def validate(forest: Forest) -> Forest:
    """Return the forest; raises ValueError naming the first tree that breaks a rule of this module."""
    for index, tree in enumerate(forest.trees):
        where = f"tree {index}"
        if not 0 <= tree.output < forest.n_outputs:
            raise ValueError(f"{where}: output {tree.output} of {forest.n_outputs}")
        if depth(tree.root) > DEPTH_MAX:
            raise ValueError(f"{where}: deeper than {DEPTH_MAX} splits")
        for node in walk(tree.root):
            if isinstance(node, Split):
                if not 0 <= node.feature < forest.n_features:
                    raise ValueError(f"{where}: feature {node.feature} of {forest.n_features}")
                _check(node.threshold, forest.feature_type == "int32", f"{where}: threshold")
            else:
                _check(node.value, forest.output_scale_log2 is not None, f"{where}: leaf")
    for index, value in enumerate(forest.base):
        _check(value, forest.output_scale_log2 is not None, f"output {index}: base")
    return forest


def dump(forest: Forest) -> str:
    """The forest as text, a node a line: what a pass did is a diff of two dumps."""
    lines = [
        f"forest {forest.objective} features {forest.n_features} {forest.feature_type} "
        f"scale_log2 {forest.output_scale_log2} base {' '.join(map(str, forest.base))}"
    ]
    for index, tree in enumerate(forest.trees):
        lines.append(f"tree {index} output {tree.output}")
        stack: list[tuple[Node, int]] = [(tree.root, 1)]
        while stack:
            node, level = stack.pop()
            indent = "  " * level
            if isinstance(node, Leaf):
                lines.append(f"{indent}leaf {node.value} (node {node.node_id})")
                continue
            side = "left" if node.default_left else "right"
            lines.append(f"{indent}x[{node.feature}] < {node.threshold} missing {side}")
            stack += [(node.right, level + 1), (node.left, level + 1)]
    return "\n".join(lines) + "\n"


def _check(value: Number, integer: bool, where: str) -> None:
    if integer and (not isinstance(value, int) or not -(1 << 31) < value < 1 << 31):
        raise ValueError(f"{where} {value} is not an int32")
    if not integer and not is_float32(value):
        raise ValueError(f"{where} {value} is not a finite float32")
