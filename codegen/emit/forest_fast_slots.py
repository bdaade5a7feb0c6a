"""What the fast style compares: features prepared once into an array k, as keys or as ranks.

A key is an integer in the order of the feature: of a float its bits, with those of negative ones turned round; an
integer is its own. A rank is the number of the forest's thresholds of that feature that are not above it, less a zero
chosen so that common comparisons are cheap. Keys cost little to make and much to compare with, ranks the reverse.
A missing feature is the smallest or the largest value there is: a slot of its own for each default direction.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from codegen.emit.forest_fast_blocks import Branch, Comparison, OutputSum, visits
from codegen.ir.forest import FeatureType, Number

NEAR_SLOTS = 32  # array elements that a two-byte load reaches on RISC-V and Arm
_SPLIT_BYTES, _VISIT_INSTRUCTIONS = 12, 2  # of a branch and its leaf, without the constant compared with


Kind = Literal["keys", "ranks"]


class Slot(NamedTuple):
    """One element of k: a feature, with missing as its smallest (left) or largest value."""

    feature: int
    missing_left: bool


@dataclass(frozen=True, slots=True)
class Search:
    """How the rank of a slot is found: by halving, from a first step that makes the rest a power of two."""

    slot: Slot
    n_steps: int
    start: int  # of the feature's thresholds in the table of all
    overlap: int  # where to go on after a first step to the right
    zero: int  # subtracted from the position in the table
    missing: int  # rank of a missing feature


@dataclass(frozen=True, slots=True)
class Slots:
    """The array k: what is in it, and the constants that comparisons with it take."""

    kind: Kind
    feature_type: FeatureType
    slots: tuple[Slot, ...]
    constants: Mapping[Comparison, int]
    thresholds: tuple[int, ...] = ()  # of ranks: of all features, each ascending
    searches: tuple[Search, ...] = ()  # of ranks: the first slots of k, in that order
    twins: tuple[tuple[Slot, int, int], ...] = ()  # of ranks: the rest: slot, that of the other side, missing

    @property
    def unsigned(self) -> bool:
        """Whether elements of k are uint32_t."""
        return self.kind == "keys" and self.feature_type == "float32"


class _Use(NamedTuple):
    """How often a comparison is written and, per row, executed."""

    splits: int
    visits: float


def choose_slots(
    sums: Sequence[OutputSum], feature_type: FeatureType, kinds: Sequence[Kind] = ("keys", "ranks")
) -> Slots:
    """That of `kinds` which makes the smaller product of bytes and instructions, as estimated for RISC-V."""
    uses: dict[Comparison, _Use] = {}
    for output in sums:
        for branch, rows in visits(output.block):
            _count(uses, branch, rows)
    if not uses:
        return Slots("keys", feature_type, (), {})
    made = ({"keys": _keys, "ranks": _ranks}[kind](uses, feature_type) for kind in kinds)
    return min(made, key=lambda slots: _cost(slots, uses))


def _count(uses: dict[Comparison, _Use], branch: Branch, rows: float) -> None:
    use = uses.get(branch.comparison, _Use(0, 0.0))
    uses[branch.comparison] = _Use(use.splits + 1, use.visits + rows)


def ordered(threshold: Number, feature_type: FeatureType) -> int:
    """A threshold as what keys are compared with; float keys are unsigned, and -0 is no less than 0."""
    if feature_type == "int32":
        return int(threshold)
    if threshold == 0:
        return 0x7FFFFFFF
    bits = int(struct.unpack("<I", struct.pack("<f", threshold))[0])
    return bits ^ (0xFFFFFFFF if bits >> 31 else 0x80000000)


def _keys(uses: Mapping[Comparison, _Use], feature_type: FeatureType) -> Slots:
    """Integer features that are the smallest when missing are compared where they stand, in x."""
    constants = {comparison: ordered(comparison.threshold, feature_type) for comparison in uses}
    by_slot = _splits_by_slot(uses)
    if feature_type == "int32":
        by_slot = Counter({slot: n for slot, n in by_slot.items() if not slot.missing_left})
    right_first = sorted(by_slot, key=lambda slot: (slot.missing_left, slot.feature))
    if len(right_first) > NEAR_SLOTS:
        right_first = sorted(by_slot, key=lambda slot: (slot.missing_left, -by_slot[slot], slot.feature))
    return Slots("keys", feature_type, tuple(right_first), constants)


def _ranks(uses: Mapping[Comparison, _Use], feature_type: FeatureType) -> Slots:
    by_slot = _splits_by_slot(uses)
    tables: dict[int, list[int]] = {}
    for comparison in uses:
        tables.setdefault(comparison.feature, []).append(ordered(comparison.threshold, feature_type))
    tables = {feature: sorted(set(values)) for feature, values in tables.items()}
    zeros = _zeros(uses, tables, feature_type)
    order = sorted(by_slot, key=lambda slot: (-len(tables[slot.feature]).bit_length(), -by_slot[slot], slot))
    first = {slot.feature: slot for slot in reversed(order)}
    starts: dict[int, int] = {}
    for slot in (slot for slot in order if first[slot.feature] == slot):
        starts[slot.feature] = sum(len(tables[feature]) for feature in starts)
    searches, twins = [], []
    for slot in order:
        table, start, zero = tables[slot.feature], starts[slot.feature], zeros[slot.feature]
        missing = -zero if slot.missing_left else len(table) - zero
        if first[slot.feature] == slot:
            n_steps = len(table).bit_length()
            overlap = len(table) - (1 << (n_steps - 1)) + 1
            searches.append(Search(slot, n_steps, start, overlap, start + zero, missing))
        else:
            twins.append((slot, list(starts).index(slot.feature), missing))
    return Slots(
        "ranks",
        feature_type,
        tuple(search.slot for search in searches) + tuple(slot for slot, _, _ in twins),
        _rank_constants(uses, tables, zeros, feature_type),
        tuple(value for feature in starts for value in tables[feature]),
        tuple(searches),
        tuple(twins),
    )


def _splits_by_slot(uses: Mapping[Comparison, _Use]) -> Counter[Slot]:
    by_slot: Counter[Slot] = Counter()
    for comparison, use in uses.items():
        by_slot[Slot(comparison.feature, comparison.default_left)] += use.splits
    return by_slot


def _rank_constants(
    uses: Mapping[Comparison, _Use],
    tables: Mapping[int, Sequence[int]],
    zeros: Mapping[int, int],
    feature_type: FeatureType,
) -> dict[Comparison, int]:
    """x < table[i] is rank < i + 1, of ranks that count from the feature's zero."""
    places = {feature: {value: i for i, value in enumerate(table)} for feature, table in tables.items()}
    return {
        c: places[c.feature][ordered(c.threshold, feature_type)] + 1 - zeros[c.feature] for c in uses
    }  # fmt: skip


