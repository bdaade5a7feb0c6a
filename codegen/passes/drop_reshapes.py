"""Takes out moves of a whole tensor into a whole other one: both are the same elements."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import prod

from codegen.ir.network import Add, Move, Multiply, Network, Operator


def drop_reshapes(network: Network) -> Network:
    """Readers of a reshaped tensor read the original; outputs of the network keep their own tensor."""
    writers = Counter(operator.output for operator in network.operators)
    same: dict[int, int] = {}
    kept: list[Operator] = []
    for operator in network.operators:
        operator = _with_inputs(operator, same)
        if isinstance(operator, Move) and _is_reshape(network, operator) and writers[operator.output] == 1:
            same[operator.output] = operator.input
        else:
            kept.append(operator)
    return replace(network, operators=tuple(kept))


def _is_reshape(network: Network, move: Move) -> bool:
    tensors = network.tensors
    sizes = {tensors[move.input].size, tensors[move.output].size}
    whole = move.is_whole and move.input_offset == move.output_offset == 0 and len(sizes) == 1
    return whole and move.output not in network.outputs and tensors[move.input].size == prod(move.shape)


def _with_inputs(operator: Operator, same: dict[int, int]) -> Operator:
    source = same.get(operator.input, operator.input)
    if isinstance(operator, Add | Multiply):
        return replace(operator, input=source, other=same.get(operator.other, operator.other))
    return replace(operator, input=source)
