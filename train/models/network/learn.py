"""Training on the labels of rows and on what forests that have not seen them say (distillation, Hinton et al. 2015)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from train.artifact import QUANTILES_PERMILLE
from train.config import NetworkSettings
from train.models.network.layers import RECURRENT, Shape, build_layers
from train.models.network.lessons import Lessons
from train.models.network.silence import silenced

if TYPE_CHECKING:
    from train.models.network.spool import Spool

INPUT_SCALE = 1 / 128  # of every input byte; that of a recurrent state, so that both meet in one matrix
CHARGES_AT_ONCE = 8  # of a recurrent network: as few steps an epoch as rows would leave it untaught
CLIP_NORM = 1.0
REMAINING_SHARE = 8.0  # of the remaining time's loss beside the device's: roots are below 1, logits are not

Progress = Callable[[str], None]
Batch = dict[str, Any]
"""Inputs and labels by name, a row each."""


def quiet_tensorflow(seed: int) -> Any:
    """TensorFlow, set so that the same rows give the same bytes on any number of cores; TrainError without it."""
    from train.errors import TrainError

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # its kernels sum in other orders on other machines
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    try:
        with silenced():
            import tensorflow as tf
            import tf_keras as keras
    except ImportError as error:
        raise TrainError(f"networks need TensorFlow ({error}); install it with: make network") from None
    with suppress(RuntimeError):  # already running: set by an earlier call
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    tf.get_logger().setLevel("ERROR")
    keras.backend.clear_session()  # names of layers count on from the last model's
    keras.utils.set_random_seed(seed)
    return tf


def learn(shape: Shape, lessons: Lessons | Spool, settings: NetworkSettings, distil: float, progress: Progress) -> Any:
    """A trained tf_keras model; the same lessons give the same weights. `distil`: the teacher's share of the loss."""
    tf = quiet_tensorflow(settings.seed)
    import tf_keras as keras

    model = build_layers(shape)
    random = np.random.default_rng(settings.seed)
    batches, n_steps = _epochs(lessons, shape, settings)
    rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.epochs * n_steps)
    optimizer = keras.optimizers.Adam(rate, clipnorm=CLIP_NORM)
    forward = _recurrent(tf, model, shape) if shape.topology in RECURRENT else _feed_forward(model, shape)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(batch: dict[str, Any]) -> Any:
        with tf.GradientTape() as tape:
            logits, roots = forward(batch)
            loss = _loss(tf, batch, logits, roots, distil)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    for epoch in range(settings.epochs):
        losses = [step(batch) for batch in batches(random)]
        mean = float(np.mean([float(loss) for loss in losses]))
        progress(f"epoch {epoch + 1} of {settings.epochs}, loss {mean:.4f}")
    return model


def _epochs(
    lessons: Lessons | Spool, shape: Shape, settings: NetworkSettings
) -> tuple[Callable[[np.random.Generator], Iterator[Batch]], int]:
    """What gives the batches of an epoch, and how many there are."""
    if not isinstance(lessons, Lessons):
        return partial(lessons.batches, settings.batch), lessons.n_steps(settings.batch)
    if shape.topology in RECURRENT:
        batches = partial(_charge_batches, lessons)
    else:
        batches = partial(row_batches, _columns(lessons), settings.batch)
    return batches, sum(1 for _ in batches(np.random.default_rng(0)))


def as_float(values: NDArray[np.int8]) -> NDArray[np.float32]:
    """Bytes as the numbers they stand for."""
    return values.astype(np.float32) * np.float32(INPUT_SCALE)


def _loss(tf: Any, batch: dict[str, Any], logits: Any, roots: Any, distil: float) -> Any:
    """Cross entropy and pinball, each beside its distance from the teacher."""
    levels = tf.constant([q / 1000 for q in QUANTILES_PERMILLE], tf.float32)
    error = batch["root"][:, None] - roots
    remaining = tf.reduce_sum(tf.maximum(levels * error, (levels - 1) * error), axis=1)
    if distil:
        apart = tf.reduce_sum(tf.abs(batch["taught_roots"] - roots), axis=1) / 2
        remaining = (1 - distil) * remaining + distil * apart
    total = REMAINING_SHARE * tf.reduce_mean(batch["remaining_weight"] * remaining)
    if logits is not None:
        device = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["device"], logits)
        if distil:
            taught = tf.nn.softmax(batch["taught_logits"])
            device = (1 - distil) * device + distil * tf.nn.softmax_cross_entropy_with_logits(taught, logits)
        total += tf.reduce_mean(batch["device_weight"] * device)
    return total


def _labels(lessons: Lessons, rows: NDArray[np.intp] | slice) -> Batch:
    names = ("device", "device_weight", "root", "remaining_weight", "taught_logits", "taught_roots")
    return {name: getattr(lessons, name)[rows] for name in names if getattr(lessons, name) is not None}


