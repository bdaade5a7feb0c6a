"""Int8 .tflite models made by hand, with TensorFlow Lite Micro's own schema; no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PADDING = {"SAME": 0, "VALID": 1}
ACTIVATION = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3, "TANH": 4}


def schema() -> Any:
    """The schema's classes, with their object interface."""
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated

    return schema_py_generated


class Builder:
    """A model in the making; tensors are numbers."""

    def __init__(self) -> None:
        fb = schema()
        self.fb = fb
        self.model = fb.ModelT()
        self.model.version = 3
        self.model.operatorCodes, self.model.buffers = [], [fb.BufferT()]
        self.graph = fb.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.graph.inputs, self.graph.outputs = [], []
        self.model.subgraphs = [self.graph]
        self._codes: dict[int, int] = {}

    def tensor(
        self,
        shape: Sequence[int],
        scale: float | Sequence[float] | NDArray[Any] | None = None,
        zero_point: int = 0,
        *,
        data: NDArray[Any] | None = None,
        kind: str = "INT8",
        axis: int = 0,
        variable: bool = False,
        name: str = "",
    ) -> int:
        """Add one; `data` makes it a constant, a list of scales quantises along `axis`."""
        fb = self.fb
        tensor = fb.TensorT()
        tensor.shape, tensor.type = [int(n) for n in shape], getattr(fb.TensorType, kind)
        tensor.name = name or f"tensor_{len(self.graph.tensors)}"
        tensor.isVariable = variable
        tensor.buffer = 0
        if data is not None:
            buffer = fb.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            tensor.quantization = fb.QuantizationParametersT()
            tensor.quantization.scale = scales.tolist()
            tensor.quantization.zeroPoint = [zero_point] * len(scales)
            tensor.quantization.quantizedDimension = axis
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def integers(self, values: Sequence[int] | int) -> int:
        """An INT32 constant; a single number is a scalar."""
        data = np.asarray(values, np.int32)
        return self.tensor(data.shape, data=data, kind="INT32")

    def operator(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: str = "", **fields: object
    ) -> None:
        """Add one, with a table of options and its fields."""
        fb = self.fb
        number = getattr(fb.BuiltinOperator, name)
        if number not in self._codes:
            code = fb.OperatorCodeT()
            code.builtinCode = number
            code.deprecatedBuiltinCode = min(number, 127)
            code.version = 1
            self._codes[number] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(code)
        operator = fb.OperatorT()
        operator.opcodeIndex = self._codes[number]
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        if options:
            operator.builtinOptionsType = getattr(fb.BuiltinOptions, options)
            operator.builtinOptions = getattr(fb, f"{options}T")()
            for key, value in fields.items():
                assert hasattr(operator.builtinOptions, key), key
                setattr(operator.builtinOptions, key, value)
        self.graph.operators.append(operator)

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The file."""
        import flatbuffers

        self.graph.inputs, self.graph.outputs = list(inputs), list(outputs)
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def shape_of(builder: Builder, tensor: int) -> tuple[int, ...]:
    """Shape of a tensor made before."""
    return tuple(int(n) for n in builder.graph.tensors[tensor].shape)


def scale_of(builder: Builder, tensor: int) -> float:
    """Its one scale."""
    return float(builder.graph.tensors[tensor].quantization.scale[0])


def zero_of(builder: Builder, tensor: int) -> int:
    """Its one zero point."""
    return int(builder.graph.tensors[tensor].quantization.zeroPoint[0])
