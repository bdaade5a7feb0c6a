"""The small style: as few bytes as can be walked at a sensible speed.

A split is the number of its test (forest_layout_tests), trees are breadth first with a bit for each place a leaf or a
split can be at (forest_layout_shapes). Splits are items of 8, 16 or 32 bits; the bits that a test's number leaves
free hold the low bits of the tree's leaves, in the same order, and the rest of the leaves is packed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegen.emit.files import render
from codegen.emit.forest_layout import (
    StoredForest,
    TreeGroup,
    group_by_shift,
    initialiser,
    splits_of,
    store,
    unsigned_bits,
    visits,
)
from codegen.emit.forest_layout_bits import Bits
from codegen.emit.forest_layout_shapes import Shape, ShapeFormat, shape_formats, shape_of
from codegen.emit.forest_layout_tests import ForestTests, find_tests
from codegen.emit.literals import int32_literal
from codegen.ir.forest import depth

RUNTIME = Path(__file__).resolve().parent.parent / "runtime"
RUNTIME_FILES = ("wp_forest_key.h", "wp_forest_small.h", "wp_forest_small.c")
ANSWERS_MAX = 4096  # tests whose answers fit the stack: 512 bytes
LEVELS_MAX = 8  # of a complete top

# One per cent of the bytes is worth this many per cent of the instructions.
SPEED = 8.0
_SHORT_CODE, _LONG_CODE = 200, 350  # bytes
_TOP_SPLIT, _SPLIT, _LONG_SPLIT, _TREE = 11.0, 19.0, 36.0, 60.0  # instructions on rv32imc at -Os, as measured


@dataclass(frozen=True, slots=True)
class Items:
    """How a split is stored: a test's number in the low bits, low bits of a leaf above."""

    type_bits: int
    test_bits: int
    leaf_bits: int  # of a whole leaf
    low_bits: int  # of a leaf, in the items

    @property
    def rest_bits(self) -> int:
        """Of a leaf, in the packed words."""
        return self.leaf_bits - self.low_bits


@dataclass(frozen=True, slots=True)
class Plan:
    """Trees as items and words."""

    items: Items
    format: ShapeFormat
    groups: tuple[TreeGroup, ...]
    shapes: tuple[Shape, ...]  # of all trees, in the order of the groups
    visits: tuple[float, ...]  # splits a row meets in each

    @property
    def n_bits(self) -> int:
        """Bits of all trees, and of code that not every format needs."""
        rest = self.items.rest_bits
        code = 8 * (_LONG_CODE if self.format.is_long else _SHORT_CODE if self.format.most else 0)
        return code + sum(
            self.format.length_bits
            + self.format.n_holes(shape)
            + len(shape.splits) * (self.items.type_bits + rest)
            + self.items.leaf_bits
            for shape in self.shapes
        )

    @property
    def instructions(self) -> float:
        """Estimate of a row's, on its way through the trees."""
        levels = (self.format.top + 2).bit_length() - 1
        each = _LONG_SPLIT if self.format.is_long else _SPLIT
        return sum(
            _TREE + _TOP_SPLIT * min(levels, passed) + each * max(passed - levels, 0.0) for passed in self.visits
        )


def code_files(values: Mapping[str, Any]) -> dict[str, str]:
    """The forest's C file and the runtime it uses."""
    forest = store(values["forest"])
    known = {**values, "base": initialiser(map(int32_literal, forest.base)), "plan": None}
    if not forest.trees:
        return {f"{values['stem']}.c": render("forest_small.c.j2", known)}
    tests = find_tests(splits_of(forest.trees))
    answers = tests.n <= ANSWERS_MAX
    if not answers:
        tests = find_tests(splits_of(forest.trees), alike=True)
    plan = best_plan(forest, tests)
    known |= (
        {"plan": plan, "answers": answers, "n_words": -(-tests.n // 32)}
        | _test_tables(tests)
        | _tree_tables(plan, tests)
    )
    files = {name: (RUNTIME / name).read_text(encoding="ascii") for name in RUNTIME_FILES}
    return files | {f"{values['stem']}.c": render("forest_small.c.j2", known)}


def best_plan(forest: StoredForest, tests: ForestTests) -> Plan:
    """The least bytes, or a little more where that saves many instructions."""
    return min(plans(forest, tests), key=lambda plan: plan.n_bits * plan.instructions ** (1 / SPEED))


def plans(forest: StoredForest, tests: ForestTests) -> Iterator[Plan]:
    """All formats with a top of up to LEVELS_MAX levels."""
    test_bits = max((tests.n - 1).bit_length(), 1)
    type_bits = unsigned_bits((1 << test_bits) - 1)
    items = Items(type_bits, test_bits, forest.leaf_bits, min(type_bits - test_bits, forest.leaf_bits))
    groups = group_by_shift(forest.trees, forest.leaf_bits)
    passed = tuple(visits(tree.root) for group in groups for tree in group.trees)
    for levels in range(1, min(LEVELS_MAX, max(depth(tree.root) for tree in forest.trees)) + 1):
        shapes = tuple(shape_of(tree, levels) for group in groups for tree in group.trees)
        for form in shape_formats(shapes, levels):
            yield Plan(items, form, groups, shapes, passed)


def _test_tables(tests: ForestTests) -> dict[str, Any]:
    words = Bits()
    starts: list[str] = []
    n_tests = n_ends = 0
    for one in tests.lists:
        starts.append(f"{{{n_tests}, {n_ends}, {words.n}}}")
        one.put(words)
        n_tests += len(one.keys)
        n_ends += len(one.ends)
    return {
        "n_lists": len(tests.lists),
        "lists": initialiser(
            f"{{{one.feature}, {len(one.keys)}, {len(one.ends)}, {one.low}, {one.step} | {one.missing}}}"
            for one in tests.lists
        ),
        "first": initialiser(int32_literal(one.keys[0]) for one in tests.lists),
        "starts": initialiser(starts),
        "ends": [initialiser(map(str, one.ends)) for one in tests.lists if one.ends] or ["    0,"],
        "differ": any(one.missing == "WP_FOREST_DIFFER" for one in tests.lists),
        "words": initialiser(f"0x{word:08x}" for word in words.words()),
    }


def _tree_tables(plan: Plan, tests: ForestTests) -> dict[str, Any]:
    items, words = plan.items, Bits()
    shapes = iter(plan.shapes)
    lines: list[str] = []
    for group in plan.groups:
        for tree in group.trees:
            shape = next(shapes)
            words.put(plan.format.length(shape), plan.format.length_bits)
            n_holes = plan.format.n_holes(shape)
            holes = (*shape.holes, *(True for _ in range(n_holes - len(shape.holes))))
            words.put(sum(hole << place for place, hole in enumerate(holes)), n_holes)
            *leaves, last = (tree.offset(leaf) >> group.shift for leaf in shape.leaves)
            own = []
            for split, leaf in zip(shape.splits, leaves, strict=True):
                low = leaf & ~(-1 << items.low_bits)
                own.append(str(low << items.test_bits | (tests.number(split) if split else 0)))
                words.put(leaf >> items.low_bits, items.rest_bits)
            words.put(last, items.leaf_bits)
            lines.append(initialiser(own))
    groups = plan.groups
    return {
        "splits": lines,
        "long": plan.format.is_long,
        "rests": initialiser(f"0x{word:08x}" for word in words.words()),
        "groups": initialiser(f"{{{len(group.trees)}, {group.output}, {group.shift}}}" for group in groups),
        "count_bits": unsigned_bits(max(len(group.trees) for group in groups)),
        "output_bits": unsigned_bits(max(group.output for group in groups)),
    }
