"""Recurrent layers."""

from __future__ import annotations

import numpy as np

from codegen.emit.network_emission import Emission
from codegen.emit.network_loops import Level, nest
from codegen.ir.network import Lstm, Pair
from codegen.sigmoid_table import SIGMOID


def emit_lstm(emission: Emission, number: int, op: Lstm) -> list[str]:
    """Steps of a recurrent layer."""
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
