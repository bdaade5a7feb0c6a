"""Hashed weights (Chen et al. 2015, "Compressing Neural Networks with the Hashing Trick").

A layer has few values, trained; a hash of a weight's place says which of them it is. Nothing but the values is stored,
and the board works the hash out for every product.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from train.compress.coded_network import hashed_index
from train.compress.deep_compression import LAYERS, coded
from train.compress.network_task import QUANTILES, CompressedNetwork, NetworkTask
from train.compress.surrogate import build, learn, tensorflow


def compress(task: NetworkTask, *, n_values: int = 128) -> CompressedNetwork:
    """Train hashed layers of `n_values` values (of the heads a quarter) and deploy them as coded C."""
    tensorflow(task.seed)
    import tf_keras as keras

    widths = (task.units, task.hidden, task.n_devices, len(QUANTILES))
    sizes = (n_values, n_values, n_values // 4 * 2, n_values // 4)
    shapes = [
        (task.lessons.x.shape[1], widths[0]),
        (widths[0], widths[1]),
        (widths[1], widths[2]),
        (widths[1], widths[3]),
    ]
    tables = [hashed_index(n_out, n_in, size) for (n_in, n_out), size in zip(shapes, sizes, strict=True)]
    layers = [_hashed_layer(symbols, size, name) for symbols, size, name in zip(tables, sizes, LAYERS, strict=True)]
    inputs = keras.Input((shapes[0][0],))
    first = keras.layers.ReLU()(layers[0](inputs))
    last = keras.layers.ReLU()(layers[1](first))
    model = keras.Model(inputs, [layers[2](last), layers[3](last)])
    learn(model, task.lessons, task.epochs, seed=task.seed)
    plain = build(task)
    found = []
    for name, layer, symbols in zip(LAYERS, layers, tables, strict=True):
        values, bias = (np.asarray(weight) for weight in layer.get_weights())
        plain.get_layer(name).set_weights([values[symbols].T, bias])
        found.append((values, symbols))
    return coded(task, plain, found, "hashed")


def _hashed_layer(symbols: Any, n_values: int, name: str) -> Any:
    import tensorflow as tf
    import tf_keras as keras

    class Hashed(keras.layers.Layer):  # type: ignore[misc]
        """A full-connected layer whose kernel is looked up in `n_values` values."""

        def build(self, _: Any) -> None:
            deviation = (2.0 / symbols.shape[1]) ** 0.5
            start = keras.initializers.RandomNormal(stddev=deviation)
            self.values = self.add_weight(name="values", shape=(n_values,), initializer=start)
            bias = keras.initializers.Constant(0.5 if name == "remaining" else 0.0)
            self.bias = self.add_weight(name="bias", shape=(symbols.shape[0],), initializer=bias)

        def call(self, x: Any) -> Any:
            kernel = tf.gather(self.values, tf.constant(symbols.T.astype(np.int32)))
            return tf.matmul(x, kernel) + self.bias

    return Hashed(name=name)
