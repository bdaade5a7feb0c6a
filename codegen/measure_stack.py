"""Worst stack of a function over all its calls.

From the call graphs gcc writes (-fcallgraph-info=su), or from Xtensa assembler text: clang writes no graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from codegen.errors import CodegenError

_NODE = re.compile(r'^node: \{ title: "([^"]+)" label: "([^"]*)"')
_EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
_BYTES = re.compile(r"\\n(\d+) bytes \((\w+)(?:,bounded)?\)")
INDIRECT = "__indirect_call"

_XTENSA_LITERAL = re.compile(r"\t\.literal (\.LCPI\w+), ([A-Za-z_.][\w.]*)$")
_XTENSA_FRAME = re.compile(r"\tentry\ta1, (\d+)$")
_XTENSA_LOAD = re.compile(r"\tl32r\t(a\d+), (\.LCPI\w+)$")
_XTENSA_CALL = re.compile(r"\tcallx8\t(a\d+)$")
_XTENSA_WRITE = re.compile(r"\t[a-z][\w.]*\t(a\d+)\b")
XTENSA_BELOW_BYTES = 16
"""Below the deepest stack pointer, where registers of the caller's window may be spilt."""


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


def parse_xtensa(texts: Iterable[str]) -> CallGraph:
    """Frames and calls of clang's assembler text, one text a source file.

    A function whose address is read counts as called; a call whose target was not read just before is indirect.
    """
    frames: dict[str, int] = {}
    callees: dict[str, list[str]] = {}
    for index, text in enumerate(texts):
        local = _xtensa_local(text, index)
        literals: dict[str, str] = {}
        held: dict[str, str] = {}
        name = ""
        for line in text.splitlines():
            if found := re.match(r"\t\.type\t([\w.]+),@function", line):
                name, held = local.get(found[1], found[1]), {}
            elif literal := _XTENSA_LITERAL.match(line):
                literals[literal[1]] = local.get(literal[2], literal[2])
            elif frame := _XTENSA_FRAME.match(line):
                frames[name] = int(frame[1])
            elif "\tmovsp\t" in line:
                raise CodegenError(f"{name}: its stack has no bound that is known when compiled")
            elif call := _XTENSA_CALL.match(line):
                callees.setdefault(name, []).append(held.get(call[1], INDIRECT))
            elif load := _XTENSA_LOAD.match(line):
                held[load[1]] = literals.get(load[2], "")
                callees.setdefault(name, []).append(held[load[1]])
            elif write := _XTENSA_WRITE.match(line):
                held.pop(write[1], None)
    return CallGraph(frames, {name: tuple(dict.fromkeys(targets)) for name, targets in callees.items()})


def _xtensa_local(text: str, index: int) -> dict[str, str]:
    """Names of a file's static functions, made different from those of other files."""
    functions = set(re.findall(r"^\t\.type\t([\w.]+),@function", text, re.MULTILINE))
    shared = set(re.findall(r"^\t\.(?:global|weak)\t([\w.]+)", text, re.MULTILINE))
    return {name: f"{index}:{name}" for name in functions - shared}


def worst_stack(graph: CallGraph, entry: str, indirect: tuple[str, ...] = ()) -> int:
    """Bytes of the deepest chain from `entry`; a call through a pointer may go to any of `indirect`, or to anything.

    Where it goes is never on the way there: no function calls itself through a pointer. Raises CodegenError when
    functions call each other in a circle by name: no bound exists.
    """
    known: dict[str, int] = {}
    open_calls: set[str] = set()

    def through_pointer() -> int:
        targets = indirect or tuple(graph.frames)
        return max((chain(target) for target in targets if target not in open_calls), default=0)

    def chain(name: str) -> int:
        if name == INDIRECT:
            return through_pointer()
        if name in open_calls:
            raise CodegenError(f"{name}: is recursive, its stack has no bound")
        if name not in known:
            open_calls.add(name)
            targets = graph.callees.get(name, ())
            known[name] = graph.frames.get(name, 0) + max((chain(target) for target in targets), default=0)
            open_calls.remove(name)
        return known[name]

    return chain(entry)
