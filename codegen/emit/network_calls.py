"""Operators as tables and calls of the runtime: which function writes which kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from codegen.emit.network_elements import emit_add, emit_fill, emit_lookup, emit_move, emit_multiply, emit_softmax
from codegen.emit.network_emission import Emission
from codegen.emit.network_layers import emit_dense
from codegen.emit.network_lstm import emit_lstm
from codegen.emit.network_rows import emit_rows, rows_scratch
from codegen.emit.network_windows import emit_convolution, emit_depthwise, emit_mean, emit_pool
from codegen.ir.network import (
    Add,
    Convolution,
    Dense,
    Depthwise,
    Fill,
    Lookup,
    Lstm,
    Mean,
    Move,
    Multiply,
    Network,
    Operator,
    Pool,
    Rows,
    Softmax,
)
from codegen.passes.plan_memory import Scratch

_EMIT: dict[type, Callable[[Emission, int, Any], list[str]]] = {
    Dense: emit_dense,
    Convolution: emit_convolution,
    Depthwise: emit_depthwise,
    Pool: emit_pool,
    Mean: emit_mean,
    Lookup: emit_lookup,
    Add: emit_add,
    Multiply: emit_multiply,
    Softmax: emit_softmax,
    Fill: emit_fill,
    Move: emit_move,
    Lstm: emit_lstm,
    Rows: emit_rows,
}


def emit_operator(emission: Emission, number: int, operator: Operator) -> list[str]:
    """Lines of one operator in NAME_invoke; its tables go to the emission."""
    return _EMIT[type(operator)](emission, number, operator)


def scratch_of(network: Network, operator: Operator) -> Scratch:
    """Memory an operator needs while it runs."""
    if isinstance(operator, Rows):
        return rows_scratch(network, operator)
    if isinstance(operator, Convolution) and operator.window.is_point:
        return Scratch()
    if isinstance(operator, Convolution | Depthwise | Pool):
        return Scratch(operator.window.taps * operator.window.channels)
    if isinstance(operator, Lstm):
        return Scratch(operator.bias[0].size)
    return Scratch()
