"""A household's artifact as the C the firmware compiles: model.{c,h}, tables for firmware/lib/vehicle."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codegen import __version__
from codegen.emit.files import render, write_files
from codegen.emit.literals import comment_text, int32_literal, string_literal, wrapped
from codegen.errors import ModelError

if TYPE_CHECKING:
    from train.artifact_household import Household, HouseholdCar, HouseholdRules

_ROWS_OF_THREE = ("usual_end_pct", "done_q10", "target_q10", "done_plus_s", "target_plus_s")  # arrays of arrays in C
_BEYOND_INT32 = 1 << 31


def read_household(path: Path) -> Household:
    """Load a household's artifact; what train.artifact_household refuses becomes a ModelError."""
    from train.artifact_household import ArtifactError, load_household

    try:
        return load_household(path)
    except ArtifactError as error:
        raise ModelError(str(error)) from None


def is_household(path: Path) -> bool:
    """Whether an artifact is of a household's cars."""
    from train.artifact_household import is_household as manifest_says

    return manifest_says(path)


def emit_household(household: Household, out: Path) -> None:
    """Write its C into `out`; raises CodegenError when the folder cannot be written."""
    from train.artifact_household import CAR_FIELDS, RULE_FIELDS

    values: dict[str, Any] = {
        "version": __version__,
        "household": household,
        "data": comment_text(str(household.manifest["data"]["hash"])),
        "hash_bytes": [f"0x{byte:02x}" for byte in bytes.fromhex(household.model_hash)],
        "cars": list(zip(enumerators(household.cars), map(comment_text, household.cars), strict=True)),
        "literals": [string_literal(name) for name in household.cars],
        "tables": [_fields(table, tuple(CAR_FIELDS)) for table in household.tables],
        "rules": _fields(household.rules, tuple(RULE_FIELDS)),
    }
    write_files(out, {f"model.{kind}": render(f"household.{kind}.j2", values) for kind in ("h", "c")})


def _fields(table: HouseholdCar | HouseholdRules, names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, _initialiser(name, getattr(table, name))) for name in names]


def _initialiser(name: str, value: int | tuple[int, ...]) -> str:
    """As C has it; an array's lines stand below the field's."""
    if isinstance(value, int):
        return int32_literal(value) if value < _BEYOND_INT32 else f"{value}u"
    if name in _ROWS_OF_THREE:
        rows = (value[k : k + 3] for k in range(0, len(value), 3))
        return "{" + ", ".join("{" + ", ".join(map(int32_literal, row)) + "}" for row in rows) + "}"
    if len(value) > 8:
        return "{\n" + wrapped(value) + "}"
    return "{" + ", ".join(map(int32_literal, value)) + "}"


def enumerators(cars: Sequence[str]) -> list[str]:
    """A C name for each car: "model_3" is WP_CAR_MODEL_3; clashes get their index at the end."""
    names: list[str] = []
    for index, car in enumerate(cars):
        stem = re.sub(r"[^A-Z0-9]+", "_", car.upper().encode("ascii", "replace").decode()).strip("_")
        name = f"WP_CAR_{stem or index}"
        names.append(f"{name}_{index}" if name in names else name)
    return names
