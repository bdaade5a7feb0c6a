"""What `train health fit` learnt, by the tail or by marks, as tables for firmware/lib/health (docs/health.md)."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegen import __version__
from codegen.emit.files import render, write_files
from codegen.emit.literals import comment_text, string_literal
from codegen.errors import ModelError, StyleError

ABI = 1  # WP_HEALTH_VERSION
SCHEMA = 1  # of the JSON file
TAIL_FROM, TAIL_TO = 0.5, 0.05  # of the plateau, as train health reads it
MV_Q, LN_Q, WEIGHT_Q, VAR_Q, Z_Q = 8, 24, 28, 32, 12
AGAIN = "python -m train health fit writes one"
EMITTED = {"tail": "health.c.j2", "marks": "health_marks.c.j2"}  # by the kind of the model


@dataclass(frozen=True, slots=True)
class Family:
    """wp_health_family, field by field."""

    begins: str
    centre: tuple[int, ...]  # [3]
    weight_q28: tuple[int, ...]  # [3]
    base_q28: int
    spread: tuple[int, ...]  # [6] upper triangle
    spread_shift: tuple[int, int]
    unit_var_q32: int
    charge_var_q32: int


def emit_health(path: Path, out: Path, name: str) -> str:
    """Write name.c and name.h; returns the device.

    Raises ModelError for a file it cannot take, StyleError for a name that is no identifier.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise StyleError(f"--name {name}: is no C identifier; letters, digits and _ make one")
    values = _read(path)
    kind = str(values["kind"])
    try:
        tables = _marks(values) if kind == "marks" else _tables(values)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise ModelError(f"{path}: {error} is missing or out of range; {AGAIN}") from None
    device = str(values["device"])
    tables |= {
        "name": name,
        "version": __version__,
        "abi": ABI,
        "device": string_literal(device),
        "device_text": comment_text(device),
    }
    write_files(out, {f"{name}.h": render("health.h.j2", tables), f"{name}.c": render(EMITTED[kind], tables)})
    return device


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}; {AGAIN}") from None
    except ValueError as error:
        raise ModelError(f"{path}: is not JSON: {error}; {AGAIN}") from None
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        raise ModelError(f"{path}: is no health model of schema {SCHEMA}; {AGAIN}")
    if values.get("kind") not in EMITTED:
        raise ModelError(f"{path}: kind is {values.get('kind')!r}, not {' or '.join(EMITTED)}; {AGAIN}")
    return values


def _tables(values: dict[str, Any]) -> dict[str, Any]:
    plateau = float(values["plateau_ma"])
    tables: dict[str, Any] = {
        "rated_mah": _int32(float(values["rated_mah"]), "rated_mah"),
        "tail_ua": _int32(plateau * TAIL_FROM * 1000, "plateau_ma"),
        "end_ua": _int32(plateau * TAIL_TO * 1000, "plateau_ma"),
        "families": [_family(values[key], key, text) for key, text in (("empty", "from empty"), ("late", "later"))],
        "step_var_q32": _variance(values["step_sd"], "step_sd"),
        "n_units": int(values["n_units"]),
        "type": "wp_health_model",
        "option": "--rated-mah",
        "rated": f"{float(values['rated_mah']):g}",
    }
    if min(tables["rated_mah"], tables["end_ua"]) < 1:
        raise ValueError("rated_mah or plateau_ma")
    return tables


def _marks(values: dict[str, Any]) -> dict[str, Any]:
    lost = values["lost"]
    tables: dict[str, Any] = {
        "rated_wh": _int32(float(values["rated_wh"]), "rated_wh"),
        "learnt": ["true" if side in lost else "false" for side in ("ac", "dc")],
        "lost_q28": [_int32(float(lost.get(side, 0)) * (1 << WEIGHT_Q), f"lost.{side}") for side in ("ac", "dc")],
        "unit_var_q32": _variance(values["unit_sd"], "unit_sd"),
        "charge_var_q32": _variance(values["charge_sd"], "charge_sd"),
        "step_var_q32": _variance(values["step_sd"], "step_sd"),
        "n_units": int(values["n_units"]),
        "type": "wp_health_marks_model",
        "option": "--rated-wh",
        "rated": f"{float(values['rated_wh']):g}",
    }
    if tables["rated_wh"] < 1 or "true" not in tables["learnt"]:
        raise ValueError("rated_wh or lost")
    return tables


def _family(values: dict[str, Any], key: str, begins: str) -> Family:
    scales = (1 << MV_Q, 1 << LN_Q, 1 << LN_Q)
    upper = _upper([[float(value) for value in row] for row in values["spread"]], key)
    # z x 2^12 = upper x away: what is left of an input's scale is taken out by the shift.
    rows = [[upper[i][k] * (1 << Z_Q) / scales[k] for k in range(3)] for i in range(3)]
    shift = (_shift([rows[0][0]]), _shift([rows[i][k] for i in range(3) for k in range(max(i, 1), 3)]))
    return Family(
        begins=begins,
        centre=tuple(_int32(float(values["centre"][k]) * scales[k], f"{key}.centre") for k in range(3)),
        weight_q28=tuple(_int32(float(one) * (1 << WEIGHT_Q), f"{key}.weights") for one in values["weights"]),
        base_q28=_int32(float(values["base"]) * (1 << WEIGHT_Q), f"{key}.base"),
        spread=tuple(round(rows[i][k] * 2.0 ** shift[min(k, 1)]) for i in range(3) for k in range(i, 3)),
        spread_shift=shift,
        unit_var_q32=_variance(values["unit_sd"], f"{key}.unit_sd"),
        charge_var_q32=_variance(values["charge_sd"], f"{key}.charge_sd"),
    )


def _upper(inverse: list[list[float]], key: str) -> list[list[float]]:
    """The upper triangle whose square, from the left by itself turned over, is this matrix (Cholesky)."""
    lower = [[0.0] * 3 for _ in range(3)]
    for i in range(3):
        for k in range(i + 1):
            rest = inverse[i][k] - sum(lower[i][j] * lower[k][j] for j in range(k))
            if i == k and not 0 < rest < math.inf:
                raise ValueError(f"{key}.spread")
            lower[i][k] = math.sqrt(rest) if i == k else rest / lower[k][k]
    return [[lower[k][i] for k in range(3)] for i in range(3)]


def _shift(values: list[float]) -> int:
    """As many binary places as 30 bits hold, 0 … 62."""
    largest = max(abs(value) for value in values)
    return min(max(29 - math.frexp(largest)[1], 0), 62) if largest > 0 else 0


def _int32(value: float, field: str) -> int:
    if not abs(value) < 2**31 - 1:
        raise ValueError(field)
    return round(value)


def _variance(sd: float, field: str) -> int:
    if not 0 <= float(sd) < 1:
        raise ValueError(field)
    return min(round(float(sd) ** 2 * (1 << VAR_Q)), 2**32 - 1)
