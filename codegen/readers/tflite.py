"""Reads an int8 .tflite model into a Network, without TensorFlow.

What is computed at run time in TensorFlow Lite Micro from scales is computed here, in the same order of roundings, so
that a Network holds integers only. Whatever is not compiled is refused with operator, tensor and file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from codegen.errors import ModelError
from codegen.ir.network import Network, Operator
from codegen.ir.network_text import validate
from codegen.ir.tensors import Tensor
from codegen.readers.tflite_context import CONVERT, Context
from codegen.readers.tflite_elementwise import read_product, read_sigmoid, read_softmax, read_sum
from codegen.readers.tflite_file import RawModel, RawTensor, decode
from codegen.readers.tflite_layers import read_convolution, read_depthwise, read_fully_connected
from codegen.readers.tflite_lstm import read_lstm
from codegen.readers.tflite_moves import read_concatenation, read_pad, read_reshape, read_slice, read_split
from codegen.readers.tflite_pools import read_mean, read_pool

BYTES_MAX = 1 << 26  # a microcontroller's model is a thousandth of this

OPERATORS: dict[str, Callable[[Context], list[Operator]]] = {
    "ADD": read_sum,
    "AVERAGE_POOL_2D": read_pool,
    "CONCATENATION": read_concatenation,
    "CONV_2D": read_convolution,
    "DEPTHWISE_CONV_2D": read_depthwise,
    "EXPAND_DIMS": read_reshape,
    "FULLY_CONNECTED": read_fully_connected,
    "LOGISTIC": read_sigmoid,
    "MAX_POOL_2D": read_pool,
    "MEAN": read_mean,
    "MUL": read_product,
    "PAD": read_pad,
    "RESHAPE": read_reshape,
    "SOFTMAX": read_softmax,
    "SPLIT": read_split,
    "SPLIT_V": read_split,
    "SQUEEZE": read_reshape,
    "STRIDED_SLICE": read_slice,
    "SUB": read_sum,
    "TANH": read_sigmoid,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": read_lstm,
}


@dataclass(frozen=True, slots=True)
class NetworkSource:
    """A model file that was read, and what its C will say about where it came from."""

    network: Network
    file: str  # name without folder: generated files hold no path of this machine
    sha256: str  # hexadecimal, of the file's bytes
    operators: tuple[str, ...]  # the schema's names, sorted, each once
    data: bytes  # the file


def read_network(path: Path) -> NetworkSource:
    """Read one model file; raises ModelError (file, operator, tensor, what to do)."""
    try:
        size = path.stat().st_size
        if size > BYTES_MAX:
            raise ModelError(f"{path}: {size} bytes, more than the {BYTES_MAX} this reads")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}; name a .tflite file") from None
    return network_of(data, path.name, str(path))


def network_of(data: bytes, name: str, where: str) -> NetworkSource:
    """The network of a file's bytes; `where` begins the line of a ModelError."""
    try:
        raw = decode(data)
        network = validate(_network(raw))
    except ValueError as error:
        raise ModelError(f"{where}: {error}") from None
    names = tuple(sorted({operator.name for operator in raw.operators}))
    return NetworkSource(network, name, hashlib.sha256(data).hexdigest(), names, data)


def _network(raw: RawModel) -> Network:
    operators: list[Operator] = []
    for operator in raw.operators:
        context = Context(raw, operator)
        if operator.name not in OPERATORS:
            names = [raw.tensors[index].name for index in operator.outputs]
            raise context.refuse(
                f"is not compiled (it writes {', '.join(map(repr, names)) or 'nothing'}); those that are: "
                f"{' '.join(OPERATORS)}"
            )
        operators += OPERATORS[operator.name](context)
    for words, indices in (("input", raw.inputs), ("output", raw.outputs)):
        if not indices:
            raise ValueError(f"has no {words}s")
        for index in indices:
            tensor = raw.tensors[index]
            if tensor.type != "INT8" or len(tensor.scales) != 1 or len(tensor.zero_points) != 1 or not tensor.size:
                raise ValueError(f"{words} {tensor.name!r} is {tensor.type}, not INT8 with one scale; {CONVERT}")
    states = {index for operator in operators for index in operator.states}
    tensors = tuple(_tensor(tensor, tensor.index in states) for tensor in raw.tensors)
    return Network(tensors, tuple(operators), raw.inputs, raw.outputs)


def _tensor(raw: RawTensor, is_state: bool) -> Tensor:
    data = raw.data if raw.type == "INT8" and not is_state else None
    return Tensor(
        name=raw.name,
        shape=raw.shape,
        scale=float(raw.scales[0]) if len(raw.scales) else 0.0,
        zero_point=int(raw.zero_points[0]) if len(raw.zero_points) else 0,
        data=data,
        state=("int16" if raw.type == "INT16" else "int8") if is_state else None,
    )
