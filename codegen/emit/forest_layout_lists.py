"""Sorted thresholds by feature, and the number a split has in them: a rank is how many thresholds a value reaches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from codegen.emit.forest_layout import threshold_key
from codegen.ir.forest import Split

LIST_MAX = 255  # a rank of one list is a byte


@dataclass(frozen=True, slots=True)
class ThresholdList:
    """At most LIST_MAX thresholds of one feature, ascending; a feature with more has several lists."""

    feature: int
    keys: tuple[int, ...]
    missing_left: bool  # some split of these sends a missing feature left
    missing_right: bool

    @property
    def sides(self) -> tuple[int, ...]:
        """Where its splits send a missing feature, 0 left and 1 right; the list gives a rank for each."""
        return (0,) * self.missing_left + (1,) * self.missing_right

    @property
    def is_narrow(self) -> bool:
        """Whether int16 holds the thresholds."""
        return self.keys[0] >= -(1 << 15) and self.keys[-1] < 1 << 15


@dataclass(frozen=True, slots=True)
class Lists:
    """All lists of a forest, the narrow ones first, and where splits find themselves in them."""

    lists: tuple[ThresholdList, ...]
    _place: dict[tuple[int, int], tuple[int, int]]  # (feature, key): list, position
    _first_slot: tuple[int, ...]  # of each list

    @property
    def n_slots(self) -> int:
        """Ranks of all lists."""
        return sum(len(one.sides) for one in self.lists)

    @property
    def sides(self) -> tuple[int, ...]:
        """Those of every list, or none where lists differ."""
        found = {one.sides for one in self.lists}
        return found.pop() if len(found) == 1 else ()

    def slot(self, split: Split) -> tuple[int, int]:
        """Number of the split's rank, and its position p: the split goes right where rank > p."""
        index, position = self._place[split.feature, threshold_key(split.threshold)]
        both = len(self.lists[index].sides) == 2
        return self._first_slot[index] + (both and not split.default_left), position


def threshold_lists(splits: Iterable[Split]) -> Lists:
    """The lists of all features that splits name. One pass over the splits' (feature, key, side)."""
    sides: dict[int, dict[int, set[bool]]] = {}
    for split in splits:
        keys = sides.setdefault(split.feature, {})
        keys.setdefault(threshold_key(split.threshold), set()).add(split.default_left)
    lists: list[ThresholdList] = []
    for feature, keys in sorted(sides.items()):
        ascending = sorted(keys)
        for start in range(0, len(ascending), LIST_MAX):
            chunk = ascending[start : start + LIST_MAX]
            found = set().union(*(keys[key] for key in chunk))
            lists.append(ThresholdList(feature, tuple(chunk), True in found, False in found))
    lists.sort(key=lambda one: not one.is_narrow)
    place = {(one.feature, key): (i, at) for i, one in enumerate(lists) for at, key in enumerate(one.keys)}
    first = [0]
    for one in lists:
        first.append(first[-1] + len(one.sides))
    return Lists(tuple(lists), place, tuple(first[:-1]))
