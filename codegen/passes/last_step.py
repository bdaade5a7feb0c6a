"""A recurrent layer of which only the last step is looked at gives only that."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from codegen.ir.network import Lstm, Move, Network, Operator


def last_step(network: Network) -> Network:
    """Joins a recurrent layer with the slice of its last step, where nothing else reads it."""
    readers = Counter(index for operator in network.operators for index in operator.inputs)
    by_output = {operator.output: operator for operator in network.operators if isinstance(operator, Lstm)}
    joined: dict[int, Lstm] = {}
    for operator in network.operators:
        lstm = by_output.get(operator.input)
        if isinstance(operator, Move) and lstm and readers[lstm.output] == 1 and _is_last(network, lstm, operator):
            joined[lstm.output] = replace(lstm, output=operator.output, last_only=True)
    operators: list[Operator] = []
    for operator in network.operators:
        if isinstance(operator, Lstm) and operator.output in joined:
            operators.append(joined[operator.output])
        elif not (isinstance(operator, Move) and operator.input in joined):
            operators.append(operator)
    return replace(network, operators=tuple(operators))


def _is_last(network: Network, lstm: Lstm, move: Move) -> bool:
    n_units = lstm.bias[0].size
    whole = network.tensors[move.output].size == n_units and move.output_offset == 0
    last = move.input_offset == (lstm.steps - 1) * n_units
    return lstm.batches == 1 and lstm.output not in network.outputs and move.is_whole and whole and last
