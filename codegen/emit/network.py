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
from codegen.emit.network_tflm import ARENA_ALIGN, arena_bytes, tflm_files
from codegen.emit.styles import find_network_style
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
    """The files' texts by name, and the network as it was emitted."""
    check_name(name)
    if find_network_style(style) == "tflm":
        values = _values(source, source.network, name, style)
        values |= {"arena_bytes": arena_bytes(source.network), "arena_align": ARENA_ALIGN}
        return {f"{name}.h": render("network.h.j2", values)} | tflm_files(source, name, values), source.network
    fast = style == "aot-fast"
    network = lower_network(source.network, fast=fast)
    plan = plan_memory(network, [scratch_of(network, operator) for operator in network.operators])
    emission = Emission(network, plan, Tables(), fast)
    values = _values(source, network, name, style) | _code(emission)
    values |= {"states": _states(network, plan), "arena_bytes": plan.arena_bytes, "arena_align": plan.arena_align}
    files = {f"{name}.h": render("network.h.j2", values), f"{name}.c": render("network.c.j2", values)}
    headers = _with_included(emission.tables.headers)
    return {header: (RUNTIME / header).read_text(encoding="ascii") for header in headers} | files, network


def _code(emission: Emission) -> dict[str, Any]:
    """Tables and steps for network.c.j2."""
    network, tables = emission.network, emission.tables
    steps = []
    for number, operator in enumerate(network.operators):
        lines = emit_operator(emission, number, operator)
        if lines:
            steps.append({"words": _words(network, operator), "lines": lines})
    text = "\n".join(line for step in steps for line in step["lines"])
    return {
        "tables": tables.texts,
        "headers": sorted(tables.headers),
        "macros": tables.defined(),
        "steps": steps,
        "uses_arena": "memory" in text,
        "uses_input": "input" in text,
    }


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


def _values(source: NetworkSource, network: Network, name: str, style: str) -> dict[str, Any]:
    inputs = _ends([network.tensors[index] for index in network.inputs])
    outputs = _ends([network.tensors[index] for index in network.outputs])
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
        "has_state": any(tensor.state for tensor in network.tensors),
        "n_macs": network.n_macs,
    }


def _states(network: Network, plan: MemoryPlan) -> list[dict[str, Any]]:
    """What NAME_reset sets."""
    return [
        {
            "offset": plan.places[index].offset,
            "value": tensor.zero_point if tensor.state == "int8" else 0,
            "bytes": tensor.size_bytes,
            "words": comment_text(tensor.name)[:WORDS_MAX],
        }
        for index, tensor in enumerate(network.tensors)
        if tensor.state and index in plan.places
    ]


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
