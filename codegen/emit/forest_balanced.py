"""The balanced style: tables and a short loop, laid out for the least bytes x instructions.

Trees are a stream of bytes (forest_layout_stream) or, where nearly all of them are complete, arrays that hold every
level (forest_layout_complete). Splits compare ranks, bytes that are computed once a row; where a row meets few splits,
or the ranks would take too much stack, splits look up their threshold instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegen.emit.files import render
from codegen.emit.forest_layout import (
    StoredForest,
    initialiser,
    splits_of,
    store,
    unsigned_bits,
    visits,
)
from codegen.emit.forest_layout_complete import CompleteTrees, complete_trees
from codegen.emit.forest_layout_lists import Lists, threshold_lists
from codegen.emit.forest_layout_stream import Stream, stream
from codegen.emit.literals import int32_literal
from codegen.ir.forest import depth

RUNTIME = Path(__file__).resolve().parent.parent / "runtime"
RANKS_MAX = 255  # bytes of stack
LEVELS_MAX = 10  # of complete trees: 1024 leaves each
NEAR = 1.05  # estimates are no better

# Executed instructions on rv32imc at -Os, and bytes of code, as measured; they only choose between layouts.
_SPLIT_OF_STREAM, _TREE_OF_STREAM = 9.8, 14.0
_LEVEL_COMPLETE, _TREE_COMPLETE = 8.0, 3.0
_LIST, _LIST_STEP, _FLOAT = 30.0, 8.0, 8.0
_LOOK_UP = 16.0
_CODE_BYTES = 350


@dataclass(frozen=True, slots=True)
class Plan:
    """One layout of a forest, and what it is estimated to cost."""

    trees: Stream | CompleteTrees
    ranks: bool  # splits compare ranks; else they look up thresholds
    n_bytes: float
    instructions: float  # of a row

    @property
    def product(self) -> float:
        """What is to be small."""
        return self.n_bytes * self.instructions


def code_files(values: Mapping[str, Any]) -> dict[str, str]:
    """The forest's C file and the runtime it includes."""
    integer: bool = values["integer_features"]
    forest = store(values["forest"])
    known = {**values, "base": initialiser(map(int32_literal, forest.base)), "plan": None}
    if not forest.trees:
        return {f"{values['stem']}.c": render("forest_balanced.c.j2", known)}
    lists = threshold_lists(splits_of(forest.trees))
    plan = best_plan(forest, lists, integer=integer)
    known |= {"plan": plan} | _list_tables(lists, integer=integer) | _tree_tables(plan.trees)
    runtime = (["wp_forest_ranks.h"] if plan.ranks else []) + (
        [] if integer and not plan.ranks else ["wp_forest_key.h"]
    )
    files = {name: (RUNTIME / name).read_text(encoding="ascii") for name in runtime}
    return files | {f"{values['stem']}.c": render("forest_balanced.c.j2", known)}


def best_plan(forest: StoredForest, lists: Lists, *, integer: bool) -> Plan:
    """The plan of least product, or of those near it the smallest; rows are taken to be like those of training."""
    found = list(plans(forest, lists, integer=integer))
    near = NEAR * min(plan.product for plan in found)
    return min((plan for plan in found if plan.product <= near), key=lambda plan: plan.n_bytes)


def plans(forest: StoredForest, lists: Lists, *, integer: bool) -> Iterator[Plan]:
    """A stream that looks thresholds up, and where ranks fit the stack one that compares them, and complete trees."""
    passed = sum(visits(tree.root) for tree in forest.trees)
    n_trees, n_keys = len(forest.trees), sum(len(one.keys) for one in lists.lists)
    narrow = sum(len(one.keys) for one in lists.lists if integer and one.is_narrow)
    fixed = _CODE_BYTES + 4 * n_keys + 3 * len(lists.lists) - 2 * narrow
    key = 0.0 if integer else _FLOAT
    ranking = sum(_LIST + key + _LIST_STEP * len(one.keys).bit_length() for one in lists.lists)
    trees = stream(forest.trees, forest.leaf_bits, lists.n_slots, lists.slot)
    walking = _SPLIT_OF_STREAM * passed + _TREE_OF_STREAM * n_trees
    yield Plan(trees, False, fixed + trees.n_bytes, walking + (_LOOK_UP + key) * passed)
    if lists.n_slots > RANKS_MAX:
        return
    yield Plan(trees, True, fixed + trees.n_bytes, walking + ranking)
    levels = max(depth(tree.root) for tree in forest.trees)
    if levels <= LEVELS_MAX:
        complete = complete_trees(forest, levels, lists.slot)
        walking = (_LEVEL_COMPLETE * levels + _TREE_COMPLETE) * n_trees
        yield Plan(complete, True, fixed + complete.n_bytes, walking + ranking)


def _list_tables(lists: Lists, *, integer: bool) -> dict[str, Any]:
    """Initialisers of lists, thresholds and slots; with float features all thresholds are wide."""
    narrow = [one for one in lists.lists if integer and one.is_narrow]
    wide = lists.lists[len(narrow) :]
    slots: list[str] = []
    first = 0
    for one in lists.lists:
        slots += [f"{{{one.feature}, {first}, {right}}}" for right in one.sides]
        first += len(one.keys)
    sides = ["" if lists.sides else f", {_SIDES[one.sides]}" for one in lists.lists]
    return {
        "lists": initialiser(
            f"{{{one.feature}, {len(one.keys)}{own}}}" for one, own in zip(lists.lists, sides, strict=True)
        ),
        "column_bits": unsigned_bits(max(one.feature for one in lists.lists)),
        "all_sides": _SIDES[lists.sides] if lists.sides else "",
        "n_narrow": len(narrow),
        "n_wide": len(wide),
        "narrow": [initialiser(map(str, one.keys)) for one in narrow],
        "wide": [initialiser(map(int32_literal, one.keys)) for one in wide],
        "n_slots": lists.n_slots,
        "slots": initialiser(slots),
        "first_bits": max(unsigned_bits(first), 16),
    }


_SIDES = {(0,): "WP_FOREST_LEFT", (1,): "WP_FOREST_RIGHT", (0, 1): "WP_FOREST_LEFT | WP_FOREST_RIGHT"}


def _tree_tables(trees: Stream | CompleteTrees) -> dict[str, Any]:
    """Initialisers of groups and trees, a tree beginning a line."""
    groups = trees.groups
    tables = {
        "groups": initialiser(f"{{{len(group.trees)}, {group.output}, {group.shift}}}" for group in groups),
        "count_bits": unsigned_bits(max(len(group.trees) for group in groups)),
        "output_bits": unsigned_bits(max(group.output for group in groups)),
    }
    if isinstance(trees, Stream):
        return tables | {"trees": [initialiser(map(str, tree)) for tree in trees.trees]}
    return tables | {
        "trees": [
            (initialiser((f"{{{slot}, {position}}}" for slot, position in splits), " " * 12), _numbers(leaves))
            for splits, leaves in zip(trees.splits, trees.leaves, strict=True)
        ]
    }


def _numbers(values: Iterable[int]) -> str:
    return initialiser(map(str, values), " " * 12)
