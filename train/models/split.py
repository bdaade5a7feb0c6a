"""The split of a dataset: by physical unit, never by row.

Rows of one charge, and charges of one unit, resemble each other; a split that separates them measures memory.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from train.errors import TrainError


@dataclass(frozen=True, slots=True)
class UnitSplit:
    """Units (`device/unit`) by what they are for; sorted, and in one part each."""

    train: tuple[str, ...]
    calibration: tuple[str, ...]
    held_out: tuple[str, ...]


def split_units(
    units: Iterable[str],
    calibration: float = 0.2,
    held_out: float = 0.2,
    seed: int = 1,
    hold_out: Sequence[str] = (),
) -> UnitSplit:
    """Deal out each device's units in the order of a hash of their names.

    units        `device/unit` of all charges, repeats allowed; their order does not matter
    calibration  share that calibrates: at least one unit of a device with four or more
    held_out     share that is set aside: at least one unit of a device with two or more
    hold_out     exactly these are set aside instead, and no others

    Raises TrainError when `hold_out` names a unit that is not there, or nothing is left to train on.
    """
    distinct = sorted(set(units))
    unknown = sorted(set(hold_out) - set(distinct))
    if unknown:
        raise TrainError(f"--hold-out {unknown[0]}: no such unit in the data; they are named like {distinct[0]}")
    by_device: dict[str, list[str]] = defaultdict(list)
    for unit in sorted(distinct, key=lambda unit: (_digest(unit, seed), unit)):
        by_device[unit.partition("/")[0]].append(unit)
    parts: dict[str, list[str]] = {"train": [], "calibration": [], "held_out": []}
    for members in by_device.values():
        set_aside = [unit for unit in members if unit in hold_out] if hold_out else _first(members, held_out, 2)
        rest = [unit for unit in members if unit not in set_aside]
        calibrating = _first(rest, calibration * len(members) / max(1, len(rest)), 3)
        parts["held_out"] += set_aside
        parts["calibration"] += calibrating
        parts["train"] += [unit for unit in rest if unit not in calibrating]
    if not parts["train"]:
        raise TrainError("every unit is held out, none is left to train on; hold out fewer")
    return UnitSplit(*(tuple(sorted(parts[part])) for part in ("train", "calibration", "held_out")))


def folds(units: Sequence[str], n_folds: int, seed: int) -> list[frozenset[str]]:
    """Groups of units to leave out in turn, so that each device left out is still trained on.

    A device with a single unit is in no group. At most `n_folds` groups; fewer when no device has as many units.
    """
    by_device: dict[str, list[str]] = defaultdict(list)
    for unit in sorted(set(units), key=lambda unit: (_digest(unit, seed), unit)):
        by_device[unit.partition("/")[0]].append(unit)
    groups: list[set[str]] = [set() for _ in range(n_folds)]
    for members in by_device.values():
        if len(members) >= 2:
            for index, unit in enumerate(members):
                groups[index % n_folds].add(unit)
    return [frozenset(group) for group in groups if group]


def _first(members: Sequence[str], share: float, at_least_one_from: int) -> list[str]:
    """The first `share` of the members, rounded: one or more from `at_least_one_from` members on, never all."""
    if share <= 0 or len(members) < at_least_one_from:
        return []
    return list(members[: min(len(members) - 1, max(1, round(share * len(members))))])


def _digest(unit: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{unit}".encode()).hexdigest()
