"""`python -m codegen compile` of networks: one style, or the one a budget asks for."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codegen.budget import Budget, choose
from codegen.compile_forest import at_work
from codegen.emit.forest import check_name
from codegen.emit.network import emit_network
from codegen.emit.styles import find_network_style
from codegen.errors import ModelError
from codegen.readers.tflite import NetworkSource, read_network

N_DRAWN = 100


def compile_network(
    model: Path,
    name: str,
    out: Path,
    style: str,
    inputs: Path | None,
    target: str,
    budget: Budget,
    *,
    json_wanted: bool,
) -> None:
    """Emit a model file and say what was written; raises CodegenError of all kinds.

    style   one of NETWORK_STYLES, or auto: measured on `target` with `inputs` (None: drawn ones), chosen by `budget`
    """
    check_name(name)
    if style != "auto":
        find_network_style(style)
    source = read_network(model)
    if style == "auto":
        style = _choose(source, _rows(source, inputs), target, budget, json_wanted=json_wanted)
    emit_network(source, name, out, style=style)
    if json_wanted:
        return
    network = source.network
    print(
        f"written: {out / name}.c and .h: {len(network.operators)} operators, {network.n_macs} multiplications of "
        f"weights, {len(network.inputs)} inputs, {len(network.outputs)} outputs"
    )


def _rows(source: NetworkSource, inputs: Path | None) -> NDArray[np.int8]:
    """Inputs to count instructions on [n, input bytes]."""
    size = sum(source.network.tensors[index].size for index in source.network.inputs)
    if inputs is None:
        return np.random.default_rng(0).integers(-128, 128, (N_DRAWN, size)).astype(np.int8)
    try:
        with np.load(inputs, allow_pickle=False) as file:
            rows = np.asarray(file["x"])
    except (KeyError, OSError, ValueError, EOFError) as error:
        raise ModelError(f"{inputs}: has no array x: {error}; save one with numpy.savez") from None
    if rows.ndim != 2 or rows.shape[1] != size or not len(rows) or rows.dtype.kind not in "iu":
        raise ModelError(f"{inputs}: {rows.dtype} rows of shape {rows.shape}, the network takes int8 [n, {size}]")
    return rows.clip(-128, 127).astype(np.int8)


def _choose(source: NetworkSource, rows: NDArray[np.int8], target: str, budget: Budget, *, json_wanted: bool) -> str:
    """The style a budget asks for; prints what all of them cost, and why it is that one."""
    from codegen.auto import table_text
    from codegen.auto_network import OPTIMISATION, measure_network_styles

    with tempfile.TemporaryDirectory(prefix="wattprint-auto-") as folder, at_work(f"measuring styles on {target}"):
        inputs = Path(folder) / "rows.npz"
        np.savez(inputs, x=rows)
        measured = measure_network_styles(source, target, inputs)
    chosen, why = choose(measured.costs, budget, measured.target)
    if json_wanted:
        print(json.dumps({**measured.as_json(), "rows": len(rows), "chosen": chosen.style, "why": why}, indent=1))
    else:
        print(table_text(measured.costs, chosen.style))
        for note in measured.notes:
            print(f"note: {note}")
        print(f"{why}, on {measured.target}; build it with {OPTIMISATION[chosen.style]}")
    return chosen.style
