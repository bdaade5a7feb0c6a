"""A health model as a JSON file."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from train.errors import ArtifactError
from train.health.marks import MarksModel
from train.health.model import Family, HealthModel

SCHEMA = 1


def write_model(path: Path, model: HealthModel | MarksModel) -> None:
    """Write it, complete or not at all; raises ArtifactError where it cannot be written."""
    kind = "marks" if isinstance(model, MarksModel) else "tail"
    values = {"schema": SCHEMA, "kind": kind, **asdict(model)}
    text = json.dumps(values, indent=1, default=lambda array: array.tolist())
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text + "\n", encoding="ascii")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        why = os.strerror(error.errno) if error.errno else error
        raise ArtifactError(f"{path}: cannot be written: {why}; name another file") from None


def read_model(path: Path) -> HealthModel | MarksModel:
    """Read what write_model wrote; raises ArtifactError naming file and field."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtifactError(f"{path}: {error.strerror}; python -m train health fit writes one") from None
    except ValueError as error:
        raise ArtifactError(f"{path}: is not JSON: {error}; python -m train health fit writes one") from None
    schema = values.get("schema") if isinstance(values, dict) else None
    if schema != SCHEMA:
        raise ArtifactError(f"{path}: schema is {schema!r}, not {SCHEMA}; fit the health model again")
    try:
        return _marks(values) if values["kind"] == "marks" else _tail(values)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"{path}: field {error} is missing or no number; fit the health model again") from None


def _tail(values: dict[str, Any]) -> HealthModel:
    return HealthModel(
        device=str(values["device"]),
        rated_mah=_positive(values, "rated_mah"),
        plateau_ma=_positive(values, "plateau_ma"),
        empty=_family(values["empty"]),
        late=_family(values["late"]),
        step_sd=float(values["step_sd"]),
        n_units=int(values["n_units"]),
    )


def _marks(values: dict[str, Any]) -> MarksModel:
    return MarksModel(
        device=str(values["device"]),
        rated_wh=_positive(values, "rated_wh"),
        lost={side: float(values["lost"][side]) for side in ("ac", "dc") if side in values["lost"]},
        unit_sd=float(values["unit_sd"]),
        charge_sd=float(values["charge_sd"]),
        step_sd=float(values["step_sd"]),
        n_units=int(values["n_units"]),
    )


def _positive(values: dict[str, Any], name: str) -> float:
    value = float(values[name])
    if not 0 < value < float("inf"):
        raise ValueError(name)
    return value


def _family(values: dict[str, Any]) -> Family:
    arrays = {name: np.array(values[name], dtype=np.float64) for name in ("centre", "spread", "weights")}
    for name, shape in (("centre", (3,)), ("spread", (3, 3)), ("weights", (3,))):
        if arrays[name].shape != shape or not np.all(np.isfinite(arrays[name])):
            raise ValueError(name)
    numbers = {name: float(values[name]) for name in ("base", "unit_sd", "charge_sd")}
    return Family(arrays["centre"], arrays["spread"], arrays["weights"], **numbers)
