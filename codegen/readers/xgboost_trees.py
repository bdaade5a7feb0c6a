"""The trees of an XGBoost model file. Nodes that pruning deleted stay in the file, out of reach, and are left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from codegen.ir.forest import DEPTH_MAX, Leaf, Node, Split, Tree
from codegen.readers.xgboost_fields import DAMAGED, count_of, floats_of, integers_of, object_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CATEGORIES = "train on numbers (enable_categorical=False)"


def read_trees(
    model: Mapping[str, Any], n_features: int, n_outputs: int, weights: NDArray[np.float32] | None = None
) -> tuple[Tree, ...]:
    """All trees in order; raises ValueError naming the tree and node, KeyError for a missing key.

    weights [n_trees]: of dart, what each tree's leaves are multiplied by. Booster.predict multiplies float32 by float32
    and adds the product, so multiplying here keeps every bit.
    """
    if "cats" in model and object_of(model, "cats").get("enc"):
        raise ValueError(f"has categorical features; {_CATEGORIES}")
    trees, outputs = model["trees"], integers_of(model, "tree_info", "model")
    if not isinstance(trees, list):
        raise ValueError(f"trees are not a list; {DAMAGED}")
    if len(trees) != len(outputs) or (weights is not None and len(weights) != len(trees)):
        raise ValueError(f"has {len(trees)} trees, but lists {len(outputs)} outputs or other weights; {DAMAGED}")
    read = []
    for index, (tree, output) in enumerate(zip(trees, map(int, outputs), strict=True)):
        where = f"tree {index}"
        if not 0 <= output < n_outputs:
            raise ValueError(f"{where}: belongs to output {output} of {n_outputs}; {DAMAGED}")
        weight = None if weights is None else weights[index]
        read.append(Tree(_TreeReader(tree, where, n_features, weight).node(0, 0), output))
    return tuple(read)


class _TreeReader:
    """The columns of one saved tree."""

    def __init__(self, tree: Any, where: str, n_features: int, weight: np.float32 | None) -> None:
        if not isinstance(tree, Mapping):
            raise ValueError(f"{where} is not an object; {DAMAGED}")
        self.where = where
        self.n_features = n_features
        parameters = object_of(tree, "tree_param")
        if "size_leaf_vector" in parameters and count_of(parameters, "size_leaf_vector", 1 << 31) > 1:
            raise ValueError(f"{where}: leaves are vectors; train with multi_strategy='one_output_per_tree'")
        self.left = integers_of(tree, "left_children", where)
        self.right = integers_of(tree, "right_children", where)
        self.feature = integers_of(tree, "split_indices", where)
        self.default_left = integers_of(tree, "default_left", where)
        # threshold of a split, value of a leaf
        self.condition = floats_of(tree, "split_conditions", where)
        self.value = self.condition if weight is None else _weighted(self.condition, weight)
        self.n_nodes = len(self.left)
        self._check_columns(tree)
        self.reached: set[int] = set()

    def _check_columns(self, tree: Mapping[str, Any]) -> None:
        columns = (self.right, self.feature, self.default_left, self.condition)
        if any(len(column) != self.n_nodes for column in columns) or not self.n_nodes:
            raise ValueError(f"{self.where}: columns of different or no length; {DAMAGED}")
        nodes, kinds = (
            integers_of(tree, key, self.where) if key in tree else None for key in ("categories_nodes", "split_type")
        )
        if (nodes is not None and len(nodes)) or (kinds is not None and kinds.any()):
            raise ValueError(f"{self.where}: splits on categories; {_CATEGORIES}")
        # left out of models made by hand
        self.weight = floats_of(tree, "sum_hessian", self.where) if "sum_hessian" in tree else None
        if self.weight is not None and len(self.weight) != self.n_nodes:
            raise ValueError(f"{self.where}: sum_hessian has another length than the tree; {DAMAGED}")

    def node(self, index: int, level: int) -> Node:
        if not 0 <= index < self.n_nodes or index in self.reached:
            raise ValueError(f"{self.where}: node {index} is not one of a tree's; {DAMAGED}")
        if level > DEPTH_MAX:
            raise ValueError(f"{self.where}: deeper than {DEPTH_MAX} splits; train with a max_depth")
        self.reached.add(index)
        left, right = int(self.left[index]), int(self.right[index])
        is_leaf = left == -1 and right == -1
        value = float(self.value[index] if is_leaf else self.condition[index])
        if value - value != 0.0:
            raise ValueError(f"{self.where}: node {index} holds {value}; train it again on finite values")
        if is_leaf:
            return Leaf(value, index, self.visits(index))
        feature = int(self.feature[index])
        if not 0 <= feature < self.n_features:
            raise ValueError(f"{self.where}: node {index} splits feature {feature} of {self.n_features}; {DAMAGED}")
        return Split(
            feature=feature,
            threshold=value,
            default_left=bool(self.default_left[index]),
            left=self.node(left, level + 1),
            right=self.node(right, level + 1),
            weight=self.visits(index),
        )

    def visits(self, index: int) -> float | None:
        """The node's weight, if the file has a sensible one."""
        weight = -1.0 if self.weight is None else float(self.weight[index])
        return weight if 0.0 <= weight < float("inf") else None


def _weighted(values: NDArray[np.float32], weight: np.float32) -> NDArray[np.float32]:
    """As XGBoost does: the leaf is added to 0, which makes -0 a 0, and then multiplied."""
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):
        product: NDArray[np.float32] = (np.float32(0.0) + values) * weight
    return product
