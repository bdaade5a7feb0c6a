"""Operators element by element, softmax, and what only moves elements."""

from __future__ import annotations

import numpy as np

from codegen.emit.network_emission import Emission
from codegen.emit.network_loops import Level, levels_of, nest
from codegen.ir.network import Add, Fill, Lookup, Move, Multiply, Softmax
from codegen.ir.tensors import row_major


def emit_lookup(emission: Emission, number: int, op: Lookup) -> list[str]:
    """A table of answers."""
    emission.tables.need("lookup")
    table = emission.tables.array("int8_t", f"values_{number}", np.roll(op.values, 128))
    size = emission.network.tensors[op.output].size
    x, y = emission.address(op.input), emission.address(op.output)
    return [f"wp_network_lookup({table}, {size}, {x}, {y});"]


def _pairwise(emission: Emission, op: Add | Multiply, function: str, name: str) -> list[str]:
    """Loops around calls that take the innermost axis."""
    outer = levels_of(op.shape, *op.strides, row_major(op.shape))
    inner = outer.pop()
    bases = [emission.address(index) for index in (*op.inputs, op.output)]
    return nest(
        outer,
        bases,
        lambda at: f"{function}(&{name}, {inner.n}, {at[0]}, {inner.steps[0]}, {at[1]}, {inner.steps[1]}, {at[2]});",
    )


def emit_add(emission: Emission, number: int, op: Add) -> list[str]:
    """Sums and differences."""
    emission.tables.need("add")
    (multiplier_a, shift_a), (multiplier_b, shift_b) = op.scalings
    fields = {
        "multiplier_a": multiplier_a,
        "multiplier_b": -multiplier_b if op.subtract else multiplier_b,
        "multiplier": op.output_scaling[0],
        "shift_a": shift_a,
        "shift_b": shift_b,
        "shift": op.output_scaling[1],
        "left_shift": op.left_shift,
    }
    name = emission.tables.structure("wp_network_add", f"add_{number}", fields | _limits(op))
    return _pairwise(emission, op, "wp_network_sum", name)


def emit_multiply(emission: Emission, number: int, op: Multiply) -> list[str]:
    """Products."""
    emission.tables.need("multiply")
    fields = {"multiplier": op.output_scaling[0], "shift": op.output_scaling[1]}
    name = emission.tables.structure("wp_network_multiply", f"multiply_{number}", fields | _limits(op))
    return _pairwise(emission, op, "wp_network_product", name)


def _limits(op: Add | Multiply) -> dict[str, int]:
    return {
        "zero_point_a": op.zero_points[0],
        "zero_point_b": op.zero_points[1],
        "output_zero_point": op.output_zero_point,
        "low": op.low,
        "high": op.high,
    }


def emit_softmax(emission: Emission, number: int, op: Softmax) -> list[str]:
    """Shares of exponentials."""
    emission.tables.need("softmax")
    n = emission.network.tensors[op.output].size // op.rows
    table = emission.tables.array("int32_t", f"exponentials_{number}", op.exponentials[: op.n_counted])
    return nest(
        [Level(op.rows, (n, n))] if op.rows > 1 else [],
        [emission.address(op.input), emission.address(op.output)],
        lambda at: f"wp_network_softmax({table}, {op.n_counted}, {n}, {at[0]}, {at[1]});",
    )


def emit_fill(emission: Emission, _: int, op: Fill) -> list[str]:
    """The same value everywhere."""
    return [f"memset({emission.address(op.output)}, {op.value}, {emission.network.tensors[op.output].size});"]


def emit_move(emission: Emission, _: int, op: Move) -> list[str]:
    """Copies, where the bytes are not there already."""
    if emission.plan.is_in_place(op):
        return []
    outer = levels_of(op.shape, op.input_strides, op.output_strides)
    bases = [emission.address(op.input, op.input_offset), emission.address(op.output, op.output_offset)]
    if outer[-1].steps == (1, 1):
        inner = outer.pop()
        return nest(outer, bases, lambda at: f"memcpy({at[1]}, {at[0]}, {inner.n});")
    return nest(outer, bases, lambda at: f"*({at[1]}) = *({at[0]});")
