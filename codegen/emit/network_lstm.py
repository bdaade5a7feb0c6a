"""Recurrent layers."""

from __future__ import annotations

import numpy as np

from codegen.emit.literals import int32_literal
from codegen.emit.network_emission import Emission
from codegen.emit.network_layers import note_fours
from codegen.emit.network_loops import Level, nest
from codegen.emit.network_tables import Tables
from codegen.fixed_point import Integers
from codegen.ir.network import Lstm
from codegen.ir.tensors import Pair
from codegen.sigmoid_table import SIGMOID


def emit_lstm(emission: Emission, number: int, op: Lstm) -> list[str]:
    """Steps of a recurrent layer."""
    tables = emission.tables
    tables.need("lstm")
    n_units, n_inputs = op.input_weights[0].shape
    weights = [np.concatenate(pair, axis=1) for pair in zip(op.input_weights, op.recurrent_weights, strict=True)]
    note_fours(tables, n_inputs if n_inputs % 2 else n_units)
    tables.macros["WP_NETWORK_FOURS_PAIRS"] = str(int(emission.fast))
    biases = _biases(op)
    tables.note("WP_NETWORK_LSTM_LIMITS", int(_needs_limits(op, biases)))
    sigmoid = tables.array("uint16_t", "sigmoid", SIGMOID)
    gates = ", ".join(
        f"{{{_pair(given)}, {_pair(kept)}}}"
        for given, kept in zip(op.input_scalings, op.recurrent_scalings, strict=True)
    )
    name = tables.structure(
        "wp_network_lstm",
        f"lstm_{number}",
        {
            "weights": tables.array("int8_t", f"weights_{number}", np.stack(weights).transpose(1, 2, 0)),
            "bias": _fours(tables, f"bias_{number}", biases),
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


def _biases(op: Lstm) -> Integers:
    """Of each unit [n_units, of inputs and of the state, gates], with the zero points in them."""
    both = [
        [
            op.bias[gate].astype(np.int64) - op.input_zero_point * op.input_weights[gate].astype(np.int64).sum(axis=1),
            -op.hidden_zero_point * op.recurrent_weights[gate].astype(np.int64).sum(axis=1),
        ]
        for gate in range(4)
    ]
    return np.array(both, np.int64).transpose(2, 1, 0)


def _needs_limits(op: Lstm, biases: Integers) -> bool:
    """Whether some input and state could bring a scaled sum, or two together, beyond int16."""
    reach = np.zeros((2, 4))
    for gate in range(4):
        parts = ((op.input_weights, op.input_scalings), (op.recurrent_weights, op.recurrent_scalings))
        for part, (weights, scalings) in enumerate(parts):
            sums = 128 * np.abs(weights[gate].astype(np.int64)).sum(axis=1) + np.abs(biases[:, part, gate])
            multiplier, shift = scalings[gate]
            reach[part, gate] = int(sums.max()) * multiplier * 2.0 ** (shift - 31) + 1
    return bool(reach.sum(axis=0).max() > (1 << 15) - 1)


def _fours(tables: Tables, name: str, values: Integers) -> str:
    """A table of four sums an entry."""
    entries = ("{" + ", ".join(map(int32_literal, four)) + "}" for four in values.reshape(-1, 4).tolist())
    return tables.initialised("wp_network_four", name, list(entries))


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
