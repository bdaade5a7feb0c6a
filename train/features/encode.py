"""Input bytes of a network from features, by the C core (docs/artifact.md)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from train.artifact_network import NetworkInput
from train.features.core import load_core, pointer


def encode(x: NDArray[np.int32], inputs: Sequence[NetworkInput]) -> NDArray[np.int8]:
    """The bytes [n, inputs] of features [n, n_features], WP_MISSING where not defined."""
    _, core = load_core()
    table = np.array([[item.feature, item.offset, item.multiplier, item.shift] for item in inputs], np.int32)
    out = np.empty((len(x), len(inputs)), np.int8)
    rows = np.ascontiguousarray(x.astype(np.int32, casting="safe", copy=False))
    if out.size:
        core.wp_binding_encode(len(x), len(inputs), pointer(table), pointer(rows), pointer(out))
    return out
