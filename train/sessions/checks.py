"""The rules of docs/dataset.md that one charge must keep, whatever it is stored in."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.sessions.faults import Fault
from train.sessions.labels import VEHICLE
from train.sessions.types import ENDED, Charge, Phases

SESSION_COLUMNS = ("session", "device", "unit", "charger", "ended")
NUMERIC_DETAILS = ("ambient_decidegc", "soh_pct", "target_soc_pct")
DETAIL_COLUMNS = ("sensor", "ambient_decidegc", "soh_pct", "target_soc_pct", "profile")
SAMPLE_COLUMNS = ("t_ms", "voltage_mv", "current_ma")
PHASE_COLUMNS = tuple(f"{what}_l{phase}" for what in ("voltage_mv", "current_ma") for phase in (1, 2, 3))
PHASED_COLUMNS = ("t_ms", *PHASE_COLUMNS)  # of a charge point in AC, in place of SAMPLE_COLUMNS
OPTIONAL_SAMPLE_COLUMNS = ("soc_pct", "temperature_decidegc", "pilot_da", "energy_wh")
WHOLE_COLUMNS = frozenset((*SAMPLE_COLUMNS, *PHASED_COLUMNS))  # whole numbers, present in every sample

MIN_SAMPLES = 10
T_MAX_MS = (1 << 32) - 1
VOLTAGE_MAX_MV = (1 << 20) - 1  # what the core takes without limiting: docs/design.md, Features
CURRENT_MAX_MA = (1 << 19) - 1
PHASE_MAX_MA = CURRENT_MAX_MA // 3  # so that the sum of three keeps to CURRENT_MAX_MA
PILOT_MAX_DA = 800  # a duty cycle of 96 % (IEC 61851-1)
INT32_MAX = (1 << 31) - 1
# Below these a column holds the wrong unit: no charger works at 0.1 V, none that is worth a model at 20 mA.
VOLTS_BELOW_MV = 100
AMPERES_BELOW_MA = 20

_RANGES: Mapping[str, tuple[float, float, str]] = {
    "t_ms": (0, T_MAX_MS, "ms"),
    "voltage_mv": (-VOLTAGE_MAX_MV, VOLTAGE_MAX_MV, "mV; is it in microvolts?"),
    "current_ma": (-CURRENT_MAX_MA, CURRENT_MAX_MA, "mA; is it in microamperes?"),
    "soc_pct": (0, 100, "%"),
    "temperature_decidegc": (-2731, INT32_MAX, "tenths of a degree Celsius"),
    "pilot_da": (0, PILOT_MAX_DA, "tenths of an ampere"),
    "energy_wh": (0, INT32_MAX, "Wh"),
    **dict.fromkeys(PHASE_COLUMNS[:3], (0, VOLTAGE_MAX_MV, "mV; is it in microvolts?")),
    **dict.fromkeys(PHASE_COLUMNS[3:], (-PHASE_MAX_MA, PHASE_MAX_MA, "mA; is it in microamperes?")),
}
_SESSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9 _.+()-]{0,61}[A-Za-z0-9_.+()-])?")

Columns = Mapping[str, NDArray[Any]]


def session_faults(row: Mapping[str, str], place: str) -> Iterator[Fault]:
    """Faults of one row of the session table, all fields as text; absent optional fields may be missing or empty."""
    for column in SESSION_COLUMNS:
        if not row.get(column):
            yield Fault(place, f"{column} is empty")
    session = row.get("session", "")
    if session and (not _SESSION.fullmatch(session) or session.lower() == "sessions"):
        yield Fault(place, f"session {session!r} cannot name a file; use letters, digits and _.+- only")
    for column in ("device", "unit", "charger"):
        value = row.get(column, "")
        if value and not _NAME.fullmatch(value):
            yield Fault(place, f"{column} {value!r} has a character other than letters, digits, space and _.+()-")
    ended = row.get("ended", "")
    if ended and ended not in ENDED:
        yield Fault(place, f"ended is {ended!r}; use one of {', '.join(ENDED)}")
    full = row.get("full_t_ms", "")
    if full and not (full.isascii() and full.isdigit() and int(full) <= T_MAX_MS):
        yield Fault(place, f"full_t_ms is {full!r}, not whole milliseconds; leave it empty where it is not known")
    for column in NUMERIC_DETAILS:
        value = row.get(column, "")
        if value and not _is_number(value):
            yield Fault(place, f"{column} is {value!r}, not a number; leave it empty where it is not known")


def required_columns(names: Collection[str]) -> tuple[str, ...]:
    """The columns that samples with these must have: three phases as soon as one is there."""
    return PHASED_COLUMNS if any(name in names for name in PHASE_COLUMNS) else SAMPLE_COLUMNS


def sample_faults(columns: Columns, place: str, at: Callable[[int], str]) -> Iterator[Fault]:
    """Faults of one charge's samples; `at(i)` is the place of sample i. Columns hold int64 or floats, [n] each."""
    n = len(columns["t_ms"])
    if n < MIN_SAMPLES:
        yield Fault(place, f"has {n} samples; a charge needs at least {MIN_SAMPLES}")
    time = columns["t_ms"]
    for i in np.flatnonzero(time[1:] <= time[:-1]) + 1:
        how = "is repeated" if time[i] == time[i - 1] else "runs backwards"
        yield Fault(at(int(i)), f"t_ms {how}: {time[i]} after {time[i - 1]}")
    for name, values in columns.items():
        low, high, unit = _RANGES[name]
        for i in np.flatnonzero(~((values >= low) & (values <= high))):  # NaN fails both
            yield Fault(at(int(i)), f"{name} is {values[i]}, outside {low:.0f} … {high:.0f} {unit}")
    energy = columns.get("energy_wh", np.zeros(n))
    for i in np.flatnonzero(energy[1:] < energy[:-1]) + 1:
        yield Fault(at(int(i)), f"energy_wh falls from {energy[i - 1]} to {energy[i]}; it counts what was delivered")
    if n >= MIN_SAMPLES:
        phases = _phases(columns)
        voltage, current = (columns["voltage_mv"], columns["current_ma"]) if phases is None else phases.as_one()
        yield from _unit_faults(voltage, current, at(0))


