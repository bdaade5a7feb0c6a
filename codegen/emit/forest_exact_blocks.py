"""Thresholds as codegen/runtime/wp_forest_exact.h searches them: blocks of up to 16, held as distances to the last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from codegen.emit.forest_exact_pieces import LEFT_MAX, Piece
from codegen.emit.forest_layout import threshold_key
from codegen.ir.forest import Split

THRESHOLDS_MAX = 16
BLOCKS_MAX = 1 << 16
_BYTES_OF_A_BLOCK = 6  # its last threshold and where its distances begin

Slot = tuple[int, bool]  # a feature, and whether the splits meant send a missing value left


@dataclass(frozen=True, slots=True)
class Blocks:
    """All thresholds of a forest; a block is one slot's, ascending, and slots come in order."""

    slots: tuple[tuple[Slot, int], ...]  # with the number of their blocks
    blocks: tuple[tuple[int, ...], ...]  # of keys
    place: Mapping[tuple[Slot, int], tuple[int, int]]  # of a slot's key: block, place in it
    distance_bytes: int

    @property
    def block_bytes(self) -> int:
        """Of a block's number."""
        return 1 if len(self.blocks) <= 256 else 2

    @property
    def distances(self) -> tuple[int, ...]:
        """From each threshold but the last of its block to that one."""
        return tuple(keys[-1] - key for keys in self.blocks for key in keys[:-1])

    def cost(self, n_splits: int) -> int:
        """Bytes of flash."""
        n_distances = sum(len(keys) - 1 for keys in self.blocks)
        return (
            _BYTES_OF_A_BLOCK * len(self.blocks) + self.distance_bytes * n_distances + (self.block_bytes + 1) * n_splits
        )


def slot_of(split: Split) -> Slot:
    """The slot that a split compares."""
    return split.feature, split.default_left


def threshold_blocks(pieces: Iterable[Piece]) -> Blocks:
    """The cheapest of the widths that distances can have."""
    keys: dict[Slot, set[int]] = {}
    full: set[tuple[Slot, int]] = set()  # a split's byte is not 255: its left size and its place are not both 15
    n_splits = 0
    for piece in pieces:
        for split, left in piece.splits:
            key = threshold_key(split.threshold)
            keys.setdefault(slot_of(split), set()).add(key)
            n_splits += 1
            if left % (LEFT_MAX + 1) == LEFT_MAX:
                full.add((slot_of(split), key))
    ordered = {slot: sorted(own) for slot, own in sorted(keys.items())}
    return min(
        (_blocks(ordered, full, distance_bytes) for distance_bytes in (2, 3, 4)),
        key=lambda blocks: blocks.cost(n_splits),
    )


def _blocks(keys: Mapping[Slot, list[int]], full: set[tuple[Slot, int]], distance_bytes: int) -> Blocks:
    slots: list[tuple[Slot, int]] = []
    blocks: list[tuple[int, ...]] = []
    place: dict[tuple[Slot, int], tuple[int, int]] = {}
    for slot, own in keys.items():
        first = len(blocks)
        starts = _starts(own, [(slot, key) in full for key in own], 1 << 8 * distance_bytes)
        for begin, end in pairwise([*starts, len(own)]):
            place |= {(slot, own[index]): (len(blocks), index - begin) for index in range(begin, end)}
            blocks.append(tuple(own[begin:end]))
        slots.append((slot, len(blocks) - first))
    return Blocks(tuple(slots), tuple(blocks), place, distance_bytes)


def _starts(keys: list[int], full: list[bool], reach: int) -> list[int]:
    """Where blocks begin: each as long as it can be."""
    starts = [0]
    for index, key in enumerate(keys):
        length = index - starts[-1]
        too_long = length >= (THRESHOLDS_MAX - 1 if full[index] else THRESHOLDS_MAX)
        if too_long or key - keys[starts[-1]] >= reach:
            starts.append(index)
    return starts
