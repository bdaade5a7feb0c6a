"""Quantised leaves: the power of two that turns a forest's float outputs into int32 ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.errors import TrainError

OUTPUT_LIMIT = 1 << 30  # int32 with a factor of two to spare: differences of two outputs fit as well
SCALE_LOG2_MAX = 20  # a margin step of 1e-6; finer resolves nothing of a float32 margin of ten


def output_scale_log2(
    base: NDArray[np.float64],
    leaf_magnitude: NDArray[np.float64],
    tree_group: NDArray[np.int32],
    leaf_bits: int | None = None,
) -> int:
    """Largest k <= 20 at which no sum of rounded leaves can reach 2**30.

    base            [n_outputs] base margins
    leaf_magnitude  [n_trees] largest absolute leaf of each tree
    tree_group      [n_trees] output each tree adds to

    Raises TrainError when not even k = 0 is safe.
    """
    n_outputs = len(base)
    # `quantised` steps by less than twice the span over 2**leaf_bits - 1, and rounds a leaf up by half a step at most
    growth = 1.0 if leaf_bits is None else 1.0 + 2.0 / (2**leaf_bits - 1)
    largest = np.abs(base) + np.bincount(tree_group, weights=leaf_magnitude * growth, minlength=n_outputs)
    terms = 1 + np.bincount(tree_group, minlength=n_outputs)
    for k in range(SCALE_LOG2_MAX, -1, -1):
        # each of the terms is rounded and may grow by a half
        if float(np.max(largest * 2.0**k + 0.5 * terms)) < OUTPUT_LIMIT:
            return k
    raise TrainError(f"outputs reach {float(np.max(largest)):.3g}, beyond int32: check the units of the data")


def quantised(
    values: NDArray[np.float32],
    scale_log2: int,
    leaf_bits: int | None = None,
    is_leaf: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Leaves [n_trees, n_nodes] in units of 2**-scale_log2: the rule of docs/artifact.md, on the double of each.

    Without leaf_bits that is `rint(value * 2**scale_log2)`, ties to even. With it, each tree's leaves are rounded to
    multiples of 2**s, s the least at which they span less than 2**leaf_bits of those; entries that `is_leaf` does not
    mark count for nothing and come out as 0.
    """
    exact = values.astype(np.float64)
    if leaf_bits is None:
        return np.rint(exact * 2.0**scale_log2).astype(np.int64)
    used = np.ones(values.shape, dtype=np.bool_) if is_leaf is None else is_leaf
    shift = np.zeros((len(values), 1), dtype=np.int64)
    while True:
        steps = np.rint(exact * 2.0 ** (scale_log2 - shift))
        span = np.where(used, steps, -np.inf).max(axis=1) - np.where(used, steps, np.inf).min(axis=1)
        wide = span >= 1 << leaf_bits
        if not wide.any():
            return np.where(used, steps.astype(np.int64) << shift, 0)
        shift[wide] += 1