def profile_faults(row: Mapping[str, str], columns: Collection[str], place: str) -> Iterator[Fault]:
    """Samples only a charge point takes, in a charge that its row does not call an electric vehicle's."""
    told = next((name for name in (PHASE_COLUMNS[0], "pilot_da") if name in columns), None)
    profile = row.get("profile", "")
    if told is not None and profile != VEHICLE:
        has = f"profile is {profile!r}" if profile else "no profile"
        yield Fault(place, f"{told} is an electric vehicle's, but its row has {has}: write {VEHICLE} in column profile")


def _phases(columns: Columns) -> Phases | None:
    """The phases of sample columns; limited to int32, so that values out of range do not wrap before they are told."""
    if PHASE_COLUMNS[0] not in columns:
        return None
    limited = [np.clip(columns[name], -INT32_MAX, INT32_MAX).astype(np.int32) for name in PHASE_COLUMNS]
    return Phases(np.stack(limited[:3], axis=1), np.stack(limited[3:], axis=1))


def looks_like_volts(voltage: NDArray[Any]) -> str | None:
    """Why a voltage column is not in millivolts, or None; samples of exactly 0 are rest and do not count."""
    flowing = np.abs(voltage[voltage != 0])
    median = float(np.median(flowing)) if len(flowing) else 0.0
    if 0 < median < VOLTS_BELOW_MV:
        return f"voltage_mv looks like volts: its median is {median:g}; give millivolts"
    return None


def looks_like_amperes(current: NDArray[Any]) -> str | None:
    """Why a current column is not in milliamperes, or None."""
    largest = float(np.max(np.abs(current), initial=0))
    if 0 < largest < AMPERES_BELOW_MA:
        return f"current_ma looks like amperes: its largest value is {largest:g}; give milliamperes"
    return None


