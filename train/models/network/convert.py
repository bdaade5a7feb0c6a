"""A trained network as a full-int8 .tflite of batch 1, and where its parts lie in the bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.config import NetworkSettings
from train.errors import TrainError
from train.models.network.layers import RECURRENT, Shape
from train.models.network.learn import INPUT_SCALE, as_float, quiet_tensorflow, recurrent_rows
from train.models.network.lessons import Lessons
from train.models.network.lint import Graph, Tensor, lint
from train.models.network.quantised import within
from train.models.network.silence import silenced

N_CALIBRATION = 500  # rows that the ranges of inner tensors are taken from
ROOT_RANGE = (0.0, 1.0)

Columns = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Part:
    """One input or output among the bytes of all."""

    at: int
    n_bytes: int
    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class Converted:
    """A .tflite and its parts: features, window or state in; device (not with one), remaining, state out."""

    data: bytes
    inputs: dict[str, Part]
    outputs: dict[str, Part]

    @property
    def input_bytes(self) -> int:
        """Of all inputs."""
        return sum(part.n_bytes for part in self.inputs.values())

    @property
    def output_bytes(self) -> int:
        """Of all outputs."""
        return sum(part.n_bytes for part in self.outputs.values())


def convert(model: Any, shape: Shape, lessons: Lessons, settings: NetworkSettings, where: str) -> Converted:
    """Quantise a trained tf_keras model over some of its own rows; raises TrainError if a tensor would not be int8.

    A byte of an input is INPUT_SCALE times its number, whatever the rows hold: two rows more have the ends of every
    range. So are the bytes of a state, in and out: it can be copied from one step to the next. Roots run from 0 to 1.
    """
    tf = quiet_tensorflow(settings.seed)
    rows = _calibration_rows(model, shape, lessons, settings)
    outputs = output_names(shape)

    def whole(*inputs: Any) -> list[Any]:
        heads = dict(zip(outputs, as_list(model(list(inputs))), strict=True))
        return list((heads | {"remaining": within(heads["remaining"], *ROOT_RANGE)}).values())

    specs = [tf.TensorSpec((1, *values.shape[1:]), tf.float32, name=name) for name, values in rows.items()]
    concrete = tf.function(whole, input_signature=specs).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _one_by_one(rows)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    with silenced():
        data = bytes(converter.convert())
    graph = lint(data, where)
    return _converted(data, graph, list(rows), outputs, where)


def output_names(shape: Shape) -> list[str]:
    """The outputs of a model of that shape, in order."""
    return [*(["device"] if shape.n_devices else []), "remaining", *(["state"] if shape.topology in RECURRENT else [])]


def as_list(found: Any) -> list[Any]:
    """What a tf_keras model of one or more outputs gives."""
    return list(found) if isinstance(found, (list, tuple)) else [found]


def _calibration_rows(model: Any, shape: Shape, lessons: Lessons, settings: NetworkSettings) -> Columns:
    """Inputs by name, in the model's order: rows drawn from the lessons, then the two ends of every byte."""
    random = np.random.default_rng(settings.seed)
    if shape.topology in RECURRENT:
        inputs, state = recurrent_rows(model, shape, lessons, settings)
        rows: Columns = {"features": inputs, "state": state}
    else:
        rows = {"features": as_float(lessons.inputs)}
        if lessons.window is not None:
            rows["window"] = as_float(lessons.window)[:, None]
    n_rows = len(rows["features"])
    chosen = np.sort(random.choice(n_rows, min(N_CALIBRATION, n_rows), replace=False))
    ends = np.array([-128 * INPUT_SCALE, 127 * INPUT_SCALE], np.float32)
    return {
        name: np.concatenate([values[chosen], np.broadcast_to(_column(ends, values.ndim), (2, *values.shape[1:]))])
        for name, values in rows.items()
    }


def _column(values: NDArray[np.float32], n_axes: int) -> NDArray[np.float32]:
    return values.reshape(-1, *[1] * (n_axes - 1))


def _one_by_one(rows: Columns) -> Iterator[Columns]:
    for index in range(len(rows["features"])):
        yield {name: values[index : index + 1] for name, values in rows.items()}


def _converted(data: bytes, graph: Graph, inputs: Sequence[str], outputs: Sequence[str], where: str) -> Converted:
    found = Converted(data, _inputs(graph.inputs, inputs, where), _outputs(graph.outputs, outputs, where))
    for name, part in found.inputs.items():
        if (part.scale, part.zero_point) != (INPUT_SCALE, 0):
            raise TrainError(
                f"{where}: input {name} has the scale {part.scale} and zero point {part.zero_point}, needed are "
                f"{INPUT_SCALE} and 0; train with another seed"
            )
    if "state" in found.outputs and found.outputs["state"].scale != INPUT_SCALE:
        raise TrainError(f"{where}: the state is not quantised alike in and out; train with another seed")
    return found


def _inputs(tensors: Sequence[Tensor], names: Sequence[str], where: str) -> dict[str, Part]:
    parts, at = {}, 0
    for tensor in tensors:
        name = next((name for name in names if name in tensor.name), None)
        if name is None:
            raise TrainError(f"{where}: input {tensor.name} is none of {', '.join(names)}")
        parts[name] = Part(at, tensor.n_bytes, tensor.scale, tensor.zero_point)
        at += tensor.n_bytes
    return parts


def _outputs(tensors: Sequence[Tensor], names: Sequence[str], where: str) -> dict[str, Part]:
    """The converter numbers outputs by their place in the function's list, and puts them into another order."""
    parts, at = {}, 0
    for tensor in tensors:
        number = re.search(r":(\d+)$", tensor.name)
        if number is None or int(number[1]) >= len(names):
            raise TrainError(f"{where}: output {tensor.name} has no number that tells which it is")
        parts[names[int(number[1])]] = Part(at, tensor.n_bytes, tensor.scale, tensor.zero_point)
        at += tensor.n_bytes
    return parts
