"""One's own device: a few of its charges, alone or among the devices of the simulated fleet.

Units cannot be left out where there is one, but its charges can: the model will answer charges of that very unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from train.config import Config
from train.errors import TrainError
from train.models.few import FEW_UNITS, FewRows, fleet_prior
from train.models.rows import TrainingRows
from train.models.split import UnitSplit, split_units
from train.sessions.labels import full_t_ms
from train.sessions.types import Charge

BESIDE_UNITS = 24  # of each device of the fleet that is told from one's own
BESIDE_CHARGES = 2  # of a unit
FOLDED_FROM = 3  # charges that got full: with fewer there is nothing to learn from once one is left out
N_FOLDS = 5
NO_UNITS = UnitSplit((), (), ())
COPIES_MAX = 12


@dataclass(frozen=True, slots=True)
class Few:
    """How the remaining time is learnt from few units (train/models/few.py)."""

    prior: FewRows | None = None  # of a simulated fleet
    beside: tuple[Charge, ...] = ()  # of its devices, which the model names too
    parts: UnitSplit = NO_UNITS  # of their units
    smooth: bool = True  # what carries over between several units is a process, not a forest (train/models/process.py)

    def balanced(self, rows: TrainingRows) -> TrainingRows:
        """Rows to tell devices by: own charges come as often as the fleet's devices do, COPIES_MAX times at most."""
        others = self.of_fleet(rows)
        if not np.any(others):
            return rows
        parts, usual = [rows], BESIDE_UNITS * BESIDE_CHARGES
        for device in np.unique(rows.device[~others]):
            own = rows.where(rows.device == device)
            copies = min(COPIES_MAX, usual // len(np.unique(own.charge)))
            numbers = int(rows.charge.max()) + 1
            parts += [replace(own, charge=own.charge + copy * numbers) for copy in range(1, copies)]
        return TrainingRows.concatenate(parts)

    def of_fleet(self, rows: TrainingRows) -> NDArray[np.bool_]:
        """Marks [n] of rows that are the fleet's."""
        return np.isin(rows.unit, [index for index, unit in enumerate(rows.units) if unit in self.parts.train])

    def join(self, parts: UnitSplit) -> UnitSplit:
        """The split of one's own units with that of the fleet's."""
        both = zip(
            (parts.train, parts.calibration, parts.held_out),
            (self.parts.train, self.parts.calibration, self.parts.held_out),
            strict=True,
        )
        return UnitSplit(*(tuple(sorted((*own, *others))) for own, others in both))


def all_of_few(parts: UnitSplit) -> UnitSplit:
    """The split of few units: none is kept for calibration, where each in turn is left out of training."""
    if len(parts.train) + len(parts.calibration) >= FEW_UNITS:
        return parts
    return UnitSplit(tuple(sorted((*parts.train, *parts.calibration))), (), parts.held_out)


def few_of(
    parts: UnitSplit, own: Sequence[Charge], prior: str, config: Config, *, own_only: bool, without: Collection[str]
) -> Few | None:
    """How to learn from one's own charges; None when their units are not few and no prior is asked for.

    parts     the split of one's own units
    own_only  the fleet's devices are not among the answers
    without   devices the fleet shall not have

    Raises TrainError when none of `own` gets full.
    """
    if prior == "none":
        return Few() if len(parts.train) < FEW_UNITS else None
    if all(full_t_ms(charge) is None for charge in own if charge.unit_key in parts.train):
        raise TrainError(
            "none of your charges gets full: how long yours take cannot be learnt from others; record one until full"
        )
    found = fleet_prior(config, without)
    if own_only:
        return Few(found)
    from train.sessions.simulator import device_names, simulate

    names = [name for name in device_names() if name not in {*without, *(charge.device for charge in own)}]
    beside = simulate(names, seed=config.fleet.seed, units_per_device=BESIDE_UNITS, charges_per_unit=BESIDE_CHARGES)
    charges = tuple(beside)
    units = {charge.unit_key for charge in charges}
    return Few(found, charges, split_units(units, config.split.calibration, 0.0, config.split.seed))


def charge_folds(rows: TrainingRows, units: Collection[str]) -> list[frozenset[int]]:
    """Groups of charges, by number, to leave out in turn: those of devices with one of `units` only.

    None of a device of which fewer than FOLDED_FROM charges got full.
    """
    of_device: dict[str, list[str]] = defaultdict(list)
    for unit in sorted(units):
        of_device[unit.partition("/")[0]].append(unit)
    groups: list[set[int]] = [set() for _ in range(N_FOLDS)]
    for members in of_device.values():
        own = rows.of_units(members)
        full = np.unique(own.charge[own.remaining_s >= 0])
        if len(members) == 1 and len(full) >= FOLDED_FROM:
            for index, number in enumerate(full):
                groups[index % N_FOLDS].add(int(number))
    return [frozenset(group) for group in groups if group]
