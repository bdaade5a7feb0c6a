"""Forests made without training, of any shape, and rows that lie on and beside all their thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from codegen.ir.forest import FeatureType, Forest, Leaf, Node, Split, Tree, walk
from codegen.readers.xgboost import ModelSource

Rows: TypeAlias = NDArray[np.float32] | NDArray[np.int32]

# Around zero, the subnormals and the ends of float32; and values that sensors give.
FLOATS = (0.0, -0.0, 1e-45, -1e-45, 1.1754942e-38, -1.1754944e-38, 1.0, -1.0, 3.4028235e38, -3.4028235e38, 0.1, 2048.5)
EXTREMES = np.array(
    [np.nan, -np.nan, np.inf, -np.inf, 3.4028235e38, -3.4028235e38, 0.0, -0.0, 1e-45, -1e-45], np.float32
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What random_forest is to make."""

    trees: int = 12
    depth: int = 5
    split: float = 0.8  # chance that a node below the root is one
    features: int = 6
    used: int = 6  # of the features, the last ones
    outputs: int = 3
    thresholds: int = 20  # a feature
    missing_left: float = 0.5  # chance of a split


def random_forest(seed: int, shape: Shape, values: Sequence[float] | None = None) -> Forest:
    """A forest of that shape; thresholds from `values`, or quarters of integers in no particular order."""
    rng = np.random.default_rng(seed)
    pool = np.array(values if values is not None else rng.integers(-4000, 4000, shape.thresholds) / 4.0)
    ids = iter(range(1 << 30))

    def node(level: int) -> Node:
        if level == shape.depth or (level and rng.random() >= shape.split):
            return Leaf(float(np.float32(rng.normal(0.0, 2.0))), next(ids))
        feature = shape.features - 1 - int(rng.integers(shape.used))
        # A feature's own thresholds: the pool, moved by its number.
        threshold = float(np.float32(rng.choice(pool) + (feature if values is None else 0.0)))
        left = bool(rng.random() < shape.missing_left)
        return Split(feature, threshold, left, node(level + 1), node(level + 1))

    trees = tuple(Tree(node(0), int(rng.integers(shape.outputs))) for _ in range(shape.trees))
    return Forest(trees, tuple(map(float, range(shape.outputs))), shape.features, "reg:squarederror")


def comb(depth: int) -> Forest:
    """One tree that goes on to the right at every split, on two features."""
    node: Node = Leaf(1.0, depth)
    for level in reversed(range(depth)):
        node = Split(level % 2, float(level), level % 3 == 0, Leaf(float(level * 7 % 31) / 8, level), node)
    return Forest((Tree(node, 0),), (0.25,), 2, "reg:squarederror")


def balanced_tree(n_splits: int, feature: int = 0) -> Forest:
    """One tree over n_splits distinct thresholds of one feature, as shallow as can be."""

    def node(low: int, high: int) -> Node:
        if low == high:
            return Leaf(float(low * 37 % 1009) / 16, low)
        middle = (low + high) // 2
        return Split(feature, float(middle), middle % 2 == 0, node(low, middle), node(middle + 1, high))

    return Forest((Tree(node(0, n_splits), 0),), (0.0,), feature + 1, "reg:squarederror")


def source_of(forest: Forest) -> ModelSource:
    return ModelSource(forest, "made.json", "0" * 64, "3.2.0")


def rows_of(forest: Forest, feature_type: FeatureType, n_rows: int, seed: int) -> Rows:
    """Rows on, one unit below and one unit above thresholds, missing, and at the ends of the type."""
    rng = np.random.default_rng(seed)
    own: dict[int, set[float]] = {}
    for tree in forest.trees:
        for node in walk(tree.root):
            if isinstance(node, Split):
                own.setdefault(node.feature, set()).add(float(node.threshold))
    columns = []
    for feature in range(forest.n_features):
        on = np.array(sorted(own.get(feature, {0.0})), np.float32)
        if feature_type == "float32":
            with np.errstate(over="ignore"):
                up, down = (np.nextafter(on, np.float32(end)) for end in (np.inf, -np.inf))
            near, ends = np.concatenate([on, up, down]), EXTREMES
        else:
            whole = np.ceil(on.astype(np.float64)).clip(-(2.0**31), 2.0**31 - 1)
            near = np.concatenate([whole, whole - 1, whole + 1]).clip(-(2.0**31), 2.0**31 - 1)
            ends = np.array([-(2.0**31), -(2.0**24) + 1, 2.0**24 - 1, 0.0])
        chosen = np.where(rng.random(n_rows) < 0.8, rng.choice(near, n_rows), rng.choice(ends, n_rows))
        columns.append(chosen)
    x = np.stack(columns, axis=1)
    return x.astype(np.float32) if feature_type == "float32" else x.astype(np.int32)
