"""The charges of a household's reference file, and the charts drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.errors import TrainError
from train.report import svg
from train.report.charges import RIGHT, STRIP_STYLES, UNKNOWN, WRONG, bin_means, thinned

UNKNOWN_FLAG = 1  # of `state`, docs/wire.md
DRAWING_OF_PEAK = 0.02
STILL_MIN = 1.0
CURRENTS, PILOT = slice(3, 6), 6  # of `vehicle_samples`


@dataclass(frozen=True, slots=True)
class HouseholdCharge:
    """One charge with the answers to it; arrays have one entry a sample."""

    session: str
    car: int  # of the enrolled ones; -1: another
    unit: str  # device/unit
    minutes: NDArray[np.float64]  # [n] since the first sample
    power_kw: NDArray[np.float64]  # [n]
    done_min: NDArray[np.float64]  # [n, 3]
    possible: NDArray[np.int64]  # [n] bits
    unknown: NDArray[np.bool_]  # [n]
    end_min: float | None  # when it drew no more though it was allowed to; None where the recording does not show it

    @property
    def kind(self) -> NDArray[np.intp]:
        """[n] RIGHT: this car alone is possible; WRONG: it is not, or unknown; UNKNOWN: it and others."""
        mine = 1 << max(self.car, 0)
        holds = (self.possible & mine != 0) & ~self.unknown & (self.car >= 0)
        return np.where(holds, np.where(self.possible == mine, RIGHT, UNKNOWN), WRONG).astype(np.intp)


def read_household_reference(path: Path, units: Sequence[str]) -> list[HouseholdCharge]:
    """The charges of a reference; `units` are the enrolled cars' device/unit. Raises TrainError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        spans = zip(arrays["offsets"][:-1], arrays["offsets"][1:], strict=True)
        return [_charge(arrays, k, slice(int(a), int(b)), units) for k, (a, b) in enumerate(spans) if b > a]
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise TrainError(f"{path}: is not a household's reference ({error}); make it with: codegen reference") from None


def _charge(arrays: Mapping[str, NDArray[Any]], k: int, rows: slice, units: Sequence[str]) -> HouseholdCharge:
    t_ms = arrays["t_ms"][rows].astype(np.int64)
    samples = arrays["vehicle_samples"][rows].astype(np.float64)
    power_kw = (samples[:, :3] * samples[:, CURRENTS]).sum(axis=1) / 1e9
    minutes = (t_ms - t_ms[0]) / 60_000
    unit = f"{arrays['session_devices'][k]}/{arrays['session_units'][k]}"
    answers = [arrays[f"done_{pct}_s"][rows] / 60 for pct in (10, 50, 90)]
    return HouseholdCharge(
        session=str(arrays["sessions"][k]),
        car=units.index(unit) if unit in units else -1,
        unit=unit,
        minutes=minutes,
        power_kw=power_kw,
        done_min=np.stack(answers, axis=1),
        possible=arrays["possible"][rows].astype(np.int64),
        unknown=(arrays["state"][rows].astype(np.int64) & UNKNOWN_FLAG) != 0,
        end_min=_end_min(minutes, power_kw, samples[:, PILOT]),
    )


def _end_min(minutes: NDArray[np.float64], power_kw: NDArray[np.float64], pilot: NDArray[np.float64]) -> float | None:
    drawing = np.flatnonzero(power_kw > DRAWING_OF_PEAK * power_kw.max())
    if not len(drawing) or drawing[-1] + 1 >= len(minutes):
        return None
    end = int(drawing[-1]) + 1
    if minutes[-1] - minutes[end] < STILL_MIN or (pilot[end:] == 0).any():
        return None
    return float(minutes[end])


def typical_of_each_car(charges: Sequence[HouseholdCharge], n_cars: int) -> list[HouseholdCharge]:
    """Of each car the charge of median length, of those that show their end where there are any."""
    chosen = []
    for car in range(n_cars):
        own = [charge for charge in charges if charge.car == car]
        own = [charge for charge in own if charge.end_min is not None] or own
        if own:
            chosen.append(sorted(own, key=lambda charge: float(charge.minutes[-1]))[len(own) // 2])
    return chosen


def minutes_chart(charge: HouseholdCharge) -> str:
    """Answered and true minutes to the end over time, and which cars were possible."""
    rows = thinned(charge.minutes)
    x, answer = charge.minutes[rows], charge.done_min[rows]
    truth = np.full(len(x), np.nan) if charge.end_min is None else charge.end_min - x
    truth[truth < 0] = np.nan
    top = max(float(np.quantile(answer[:, 2], 0.97)), float(np.nanmax(truth, initial=0.0)), 1.0)
    frame = svg.Frame(46, 8, 430, 176, max(float(x[-1]), 0.1), top * 1.04)
    body = svg.axes(frame, svg.minute_ticks(frame.x_max, 6), svg.minute_ticks(frame.y_max, 4), "min", "min")
    body += svg.band(frame, x, answer[:, 0], answer[:, 2], "interval")
    body += svg.line(frame, x, truth, "truth") + svg.line(frame, x, answer[:, 1], "answer")
    body += svg.strip(frame, x, charge.kind[rows], STRIP_STYLES, 210, 8)
    body += '<text class="tick" x="42" y="218" text-anchor="end">car</text>'
    return svg.document(490, 224, f"Minutes to the end of {charge.session}: answered and true", body)


def power_chart(charge: HouseholdCharge) -> str:
    """Power over time."""
    rows = thinned(charge.minutes)
    x, y = charge.minutes[rows], bin_means(charge.power_kw, rows)
    frame = svg.Frame(46, 8, 430, 56, max(float(x[-1]), 0.1), max(float(y.max(initial=0)) * 1.08, 0.1))
    body = svg.axes(frame, svg.minute_ticks(frame.x_max, 6), svg.nice_ticks(frame.y_max, 2), "min", "kW")
    body += svg.band(frame, x, np.zeros(len(x)), y, "power-area") + svg.line(frame, x, y, "power")
    return svg.document(490, 88, f"Power of {charge.session} over time", body)
