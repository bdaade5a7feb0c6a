"""Small tasks for techniques: drawn rows whose answers follow a few features."""

from __future__ import annotations

import numpy as np

from train.compress.forest_task import ForestTask, Kind
from train.config import Forest

N_FEATURES = 6
N_CHARGES = 120
ROWS_EACH = 20
TUNED = Forest(rounds=4, max_depth=3, eta=0.5, min_child_weight=0.05, early_weight=2.0)


def task(kind: Kind, seed: int = 1) -> ForestTask:
    """2 400 rows of 120 charges of 30 units; three devices, or seconds that fall."""
    random = np.random.default_rng(seed)
    n = N_CHARGES * ROWS_EACH
    features = random.integers(-400, 400, (n, N_FEATURES)).astype(np.float32)
    features[random.random(features.shape) < 0.05] = np.nan
    known = np.nan_to_num(features)
    if kind == "device":
        label = (known[:, 0] > 50).astype(np.float32) + (known[:, 1] + known[:, 2] > 0)
        label = np.where(random.random(n) < 0.05, random.integers(0, 3, n), label)
    else:
        label = 3000 + 4 * known[:, 0] + 2 * np.abs(known[:, 3]) + random.normal(0, 60, n)
    charge = np.repeat(np.arange(N_CHARGES), ROWS_EACH)
    return ForestTask(
        kind=kind,
        features=features,
        label=label.astype(np.float32),
        early=np.tile(np.arange(ROWS_EACH) < 5, N_CHARGES),
        charge=charge,
        unit=charge // 4,
        n_outputs=3,
        seed=1,
        small=TUNED,
        configured=TUNED,
    )
