"""The network that techniques compress, in tf_keras: built, trained, converted to .tflite and run.

Full-connected layers from inputs to two hidden layers to two heads. tensorflow-model-optimization needs Keras 2, so all
of it is tf_keras; everything is imported where it is used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.compress.network_task import QUANTILES, CompressedNetwork, Inputs, Lessons, NetworkTask, Outputs

BATCH = 512
LEARNING_RATE = 4e-3
REMAINING_SHARE = 8.0  # of the remaining time's loss beside the device's: roots are below 1, logits are not
N_REPRESENTATIVE = 300
ROWS_AT_ONCE = 8192


def tensorflow(seed: int) -> Any:
    """TensorFlow, quiet, on one thread, with every operation deterministic."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    import tensorflow as tf
    import tf_keras

    tf.get_logger().setLevel("ERROR")
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        pass  # it has begun; the first call set them
    tf.config.experimental.enable_op_determinism()
    tf_keras.utils.set_random_seed(seed)
    return tf


def build(task: NetworkTask, units: int | None = None, hidden: int | None = None) -> Any:
    """The untrained network, `units` and `hidden` wide or as the task says."""
    tensorflow(task.seed)
    import tf_keras as keras

    inputs = keras.Input((task.lessons.x.shape[1],), name="features")
    first = keras.layers.Dense(units or task.units, activation="relu", name="first")(inputs)
    last = keras.layers.Dense(hidden or task.hidden, activation="relu", name="last")(first)
    return keras.Model(inputs, heads(task, last), name="network")  # a name of its own is in the .tflite


def heads(task: NetworkTask, last: Any) -> list[Any]:
    """Both answers from the last hidden layer: logits, and the roots of the remaining time's quantiles."""
    import tf_keras as keras

    start = keras.initializers.Constant(0.5)
    device = keras.layers.Dense(task.n_devices, name="device")(last)
    return [device, keras.layers.Dense(len(QUANTILES), name="remaining", bias_initializer=start)(last)]


def pinball(truth: Any, answer: Any) -> Any:
    """Mean quantile loss of roots."""
    import tensorflow as tf

    error = truth - answer
    levels = tf.constant(QUANTILES, dtype=answer.dtype)
    return tf.reduce_mean(tf.maximum(levels * error, (levels - 1) * error), axis=-1)


def learn(
    model: Any,
    lessons: Lessons,
    epochs: int,
    *,
    seed: int,
    rate: float = LEARNING_RATE,
    x: Any = None,
    device: NDArray[np.float32] | None = None,
    callbacks: Sequence[Any] = (),
) -> Any:
    """Train in place and return the model.

    x       other inputs than the lessons' own
    device  soft targets [n, n_devices] in place of the devices
    """
    import tf_keras as keras

    steps = epochs * -(-len(lessons.device) // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    sparse = device is None
    entropy = keras.losses.SparseCategoricalCrossentropy if sparse else keras.losses.CategoricalCrossentropy
    model.compile(
        optimizer=keras.optimizers.Adam(schedule, clipnorm=1.0),
        loss=[entropy(from_logits=True), pinball],
        loss_weights=[1.0, REMAINING_SHARE],
    )
    keras.utils.set_random_seed(seed)
    model.fit(
        lessons.x if x is None else x,
        [lessons.device if sparse else device, np.repeat(lessons.root[:, None], len(QUANTILES), axis=1)],
        sample_weight=[lessons.device_weight, lessons.remaining_weight],
        batch_size=BATCH,
        epochs=epochs,
        verbose=0,
        callbacks=list(callbacks),
    )
    return model


def whole(task: NetworkTask) -> Any:
    """A fresh copy of the trained network that all techniques start from."""
    model = build(task)
    if task.whole_weights is None:
        learn(model, task.lessons, task.epochs, seed=task.seed)
    else:
        model.set_weights(list(task.whole_weights()))
    return model


def to_tflite(model: Any, x: Sequence[NDArray[np.float32]], *, quantised: bool = True) -> bytes:
    """A .tflite of batch 1, full int8 unless told otherwise; `x` [n, …] are inputs that show the ranges."""
    import contextlib
    import io

    import tensorflow as tf

    # The converter puts inputs into an order of its own: numbers in their names tell which is which.
    specs = [tf.TensorSpec((1, *values.shape[1:]), tf.float32, name=f"x_{i}") for i, values in enumerate(x)]

    def call(*inputs: Any) -> Any:
        return model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)

    concrete = tf.function(call, input_signature=specs).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], model)
    if quantised:
        order = _graph_order(tf, concrete, model) if len(x) > 1 else [0]
        chosen = np.linspace(0, len(x[0]) - 1, min(len(x[0]), N_REPRESENTATIVE)).astype(int)

        def representative() -> Iterator[list[NDArray[np.float32]]]:
            for index in chosen:
                yield [x[i][index : index + 1] for i in order]

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return bytes(converter.convert())


