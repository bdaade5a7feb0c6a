"""The fast style: trees as branches that share comparisons, on features prepared once, with quantised leaves.

codegen/emit/forest_fast_blocks.py merges the trees, forest_fast_slots.py says what is compared; here they become text.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from codegen.emit.files import render
from codegen.emit.forest_fast_blocks import Block, Branch, Comparison, OutputSum, output_sums
from codegen.emit.forest_fast_slots import Slot, Slots, choose_slots, threshold_bytes
from codegen.emit.literals import int32_literal
from codegen.ir.forest import Forest

# More splits a function save calls; but then jumps to the next tree take four bytes instead of two (c.j reaches 2 KB),
# and compilers take more than linear time. Lines of four spaces a level should end before column 100.
SPLITS_PER_FUNCTION = 192
DEPTH_PER_FUNCTION = 16


@dataclass(frozen=True, slots=True)
class FastCode:
    """What the template needs of a forest: functions in the order C wants them, and the terms of each output."""

    functions: tuple[str, ...]
    sums: tuple[tuple[str, ...], ...]  # [n_outputs][terms], the constant first
    reads_x: bool  # features are compared where they stand


def code_files(values: Mapping[str, Any]) -> dict[str, str]:
    """The forest as branches: one file."""
    forest: Forest = values["forest"]
    sums = output_sums(forest)
    slots = choose_slots(sums, forest.feature_type)
    more = {"code": fast_code(sums, slots), "slots": slots, **_tables(forest, slots)}
    return {f"{values['stem']}.c": render("forest_fast.c.j2", {**values, **more})}


def fast_code(sums: Sequence[OutputSum], slots: Slots) -> FastCode:
    """C functions of all outputs, and each output as a sum of calls."""
    writer = _Writer(slots, {slot: index for index, slot in enumerate(slots.slots)})
    terms = []
    for output in sums:
        block = writer.outlined(_by_units(output.block))
        calls = [*block.calls, *([writer.function(replace(block, calls=()))] if block.branches else [])]
        terms.append((int32_literal(output.constant), *(writer.call(index) for index in calls)))
    reads_x = any("x" in arrays for arrays in writer.arrays)
    return FastCode(tuple(writer.functions), tuple(terms), reads_x)


@dataclass(slots=True)
class _Writer:
    """Writes functions; those made on the way stand before those that call them."""

    slots: Slots
    places: Mapping[Slot, int]
    functions: list[str] = field(default_factory=list)
    arrays: list[frozenset[str]] = field(default_factory=list)  # that each function takes: x, k

    def outlined(self, block: Block) -> Block:
        """The block with parts that are too large or too deep for one function moved into functions of their own.

        Recursion is as deep as the trees, at one frame a level.
        """
        branches = []
        for branch in block.branches:
            left, right = self.outlined(branch.left), self.outlined(branch.right)
            while left.n_splits + right.n_splits >= SPLITS_PER_FUNCTION:
                left, right = (self.cut(left), right) if left.n_splits > right.n_splits else (left, self.cut(right))
            left, right = (self.cut(arm) if arm.depth >= DEPTH_PER_FUNCTION else arm for arm in (left, right))
            branches.append(replace(branch, left=left, right=right))
        calls = list(block.calls)
        while sum(1 + branch.left.n_splits + branch.right.n_splits for branch in branches) > SPLITS_PER_FUNCTION:
            n_first = self.first(branches)
            calls.append(self.function(Block(branches=tuple(branches[:n_first]))))
            del branches[:n_first]
        return Block(block.adds, tuple(branches), tuple(calls))

    def first(self, branches: Sequence[Branch]) -> int:
        """How many branches fill a function."""
        n_splits = 0
        for index, branch in enumerate(branches):
            n_splits += 1 + branch.left.n_splits + branch.right.n_splits
            if n_splits > SPLITS_PER_FUNCTION:
                return max(index, 1)
        return len(branches)

    def cut(self, block: Block) -> Block:
        """The block with its branches behind a call."""
        inner = Block(branches=block.branches)
        return Block(block.adds, (), (*block.calls, self.function(inner))) if inner.branches else block

    def function(self, block: Block) -> int:
        """Add a function that returns what a block adds; returns its index."""
        arrays = self.read_by(block)
        lines, units = self.lines(block, 1), sorted(_units(block))
        name = f"sum_{len(self.functions)}"
        head = f"static NOINLINE int32_t {name}({self.parameters(arrays)})"
        total = " + ".join(f"s{unit} * {1 << unit}" if unit else "s0" for unit in units)
        text = [head, "{", *(f"    int32_t s{unit} = 0;" for unit in units), *lines, f"    return {total};", "}"]
        self.functions.append("\n".join(text))
        self.arrays.append(arrays)
        return len(self.functions) - 1

    def parameters(self, arrays: frozenset[str]) -> str:
        key = "uint32_t" if self.slots.unsigned else "int32_t"
        return ", ".join(f"const {key} {array}[]" for array in sorted(arrays))

    def call(self, index: int) -> str:
        return f"sum_{index}({', '.join(sorted(self.arrays[index]))})"

    def read_by(self, block: Block) -> frozenset[str]:
        arrays: set[str] = set()
        pending = [block]
        while pending:
            current = pending.pop()
            arrays.update(*(self.arrays[index] for index in current.calls))
            for branch in current.branches:
                arrays.add(self.operand(branch.comparison)[0])
                pending += [branch.left, branch.right]
        return frozenset(arrays)

    def operand(self, comparison: Comparison) -> str:
        place = self.places.get(Slot(comparison.feature, comparison.default_left))
        return f"x[{comparison.feature}]" if place is None else f"k[{place}]"

    def lines(self, block: Block, level: int) -> list[str]:
        """The statements of a block. The arm that is taken more often comes last: it falls through to what follows."""
        pad = "    " * level
        lines = [f"{pad}s{unit} {'+' if value > 0 else '-'}= {abs(value)};" for unit, value in block.adds]
        lines += [f"{pad}s0 += {self.call(index)};" for index in block.calls]
        for index, branch in enumerate(block.branches):
            if index:
                lines.append(f"{pad}FENCE();")
            swapped = branch.left.empty or (branch.left_share > 0.5 and not branch.right.empty)
            first, last = (branch.right, branch.left) if swapped else (branch.left, branch.right)
            constant = self.slots.constants[branch.comparison]
            right = f"0x{constant:08x}u" if self.slots.unsigned else int32_literal(constant)
            lines.append(f"{pad}if ({self.operand(branch.comparison)} {'>=' if swapped else '<'} {right}) {{")
            lines += self.lines(first, level + 1)
            if not last.empty:
                lines += [f"{pad}}} else {{", *self.lines(last, level + 1)]
            lines.append(f"{pad}}}")
        return lines


def _by_units(block: Block) -> Block:
    """The block with branches that add in the same units together, so that functions need few registers for sums."""
    return replace(block, branches=tuple(sorted(block.branches, key=lambda item: sorted(_units(Block((), (item,)))))))


def _units(block: Block) -> set[int]:
    """Units in which a block adds up; calls add to unit 0."""
    units: set[int] = set()
    pending = [block]
    while pending:
        current = pending.pop()
        units.update(unit for unit, _ in current.adds)
        units.update([0] if current.calls else [])
        for branch in current.branches:
            pending += [branch.left, branch.right]
    return units


def _tables(forest: Forest, slots: Slots) -> dict[str, Any]:
    """What the template says of slots and their tables, with the narrowest types that hold them."""
    features = [slot.feature for slot in slots.slots]
    left = sum(slot.missing_left for slot in slots.slots)
    numbers = [n for s in slots.searches for n in (s.start, s.overlap, abs(s.zero), abs(s.missing))]
    narrow = max([*numbers, forest.n_features], default=0) < 1 << 15
    classes: dict[int, int] = {}
    for search in slots.searches:
        classes[search.n_steps] = classes.get(search.n_steps, 0) + 1
    bits = 8 * threshold_bytes(slots)
    return {
        "feature_index": "uint8_t" if max(features, default=0) < 256 else "uint32_t",
        "n_right": len(features) - left,
        "n_left": left,
        "in_order": features == list(range(len(features))) and left in (0, len(features)),
        "key_type": "uint32_t" if forest.feature_type == "float32" else "int32_t",
        "threshold_type": "uint32_t" if forest.feature_type == "float32" else f"int{bits}_t",
        "position_types": ("uint16_t", "int16_t") if narrow else ("uint32_t", "int32_t"),
        "classes": sorted(classes.items(), reverse=True),
        "threshold_text": _wrapped(
            f"{value}u" if forest.feature_type == "float32" else f"{value}" for value in slots.thresholds
        ),
        "feature_text": _wrapped(map(str, features)),
    }


def _wrapped(numbers: Iterable[str]) -> str:
    """The elements of an array, in lines of 100 columns."""
    return textwrap.fill(", ".join(numbers), 100, initial_indent="    ", subsequent_indent="    ")
