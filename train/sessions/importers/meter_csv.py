"""Any meter's CSV export: which columns, in which units, is told by the user."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from train.errors import ConfigError, DatasetError
from train.sessions.checks import sample_faults, session_faults
from train.sessions.types import Charge, Ended

# Factors to ms, mV and mA.
_UNITS: Mapping[str, Mapping[str, float]] = {
    "t": {"s": 1000, "ms": 1, "us": 0.001, "min": 60_000, "h": 3_600_000},
    "voltage": {"V": 1000, "mV": 1, "uV": 0.001},
    "current": {"A": 1000, "mA": 1, "uA": 0.001},
}
_OPTIONAL = {"soc": "soc_pct"}
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class MeterFormat:
    """How to read a file: column name and factor by quantity (t in ms, voltage in mV, current in mA; soc in %)."""

    columns: Mapping[str, str]
    factors: Mapping[str, float]
    separator: str = ","
    decimal_comma: bool = False
    time_format: str | None = None
    skip_lines: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose charge it is."""

    device: str
    unit: str = "1"
    charger: str = "unknown"
    ended: str = "unknown"


def parse_format(
    columns: str,
    *,
    units: str = "s,V,A",
    separator: str = ",",
    decimal_comma: bool = False,
    negative: bool = False,
    time_format: str | None = None,
    skip_lines: int = 0,
) -> MeterFormat:
    """The format of `t=NAME[:UNIT],voltage=…,current=…[,soc=…]`; raises ConfigError naming the part at fault."""
    default = dict(zip(_UNITS, units.split(","), strict=False))
    if len(default) != len(_UNITS) or units.count(",") != len(_UNITS) - 1:
        raise ConfigError(f"--units: {units!r} must name three units, for instance s,V,A")
    names: dict[str, str] = {}
    factors: dict[str, float] = {"soc": 1.0}
    for part in re.split(r",(?=(?:t|voltage|current|soc)=)", columns):
        quantity, _, name = part.partition("=")
        if quantity not in (*_UNITS, *_OPTIONAL) or not name:
            raise ConfigError(f"--columns: {part!r} is not t=NAME, voltage=NAME, current=NAME or soc=NAME")
        if quantity in names:
            raise ConfigError(f"--columns: {quantity} is there twice")
        head, colon, unit = name.rpartition(":")
        known = _UNITS.get(quantity, {})
        names[quantity], unit = (head, unit) if colon and unit in known else (name, default.get(quantity, ""))
        if known and unit not in known:
            raise ConfigError(f"--units: {unit!r} is no unit of {quantity}; use one of {', '.join(known)}")
        factors[quantity] = known.get(unit, 1.0)
    missing = [quantity for quantity in _UNITS if quantity not in names]
    if missing:
        raise ConfigError(f"--columns: {', '.join(missing)} is missing; give t=NAME,voltage=NAME,current=NAME")
    if len(separator) != 1:
        raise ConfigError(f"--separator: {separator!r} must be one character, or tab")
    if decimal_comma and separator == ",":
        raise ConfigError("--decimal-comma: fields are separated by commas too; give --separator, for instance ';'")
    if skip_lines < 0:
        raise ConfigError(f"--skip-lines: {skip_lines} must not be negative")
    factors["current"] *= -1 if negative else 1
    return MeterFormat(names, factors, separator, decimal_comma, time_format, skip_lines)


def read_meter_csv(path: Path, layout: MeterFormat, identity: Identity) -> Charge:
    """The charge of one file, named after it; raises DatasetError naming file, line and column.

    Time counts from the first row. Where rows repeat a time, as clocks of whole seconds do, the first one is kept.
    """
    rows = list(_rows(path, layout))
    lines = np.array([line for line, _ in rows])
    values = {quantity: _values(path, rows, layout, quantity) for quantity in layout.columns}
    t_ms = values["t"] - values["t"][0]
    kept = np.flatnonzero(np.diff(t_ms, prepend=-1.0) != 0)
    columns: dict[str, NDArray[np.int64] | NDArray[np.float32]] = {
        "t_ms": t_ms[kept].astype(np.int64),
        "voltage_mv": values["voltage"][kept].astype(np.int64),
        "current_ma": values["current"][kept].astype(np.int64),
    }
    if "soc" in values:
        columns["soc_pct"] = values["soc"][kept].astype(np.float32)
    session = re.sub(r"[^A-Za-z0-9_.+-]", "_", path.stem).lstrip("-.+") or "charge"
    row = {"session": session, "device": identity.device, "unit": identity.unit}
    row |= {"charger": identity.charger, "ended": identity.ended}
    faults = [
        *session_faults(row, str(path)),
        *sample_faults(columns, str(path), lambda i: f"{path}:{lines[kept[i]]}"),
    ]
    if faults:
        more = f" (and {len(faults) - 1} more faults)" if len(faults) > 1 else ""
        raise DatasetError(f"{faults[0]}{more}; check --columns, --units and --sign", len(faults))
    return Charge(
        session=session,
        device=identity.device,
        unit=identity.unit,
        charger=identity.charger,
        ended=cast(Ended, identity.ended),
        t_ms=columns["t_ms"].astype(np.uint32),
        voltage_mv=columns["voltage_mv"].astype(np.int32),
        current_ma=columns["current_ma"].astype(np.int32),
        soc_pct=columns["soc_pct"].astype(np.float32) if "soc_pct" in columns else None,
    )


