"""Makes tables of answers out of operators that look at one changing element at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from codegen.ir.network import Add, Lookup, Multiply, Network, Operator
from codegen.ir.tensors import Int8s
from codegen.reference_network import evaluate

_X = np.arange(-128, 128, dtype=np.int64)


def fold_tables(network: Network, *, always: bool) -> Network:
    """Sums and products with one constant become lookups, and a lookup of a lookup one.

    A table is 256 bytes. Not `always`: only where no sum, or no product, is left over that needs the code anyway.
    """
    others = {type(operator) for operator in network.operators if _table(network, operator) is None}
    operators: list[Operator] = []
    for operator in network.operators:
        table = _table(network, operator)
        operators.append(table if table is not None and (always or type(operator) not in others) else operator)
    return _join(replace(network, operators=tuple(operators)))


def _table(network: Network, operator: Operator) -> Lookup | None:
    """The lookup that an operator is whose one operand is a single constant; None: it is none."""
    if not isinstance(operator, Add | Multiply):
        return None
    size = network.tensors[operator.output].size
    for place, constant in enumerate(operator.inputs):
        varying = operator.inputs[1 - place]
        tensor, other = network.tensors[constant], network.tensors[varying]
        if tensor.data is not None and tensor.size == 1 and other.size == size and other.data is None:
            strides = ((0,), (1,)) if place == 0 else ((1,), (0,))
            values = {constant: tensor.data.astype(np.int64).reshape(1, 1), varying: _X[None]}
            answers = evaluate(replace(operator, shape=(256,), strides=strides), values).astype(np.int8)[0]
            return Lookup(source=operator.source, input=varying, output=operator.output, values=answers)
    return None


def _join(network: Network) -> Network:
    """One table for two, where nothing else reads what is between them."""
    readers = Counter(index for operator in network.operators for index in operator.inputs)
    operators: list[Operator] = []
    for operator in network.operators:
        before = next((o for o in operators if o.output == operator.input), None)
        alone = readers[operator.input] == 1 and operator.input not in network.outputs
        if isinstance(operator, Lookup) and isinstance(before, Lookup) and alone:
            operators.remove(before)
            values: Int8s = operator.values[before.values.astype(np.int64) + 128]
            operator = replace(operator, input=before.input, values=values)
        operators.append(operator)
    return replace(network, operators=tuple(operators))
