"""Whether a .tflite is what the board's compiler takes: int8 throughout, fixed shapes, known operators.

The converter falls back to float32, to a batch of any size or to loops without a word where a graph does not suit it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from train.errors import TrainError

OPERATORS = (
    *("ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "EXPAND_DIMS", "FULLY_CONNECTED"),
    *("LOGISTIC", "MAX_POOL_2D", "MEAN", "MUL", "PAD", "RESHAPE", "SOFTMAX", "SPLIT", "SPLIT_V", "SQUEEZE"),
    *("STRIDED_SLICE", "SUB", "TANH", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
)
_INTERNAL = {"UNIDIRECTIONAL_SEQUENCE_LSTM": ("INT16",)}  # types an operator may have besides, for its own state


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of the graph."""

    name: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int

    @property
    def n_bytes(self) -> int:
        """Elements of one byte each."""
        size = 1
        for length in self.shape:
            size *= length
        return size


@dataclass(frozen=True, slots=True)
class Graph:
    """Inputs and outputs in the graph's order, and the operators in the order they run in."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: tuple[str, ...]


def lint(data: bytes, where: str) -> Graph:
    """Check a .tflite; raises TrainError naming `where`, operator and tensor."""
    schema, model = _model(data, where)
    if len(model.subgraphs) != 1:
        raise TrainError(f"{where}: {len(model.subgraphs)} graphs, a loop or branch among them; one without is needed")
    graph = model.subgraphs[0]
    types = {value: name for name, value in vars(schema.TensorType).items() if not name.startswith("_")}
    codes = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    operators = []
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        name = codes.get(max(code.builtinCode, code.deprecatedBuiltinCode), "?")
        operators.append(name)
        if name not in OPERATORS:
            raise TrainError(
                f"{where}: operator {name} is not one of those for the board: {' '.join(sorted(OPERATORS))}"
            )
        for index in (*operator.inputs, *operator.outputs):
            if index >= 0:
                _check_tensor(graph.tensors[index], types, name, where)
    for index in (*graph.inputs, *graph.outputs):
        if types[graph.tensors[index].type] != "INT8":
            name = graph.tensors[index].name.decode()
            raise TrainError(f"{where}: {name} is {types[graph.tensors[index].type]}; inputs and outputs must be INT8")
    return Graph(
        tuple(_tensor(graph.tensors[index]) for index in graph.inputs),
        tuple(_tensor(graph.tensors[index]) for index in graph.outputs),
        tuple(operators),
    )


def _model(data: bytes, where: str) -> tuple[Any, Any]:
    from tensorflow.lite.python import schema_py_generated as schema

    try:
        if data[4:8] != b"TFL3":
            raise ValueError("no TFL3 mark")
        return schema, schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    except Exception as error:  # the reader of flatbuffers raises whatever a wild offset leads to
        raise TrainError(f"{where}: is not a .tflite file: {error}") from None


def _check_tensor(tensor: Any, types: dict[int, str], operator: str, where: str) -> None:
    name, kind = tensor.name.decode(), types[tensor.type]
    if kind not in ("INT8", "INT32", "INT64", *_INTERNAL.get(operator, ())):
        raise TrainError(f"{where}: {operator}: tensor {name} is {kind}, not INT8: the graph does not quantise whole")
    signature = tensor.shapeSignature
    sizes = [] if signature is None else [int(length) for length in signature]
    if any(length < 0 for length in sizes):
        raise TrainError(f"{where}: {operator}: tensor {name} has a size of {sizes}; convert with batch 1")


def _tensor(tensor: Any) -> Tensor:
    shape = tuple(int(length) for length in tensor.shape)
    scale, zero_point = float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])
    return Tensor(tensor.name.decode(), shape, scale, zero_point)
