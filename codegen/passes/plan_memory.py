"""Where each tensor of a network lies: in the caller's input and output, or in the arena, by lifetime.

Tensors that are parts of others share their bytes: a reshape or a slice is its source, what a concatenation takes is
written in place. An element-by-element operator may write over what it reads last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from codegen.ir.network import Add, Fill, Lookup, Move, Multiply, Network, Operator, Softmax
from codegen.ir.tensors import row_major

Base = Literal["input", "output", "arena", "constant"]


@dataclass(frozen=True, slots=True)
class Scratch:
    """Memory an operator needs while it runs."""

    size_bytes: int = 0
    align: int = 1


@dataclass(frozen=True, slots=True)
class Place:
    """Bytes of a tensor; a constant's base is its own table."""

    base: Base
    offset: int


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Places of all tensors that are used, and of each operator's scratch in the arena."""

    places: dict[int, Place]
    scratch: tuple[int, ...]
    arena_bytes: int
    arena_align: int

    def is_in_place(self, move: Move) -> bool:
        """Whether what a move copies is there already."""
        source, target = self.places[move.input], self.places[move.output]
        same = source.base == target.base != "constant"
        return move.is_whole and same and source.offset + move.input_offset == target.offset + move.output_offset


@dataclass(slots=True)
class _Item:
    """Something to be given room in the arena, from one operator to another."""

    key: tuple[str, int]
    size: int
    align: int
    start: int
    end: int


def plan_memory(network: Network, scratch: Sequence[Scratch]) -> MemoryPlan:
    """Place everything; `scratch` has an entry for each operator."""
    sharing = _Sharing(network)
    sharing.share_moves()
    sharing.share_elementwise()
    n = len(network.operators)
    items = [
        _Item(("state", i), tensor.size_bytes, 2 if tensor.state == "int16" else 1, 0, n)
        for i, tensor in enumerate(network.tensors)
        if tensor.state
    ]
    for root, (start, end) in sharing.lifetimes().items():
        if sharing.is_free(root):
            items.append(_Item(("tensor", root), network.tensors[root].size_bytes, 1, start, end))
    items += [_Item(("scratch", i), s.size_bytes, s.align, i, i) for i, s in enumerate(scratch) if s.size_bytes]
    offsets = _assign(items)
    places: dict[int, Place] = {}
    for index in sharing.used():
        root, offset = sharing.find(index)
        place = sharing.fixed(root)
        if place is None:
            key = "state" if network.tensors[root].state else "tensor"
            place = Place("arena", offsets[key, root])
        places[index] = Place(place.base, place.offset + offset)
    return MemoryPlan(
        places,
        tuple(offsets.get(("scratch", i), 0) for i in range(n)),
        max((offsets[item.key] + item.size for item in items), default=0),
        max((item.align for item in items), default=1),
    )