def _graph_order(tf: Any, concrete: Any, model: Any) -> list[int]:
    """The order in which the converter puts inputs x_0, x_1, …, and wants them shown: its own."""
    plain = tf.lite.TFLiteConverter.from_concrete_functions([concrete], model).convert()
    return [_input_number(detail) for detail in Interpreter(plain).lite.get_input_details()]


def _input_number(detail: dict[str, Any]) -> int:
    """Which input a tensor is: x_1 and serving_default_x_1:0 are the second."""
    found = re.search(r"x_(\d+)", str(detail["name"]))
    return int(found[1]) if found else 0


class Interpreter:
    """A .tflite that answers many rows: floats in and out, whatever the graph holds."""

    def __init__(self, data: bytes) -> None:
        import warnings

        import tensorflow as tf

        plain = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it will move to a package of its own
            self.lite = tf.lite.Interpreter(model_content=data, num_threads=1, experimental_op_resolver_type=plain)
        self.n_rows = 0

    def run(self, x: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """The outputs [n, …] in the graph's order of inputs [n, …] in the order they were converted in."""
        parts = [
            self._chunk([values[first : first + ROWS_AT_ONCE] for values in x])
            for first in range(0, len(x[0]), ROWS_AT_ONCE)
        ]
        return [np.concatenate(columns) for columns in zip(*parts, strict=True)]

    def _chunk(self, x: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        details = sorted(self.lite.get_input_details(), key=_input_number)
        if len(x[0]) != self.n_rows:
            self.n_rows = len(x[0])
            for detail, values in zip(details, x, strict=True):
                self.lite.resize_tensor_input(detail["index"], values.shape, strict=False)
            self.lite.allocate_tensors()
        for detail, values in zip(details, x, strict=True):
            self.lite.set_tensor(detail["index"], _quantised(values, detail))
        self.lite.invoke()
        found = sorted(self.lite.get_output_details(), key=lambda detail: str(detail["name"]))
        return [_floats(self.lite.get_tensor(detail["index"]), detail) for detail in found]


def _quantised(values: NDArray[np.float32], detail: dict[str, Any]) -> NDArray[Any]:
    if detail["dtype"] == np.float32:
        return values
    scale, zero = detail["quantization"]
    return np.asarray(np.clip(np.round(values / scale) + zero, -128, 127), dtype=np.int8)


def _floats(values: NDArray[Any], detail: dict[str, Any]) -> NDArray[np.float32]:
    if detail["dtype"] == np.float32:
        return np.asarray(values, dtype=np.float32)
    scale, zero = detail["quantization"]
    return np.asarray((values.astype(np.float32) - zero) * scale, dtype=np.float32)


def deployed(model: Any, task: NetworkTask, *, quantised: bool = True, note: str = "") -> CompressedNetwork:
    """The result of a technique that ends in a full-connected model: its .tflite, run by TFLite."""
    data = to_tflite(model, [task.lessons.x], quantised=quantised)
    return CompressedNetwork(data, answering(data, task.inputs), note=note)


def answering(data: bytes, inputs: Inputs) -> Callable[[NDArray[np.float32], NDArray[np.intp]], Outputs]:
    """Answers by a .tflite that takes nothing but the inputs."""

    def answer(features: NDArray[np.float32], _: NDArray[np.intp]) -> Outputs:
        device, remaining = Interpreter(data).run([inputs.encode(features)])
        return device, remaining

    return answer
