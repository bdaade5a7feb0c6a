"""A network as NAME.h and NAME.c, with the parts of the runtime it uses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from codegen import __version__
from codegen.emit.files import render, write_files
from codegen.emit.forest import check_name
from codegen.emit.literals import comment_text, float32_literal
from codegen.emit.network_calls import emit_operator, scratch_of
from codegen.emit.network_emission import Emission
from codegen.emit.network_tables import Tables
from codegen.ir.network import Network, Operator, Tensor
from codegen.passes.lower_network import lower_network
from codegen.passes.plan_memory import MemoryPlan, plan_memory
from codegen.readers.tflite import NetworkSource

RUNTIME = Path(__file__).resolve().parent.parent / "runtime"
WORDS_MAX = 100


def emit_network(source: NetworkSource, name: str, out: Path, *, style: str = "aot") -> Network:
    """Write NAME.h, NAME.c and the runtime they use into `out`; returns the network as it was emitted."""
    files, network = network_files(source, name, style=style)
    write_files(out, files)
    return network


def network_files(source: NetworkSource, name: str, *, style: str = "aot") -> tuple[dict[str, str], Network]:
    """The files' texts by name, and the network after all passes."""
    check_name(name)
    fast = style == "aot-fast"
    network = lower_network(source.network, fast=fast)
    plan = plan_memory(network, [scratch_of(network, operator) for operator in network.operators])
    tables = Tables()
    emission = Emission(network, plan, tables, fast)
    for index in sorted(index for index, place in plan.places.items() if place.base == "constant"):
        data = network.tensors[index].data
        if data is not None:
            tables.array("int8_t", f"constant_{index}", data)
    steps = []
    for number, operator in enumerate(network.operators):
        lines = emit_operator(emission, number, operator)
        if lines:
            steps.append({"words": _words(network, operator), "lines": lines})
    values = _values(source, network, name, style, plan)
    values |= {"tables": tables.texts, "headers": sorted(tables.headers), "macros": tables.defined(), "steps": steps}
    text = "\n".join(line for step in steps for line in step["lines"])
    values |= {"uses_arena": "memory" in text, "uses_input": "input" in text}
    runtime = {header: (RUNTIME / header).read_text(encoding="ascii") for header in _with_included(tables.headers)}
    files = {f"{name}.h": render("network.h.j2", values), f"{name}.c": render("network.c.j2", values)}
    return runtime | files, network


def _with_included(headers: set[str]) -> list[str]:
    """Headers of the runtime and those they include."""
    wanted, found = sorted(headers), set()
    while wanted:
        header = wanted.pop()
        if header not in found:
            found.add(header)
            lines = (RUNTIME / header).read_text(encoding="ascii").splitlines()
            wanted += [line.split('"')[1] for line in lines if line.startswith('#include "')]
    return sorted(found)


def _values(source: NetworkSource, network: Network, name: str, style: str, plan: MemoryPlan) -> dict[str, Any]:
    inputs = _ends([network.tensors[index] for index in network.inputs])
    outputs = _ends([network.tensors[index] for index in network.outputs])
    states = [
        {
            "offset": plan.places[index].offset,
            "value": tensor.zero_point if tensor.state == "int8" else 0,
            "bytes": tensor.size_bytes,
            "words": comment_text(tensor.name)[:WORDS_MAX],
        }
        for index, tensor in enumerate(network.tensors)
        if tensor.state and index in plan.places
    ]
    return {
        "name": name,
        "NAME": name.upper(),
        "version": __version__,
        "style": style,
        "file": comment_text(source.file),
        "sha256": source.sha256,
        "operators": source.network.operators,
        "operator_names": " ".join(source.operators),
        "inputs": inputs,
        "outputs": outputs,
        "input_bytes": sum(end["bytes"] for end in inputs),
        "output_bytes": sum(end["bytes"] for end in outputs),
        "arena_bytes": plan.arena_bytes,
        "arena_align": plan.arena_align,
        "states": states,
        "has_state": bool(states),
        "n_macs": network.n_macs,
    }


def _ends(tensors: Sequence[Tensor]) -> list[dict[str, Any]]:
    """What a header says about inputs or outputs."""
    offsets = accumulate((tensor.size for tensor in tensors), initial=0)
    return [
        {
            "offset": offset,
            "bytes": tensor.size,
            "scale": float32_literal(float(np.float32(tensor.scale))),
            "zero_point": tensor.zero_point,
            "words": f"{comment_text(tensor.name)[:WORDS_MAX]} {list(tensor.shape)}",
        }
        for tensor, offset in zip(tensors, offsets, strict=False)
    ]


def _words(network: Network, operator: Operator) -> str:
    """A comment on one step."""
    tensors = network.tensors
    shapes = " ".join(str(list(tensors[index].shape)) for index in operator.inputs)
    output = tensors[operator.output]
    return f"{operator.source}: {shapes} -> {list(output.shape)} {comment_text(output.name)[:WORDS_MAX]}"