def _rows(path: Path, layout: MeterFormat) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and wanted fields by quantity of every row that is not blank."""
    header: list[str] = []
    n_rows = 0
    reader = csv.reader(_text(path).splitlines(keepends=True), delimiter=layout.separator)
    try:
        for fields in reader:
            line = reader.line_num
            if line <= layout.skip_lines or not any(field.strip() for field in fields):
                continue
            if not header:
                header = [field.strip() for field in fields]
                for name in layout.columns.values():
                    if name not in header:
                        raise DatasetError(f"{path}:{line}: column {name!r} is missing; {_found(header)}")
                where = {quantity: header.index(name) for quantity, name in layout.columns.items()}
                continue
            if len(fields) <= max(where.values()):
                raise DatasetError(f"{path}:{line}: has {len(fields)} fields, the header has {len(header)}")
            n_rows += 1
            yield line, {quantity: fields[k].strip() for quantity, k in where.items()}
    except csv.Error as error:
        raise DatasetError(f"{path}:{reader.line_num}: {error}") from None
    if not n_rows:
        raise DatasetError(f"{path}: has no rows below a header")


def _found(header: list[str]) -> str:
    other = next((mark for mark in ";\t|," if len(header) == 1 and mark in header[0]), None)
    hint = "" if other is None else f" (--separator {'tab' if other == chr(9) else repr(other)}?)"
    return "the file has " + ", ".join(map(repr, header))[:200] + hint


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # what Windows programs write


def _values(
    path: Path, rows: list[tuple[int, dict[str, str]]], layout: MeterFormat, quantity: str
) -> NDArray[np.float64]:
    """One quantity in ms, mV, mA (rounded) or %, [n]; raises DatasetError with the line of the first bad field."""
    clock = quantity == "t" and layout.time_format is not None
    values = np.empty(len(rows))
    for k, (line, row) in enumerate(rows):
        text = row[quantity]
        try:
            values[k] = _clock_ms(text, layout.time_format or "") if clock else _number(text, layout)
        except ValueError:
            what = f"a time of the form {layout.time_format!r}" if clock else "a number"
            hint = "" if clock else _hint(quantity, text)
            name = layout.columns[quantity]
            raise DatasetError(f"{path}:{line}: {name} is {text!r}, not {what}{hint}") from None
    if clock and not _has_date(layout.time_format or ""):
        values += _DAY_MS * np.cumsum(np.diff(values, prepend=values[0]) < -_DAY_MS / 2)  # midnight
    if not clock:
        values *= layout.factors[quantity]
    return values if quantity == "soc" else np.rint(values)


def _hint(quantity: str, text: str) -> str:
    """The option that a field which is no number calls for, if one can be guessed."""
    if quantity == "t" and re.search(r"\d[:/.-]\d+[:/.-]\d", text):
        return " (a clock? give --time-format)"
    return " (--decimal-comma?)" if "," in text else ""


def _number(text: str, layout: MeterFormat) -> float:
    value = float(text.replace(",", ".") if layout.decimal_comma else text)
    if not math.isfinite(value):
        raise ValueError
    return value


def _has_date(time_format: str) -> bool:
    return time_format == "iso" or any(code in time_format for code in ("%d", "%j", "%D", "%x", "%c"))


def _clock_ms(text: str, time_format: str) -> float:
    moment = datetime.fromisoformat(text) if time_format == "iso" else datetime.strptime(text, time_format)
    # Clocks without a zone are taken as they stand: the machine's own zone must not shift a recording.
    whole = (moment - datetime.fromtimestamp(0, tz=moment.tzinfo)) if moment.tzinfo else (moment - datetime(1900, 1, 1))
    return whole.total_seconds() * 1000
