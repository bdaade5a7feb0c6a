"""Layers: their tables, and the call of the kernel that fits them best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from codegen.emit.network_emission import Emission
from codegen.emit.network_loops import Level, nest
from codegen.emit.network_tables import Tables, folded_bias
from codegen.ir.network import Dense
from codegen.ir.tensors import Int8s, Layer
from codegen.passes.fit_linear import Linear, fit_linear

Call = Callable[[str, str], str]  # C of a call from the addresses of input and output
SPARSE_SHARE_MAX = 0.35  # of weights that are not 0: one by one they then take half the instructions


def emit_dense(emission: Emission, number: int, op: Dense) -> list[str]:
    """A layer on each row."""
    call = layer_call(emission, str(number), op.layer, "dense")
    steps = Level(op.rows, (op.layer.weights.shape[1], op.layer.n_outputs))
    return nest(
        [steps] if op.rows > 1 else [],
        [emission.address(op.input), emission.address(op.output)],
        lambda at: call(at[0], at[1]),
    )


def layer_call(
    emission: Emission, tag: str, layer: Layer, kind: Literal["dense", "depthwise"], repeat: int = 1
) -> Call:
    """Defines the tables of a layer, `tag` in their names; returns its call."""
    tables, taps_axis = emission.tables, 1 if kind == "dense" else 0
    linear = fit_linear(layer, taps_axis)
    if linear is None:
        name = _exact_tables(tables, tag, layer, taps_axis)
        tables.need(f"exact_{kind}")
        return _call(f"wp_network_exact_{kind}(&{name}, ", kind, repeat)
    if emission.fast and kind == "dense":
        if np.count_nonzero(layer.weights) <= SPARSE_SHARE_MAX * layer.weights.size:
            return _sparse_call(tables, tag, layer, linear)
        tables.need("dense_fours")
        note_fours(tables, layer.weights.shape[1])
        name = _linear_tables(tables, tag, layer, linear, in_fours(layer.weights), layer.weights.shape[1])
        return lambda x, y: f"wp_network_dense_fours(&{name}, {x}, {y});"
    tables.need(kind)
    name = _linear_tables(tables, tag, layer, linear, layer.weights, layer.weights.shape[taps_axis])
    return _call(f"wp_network_{kind}(&{name}, ", kind, repeat)


def _call(begin: str, kind: str, repeat: int) -> Call:
    return lambda x, y: f"{begin}{f'{repeat}, ' if kind == 'depthwise' else ''}{x}, {y});"


def in_fours(weights: Int8s) -> Int8s:
    """Weights [n_outputs, n_inputs] as [n_outputs / 4, n_inputs, 4], with channels of 0 up to a multiple of four."""
    n_outputs, n_inputs = weights.shape
    whole = np.zeros((-(-n_outputs // 4) * 4, n_inputs), np.int8)
    whole[:n_outputs] = weights
    return np.ascontiguousarray(whole.reshape(-1, 4, n_inputs).transpose(0, 2, 1))


def note_fours(tables: Tables, n_inputs: int) -> None:
    """Leave out the code for odd numbers of inputs as long as there are none."""
    name = "WP_NETWORK_FOURS_ODD"
    tables.macros[name] = "1" if n_inputs % 2 else tables.macros.get(name, "0")


def _linear_tables(
    tables: Tables, tag: str, layer: Layer, linear: Linear, weights: NDArray[np.int8] | None, n_inputs: int
) -> str:
    lines = np.stack([linear.multiplier, linear.offset], axis=1)
    for side, limit in (("LOW", layer.low), ("HIGH", layer.high)):
        tables.note(f"WP_NETWORK_LINEAR_{side}", limit)
    drop = "NULL" if linear.drop is None else tables.array("int8_t", f"drop_{tag}", linear.drop)
    return tables.structure(
        "wp_network_linear",
        f"layer_{tag}",
        {
            "weights": "NULL" if weights is None else tables.array("int8_t", f"weights_{tag}", weights),
            "line": tables.array("int32_t", f"line_{tag}", lines),
            "drop": drop,
            "above": "INT32_MIN" if linear.drop is None else linear.above,
            "n_inputs": n_inputs,
            "n_outputs": layer.n_outputs,
            "left": linear.left,
            "right": linear.right,
            "low": layer.low,
            "high": layer.high,
        },
    )


def _exact_tables(tables: Tables, tag: str, layer: Layer, taps_axis: int) -> str:
    return tables.structure(
        "wp_network_exact",
        f"layer_{tag}",
        {
            "weights": tables.array("int8_t", f"weights_{tag}", layer.weights),
            "bias": tables.array("int32_t", f"bias_{tag}", folded_bias(layer, taps_axis)),
            "multiplier": tables.array("int32_t", f"multiplier_{tag}", layer.multiplier),
            "shift": tables.array("int8_t", f"shift_{tag}", layer.shift),
            "n_inputs": layer.weights.shape[taps_axis],
            "n_outputs": layer.n_outputs,
            "output_zero_point": layer.output_zero_point,
            "low": layer.low,
            "high": layer.high,
        },
    )


def _sparse_call(tables: Tables, tag: str, layer: Layer, linear: Linear) -> Call:
    """A function that has every weight but the zeros in its code."""
    tables.need("linear")
    name = _linear_tables(tables, tag, layer, linear, None, layer.weights.shape[1])
    lines = [
        f"static int8_t output_{tag}(int channel, int32_t sum)",
        "{",
        f"    return (int8_t)wp_network_linear_output(&{name}, channel, sum);",
        "}",
        "",
        f"static void sparse_{tag}(const int8_t *x, int8_t *y)",
        "{",
    ]
    for channel, row in enumerate(layer.weights.astype(int).tolist()):
        terms = [f"x[{i}] * {weight}" for i, weight in enumerate(row) if weight]
        lines.append(f"    y[{channel}] = output_{tag}({channel}, {_wrapped(terms) or 0});")
    tables.texts.append("\n".join([*lines, "}"]))
    return lambda x, y: f"sparse_{tag}({x}, {y});"


def _wrapped(terms: list[str]) -> str:
    """A sum, some terms a line; a negative factor is a difference."""
    text = ""
    for place, term in enumerate(terms):
        negative = "* -" in term
        sign = (" - " if negative else " + ") if place else ("-" if negative else "")
        text += ("\n       " if place and place % 8 == 0 else "") + sign + term.replace("* -", "* ")
    return text
