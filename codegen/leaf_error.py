"""How far quantised leaves stray from XGBoost's float margins: a bound over all rows, and the worst of given ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from codegen.ir.forest import Forest, Tree
from codegen.reference import quantised_leaves
from codegen.rows import Rows, leaves, reached_leaves


def error_bound(forest: Forest, scale_log2: int, leaf_bits: int | None) -> float:
    """The largest error of any output's margin on any row: every tree's worst leaf, added up.

    forest  as read, with float leaves; XGBoost's own rounding of float32 sums is not counted
    """
    base = np.array(forest.base, dtype=np.float64)
    bound = np.abs(np.rint(base * 2.0**scale_log2) * 2.0**-scale_log2 - base)
    for tree in forest.trees:
        exact = _exact(tree)
        bound[tree.output] += np.abs(_stored(exact, scale_log2, leaf_bits) - exact).max()
    return float(bound.max())


def worst_error(forest: Forest, scale_log2: int, leaf_bits: int | None, rows: Rows) -> float:
    """The largest error of any output's margin on those rows [n, n_features], of XGBoost's float32 sums."""
    margin = np.tile(np.array(forest.base, dtype=np.float32), (len(rows), 1))
    answer = np.tile(np.rint(np.array(forest.base) * 2.0**scale_log2) * 2.0**-scale_log2, (len(rows), 1))
    for tree in forest.trees:
        exact, reached = _exact(tree), reached_leaves(tree, rows)
        margin[:, tree.output] += exact.astype(np.float32)[reached]
        answer[:, tree.output] += _stored(exact, scale_log2, leaf_bits)[reached]
    return float(np.abs(answer - margin).max())


def _exact(tree: Tree) -> NDArray[np.float64]:
    return np.array([leaf.value for leaf in leaves(tree)], dtype=np.float64)


def _stored(exact: NDArray[np.float64], scale_log2: int, leaf_bits: int | None) -> NDArray[np.float64]:
    """Leaves as the board has them, as margins."""
    return quantised_leaves(exact, scale_log2, leaf_bits)[0].astype(np.float64) * 2.0**-scale_log2
