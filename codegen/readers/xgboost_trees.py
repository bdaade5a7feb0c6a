"""The trees of an XGBoost model file. Nodes that pruning deleted stay in the file, out of reach, and are left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from codegen.ir.forest import DEPTH_MAX, Leaf, Node, Split, Tree

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_trees(model: Mapping[str, Any], n_features: int) -> tuple[Tree, ...]:
    """All trees in order; raises ValueError naming the tree and node, KeyError for a missing key."""
    if model.get("cats", {}).get("enc"):
        raise ValueError("has categorical features; train on numbers (enable_categorical=False)")
    trees, outputs = model["trees"], model["tree_info"]
    if len(trees) != len(outputs):
        raise ValueError(f"has {len(trees)} trees, but tree_info lists {len(outputs)}; save it again")
    return tuple(
        Tree(_TreeReader(tree, f"tree {index}", n_features).node(0, 0), int(output))
        for index, (tree, output) in enumerate(zip(trees, outputs, strict=True))
    )


class _TreeReader:
    """The columns of one saved tree."""

    def __init__(self, tree: Mapping[str, Any], where: str, n_features: int) -> None:
        if int(tree["tree_param"].get("size_leaf_vector", 1)) > 1:
            raise ValueError(f"{where}: leaves are vectors; train with multi_strategy='one_output_per_tree'")
        if len(tree.get("categories_nodes", ())) or any(tree.get("split_type", ())):
            raise ValueError(f"{where}: splits on categories; train on numbers (enable_categorical=False)")
        self.where = where
        self.n_features = n_features
        self.left = _integers(tree["left_children"], f"{where}: left_children")
        self.right = _integers(tree["right_children"], f"{where}: right_children")
        self.feature = _integers(tree["split_indices"], f"{where}: split_indices")
        self.default_left = _integers(tree["default_left"], f"{where}: default_left")
        # threshold of a split, value of a leaf
        self.condition = _floats(tree["split_conditions"], f"{where}: split_conditions")
        # left out of models made by hand
        self.weight = _floats(tree.get("sum_hessian", ()), f"{where}: sum_hessian")
        self.n_nodes = len(self.left)
        columns = (self.right, self.feature, self.default_left, self.condition)
        if any(len(column) != self.n_nodes for column in columns) or not self.n_nodes:
            raise ValueError(f"{where}: columns of different or no length; the file is damaged, save it again")
        if len(self.weight) not in (0, self.n_nodes):
            raise ValueError(f"{where}: sum_hessian has another length than the tree; save it again")
        self.reached: set[int] = set()

    def node(self, index: int, level: int) -> Node:
        if not 0 <= index < self.n_nodes or index in self.reached:
            raise ValueError(f"{self.where}: node {index} is not one of a tree's; the file is damaged, save it again")
        if level > DEPTH_MAX:
            raise ValueError(f"{self.where}: deeper than {DEPTH_MAX} splits; train with a max_depth")
        self.reached.add(index)
        value, left, right = float(self.condition[index]), int(self.left[index]), int(self.right[index])
        if value - value != 0.0:
            raise ValueError(f"{self.where}: node {index} holds {value}; train it again on finite values")
        if left == -1 and right == -1:
            return Leaf(value, index, self.visits(index))
        feature = int(self.feature[index])
        if not 0 <= feature < self.n_features:
            raise ValueError(f"{self.where}: node {index} splits feature {feature} of {self.n_features}")
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
        weight = float(self.weight[index]) if len(self.weight) else -1.0
        return weight if 0.0 <= weight < float("inf") else None


def _integers(values: Any, where: str) -> NDArray[np.int64]:
    import numpy as np

    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iub"):
        raise ValueError(f"{where} are not integers; the file is damaged, save it again")
    return array.astype(np.int64)


def _floats(values: Any, where: str) -> NDArray[np.float32]:
    import numpy as np

    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "fiu"):
        raise ValueError(f"{where} are not numbers; the file is damaged, save it again")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is refused at its node
        return array.astype(np.float32)