def _assign(items: Sequence[_Item]) -> dict[tuple[str, int], int]:
    """Lowest free offset of each, states first, then the largest."""
    offsets: dict[tuple[str, int], int] = {}
    placed: list[tuple[int, _Item]] = []
    for item in sorted(items, key=lambda item: (item.key[0] != "state", -item.align, -item.size, item.start, item.key)):
        offset = 0
        for start, other in sorted(((start, other) for start, other in placed), key=lambda pair: pair[0]):
            apart = other.end < item.start or item.end < other.start
            if not apart and start < offset + item.size and offset < start + other.size:
                offset = -(-(start + other.size) // item.align) * item.align
        placed.append((offset, item))
        offsets[item.key] = offset
    return offsets


class _Sharing:
    """Which tensors are parts of which others."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.parent: dict[int, tuple[int, int]] = {}
        self.writers: dict[int, list[int]] = defaultdict(list)
        self.readers: dict[int, list[int]] = defaultdict(list)
        for i, operator in enumerate(network.operators):
            self.writers[operator.output].append(i)
            for index in operator.inputs:
                self.readers[index].append(i)
        self._fixed: dict[int, Place] = {}
        offset = 0
        for index in network.inputs:
            self._fixed[index] = Place("input", offset)
            offset += network.tensors[index].size
        offset = 0
        for index in network.outputs:
            self._fixed[index] = Place("output", offset)
            offset += network.tensors[index].size
        for index, tensor in enumerate(network.tensors):
            if tensor.data is not None:
                self._fixed[index] = Place("constant", 0)

    def fixed(self, index: int) -> Place | None:
        """Where a tensor has to be; None: in the arena."""
        return self._fixed.get(index)

    def is_free(self, index: int) -> bool:
        """Whether a tensor may be placed anywhere, and is not part of another yet."""
        return index not in self._fixed and not self.network.tensors[index].state and index not in self.parent

    def find(self, index: int) -> tuple[int, int]:
        """The tensor it is part of in the end, and where in it."""
        offset = 0
        while index in self.parent:
            index, step = self.parent[index]
            offset += step
        return index, offset

    def used(self) -> list[int]:
        """Tensors that an operator or the caller touches."""
        touched = {*self.network.inputs, *self.network.outputs, *self.writers, *self.readers}
        return sorted(touched.union(*(operator.states for operator in self.network.operators)))

    def lifetimes(self) -> dict[int, tuple[int, int]]:
        """First and last operator that touches each whole."""
        spans: dict[int, tuple[int, int]] = {}
        for index in {*self.writers, *self.readers}:
            root, _ = self.find(index)
            times = [*self.writers[index], *self.readers[index]]
            start, end = spans.get(root, (min(times), max(times)))
            spans[root] = min(start, *times), max(end, *times)
        return spans

    def share_moves(self) -> None:
        """Let moves of consecutive elements copy nothing, where they can."""
        network = self.network
        for i, move in enumerate(network.operators):
            if not isinstance(move, Move) or not move.is_whole:
                continue
            size = row_major((0, *move.shape))[0]
            alone = self.writers[move.output] == [i]
            if alone and self.is_free(move.output) and size == network.tensors[move.output].size:
                self.parent[move.output] = (move.input, move.input_offset)
            elif self._can_be_written_in(move, size, alone):
                self.parent[move.input] = (move.output, move.output_offset)

    def _can_be_written_in(self, move: Move, size: int, alone: bool) -> bool:
        """Whether the whole input may lie in the output from the beginning."""
        filled = any(isinstance(self.network.operators[i], Fill) for i in self.writers[move.output])
        whole = size == self.network.tensors[move.input].size and move.input_offset == 0
        return self.is_free(move.input) and whole and (alone or not filled) and self.find(move.output)[0] != move.input

    def share_elementwise(self) -> None:
        """Let operators write over what they are the last to read."""
        for i, operator in enumerate(self.network.operators):
            if not isinstance(operator, Lookup | Add | Multiply | Softmax) or not self.is_free(operator.output):
                continue
            if self.writers[operator.output] != [i]:
                continue
            spans = self.lifetimes()
            for place, index in enumerate(operator.inputs):
                root, _ = self.find(index)
                free = self.is_free(root) and root != operator.output and spans[root][1] == i
                if free and self._same_elements(operator, place) and self._apart(operator, place):
                    self.parent[operator.output] = (index, 0)
                    break

    def _same_elements(self, operator: Operator, place: int) -> bool:
        if isinstance(operator, Add | Multiply):
            return operator.strides[place] == row_major(operator.shape)
        return True

    def _apart(self, operator: Operator, place: int) -> bool:
        """Whether the other input is the same bytes, or none of them."""
        if not isinstance(operator, Add | Multiply):
            return True
        tensors = self.network.tensors
        own, other = (self.find(operator.inputs[i]) for i in (place, 1 - place))
        sizes = [tensors[operator.inputs[i]].size for i in (place, 1 - place)]
        disjoint = own[1] + sizes[0] <= other[1] or other[1] + sizes[1] <= own[1]
        return own[0] != other[0] or disjoint or (own == other and sizes[0] == sizes[1])
