"""NASA's lithium-ion ageing set: charges of 2 Ah cells at 1.5 A to 4.2 V, then constant voltage down to 20 mA.

Source: B. Saha and K. Goebel, Battery Data Set, NASA Prognostics Data Repository, NASA Ames Research Center, 2007, as
CSV: `charges.csv` (optional) and `charge/<cell>_t<test>.csv`. A board sees what the charger gives, so voltage and
current are those at the charger, not at the cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from train.errors import DatasetError
from train.sessions.checks import MIN_SAMPLES
from train.sessions.csv_store import read_rows
from train.sessions.importers.each import Refused, read_each
from train.sessions.types import Charge

DEVICE = "nasa_18650_2ah"
CHARGER = "bench_1500ma"
RATED_AH = 2.0
SOH_MIN = 0.5  # less is a discharge that was broken off: the cells were retired at 65 to 70 %
COLUMNS = ("Time", "Voltage_charge", "Current_charge")  # s, V, A
# Rest reads 0 mA at the charger, and the transient of the discharge before is negative; the charge ends at 20 mA.
FLOWING_A = 0.010
DONE_A = 0.025  # the charge's last reading: a log that stops above this was cut off


def read_nasa(folder: Path, refused: Refused | None = None) -> Iterator[Charge]:
    """The charges in the order of their file names; raises DatasetError naming file and line, or hands it on."""
    root = _root(folder)
    facts = _facts(root / "charges.csv")
    files = sorted((root / "charge").glob("*.csv"))
    if not files:
        raise DatasetError(f"{root / 'charge'}: holds no CSV file; it should hold <cell>_t<test>.csv")
    return read_each(files, lambda path: _read_charge(path, facts.get(path.name, {})), refused)


def _root(folder: Path) -> Path:
    for root in (folder, folder / "nasa_liion"):
        if (root / "charge").is_dir():
            return root
    raise DatasetError(f"{folder}: has no folder charge; name the folder nasa_liion or the one it lies in")


def _facts(path: Path) -> dict[str, dict[str, str]]:
    """The rows of charges.csv by file name; none where it is absent."""
    if not path.is_file():
        return {}
    rows, faults = read_rows(path)
    if faults:
        raise DatasetError(f"{path.parent}/{faults[0]}")
    return {row["file"]: row for _, row in rows if "file" in row}


def _read_charge(path: Path, facts: Mapping[str, str]) -> Charge:
    cell = re.fullmatch(r"(B\d+)_t\d+", path.stem)
    if not cell:
        raise DatasetError(f"{path}: is not named <cell>_t<test>.csv, for instance B0005_t000.csv")
    time_s, voltage_v, current_a = _columns(path)
    flowing = np.flatnonzero(current_a > FLOWING_A)
    if len(flowing) < MIN_SAMPLES:
        raise DatasetError(f"{path}: current flows in {len(flowing)} rows; a charge needs at least {MIN_SAMPLES}")
    kept = slice(flowing[0], flowing[-1] + 1)
    t_ms = np.rint((time_s[kept] - time_s[flowing[0]]) * 1000).astype(np.int64)
    if np.any(np.diff(t_ms) <= 0):
        raise DatasetError(f"{path}: Time is repeated or runs backwards")
    done = flowing[-1] + 1 < len(current_a) or current_a[flowing[-1]] <= DONE_A
    return Charge(
        session=path.stem,
        device=DEVICE,
        unit=cell[1],
        charger=CHARGER,
        ended="full" if done else "unknown",
        t_ms=t_ms.astype(np.uint32),
        voltage_mv=np.rint(voltage_v[kept] * 1000).astype(np.int32),
        current_ma=np.rint(current_a[kept] * 1000).astype(np.int32),
        details=_details(facts),
    )


def _columns(path: Path) -> list[NDArray[np.float64]]:
    """Time in s, voltage in V and current in A, each [n]."""
    rows, faults = read_rows(path)
    if faults:
        raise DatasetError(f"{path.parent}/{faults[0]}")
    missing = [name for name in COLUMNS if not rows or name not in rows[0][1]]
    if missing:
        raise DatasetError(f"{path}: column {', '.join(missing)} is missing")
    values = np.empty((len(COLUMNS), len(rows)))
    for k, (line, row) in enumerate(rows):
        for column, name in enumerate(COLUMNS):
            value = _number(row[name])
            if value is None:
                raise DatasetError(f"{path}:{line}: {name} is {row[name]!r}, not a number")
            values[column, k] = value
    return list(values)


def _details(facts: Mapping[str, str]) -> dict[str, str]:
    details = {"sensor": "bench"}
    ambient, capacity = _number(facts.get("ambient_C", "")), _number(facts.get("cap_Ah_next_discharge", ""))
    if ambient is not None:
        details["ambient_decidegc"] = str(round(ambient * 10))
    if capacity is not None and capacity > SOH_MIN * RATED_AH:
        details["soh_pct"] = f"{capacity / RATED_AH * 100:.1f}"
    return details


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
