"""Operators as tables and calls of the runtime: one function a kind, each returning the lines of net_invoke."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from codegen.emit.network_loops import Level, levels_of, nest
from codegen.emit.network_tables import Tables, folded_bias
from codegen.errors import ModelError
from codegen.ir.network import (
    Add,
    Convolution,
    Dense,
    Depthwise,
    Fill,
    Layer,
    Lookup,
    Lstm,
    Mean,
    Move,
    Multiply,
    Network,
    Operator,
    Pair,
    Pool,
    Softmax,
    Window,
)
from codegen.passes.plan_memory import MemoryPlan, Scratch
from codegen.sigmoid_table import SIGMOID


@dataclass(frozen=True, slots=True)
class Emission:
    """What the functions below share."""

    network: Network
    plan: MemoryPlan
    tables: Tables

    def address(self, index: int, offset: int = 0) -> str:
        """C of a tensor's first element, or one further on."""
        place = self.plan.places[index]
        base = {"input": "input", "output": "output", "arena": "memory", "constant": f"constant_{index}"}[place.base]
        where = place.offset + offset
        return f"{base} + {where}" if where else base

    def scratch(self, number: int) -> str:
        """C of an operator's scratch."""
        offset = self.plan.scratch[number]
        return f"memory + {offset}" if offset else "memory"


def scratch_of(operator: Operator) -> Scratch:
    """Memory an operator needs while it runs."""
    if isinstance(operator, Convolution | Depthwise | Pool) and _has_window(operator):
        return Scratch(operator.window.taps * operator.window.channels)
    if isinstance(operator, Lstm):
        return Scratch(operator.input_weights[0].shape[0])
    return Scratch()


def emit_operator(emission: Emission, number: int, operator: Operator) -> list[str]:
    """Lines of one operator; its tables go to the emission."""
    return _EMIT[type(operator)](emission, number, operator)


def _has_window(operator: Convolution | Depthwise | Pool) -> bool:
    return not (isinstance(operator, Convolution) and operator.window.is_point)


def _exact_layer(tables: Tables, number: int, layer: Layer, taps_axis: int) -> str:
    tables.need("exact")
    return tables.structure(
        "wp_network_exact",
        f"layer_{number}",
        {
            "weights": tables.array("int8_t", f"weights_{number}", layer.weights),
            "bias": tables.array("int32_t", f"bias_{number}", folded_bias(layer, taps_axis)),
            "multiplier": tables.array("int32_t", f"multiplier_{number}", layer.multiplier),
            "shift": tables.array("int8_t", f"shift_{number}", layer.shift),
            "n_inputs": layer.weights.shape[taps_axis],
            "n_outputs": layer.n_outputs,
            "output_zero_point": layer.output_zero_point,
            "low": layer.low,
            "high": layer.high,
        },
    )


def _dense(emission: Emission, number: int, op: Dense) -> list[str]:
    emission.tables.need("exact_dense")
    layer = _exact_layer(emission.tables, number, op.layer, 1)
    steps = Level(op.rows, (op.layer.weights.shape[1], op.layer.n_outputs))
    return nest(
        [steps] if op.rows > 1 else [],
        [emission.address(op.input), emission.address(op.output)],
        lambda at: f"wp_network_exact_dense(&{layer}, {at[0]}, {at[1]});",
    )


def _window(tables: Tables, number: int, window: Window, outside: int) -> str:
    tables.need("window")
    names = Window.__dataclass_fields__
    return tables.structure(
        "wp_network_window",
        f"window_{number}",
        {name: getattr(window, name) for name in names} | {"outside": outside},
    )


def _convolution(emission: Emission, number: int, op: Convolution) -> list[str]:
    if op.window.is_point:
        rows = op.batches * op.window.out_height * op.window.out_width
        dense = Dense(source=op.source, input=op.input, output=op.output, layer=op.layer, rows=rows)
        return _dense(emission, number, dense)
    emission.tables.need("exact_dense")
    layer = _exact_layer(emission.tables, number, op.layer, 1)
    return _windowed(
        emission,
        number,
        op,
        op.layer.input_zero_point,
        op.layer.n_outputs,
        lambda patch, y: f"wp_network_exact_dense(&{layer}, {patch}, {y});",
    )


def _depthwise(emission: Emission, number: int, op: Depthwise) -> list[str]:
    emission.tables.need("exact_depthwise")
    layer = _exact_layer(emission.tables, number, op.layer, 0)
    return _windowed(
        emission,
        number,
        op,
        op.layer.input_zero_point,
        op.layer.n_outputs,
        lambda patch, y: f"wp_network_exact_depthwise(&{layer}, {op.channel_multiplier}, {patch}, {y});",
    )