def _unit_faults(voltage: NDArray[Any], current: NDArray[Any], place: str) -> Iterator[Fault]:
    for reason in (looks_like_volts(voltage), looks_like_amperes(current)):
        if reason:
            yield Fault(place, reason)
    if not np.any(current):
        yield Fault(place, "current_ma is 0 throughout; this is no charge")
    elif np.max(current) <= 0:
        yield Fault(place, "current_ma is never positive; it must be positive into the device: is the sign turned?")


def row_of(charge: Charge) -> dict[str, str]:
    """The charge's row of the session table as text; columns that are not given are empty."""
    row = {column: str(getattr(charge, column)) for column in SESSION_COLUMNS}
    row["full_t_ms"] = "" if charge.full_t_ms is None else str(charge.full_t_ms)
    row.update({column: charge.details.get(column, "") for column in DETAIL_COLUMNS})
    return row


def columns_of(charge: Charge) -> dict[str, NDArray[Any]]:
    """The charge's sample columns by name, integers as int64, without those that are not given."""
    columns: dict[str, NDArray[Any]] = {"t_ms": charge.t_ms.astype(np.int64)}
    if charge.phases is None:
        columns["voltage_mv"] = charge.voltage_mv.astype(np.int64)
        columns["current_ma"] = charge.current_ma.astype(np.int64)
    else:
        sides = np.concatenate((charge.phases.voltage_mv, charge.phases.current_ma), axis=1).astype(np.int64)
        columns.update(zip(PHASE_COLUMNS, np.ascontiguousarray(sides.T), strict=True))
    if charge.soc_pct is not None:
        columns["soc_pct"] = charge.soc_pct
    if charge.temperature_decidegc is not None:
        columns["temperature_decidegc"] = charge.temperature_decidegc.astype(np.int64)
    if charge.pilot_da is not None:
        columns["pilot_da"] = charge.pilot_da.astype(np.int64)
    if charge.energy_wh is not None:
        columns["energy_wh"] = charge.energy_wh.astype(np.int64)
    return columns


def charge_faults(charge: Charge) -> Iterator[Fault]:
    """All faults of a charge in memory."""
    place = f"{charge.session}"
    columns = columns_of(charge)
    yield from session_faults(row_of(charge), place)
    for column in sorted(set(charge.details) - set(DETAIL_COLUMNS)):
        yield Fault(place, f"details has {column!r}; a session table has no such column")
    if len({len(values) for values in columns.values()}) > 1:
        yield Fault(place, "its sample columns differ in length")
        return
    yield from profile_faults(row_of(charge), columns, place)
    yield from sample_faults(columns, place, lambda i: f"{place} sample {i}")


def charge_from(row: Mapping[str, str], columns: Columns) -> Charge:
    """The charge of a checked row and its checked columns."""
    full = row.get("full_t_ms", "")
    soc, temperature, pilot, energy = (columns.get(name) for name in OPTIONAL_SAMPLE_COLUMNS)
    phases = _phases(columns)
    voltage, current = (columns["voltage_mv"], columns["current_ma"]) if phases is None else phases.as_one()
    return Charge(
        session=row["session"],
        device=row["device"],
        unit=row["unit"],
        charger=row["charger"],
        ended=row["ended"],  # type: ignore[arg-type]  # session_faults has checked it
        t_ms=columns["t_ms"].astype(np.uint32),
        voltage_mv=voltage.astype(np.int32),
        current_ma=current.astype(np.int32),
        full_t_ms=int(full) if full else None,
        details={column: row[column] for column in DETAIL_COLUMNS if row.get(column)},
        soc_pct=None if soc is None else soc.astype(np.float32),
        temperature_decidegc=None if temperature is None else temperature.astype(np.int32),
        phases=phases,
        pilot_da=None if pilot is None else pilot.astype(np.int32),
        energy_wh=None if energy is None else energy.astype(np.int32),
    )


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
