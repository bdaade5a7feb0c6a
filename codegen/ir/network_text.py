"""Networks checked, and as text."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from codegen.ir.network import Network, Operator
from codegen.ir.tensors import Layer


def validate(network: Network) -> Network:
    """Return the network; raises ValueError for an operator that reads what nothing has written, or beyond a tensor."""
    tensors = network.tensors
    known = {i for i, tensor in enumerate(tensors) if tensor.data is not None or tensor.state} | set(network.inputs)
    for operator in network.operators:
        for index in (*operator.inputs, *operator.states, operator.output):
            if not 0 <= index < len(tensors):
                raise ValueError(f"{operator.source}: tensor {index} of {len(tensors)}")
        for index in operator.inputs:
            if index not in known:
                raise ValueError(f"{operator.source}: reads {tensors[index].name!r} before anything wrote it")
        if tensors[operator.output].data is not None or operator.output in network.inputs:
            raise ValueError(f"{operator.source}: writes {tensors[operator.output].name!r}, which is given")
        known.add(operator.output)
    for index in network.outputs:
        if index not in known:
            raise ValueError(f"output {tensors[index].name!r} is written by nothing")
    return network


def dump(network: Network) -> str:
    """The network as text, an operator a line: what a pass did is a diff of two dumps."""
    lines = [f"network inputs {list(network.inputs)} outputs {list(network.outputs)}"]
    for index, tensor in enumerate(network.tensors):
        kind = tensor.state or ("constant" if tensor.data is not None else "tensor")
        lines.append(
            f"{kind} {index} {list(tensor.shape)} scale {tensor.scale!r} zero point {tensor.zero_point} {tensor.name}"
        )
    for operator in network.operators:
        values = (f"{item.name} {_shown(getattr(operator, item.name))}" for item in fields(operator))
        lines.append(f"{type(operator).__name__} {' '.join(values)}")
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)} sum {int(value.sum())}"
    if isinstance(value, Layer):
        return "(" + " ".join(f"{item.name} {_shown(getattr(value, item.name))}" for item in fields(value)) + ")"
    if isinstance(value, Operator):
        return "[" + type(value).__name__ + " " + value.source + "]"
    if isinstance(value, tuple):
        return "(" + " ".join(map(_shown, value)) + ")"
    return str(value)