def _zeros(
    uses: Mapping[Comparison, _Use], tables: Mapping[int, Sequence[int]], feature_type: FeatureType
) -> dict[int, int]:
    """For each feature the zero that saves most: comparisons with 0 and 1 need no constant, small ones a short one."""
    rate = _SPLIT_BYTES * sum(use.splits for use in uses.values()) / sum(1 + use.visits for use in uses.values())
    places = _rank_constants(uses, tables, dict.fromkeys(tables, 0), feature_type)
    by_place: dict[int, dict[int, list[_Use]]] = {feature: {} for feature in tables}
    for comparison, use in uses.items():
        by_place[comparison.feature].setdefault(places[comparison], []).append(use)
    zeros = {}
    for feature, used in by_place.items():

        def cost(zero: int, used: Mapping[int, Sequence[_Use]] = used) -> float:
            near = (place for place in range(zero - 31, zero + 33) if place in used)
            return sum(
                use.splits * (_constant(place - zero)[1] - 4) + rate * use.visits * (_constant(place - zero)[0] - 1)
                for place in near
                for use in used[place]
            )

        zeros[feature] = min(sorted(used), key=cost)
    return zeros


def _constant(value: int) -> tuple[int, int]:
    """Instructions and bytes that get a signed constant into a register on RISC-V."""
    if value in (0, 1):
        return 0, 0
    if -2048 < value < 2048:
        return 1, 2 if -32 < value < 32 else 4
    return (1, 4) if value % 4096 in (0, 1) else (2, 8)


def _cost(slots: Slots, uses: Mapping[Comparison, _Use]) -> float:
    """Estimated instructions times estimated bytes on RISC-V."""
    instructions = sum(use.visits for use in uses.values()) * _VISIT_INSTRUCTIONS
    size = sum(use.splits for use in uses.values()) * _SPLIT_BYTES
    for comparison, use in uses.items():
        spent = (2, 8) if slots.unsigned else _constant(slots.constants[comparison])
        instructions += use.visits * spent[0]
        size += use.splits * spent[1]
    if slots.kind == "keys":
        return (instructions + 10 * len(slots.slots)) * (size + 60 + 2 * len(slots.slots))
    steps = {search.n_steps for search in slots.searches}
    instructions += sum(24 + 2.5 * search.n_steps for search in slots.searches) + 9 * len(slots.twins)
    size += threshold_bytes(slots) * len(slots.thresholds) + 10 * len(slots.slots)
    return instructions * (size + sum(40 + 10 * n_steps for n_steps in steps))


def threshold_bytes(slots: Slots) -> int:
    """Bytes of a threshold in the table of ranks: two for integers that fit."""
    short = slots.feature_type == "int32" and all(-(1 << 15) <= value < 1 << 15 for value in slots.thresholds)
    return 2 if short else 4
