"""A .tflite model without what no interpreter reads: names, descriptions, metadata, signatures, calibrated ranges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BUFFER_ALIGN = 16  # as the schema asks


def strip_model(data: bytes) -> bytes:
    """The same tensors, operators and numbers in fewer bytes. The file must be one that readers/tflite.py has read."""
    import flatbuffers
    import tflite

    model = tflite.Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    builder: Any = flatbuffers.Builder(len(data))
    used = sorted({0, *(graph.Tensors(i).Buffer() for i in range(graph.TensorsLength()))})
    places = {buffer: place for place, buffer in enumerate(used)}
    buffers = _tables(builder, [_buffer(builder, model.Buffers(index)) for index in used])
    tensors = [_tensor(builder, graph.Tensors(i), places) for i in range(graph.TensorsLength())]
    operators = [_operator(builder, graph.Operators(i)) for i in range(graph.OperatorsLength())]
    tensors, operators = _tables(builder, tensors), _tables(builder, operators)
    inputs, outputs = _numbers(builder, graph.InputsAsNumpy()), _numbers(builder, graph.OutputsAsNumpy())
    tflite.SubGraphStart(builder)
    tflite.SubGraphAddTensors(builder, tensors)
    tflite.SubGraphAddInputs(builder, inputs)
    tflite.SubGraphAddOutputs(builder, outputs)
    tflite.SubGraphAddOperators(builder, operators)
    subgraphs = _tables(builder, [tflite.SubGraphEnd(builder)])
    codes = _tables(builder, [_code(builder, model.OperatorCodes(i)) for i in range(model.OperatorCodesLength())])
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, model.Version())
    tflite.ModelAddOperatorCodes(builder, codes)
    tflite.ModelAddSubgraphs(builder, subgraphs)
    tflite.ModelAddBuffers(builder, buffers)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def _buffer(builder: Any, buffer: Any) -> int:
    import tflite

    vector = None
    if buffer is not None and buffer.DataLength():
        data = bytes(buffer.DataAsNumpy())
        builder.StartVector(1, len(data), BUFFER_ALIGN)
        builder.head -= len(data)
        builder.Bytes[builder.head : builder.head + len(data)] = data
        vector = builder.EndVector()
    tflite.BufferStart(builder)
    if vector is not None:
        tflite.BufferAddData(builder, vector)
    return int(tflite.BufferEnd(builder))


def _tensor(builder: Any, tensor: Any, places: dict[int, int]) -> int:
    import tflite

    shape = _numbers(builder, tensor.ShapeAsNumpy()) if tensor.ShapeLength() else None
    known = tensor.Quantization()
    quantization = None
    if known is not None and known.ScaleLength():
        scale, zero_point = (
            builder.CreateNumpyVector(values) for values in (known.ScaleAsNumpy(), known.ZeroPointAsNumpy())
        )
        tflite.QuantizationParametersStart(builder)
        tflite.QuantizationParametersAddScale(builder, scale)
        tflite.QuantizationParametersAddZeroPoint(builder, zero_point)
        tflite.QuantizationParametersAddQuantizedDimension(builder, known.QuantizedDimension())
        quantization = tflite.QuantizationParametersEnd(builder)
    tflite.TensorStart(builder)
    if shape is not None:
        tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, tensor.Type())
    tflite.TensorAddBuffer(builder, places[tensor.Buffer()])
    if quantization is not None:
        tflite.TensorAddQuantization(builder, quantization)
    tflite.TensorAddIsVariable(builder, tensor.IsVariable())
    return int(tflite.TensorEnd(builder))


def _operator(builder: Any, operator: Any) -> int:
    import tflite

    inputs, outputs = _numbers(builder, operator.InputsAsNumpy()), _numbers(builder, operator.OutputsAsNumpy())
    between = _numbers(builder, operator.IntermediatesAsNumpy()) if operator.IntermediatesLength() else None
    options = _options(builder, operator)
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, operator.OpcodeIndex())
    tflite.OperatorAddInputs(builder, inputs)
    tflite.OperatorAddOutputs(builder, outputs)
    if options is not None:
        tflite.OperatorAddBuiltinOptionsType(builder, operator.BuiltinOptionsType())
        tflite.OperatorAddBuiltinOptions(builder, options)
    if between is not None:
        tflite.OperatorAddIntermediates(builder, between)
    return int(tflite.OperatorEnd(builder))


def _options(builder: Any, operator: Any) -> int | None:
    """A copy of an operator's options: numbers, and lists of numbers."""
    import tflite

    union = operator.BuiltinOptions()
    names = {value: name for name, value in vars(tflite.BuiltinOptions).items() if isinstance(value, int)}
    name = names.get(operator.BuiltinOptionsType(), "NONE")
    if union is None or name == "NONE":
        return None
    table = getattr(tflite, name)()
    table.Init(union.Bytes, union.Pos)
    fields = sorted(key.removeprefix(f"{name}Add") for key in dir(tflite) if key.startswith(f"{name}Add"))
    lists = {field: getattr(table, f"{field}AsNumpy")() for field in fields if hasattr(table, f"{field}Length")}
    vectors = {field: _numbers(builder, values) for field, values in lists.items() if not isinstance(values, int)}
    getattr(tflite, f"{name}Start")(builder)
    for field in fields:
        add = getattr(tflite, f"{name}Add{field}")
        if field in vectors:
            add(builder, vectors[field])
        elif field not in lists:
            add(builder, getattr(table, field)())
    return int(getattr(tflite, f"{name}End")(builder))


def _code(builder: Any, code: Any) -> int:
    import tflite

    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, code.DeprecatedBuiltinCode())
    tflite.OperatorCodeAddVersion(builder, code.Version())
    tflite.OperatorCodeAddBuiltinCode(builder, code.BuiltinCode())
    return int(tflite.OperatorCodeEnd(builder))


def _numbers(builder: Any, values: Any) -> int:
    import numpy as np

    return int(builder.CreateNumpyVector(np.asarray(values, np.int32)))


def _tables(builder: Any, offsets: Sequence[int]) -> Any:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()
