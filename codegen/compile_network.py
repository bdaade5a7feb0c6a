"""`python -m codegen compile` of networks."""

from __future__ import annotations

from pathlib import Path

from codegen.emit.forest import check_name
from codegen.emit.network import emit_network
from codegen.emit.styles import find_network_style
from codegen.readers.tflite import read_network


def compile_network(model: Path, name: str, out: Path, style: str) -> None:
    """Emit a model file and say what was written; raises CodegenError of all kinds."""
    check_name(name)
    find_network_style(style)
    source = read_network(model)
    emit_network(source, name, out, style=style)
    network = source.network
    print(
        f"written: {out / name}.c and .h: {len(network.operators)} operators, {network.n_macs} multiplications of "
        f"weights, {len(network.inputs)} inputs, {len(network.outputs)} outputs"
    )
