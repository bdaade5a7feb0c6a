"""L0 gates (Louizos et al. 2018, "Learning Sparse Neural Networks through L0 Regularization"): units choose to go.

Each hidden unit has a hard-concrete gate, a random number stretched over 0 … 1 whose chance of not being 0 is charged
for. Units whose gate has closed are cut out; the rest is fine-tuned without gates.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from train.compress.network_task import CompressedNetwork, NetworkTask
from train.compress.surrogate import deployed, heads, learn, tensorflow, whole
from train.compress.unit_pruning import cut

TEMPERATURE, LOW, HIGH = 2 / 3, -0.1, 1.1  # of the paper
OPEN = 0.5  # a gate's value without noise above which a unit stays


def compress(task: NetworkTask, *, price: float) -> CompressedNetwork:
    """Train with gates at `price` a unit, cut, fine-tune."""
    tensorflow(task.seed)
    import tf_keras as keras

    inputs = keras.Input((task.lessons.x.shape[1],))
    gates = [_gate_layer(price, f"gate_{name}") for name in ("first", "last")]
    first = gates[0](keras.layers.Dense(task.units, activation="relu", name="first")(inputs))
    last = gates[1](keras.layers.Dense(task.hidden, activation="relu", name="last")(first))
    model = keras.Model(inputs, heads(task, last))
    start = whole(task)
    for name in ("first", "last", "device", "remaining"):
        model.get_layer(name).set_weights(start.get_layer(name).get_weights())
    learn(model, task.lessons, task.epochs, seed=task.seed)
    names = ("first", "last", "device", "remaining")
    weights = [np.asarray(values) for name in names for values in model.get_layer(name).get_weights()]
    open_gates = [np.asarray(gate.value()) for gate in gates]
    kept = tuple(np.flatnonzero(value > OPEN) if np.any(value > OPEN) else np.array([0]) for value in open_gates)
    weights[2] *= open_gates[0][:, None]
    weights[4] *= open_gates[1][:, None]
    weights[6] *= open_gates[1][:, None]
    narrow = cut(task, weights, (kept[0], kept[1]))
    learn(narrow, task.lessons, task.tuning_epochs, seed=task.seed)
    return deployed(narrow, task, note=f"{len(kept[0])} and {len(kept[1])} units left.")


def _gate_layer(price: float, name: str) -> Any:
    import tensorflow as tf
    import tf_keras as keras

    class HardConcrete(keras.layers.Layer):  # type: ignore[misc]
        """Multiplies units by their gates and charges for open ones."""

        def build(self, shape: Any) -> None:
            self.log_alpha = self.add_weight(
                name="log_alpha", shape=(shape[-1],), initializer=keras.initializers.Constant(2.0)
            )

        def value(self) -> Any:
            """The gates without noise."""
            return tf.clip_by_value(tf.sigmoid(self.log_alpha) * (HIGH - LOW) + LOW, 0.0, 1.0)

        def call(self, x: Any, training: Any = None) -> Any:
            chance = tf.sigmoid(self.log_alpha - TEMPERATURE * np.log(-LOW / HIGH))
            self.add_loss(price * tf.reduce_sum(chance))
            if not training:
                return x * self.value()
            u = tf.random.uniform(tf.shape(self.log_alpha), 1e-6, 1 - 1e-6)
            drawn = tf.sigmoid((tf.math.log(u) - tf.math.log(1 - u) + self.log_alpha) / TEMPERATURE)
            return x * tf.clip_by_value(drawn * (HIGH - LOW) + LOW, 0.0, 1.0)

    return HardConcrete(name=name)
