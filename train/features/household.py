"""Answers about a household's charges, by the C of firmware/lib/vehicle (docs/vehicle.md, The rules)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.artifact_household import CAR_FIELDS, RULE_FIELDS, HouseholdCar, HouseholdRules
from train.features.core import BINDING, CORE, ROOT, VEHICLE, build_library, open_library

COLUMNS = (
    *("car", "possible", "flags", "phase", "stage", "active_phases", "confidence_permille", "power_class_w"),
    *("done_10_s", "done_50_s", "done_90_s", "target_10_s", "target_50_s", "target_90_s", "energy_to_go_wh"),
)
CARS_MAX = 8


@dataclass(frozen=True, slots=True)
class HouseholdAnswers:
    """One entry a sample."""

    table: NDArray[np.int32]  # [n, len(COLUMNS)]
    cost: NDArray[np.uint32]  # [n, 8], of each car; 0 beyond the last

    def column(self, name: str) -> NDArray[np.int32]:
        """One column, [n]."""
        return self.table[:, COLUMNS.index(name)]

    @property
    def done_s(self) -> NDArray[np.int32]:
        """Until the car ends the charge at 10, 50, 90 %, [n, 3]."""
        return self.table[:, 8:11]

    @property
    def target_s(self) -> NDArray[np.int32]:
        """Until the target, -1 where not known, [n, 3]."""
        return self.table[:, 11:14]


@cache
def load_household_library() -> tuple[Any, Any]:
    """(ffi, library) of this checkout's firmware/lib/vehicle with the household. Raises BuildError."""
    return open_library(build_household(), "household_binding.h")


def build_household(root: Path = ROOT) -> Path:
    """Compile it unless it is compiled already; return the shared library. Raises BuildError."""
    sources = [*sorted((root / VEHICLE / "src").glob("*.c")), root / CORE / "src" / "crc32.c"]
    sources += [root / BINDING / "household_binding.c"]
    return build_library(root, sources, "wattprint_household")


def household_version() -> int:
    """WP_HOUSEHOLD_VERSION."""
    return int(load_household_library()[1].wp_household_binding_version())


def answer_charge(
    tables: Sequence[HouseholdCar],
    rules: HouseholdRules,
    x: NDArray[np.int32],
    *,
    target_pct: int = 80,
    energy_wh: int = 0,
) -> HouseholdAnswers:
    """Answers after each sample of a charge, from its features x [n, features]; `tables`: the cars, then any other.

    Raises ValueError where the C refuses the tables.
    """
    ffi, library = load_household_library()
    cars = np.array([_flat(table, tuple(CAR_FIELDS)) for table in tables], np.int64)
    assert cars.shape[1] == library.wp_household_binding_car_columns()  # noqa: S101
    shared = np.array(_flat(rules, tuple(RULE_FIELDS)), np.int64)
    table = np.zeros((len(x), len(COLUMNS)), np.int32)
    cost = np.zeros((len(x), CARS_MAX), np.uint32)
    refused = library.wp_household_binding_answer(
        len(tables) - 1,
        ffi.from_buffer("int64_t[]", cars),
        ffi.from_buffer("int64_t[]", shared),
        len(x),
        ffi.from_buffer("int32_t[]", np.ascontiguousarray(x, np.int32)),
        target_pct,
        energy_wh,
        ffi.from_buffer("int32_t[]", table, require_writable=True),
        ffi.from_buffer("uint32_t[]", cost, require_writable=True),
    )
    if refused:
        raise ValueError("the tables of the household are out of their bounds")
    return HouseholdAnswers(table, cost)


def _flat(table: HouseholdCar | HouseholdRules, names: Sequence[str]) -> list[int]:
    values = (getattr(table, name) for name in names)
    return list(chain.from_iterable(value if isinstance(value, tuple) else (value,) for value in values))
