"""The network of an artifact as C: the compiled graph, and how the core reaches it (wp/network.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen.emit.files import render
from codegen.emit.network import network_files
from codegen.errors import ModelError, StyleError
from codegen.readers.tflite import NetworkSource, read_network

if TYPE_CHECKING:
    from train.artifact import Artifact, Network

GRAPH = "wp_net"  # prefix of the graph's own names and files
FIRMWARE_STYLES = ("aot", "aot-fast")  # those whose C compiles alone
FILES = ("network.c", "network.h", f"{GRAPH}.c", f"{GRAPH}.h")


def read_artifact_network(artifact: Artifact) -> tuple[NetworkSource, Network]:
    """The graph and what the manifest says of its bytes; raises ModelError where the two differ."""
    network = artifact.network
    if network is None:
        raise ModelError(f"{artifact.path}: its models are forests, not a network")
    path = artifact.path / network.file
    source = read_network(path)
    graph = source.network
    found = tuple(sum(graph.tensors[index].size for index in indices) for indices in (graph.inputs, graph.outputs))
    if found != (network.input_bytes, network.output_bytes):
        raise ModelError(
            f"{path}: {found[0]} bytes in and {found[1]} out, the manifest says {network.input_bytes} and "
            f"{network.output_bytes}; train again"
        )
    return source, network


def artifact_network_files(artifact: Artifact, style: str, provenance: dict[str, Any]) -> dict[str, str]:
    """network.{c,h}, the graph and its runtime, as texts by file name."""
    if style not in FIRMWARE_STYLES:
        raise StyleError(
            f"style {style!r} needs a library that the firmware does not link; take {' or '.join(FIRMWARE_STYLES)}"
        )
    source, network = read_artifact_network(artifact)
    try:
        files, _ = network_files(source, GRAPH, style=style)
    except ModelError as error:
        raise ModelError(f"{artifact.path / network.file}: {error}") from None
    values = provenance | {
        "network": network,
        "graph": GRAPH,
        "rows": [(item, artifact.features[item.feature]) for item in (*network.inputs, *network.row)],
    }
    return files | {name: render(f"artifact_{name}.j2", values) for name in ("network.c", "network.h")}
