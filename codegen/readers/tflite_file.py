"""The tables of a .tflite file (FlatBuffers, schema of the package `tflite`) as plain Python values.

Knows nothing of what operators mean. A damaged file raises ValueError: every offset is read inside the file or not at
all, and sizes are checked against data before anyone relies on them.
Format: https://github.com/tensorflow/tensorflow/blob/v2.21.0/tensorflow/compiler/mlir/lite/schema/schema.fbs
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

IDENTIFIER = b"TFL3"
TABLES_MAX = 100_000  # tensors or operators; a microcontroller's model has dozens
ELEMENTS_MAX = 1 << 28
_TYPES = {"INT8": np.int8, "UINT8": np.uint8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64}
_DAMAGE = (struct.error, IndexError, TypeError, ValueError, AttributeError, OverflowError, MemoryError)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, eq=False)
class RawTensor:
    """A tensor as the file has it."""

    index: int
    name: str
    shape: tuple[int, ...]
    type: str  # as the schema writes it: INT8
    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int  # of several scales
    data: NDArray[Any] | None  # of a constant, in its shape
    variable: bool

    @property
    def size(self) -> int:
        """Elements."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class RawOperator:
    """An operator as the file has it; -1 among its inputs is one left out."""

    index: int
    name: str  # as the schema writes it: CONV_2D
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any  # the schema's table, for read_option; None: it has none


@dataclass(frozen=True, slots=True, eq=False)
class RawModel:
    """The one subgraph of a file."""

    tensors: tuple[RawTensor, ...]
    operators: tuple[RawOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def decode(data: bytes) -> RawModel:
    """The model of a file's bytes; raises ValueError saying what is wrong."""
    if len(data) < 16 or data[4:8] != IDENTIFIER:
        raise ValueError("is no .tflite model (TFL3 at byte 4); convert one with tf.lite.TFLiteConverter")
    return undamaged(lambda: _decode(data))


def _decode(data: bytes) -> RawModel:
    import tflite

    model = tflite.Model.GetRootAs(data, 0)
    if model.Version() != 3:
        raise _FileError(f"has schema version {model.Version()}; convert it again, with TensorFlow 2")
    if model.SubgraphsLength() != 1:
        raise _FileError(f"has {model.SubgraphsLength()} subgraphs; models with control flow are not compiled")
    graph = model.Subgraphs(0)
    if max(graph.TensorsLength(), graph.OperatorsLength(), model.BuffersLength()) > TABLES_MAX:
        raise _FileError("is damaged: it names more tensors than it can hold")
    tensors = tuple(_tensor(model, graph.Tensors(i), i) for i in range(graph.TensorsLength()))
    operators = tuple(_operator(model, graph.Operators(i), i) for i in range(graph.OperatorsLength()))
    inputs, outputs = _indices(graph.InputsAsNumpy()), _indices(graph.OutputsAsNumpy())
    for where, indices, least in (
        ("the graph's inputs", inputs, 0),
        ("the graph's outputs", outputs, 0),
        *((f"operator {op.index} {op.name}", op.inputs, -1) for op in operators),
        *((f"operator {op.index} {op.name}", op.outputs, 0) for op in operators),
    ):
        if any(not least <= index < len(tensors) for index in indices):
            raise _FileError(f"is damaged: {where} name a tensor that is not there")
    return RawModel(tensors, operators, inputs, outputs)


class _FileError(Exception):
    """What is wrong with a file whose tables could be read."""


def undamaged(read: Callable[[], _T]) -> _T:
    """What a function reads from tables; raises ValueError where they lead outside of the file."""
    try:
        return read()
    except _FileError as error:
        raise ValueError(str(error)) from None
    except _DAMAGE:
        raise ValueError("is damaged or cut short: its tables lead outside of it; convert or copy it again") from None


def _tensor(model: Any, table: Any, index: int) -> RawTensor:
    shape = _indices(table.ShapeAsNumpy()) if table.ShapeLength() else ()
    name = (table.Name() or b"").decode("utf-8", errors="replace") or f"tensor {index}"
    kind = _names("TensorType").get(table.Type(), f"type {table.Type()}")
    where = f"tensor {index} {name!r}"
    if any(n < 0 for n in shape) or prod(shape) > ELEMENTS_MAX:
        raise _FileError(f"{where} has shape {list(shape)}; convert it with a fixed batch of 1")
    quantization = table.Quantization()
    scales, zeros, axis = np.zeros(0, np.float32), np.zeros(0, np.int64), 0
    if quantization is not None:
        scales = _array(quantization.ScaleAsNumpy(), np.float32, quantization.ScaleLength())
        zeros = _array(quantization.ZeroPointAsNumpy(), np.int64, quantization.ZeroPointLength())
        axis = int(quantization.QuantizedDimension())
    buffer = model.Buffers(table.Buffer())
    data = None
    if buffer is not None and buffer.DataLength() and kind in _TYPES:
        dtype = np.dtype(_TYPES[kind]).newbyteorder("<")
        raw = bytes(buffer.DataAsNumpy())
        if len(raw) != dtype.itemsize * prod(shape):
            raise _FileError(f"{where} of shape {list(shape)} has {len(raw)} bytes of data; the file is damaged")
        data = np.frombuffer(raw, dtype).reshape(shape)
    return RawTensor(index, name, shape, kind, scales, zeros, axis, data, bool(table.IsVariable()))


def _operator(model: Any, table: Any, index: int) -> RawOperator:
    if not 0 <= table.OpcodeIndex() < model.OperatorCodesLength():
        raise _FileError(f"is damaged: operator {index} has no code")
    code = model.OperatorCodes(table.OpcodeIndex())
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = _names("BuiltinOperator").get(number, f"number {number}")
    if name == "CUSTOM":
        name = f"CUSTOM {(code.CustomCode() or b'?').decode('utf-8', errors='replace')}"
    inputs = _indices(table.InputsAsNumpy()) if table.InputsLength() else ()
    outputs = _indices(table.OutputsAsNumpy()) if table.OutputsLength() else ()
    return RawOperator(index, name, int(code.Version()), inputs, outputs, _options(table))


def _options(table: Any) -> Any:
    import tflite

    name = _names("BuiltinOptions").get(table.BuiltinOptionsType(), "NONE")
    union = table.BuiltinOptions()
    if union is None or name == "NONE" or not hasattr(tflite, name):
        return None
    options = getattr(tflite, name)()
    options.Init(union.Bytes, union.Pos)
    return options


def read_option(operator: RawOperator, name: str, default: Any = 0) -> Any:
    """A field of an operator's options, such as `StrideW`; the default where it has no options."""
    if operator.options is None:
        return default
    field: Callable[[], Any] = getattr(operator.options, name)
    return undamaged(field)


def activation_name(number: int) -> str:
    """NONE, RELU, RELU6 ..."""
    return _names("ActivationFunctionType").get(number, f"number {number}")


@cache
def _names(enumeration: str) -> dict[int, str]:
    import tflite

    return {value: name for name, value in vars(getattr(tflite, enumeration)).items() if isinstance(value, int)}


def _indices(values: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in np.atleast_1d(values)) if isinstance(values, np.ndarray) else ()


def _array(values: Any, dtype: Any, length: int) -> NDArray[Any]:
    if not length:
        return np.zeros(0, dtype)
    array = np.array(values, dtype)
    if array.shape != (length,):
        raise _FileError("is damaged: a list of scales is not there")
    return array
