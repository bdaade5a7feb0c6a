"""The tests of a forest, numbered by feature and threshold; thresholds as distances from the first of their list.

wp_forest_small.h says how a list is laid out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from codegen.emit.forest_layout import threshold_key, trailing_zeros
from codegen.emit.forest_layout_bits import Bits
from codegen.ir.forest import Split

LIST_MAX = 255  # tests, and buckets; both numbers are bytes
LIST_BITS = 80  # of a wp_forest_test_list and its first threshold
GAPS_TRIED = 8  # the widest


@dataclass(frozen=True, slots=True)
class FeatureTests:
    """Tests of one feature, ascending by (threshold, side of a missing value)."""

    feature: int
    keys: tuple[int, ...]
    right: tuple[bool, ...]  # a missing value goes right
    step: int  # low bits that are 0 in all distances from the first key
    low: int  # bits of a distance that are stored; those above number its bucket
    ends: tuple[int, ...]  # of each bucket: thresholds after the first in it and those before
    cost: tuple[int, int]  # see _cost

    @property
    def missing(self) -> str:
        """The list's way with a missing value, as wp_forest_small.h names it."""
        if all(self.right):
            return "WP_FOREST_ALL_RIGHT"
        return "WP_FOREST_DIFFER" if any(self.right) else "WP_FOREST_ALL_LEFT"

    def put(self, bits: Bits) -> None:
        """Append the lower bits of all distances, then the sides of missing values, if they differ."""
        for key in self.keys[1:]:
            bits.put((key - self.keys[0]) >> self.step & ~(-1 << self.low), self.low)
        if self.missing == "WP_FOREST_DIFFER":
            for right in self.right:
                bits.put(right, 1)


@dataclass(frozen=True, slots=True)
class ForestTests:
    """All lists, and the number of each test."""

    lists: tuple[FeatureTests, ...]
    _number: dict[tuple[int, int, bool], int]

    @property
    def n(self) -> int:
        """Tests of all lists."""
        return len(self._number)

    def number(self, split: Split) -> int:
        """Which test the split takes."""
        return self._number[split.feature, threshold_key(split.threshold), split.default_left]


def find_tests(splits: Iterable[Split], *, alike: bool = False) -> ForestTests:
    """The tests of all splits; `alike`: in each list a missing value goes the same way in all."""
    found: dict[tuple[int, bool | None], set[tuple[int, bool]]] = {}
    for split in splits:
        right = not split.default_left
        group = split.feature, right if alike else None
        found.setdefault(group, set()).add((threshold_key(split.threshold), right))
    lists = [
        one
        for (feature, _), own in sorted(found.items(), key=lambda item: (item[0][0], bool(item[0][1])))
        for one in _lists(feature, sorted(own))
    ]
    number = {
        test: index
        for index, test in enumerate(
            (one.feature, key, not right) for one in lists for key, right in zip(one.keys, one.right, strict=True)
        )
    }
    return ForestTests(tuple(lists), number)


def _lists(feature: int, entries: list[tuple[int, bool]]) -> list[FeatureTests]:
    """One list, or several where gaps are so wide that shorter distances save more than another list takes.

    Thresholds of both signs have such a gap: as keys, 1e-3 and -1e-3 lie half of all numbers apart.
    """
    middle = len(entries) // 2
    if middle > LIST_MAX:
        return _lists(feature, entries[:middle]) + _lists(feature, entries[middle:])
    whole = _list(feature, entries)
    gaps = sorted(range(1, len(entries)), key=lambda at: entries[at - 1][0] - entries[at][0])[:GAPS_TRIED]
    if len(entries) > LIST_MAX:
        gaps.append(middle)
    halves = [(_list(feature, entries[:at]), _list(feature, entries[at:]), at) for at in gaps]
    first, second, at = min(halves, key=lambda pair: _sum(pair[0].cost, pair[1].cost), default=(whole, whole, 0))
    if not at or _sum(first.cost, second.cost) >= whole.cost:
        return [whole]
    return _lists(feature, entries[:at]) + _lists(feature, entries[at:])


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


def _list(feature: int, entries: list[tuple[int, bool]]) -> FeatureTests:
    keys = tuple(key for key, _ in entries)
    distances = [key - keys[0] for key in keys[1:]]
    step = min(trailing_zeros(distances), 31)
    distances = [distance >> step for distance in distances]
    cost, low = min((_cost(distances, width), width) for width in range(1, 32))
    return FeatureTests(feature, keys, tuple(right for _, right in entries), step, low, _ends(distances, low), cost)


def _cost(distances: list[int], low: int) -> tuple[int, int]:
    """What a byte cannot count, to be 0 first of all; then bits of the list, its thresholds and its ends."""
    buckets = (distances[-1] >> low) + 1 if distances else 0
    excess = max(buckets - LIST_MAX, 0) + max(len(distances) + 1 - LIST_MAX, 0)
    return excess, LIST_BITS + len(distances) * low + 8 * buckets


def _ends(distances: list[int], low: int) -> tuple[int, ...]:
    buckets = (distances[-1] >> low) + 1 if distances else 0
    counts = [0] * min(buckets, LIST_MAX + 1)  # more are never stored: such a list is cut
    for distance in distances:
        if distance >> low < len(counts):
            counts[distance >> low] += 1
    return tuple(accumulate(counts))
