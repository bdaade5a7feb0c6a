"""Worst stack of a function over all its calls, from the call graphs gcc writes (-fcallgraph-info=su)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from codegen.errors import CodegenError

_NODE = re.compile(r'^node: \{ title: "([^"]+)" label: "([^"]*)"')
_EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
_BYTES = re.compile(r"\\n(\d+) bytes \((\w+)(?:,bounded)?\)")
INDIRECT = "__indirect_call"


@dataclass(frozen=True, slots=True)
class CallGraph:
    """Frames in bytes and callees by function; functions of libraries are callees without a frame."""

    frames: Mapping[str, int]
    callees: Mapping[str, tuple[str, ...]]


def parse_call_graphs(texts: Iterable[str]) -> CallGraph:
    """Merge gcc's .ci files; raises CodegenError for a frame whose size gcc does not know."""
    frames: dict[str, int] = {}
    callees: dict[str, list[str]] = {}
    for line in (line for text in texts for line in text.splitlines()):
        if (node := _NODE.match(line)) and (size := _BYTES.search(node[2])):
            if size[2] == "dynamic" and ",bounded" not in size[0]:
                raise CodegenError(f"{node[1]}: its stack has no bound that is known when compiled")
            frames[node[1]] = int(size[1])
        elif edge := _EDGE.match(line):
            callees.setdefault(edge[1], []).append(edge[2])
    return CallGraph(frames, {name: tuple(dict.fromkeys(targets)) for name, targets in callees.items()})


def worst_stack(graph: CallGraph, entry: str, indirect: tuple[str, ...] = ()) -> int:
    """Bytes of the deepest chain from `entry`; a call through a pointer may go to any of `indirect`.

    Raises CodegenError when functions call each other in a circle: no bound exists.
    """
    known: dict[str, int] = {}
    open_calls: set[str] = set()

    def chain(name: str) -> int:
        if name in open_calls:
            raise CodegenError(f"{name}: is recursive, its stack has no bound")
        if name not in known:
            open_calls.add(name)
            targets = indirect if name == INDIRECT else graph.callees.get(name, ())
            known[name] = graph.frames.get(name, 0) + max((chain(target) for target in targets), default=0)
            open_calls.remove(name)
        return known[name]

    return chain(entry)