def _pool(emission: Emission, number: int, op: Pool) -> list[str]:
    emission.tables.need("pool")

    def call(patch: str, y: str) -> str:
        if op.kind == "max":
            return f"wp_network_pool_max(&window_{number}, {op.low}, {op.high}, {patch}, {y});"
        return f"wp_network_pool_average(&window_{number}, {op.low}, {op.high}, row, column, {patch}, {y});"

    return _windowed(emission, number, op, -128 if op.kind == "max" else 0, op.window.channels, call)


def _windowed(
    emission: Emission,
    number: int,
    op: Convolution | Depthwise | Pool,
    outside: int,
    n_outputs: int,
    call: Callable[[str, str], str],
) -> list[str]:
    """Loops over the places of a window: gather what lies under it, then call."""
    window = op.window
    name = _window(emission.tables, number, window, outside)
    patch, x, y = emission.scratch(number), emission.address(op.input), emission.address(op.output)
    lines = [
        f"for (int row = 0; row < {window.out_height}; row++) {{",
        f"    for (int column = 0; column < {window.out_width}; column++) {{",
        f"        wp_network_patch(&{name}, %x, row, column, {patch});",
        f"        {call(patch, f'%y + (row * {window.out_width} + column) * {n_outputs}')}",
        "    }",
        "}",
    ]
    sizes = (window.height * window.width * window.channels, window.out_height * window.out_width * n_outputs)
    if op.batches > 1:
        lines = [f"for (int batch = 0; batch < {op.batches}; batch++) {{", *(f"    {line}" for line in lines), "}"]
        x, y = f"{x} + batch * {sizes[0]}", f"{y} + batch * {sizes[1]}"
    return [line.replace("%x", x).replace("%y", y) for line in lines]


def _mean(emission: Emission, number: int, op: Mean) -> list[str]:
    emission.tables.need("mean")
    sizes = _alternating(op)
    name = emission.tables.structure(
        "wp_network_mean",
        f"mean_{number}",
        {
            "n": "{" + ", ".join(map(str, sizes)) + "}",
            "bias": -op.count * op.input_zero_point,
            "multiplier": op.scaling[0],
            "shift": op.scaling[1],
            "output_zero_point": op.output_zero_point,
        },
    )
    return [f"wp_network_mean_of(&{name}, {emission.address(op.input)}, {emission.address(op.output)});"]


def _alternating(op: Mean) -> tuple[int, ...]:
    """Sizes of kept, summed, kept, summed and kept axes, neighbours of a kind as one."""
    sizes = [1]
    summed = False
    for axis, n in enumerate(op.shape):
        if n == 1:
            continue
        if (axis in op.axes) != summed:
            summed = not summed
            sizes.append(1)
        sizes[-1] *= n
    if len(sizes) > 5:
        raise ModelError(f"{op.source}: means over axes {list(op.axes)} of {list(op.shape)} are not compiled")
    return (*sizes, *(1,) * (5 - len(sizes)))


def _lookup(emission: Emission, number: int, op: Lookup) -> list[str]:
    emission.tables.need("lookup")
    table = emission.tables.array("int8_t", f"values_{number}", np.roll(op.values, 128))
    size = emission.network.tensors[op.output].size
    x, y = emission.address(op.input), emission.address(op.output)
    return [f"wp_network_lookup({table}, {size}, {x}, {y});"]


def _pairwise(emission: Emission, op: Add | Multiply, function: str, name: str) -> list[str]:
    """Loops around calls that take the innermost axis."""
    outer = levels_of(op.shape, *op.strides, _steps_of(op.shape))
    inner = outer.pop()
    bases = [emission.address(index) for index in (*op.inputs, op.output)]
    return nest(
        outer,
        bases,
        lambda at: f"{function}(&{name}, {inner.n}, {at[0]}, {inner.steps[0]}, {at[1]}, {inner.steps[1]}, {at[2]});",
    )


def _steps_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(np.prod(shape[axis + 1 :], dtype=np.int64)) for axis in range(len(shape)))


def _add(emission: Emission, number: int, op: Add) -> list[str]:
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


def _multiply(emission: Emission, number: int, op: Multiply) -> list[str]:
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


def _softmax(emission: Emission, number: int, op: Softmax) -> list[str]:
    emission.tables.need("softmax")
    n = emission.network.tensors[op.output].size // op.rows
    table = emission.tables.array("int32_t", f"exponentials_{number}", op.exponentials[: op.n_counted])
    return nest(
        [Level(op.rows, (n, n))] if op.rows > 1 else [],
        [emission.address(op.input), emission.address(op.output)],
        lambda at: f"wp_network_softmax({table}, {op.n_counted}, {n}, {at[0]}, {at[1]});",
    )


