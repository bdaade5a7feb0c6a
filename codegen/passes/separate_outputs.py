"""Gives each output of a network a tensor of its own, which an operator writes."""

from __future__ import annotations

from dataclasses import replace

from codegen.ir.network import Move, Network


def separate_outputs(network: Network) -> Network:
    """Copies what is an output and also an input, a constant or another output; all else stays."""
    tensors, operators = list(network.tensors), list(network.operators)
    written = {operator.output for operator in operators}
    outputs: list[int] = []
    for index in network.outputs:
        if index in outputs or index not in written or tensors[index].state:
            tensors.append(replace(tensors[index], data=None, state=None))
            size = tensors[index].size
            operators.append(
                Move(
                    source="output",
                    input=index,
                    output=len(tensors) - 1,
                    shape=(size,),
                    input_offset=0,
                    input_strides=(1,),
                    output_offset=0,
                    output_strides=(1,),
                )
            )
            index = len(tensors) - 1
        outputs.append(index)
    return replace(network, tensors=tuple(tensors), operators=tuple(operators), outputs=tuple(outputs))
