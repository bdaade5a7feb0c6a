"""Style tflm: the model as an array for TensorFlow Lite Micro, and what an ESP-IDF project needs to run it.

The face is that of the other styles. The interpreter itself is Espressif's component `esp-tflite-micro`, which ESP-IDF
fetches; nothing of it is part of this.
"""

from __future__ import annotations

from typing import Any

from codegen.emit.files import render
from codegen.emit.forest_layout import initialiser
from codegen.emit.tflite_strip import strip_model
from codegen.errors import ModelError
from codegen.ir.network import Convolution, Dense, Depthwise, Network
from codegen.readers.tflite import NetworkSource
from codegen.readers.tflite_file import undamaged

RESOLVER = {
    "ADD": "AddAdd",
    "AVERAGE_POOL_2D": "AddAveragePool2D",
    "CONCATENATION": "AddConcatenation",
    "CONV_2D": "AddConv2D",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "EXPAND_DIMS": "AddExpandDims",
    "FULLY_CONNECTED": "AddFullyConnected",
    "LOGISTIC": "AddLogistic",
    "MAX_POOL_2D": "AddMaxPool2D",
    "MEAN": "AddMean",
    "MUL": "AddMul",
    "PAD": "AddPad",
    "RESHAPE": "AddReshape",
    "SOFTMAX": "AddSoftmax",
    "SPLIT": "AddSplit",
    "SPLIT_V": "AddSplitV",
    "SQUEEZE": "AddSqueeze",
    "STRIDED_SLICE": "AddStridedSlice",
    "SUB": "AddSub",
    "TANH": "AddTanh",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}
"""Method of tflite::MicroMutableOpResolver that registers each operator."""

ARENA_ALIGN = 16
# Bytes of the interpreter's own bookkeeping on a 32-bit machine, generously: by tensor, operator and channel.
_INTERPRETER_BYTES, _TENSOR_BYTES, _OPERATOR_BYTES, _CHANNEL_BYTES = 1024, 48, 256, 8


def tflm_files(source: NetworkSource, name: str, values: dict[str, Any]) -> dict[str, str]:
    """All files but the header; `values` are the header's and provenance's."""
    try:
        model = undamaged(lambda: strip_model(source.data))
    except ValueError as error:
        raise ModelError(f"{source.file}: {error}") from None
    known = {
        **values,
        "model_bytes": len(model),
        "model": initialiser(f"0x{byte:02x}" for byte in model),
        "resolvers": [RESOLVER[operator] for operator in source.operators],
    }
    return {
        f"{name}_model.h": render("network_tflm_model.h.j2", known),
        f"{name}_model.c": render("network_tflm_model.c.j2", known),
        f"{name}.cc": render("network_tflm.cc.j2", known),
        "CMakeLists.txt": render("network_tflm_cmake.j2", known),
        "idf_component.yml": render("network_tflm_component.j2", known),
    }


def arena_bytes(network: Network) -> int:
    """What an interpreter may need; AllocateTensors says so when it is too little."""
    tensors = [tensor for tensor in network.tensors if tensor.data is None]
    activations = sum(-(-tensor.size_bytes // ARENA_ALIGN) * ARENA_ALIGN for tensor in tensors)
    channels = sum(op.layer.n_outputs for op in network.operators if isinstance(op, Dense | Convolution | Depthwise))
    bookkeeping = (
        _INTERPRETER_BYTES
        + _TENSOR_BYTES * len(network.tensors)
        + _OPERATOR_BYTES * len(network.operators)
        + _CHANNEL_BYTES * channels
    )
    return -(-(activations * 2 + bookkeeping) // ARENA_ALIGN) * ARENA_ALIGN