def _columns(lessons: Lessons) -> Batch:
    every = slice(None)
    window = {} if lessons.window is None else {"window": lessons.window}
    return {"inputs": lessons.inputs, **window, **_labels(lessons, every)}


def row_batches(columns: Batch, size: int, random: np.random.Generator) -> Iterator[Batch]:
    """Rows in a random order, `size` at a time; bytes become the numbers they stand for."""
    order = random.permutation(len(columns["inputs"]))
    for first in range(0, len(order), size):
        rows = order[first : first + size]
        if first and len(rows) < size:
            return  # a batch of a few rows would weigh as much as a whole one; others are left out each time
        batch = {name: values[rows] for name, values in columns.items()}
        batch["inputs"] = as_float(batch["inputs"])
        if "window" in batch:
            batch["window"] = as_float(batch["window"])[:, None]
        yield batch


def _charge_batches(lessons: Lessons, random: np.random.Generator) -> Iterator[Batch]:
    """All rows of some charges, with their ticks [n_ticks, charges, n_inputs], padded with zeros at the end."""
    assert lessons.ticks is not None  # noqa: S101
    assert lessons.begins is not None  # noqa: S101
    assert lessons.before is not None  # noqa: S101
    numbers, first_rows = np.unique(lessons.charge, return_index=True)
    ends = np.append(first_rows[1:], len(lessons.charge))
    n_ticks = np.array([lessons.before[first:end].max() for first, end in zip(first_rows, ends, strict=True)])
    order = np.lexsort((random.random(len(numbers)), n_ticks // 64))  # of a length, so that little is padded
    groups = [order[first : first + CHARGES_AT_ONCE] for first in range(0, len(order), CHARGES_AT_ONCE)]
    for group in random.permutation(len(groups)):
        chosen = groups[group]
        ticks = np.zeros((max(1, int(n_ticks[chosen].max())), len(chosen), lessons.ticks.shape[1]), np.float32)
        for column, index in enumerate(chosen):
            begin = lessons.begins[numbers[index]]
            ticks[: n_ticks[index], column] = as_float(lessons.ticks[begin : begin + n_ticks[index]])
        rows = np.concatenate([np.arange(first_rows[index], ends[index]) for index in chosen])
        place = np.repeat(np.arange(len(chosen)), [ends[index] - first_rows[index] for index in chosen])
        at = np.stack([lessons.before[rows], place], axis=1).astype(np.int32)
        yield {"inputs": as_float(lessons.inputs[rows]), "ticks": ticks, "at": at, **_labels(lessons, rows)}


def _feed_forward(model: Any, shape: Shape) -> Callable[[dict[str, Any]], tuple[Any, Any]]:
    def forward(batch: dict[str, Any]) -> tuple[Any, Any]:
        inputs = [batch["inputs"], batch["window"]] if "window" in batch else batch["inputs"]
        found = model(inputs, training=True)
        return (found[0], found[1]) if shape.n_devices else (None, found[0] if isinstance(found, list) else found)

    return forward


def _recurrent(tf: Any, model: Any, shape: Shape) -> Callable[[dict[str, Any]], tuple[Any, Any]]:
    """Each row is one step from the state its charge's ticks have left: what the board does at every sample."""
    cell = model.get_layer("gru")

    def forward(batch: dict[str, Any]) -> tuple[Any, Any]:
        zero = tf.zeros((tf.shape(batch["ticks"])[1], shape.units))
        states = tf.scan(lambda state, x: cell([x, state], training=True), batch["ticks"], zero)
        states = tf.concat([zero[None], states], axis=0)  # [n_ticks + 1, charges, units]
        *heads, _ = model([batch["inputs"], tf.gather_nd(states, batch["at"])], training=True)
        return (heads[0], heads[1]) if shape.n_devices else (None, heads[0])

    return forward


def recurrent_rows(
    model: Any, shape: Shape, lessons: Lessons, settings: NetworkSettings
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Some charges' rows [n, inputs] and the states [n, units] that their ticks leave before them, as floats run it."""
    tf = quiet_tensorflow(settings.seed)
    batch = next(_charge_batches(lessons, np.random.default_rng(settings.seed)))
    cell = model.get_layer("gru")
    states = tf.function(lambda ticks, zero: tf.scan(lambda state, x: cell([x, state]), ticks, zero))
    zero = np.zeros((batch["ticks"].shape[1], shape.units), np.float32)
    found = np.concatenate([zero[None], np.asarray(states(tf.constant(batch["ticks"]), zero))])
    return batch["inputs"], found[batch["at"][:, 0], batch["at"][:, 1]]
