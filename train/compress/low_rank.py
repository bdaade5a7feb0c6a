"""Low rank: a layer's weights as the product of two thin matrices, by singular values; fine-tuned.

A rank r pays where r · (in + out) is less than in · out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from train.compress.network_task import CompressedNetwork, NetworkTask
from train.compress.surrogate import deployed, heads, learn, whole


def compress(task: NetworkTask, *, rank: int) -> CompressedNetwork:
    """Factor both hidden layers to that rank."""
    start = whole(task)
    model = _factored(task, rank)
    for name in ("first", "last"):
        kernel, bias = start.get_layer(name).get_weights()
        u, s, v = np.linalg.svd(kernel, full_matrices=False)
        root = np.sqrt(s[:rank])
        model.get_layer(f"{name}_thin").set_weights([u[:, :rank] * root])
        model.get_layer(name).set_weights([root[:, None] * v[:rank], bias])
    for name in ("device", "remaining"):
        model.get_layer(name).set_weights(start.get_layer(name).get_weights())
    learn(model, task.lessons, task.tuning_epochs, seed=task.seed)
    return deployed(model, task)


def _factored(task: NetworkTask, rank: int) -> Any:
    import tf_keras as keras

    inputs = keras.Input((task.lessons.x.shape[1],), name="features")
    x = inputs
    for name, units in (("first", task.units), ("last", task.hidden)):
        x = keras.layers.Dense(rank, use_bias=False, name=f"{name}_thin")(x)
        x = keras.layers.Dense(units, activation="relu", name=name)(x)
    return keras.Model(inputs, heads(task, x), name="network")
