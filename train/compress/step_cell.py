"""A recurrent step cell: one step of a GRU a moment, its state carried by the board instead of a window of rows.

Trained on whole charges, exported as a single step of plain operators (a converter cannot fold a whole GRU in int8):
features and state in, both answers and the next state out. Cho et al. 2014, with the reset gate before the product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.compress.network_task import QUANTILES, CompressedNetwork, NetworkTask, Outputs
from train.compress.surrogate import (
    LEARNING_RATE,
    REMAINING_SHARE,
    Interpreter,
    heads,
    pinball,
    tensorflow,
    to_tflite,
)

CHARGES_AT_ONCE = 32
N_REPRESENTATIVE_CHARGES = 40


def compress(task: NetworkTask, *, units: int = 24) -> CompressedNetwork:
    """Train a GRU of that many units over the rows of whole charges and export its step."""
    model = _sequence_model(task, units)
    rows = places(task.lessons.charge)
    _learn(task, model, rows)
    step = _step_model(task, units, model)
    shown = task.lessons.x[rows[:: max(1, len(rows) // N_REPRESENTATIVE_CHARGES)]]
    states = _states(model, shown, units)
    data = to_tflite(step, [shown.reshape(-1, shown.shape[-1]), states.reshape(-1, units)])

    def answer(features: NDArray[np.float32], charge: NDArray[np.intp]) -> Outputs:
        return _walk(data, task.inputs.encode(features), charge, units)

    return CompressedNetwork(data, answer, note="One step; the board keeps the state.")


def places(charge: NDArray[np.intp]) -> NDArray[np.intp]:
    """Row numbers [n_charges, longest] of each charge, its last row repeated at the end."""
    starts = np.flatnonzero(np.diff(charge, prepend=-1))
    ends = np.append(starts[1:], len(charge))
    longest = int((ends - starts).max())
    return np.asarray(np.minimum(starts[:, None] + np.arange(longest), ends[:, None] - 1))


def _sequence_model(task: NetworkTask, units: int) -> Any:
    tensorflow(task.seed)
    import tf_keras as keras

    inputs = keras.Input((None, task.lessons.x.shape[1]))
    states = keras.layers.GRU(units, return_sequences=True, reset_after=False, name="gru")(inputs)
    last = keras.layers.Dense(32, activation="relu", name="hidden")(states)
    return keras.Model(inputs, [*heads(task, last), states])


def _learn(task: NetworkTask, model: Any, rows: NDArray[np.intp]) -> None:
    """Adam over whole charges; repeated rows weigh nothing."""
    import tensorflow as tf
    import tf_keras as keras

    lessons, random = task.lessons, np.random.default_rng(task.seed)
    real = np.concatenate([np.ones((len(rows), 1), bool), np.diff(rows, axis=1) > 0], axis=1)
    epochs = task.epochs
    steps = epochs * -(-len(rows) // CHARGES_AT_ONCE)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2 * LEARNING_RATE, steps), clipnorm=1.0)

    def one_step(x: Any, device: Any, root: Any, heavy: Any, known: Any) -> None:
        with tf.GradientTape() as tape:
            logits, roots, _ = model(x, training=True)
            entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=device, logits=logits)
            loss = tf.reduce_mean(heavy * entropy + REMAINING_SHARE * known * pinball(root, roots))
        optimizer.apply_gradients(
            zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True)
        )

    step = tf.function(one_step, reduce_retracing=True)
    for _ in range(epochs):
        order = random.permutation(len(rows))
        for first in range(0, len(order), CHARGES_AT_ONCE):
            chosen = order[first : first + CHARGES_AT_ONCE]
            at, weigh = rows[chosen], real[chosen].astype(np.float32)
            root = np.repeat(lessons.root[at][..., None], len(QUANTILES), axis=2)
            step(
                lessons.x[at],
                lessons.device[at],
                root,
                lessons.device_weight[at] * weigh,
                lessons.remaining_weight[at] * weigh,
            )


def _step_model(task: NetworkTask, units: int, trained: Any) -> Any:
    """(features, state) → (logits, roots, next state) with the trained weights."""
    import tf_keras as keras

    layers = keras.layers
    n_inputs = task.lessons.x.shape[1]
    features, state = keras.Input((n_inputs,), name="features"), keras.Input((units,), name="state")
    both = layers.Concatenate()([features, state])
    update = layers.Dense(units, activation="sigmoid", name="update")(both)
    reset = layers.Dense(units, activation="sigmoid", name="reset")(both)
    recalled = layers.Concatenate()([features, layers.Multiply()([reset, state])])
    candidate = layers.Dense(units, activation="tanh", name="candidate")(recalled)
    change = layers.Multiply()([update, layers.Subtract()([state, candidate])])
    following = layers.Add()([candidate, change])
    last = layers.Dense(32, activation="relu", name="hidden")(following)
    model = keras.Model([features, state], [*heads(task, last), following])
    kernel, recurrent, bias = trained.get_layer("gru").get_weights()
    for index, name in enumerate(("update", "reset", "candidate")):
        part = slice(index * units, (index + 1) * units)
        model.get_layer(name).set_weights([np.concatenate([kernel[:, part], recurrent[:, part]]), bias[part]])
    for name in ("hidden", "device", "remaining"):
        model.get_layer(name).set_weights(trained.get_layer(name).get_weights())
    return model


def _states(trained: Any, x: NDArray[np.float32], units: int) -> NDArray[np.float32]:
    """The state before each step [n_charges, n_steps, units]: what the step is calibrated on."""
    after = np.asarray(trained.predict(x, verbose=0)[2])
    return np.concatenate([np.zeros((len(x), 1, units), np.float32), after[:, :-1]], axis=1)


def _walk(data: bytes, x: NDArray[np.float32], charge: NDArray[np.intp], units: int) -> Outputs:
    """All charges side by side, a step at a time."""
    rows = places(charge)
    interpreter, state = Interpreter(data), np.zeros((len(rows), units), np.float32)
    answers: list[NDArray[np.float32]] = []
    previous = np.full(len(rows), -1)
    for at in rows.T:
        *found, state = interpreter.run([x[at], state])
        if not answers:
            answers = [np.empty((len(x), columns.shape[1]), np.float32) for columns in found]
        fresh = at != previous
        for answer, columns in zip(answers, found, strict=True):
            answer[at[fresh]] = columns[fresh]
        previous = at
    return answers[0], answers[1]