def _fill(emission: Emission, _: int, op: Fill) -> list[str]:
    return [f"memset({emission.address(op.output)}, {op.value}, {emission.network.tensors[op.output].size});"]


def _move(emission: Emission, _: int, op: Move) -> list[str]:
    if emission.plan.is_in_place(op):
        return []
    outer = levels_of(op.shape, op.input_strides, op.output_strides)
    bases = [emission.address(op.input, op.input_offset), emission.address(op.output, op.output_offset)]
    if outer[-1].steps == (1, 1):
        inner = outer.pop()
        return nest(outer, bases, lambda at: f"memcpy({at[1]}, {at[0]}, {inner.n});")
    return nest(outer, bases, lambda at: f"*({at[1]}) = *({at[0]});")


def _lstm(emission: Emission, number: int, op: Lstm) -> list[str]:
    tables = emission.tables
    tables.need("lstm")
    n_units, n_inputs = op.input_weights[0].shape
    rows = [np.concatenate(pair, axis=1) for pair in zip(op.input_weights, op.recurrent_weights, strict=True)]
    biases = [
        [
            op.bias[gate].astype(np.int64) - op.input_zero_point * op.input_weights[gate].astype(np.int64).sum(axis=1),
            -op.hidden_zero_point * op.recurrent_weights[gate].astype(np.int64).sum(axis=1),
        ]
        for gate in range(4)
    ]
    sigmoid = tables.array("uint16_t", "sigmoid", SIGMOID) if "sigmoid" not in tables.names else "sigmoid"
    gates = ", ".join(
        f"{{{_pair(given)}, {_pair(kept)}}}"
        for given, kept in zip(op.input_scalings, op.recurrent_scalings, strict=True)
    )
    name = tables.structure(
        "wp_network_lstm",
        f"lstm_{number}",
        {
            "weights": tables.array("int8_t", f"weights_{number}", np.stack(rows, axis=1)),
            "bias": tables.array("int32_t", f"bias_{number}", np.array(biases).transpose(2, 0, 1)),
            "sigmoid": sigmoid,
            "gate": f"{{{gates}}}",
            "forget": _pair(op.forget_scaling),
            "update": _pair(op.update_scaling),
            "hidden": _pair(op.hidden_scaling),
            "n_inputs": n_inputs,
            "n_units": n_units,
            "cell_low": -op.cell_clip if op.cell_clip else -(1 << 15),
            "cell_high": op.cell_clip or (1 << 15) - 1,
            "tanh_multiplier": op.tanh_multiplier,
            "tanh_shift": op.tanh_shift,
            "hidden_zero_point": op.hidden_zero_point,
        },
    )
    return _lstm_steps(emission, number, op, name, n_inputs, n_units)


def _lstm_steps(emission: Emission, number: int, op: Lstm, name: str, n_inputs: int, n_units: int) -> list[str]:
    hidden, cell = emission.plan.places[op.hidden].offset, emission.plan.places[op.cell].offset
    order = [Level(op.steps, (n_inputs * op.batches, n_units * op.batches, 0, 0))]
    each = [Level(op.batches, (n_inputs, n_units, n_units, n_units))]
    if not op.time_major:
        order = [Level(op.steps, (n_inputs, n_units, 0, 0))]
        each = [Level(op.batches, (n_inputs * op.steps, n_units * op.steps, n_units, n_units))]
    levels = [*(order if op.steps > 1 else []), *(each if op.batches > 1 else [])]
    bases = [
        emission.address(op.input),
        emission.address(op.output),
        f"memory + {hidden}",
        f"(int16_t *)(void *)(memory + {cell})",
    ]
    if op.last_only:
        steps = nest(
            levels,
            bases,
            lambda at: f"wp_network_lstm_step(&{name}, {at[0]}, {at[2]}, {at[3]}, {emission.scratch(number)});",
        )
        return [*steps, f"memcpy({emission.address(op.output)}, memory + {hidden}, {n_units * op.batches});"]
    return nest(
        levels,
        bases,
        lambda at: (
            f"wp_network_lstm_step(&{name}, {at[0]}, {at[2]}, {at[3]}, {emission.scratch(number)});\n"
            f"memcpy({at[1]}, {at[2]}, {n_units});"
        ),
    )


def _pair(scaling: Pair) -> str:
    return f"{{{scaling[0]}, {scaling[1]}}}"


_EMIT: dict[type, Callable[[Emission, int, Any], list[str]]] = {
    Dense: _dense,
    Convolution: _convolution,
    Depthwise: _depthwise,
    Pool: _pool,
    Mean: _mean,
    Lookup: _lookup,
    Add: _add,
    Multiply: _multiply,
    Softmax: _softmax,
    Fill: _fill,
    Move: _move,
    Lstm: _lstm,
}
