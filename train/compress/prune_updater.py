"""XGBoost's own pruning after training: process_type=update, updater=prune.

A split is taken back, from the leaves upward, while it gains less than gamma and both its children are leaves.
"""

from __future__ import annotations

import json

from train.compress.forest_task import UNCOMPRESSED, CompressedForest, ForestTask
from train.compress.forest_trees import read_forest, write_forest
from train.models.thresholds import centre_thresholds


def compress(task: ForestTask, *, gamma: float, leaf_bits: int = 12) -> CompressedForest:
    """Prune the uncompressed forest with XGBoost; deleted nodes are taken out of the file."""
    import xgboost as xgb

    matrix = xgb.DMatrix(task.features, label=task.label, weight=task.weight(UNCOMPRESSED.early_weight), nthread=1)
    objective = json.loads(task.uncompressed)["learner"]["objective"]["name"]
    options = {
        "objective": objective,
        "process_type": "update",
        "updater": "prune",
        "verbosity": 0,  # it warns that an updater was named
        "refresh_leaf": False,
        "gamma": gamma,
        "eta": UNCOMPRESSED.eta,
        "lambda": UNCOMPRESSED.l2,
        "nthread": 1,
        **({"num_class": task.n_outputs} if task.kind == "device" else {"quantile_alpha": [0.1, 0.5, 0.9]}),
    }
    pruned = xgb.train(
        options, matrix, UNCOMPRESSED.rounds, xgb_model=xgb.Booster(model_file=bytearray(task.uncompressed))
    )
    model = write_forest(read_forest(bytes(pruned.save_raw("json"))))
    return CompressedForest(centre_thresholds(model, task.features), leaf_bits)
