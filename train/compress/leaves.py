"""Quantised leaves: the power of two that turns a forest's float outputs into int32 ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from train.errors import TrainError

OUTPUT_LIMIT = 1 << 30  # int32 with a factor of two to spare: differences of two outputs fit as well
SCALE_LOG2_MAX = 20  # a margin step of 1e-6; finer resolves nothing of a float32 margin of ten


def output_scale_log2(
    base: NDArray[np.float64], leaf_magnitude: NDArray[np.float64], tree_group: NDArray[np.int32]
) -> int:
    """Largest k <= 20 at which no sum of rounded leaves can reach 2**30.

    base            [n_outputs] base margins
    leaf_magnitude  [n_trees] largest absolute leaf of each tree
    tree_group      [n_trees] output each tree adds to

    Raises TrainError when not even k = 0 is safe.
    """
    n_outputs = len(base)
    largest = np.abs(base) + np.bincount(tree_group, weights=leaf_magnitude, minlength=n_outputs)
    terms = 1 + np.bincount(tree_group, minlength=n_outputs)
    for k in range(SCALE_LOG2_MAX, -1, -1):
        # each of the terms is rounded and may grow by a half
        if float(np.max(largest * 2.0**k + 0.5 * terms)) < OUTPUT_LIMIT:
            return k
    raise TrainError(f"outputs reach {float(np.max(largest)):.3g}, beyond int32: check the units of the data")


def quantised(values: NDArray[np.float32], scale_log2: int) -> NDArray[np.int64]:
    """`rint(value * 2**scale_log2)`, ties to even, on the double of each float32: the rule of docs/artifact.md."""
    return np.rint(values.astype(np.float64) * 2.0**scale_log2).astype(np.int64)
