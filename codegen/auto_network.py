"""`--emit auto` of networks: what each style costs on a target, built as it is meant to be built."""

from __future__ import annotations

import tempfile
from pathlib import Path

from codegen.auto import Measured, StyleCost
from codegen.emit.network import emit_network
from codegen.errors import CompilerError
from codegen.measure import measure
from codegen.readers.tflite import NetworkSource

OPTIMISATION = {"aot": "-Os", "aot-fast": "-O2"}


def measure_network_styles(source: NetworkSource, target: str, inputs: Path) -> Measured:
    """Emit, compile and measure every style of plain C; where the target has no compiler, this machine's bytes.

    inputs  .npz with x [rows, input bytes]. Raises CompilerError when there is no compiler here either.
    """
    notes: list[str] = []
    costs: list[StyleCost] = []
    for style in OPTIMISATION:
        try:
            costs.append(_measure(source, style, target, inputs))
        except CompilerError as error:
            if target == "host" or costs:
                raise
            notes.append(f"no figures for {target}: {error}; these are bytes of this machine")
            target = "host"
            costs.append(_measure(source, style, target, inputs))
    return Measured(target, tuple(costs), tuple(notes))


def _measure(source: NetworkSource, style: str, target: str, inputs: Path) -> StyleCost:
    with tempfile.TemporaryDirectory(prefix="wattprint-auto-") as folder:
        emit_network(source, "measured", Path(folder), style=style)
        cost = measure(Path(folder), target=target, opt=OPTIMISATION[style], inputs=inputs)
    counted = cost["instructions"] or {"mean": None, "max": None}
    return StyleCost(
        style, None, cost["flash_bytes"], cost["ram_bytes"], cost["stack_bytes"], counted["mean"], counted["max"]
    )
