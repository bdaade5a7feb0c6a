"""The charges of a reference file, and the charts drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.errors import TrainError
from train.report import svg

POINTS = 240  # of a drawn curve: more than its pixels can show
FLAG_UNKNOWN = 0x01  # WP_FLAG_UNKNOWN of the core
RIGHT, WRONG, UNKNOWN = 0, 1, 2
STRIP_STYLES = ("right", "wrong", "unsure")


@dataclass(frozen=True, slots=True)
class Replayed:
    """One charge with the answers to it; all arrays have one entry a sample."""

    session: str
    device: str
    unit: str
    minutes: NDArray[np.float64]  # [n] since the first sample
    power_w: NDArray[np.float64]  # [n]
    voltage_v: NDArray[np.float64]  # [n]
    truth_min: NDArray[np.float64]  # [n], NaN where censored or past full
    answer_min: NDArray[np.float64]  # [n, 3]
    baseline_min: NDArray[np.float64]  # [n]
    device_kind: NDArray[np.intp]  # [n] RIGHT, WRONG or UNKNOWN; no entries with one device

    @property
    def error_min(self) -> float:
        """Mean absolute error of the median answer; NaN in a censored charge."""
        known = ~np.isnan(self.truth_min)
        return (
            float(np.mean(np.abs(self.answer_min[known, 1] - self.truth_min[known]))) if known.any() else float("nan")
        )

    @property
    def baseline_error_min(self) -> float:
        """Mean absolute error of the baseline; NaN in a censored charge."""
        known = ~np.isnan(self.truth_min)
        return float(np.mean(np.abs(self.baseline_min[known] - self.truth_min[known]))) if known.any() else float("nan")


def read_reference(path: Path) -> list[Replayed]:
    """The charges of a reference file (docs/artifact.md); raises TrainError if it cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files if not key.endswith(("_leaf", "_margin"))}
        spans = zip(arrays["offsets"][:-1], arrays["offsets"][1:], strict=True)
        return [_replayed(arrays, number, slice(int(a), int(b))) for number, (a, b) in enumerate(spans) if b > a]
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise TrainError(
            f"{path}: is not a reference file ({error}); make it with: python -m codegen reference"
        ) from None


def _replayed(arrays: Mapping[str, NDArray[Any]], number: int, rows: slice) -> Replayed:
    t_ms = arrays["t_ms"][rows]
    truth = arrays["true_remaining_s"][rows].astype(np.float64)
    device = str(arrays["session_devices"][number])
    names = [str(name) for name in arrays["device_names"]]
    kind = np.empty(0, dtype=np.intp)
    if len(names) > 1:
        right = np.array([name == device for name in names])[arrays["device"][rows]]
        unknown = (arrays["flags"][rows] & FLAG_UNKNOWN) != 0
        kind = np.where(unknown, UNKNOWN, np.where(right, RIGHT, WRONG)).astype(np.intp)
    voltage_v = arrays["voltage_mv"][rows] / 1000
    return Replayed(
        session=str(arrays["sessions"][number]),
        device=device,
        unit=str(arrays["session_units"][number]),
        minutes=(t_ms - t_ms[0]).astype(np.float64) / 60_000,
        power_w=voltage_v * arrays["current_ma"][rows] / 1000,
        voltage_v=voltage_v,
        truth_min=np.where(truth >= 0, truth / 60, np.nan),
        answer_min=arrays["remaining_s"][rows] / 60,
        baseline_min=arrays["baseline_remaining_s"][rows] / 60,
        device_kind=kind,
    )


def typical_of_each_device(charges: Sequence[Replayed]) -> list[Replayed]:
    """Of each device the charge of median length, devices in alphabetical order."""
    chosen = []
    for device in sorted({charge.device for charge in charges}):
        own = sorted((charge for charge in charges if charge.device == device), key=lambda c: float(c.minutes[-1]))
        chosen.append(own[len(own) // 2])
    return chosen


def typical_and_worst(charges: Sequence[Replayed]) -> list[tuple[str, Replayed]]:
    """The charges of median and of largest mean error, with a word for each; fewer when fewer are known."""
    known = sorted((charge for charge in charges if not np.isnan(charge.error_min)), key=lambda c: c.error_min)
    if not known:
        return []
    chosen = [("typical", known[(len(known) - 1) // 2])]
    return chosen if len(known) == 1 else [*chosen, ("worst", known[-1])]


def power_chart(charge: Replayed) -> str:
    """Power over time, with a mark where the charge was full."""
    rows = thinned(charge.minutes)
    x, y = charge.minutes[rows], bin_means(charge.power_w, rows)
    frame = svg.Frame(34, 8, 190, 76, max(float(charge.minutes[-1]), 0.1), max(float(y.max(initial=0)) * 1.08, 0.1))
    body = svg.axes(frame, svg.minute_ticks(frame.x_max, 4), svg.nice_ticks(frame.y_max, 3), "min", "W")
    body += svg.band(frame, x, np.zeros(len(x)), y, "power-area") + svg.line(frame, x, y, "power")
    full = np.flatnonzero(~np.isnan(charge.truth_min))
    if len(full) and charge.truth_min[full[-1]] < 1:
        at = float(charge.minutes[full[-1]])
        level = float(np.interp(at, x, y))
        body += f'<circle class="full" cx="{frame.x(at):.1f}" cy="{frame.y(level):.1f}" r="3.5"/>'
    return svg.document(236, 104, f"Power of {charge.device} over time", body)


def remaining_chart(charge: Replayed) -> str:
    """Answered, true and baseline minutes to full over time, and which device was answered."""
    known = np.flatnonzero(~np.isnan(charge.truth_min))
    end = int(known[-1]) + 1
    rows = thinned(charge.minutes[:end])
    x = charge.minutes[rows]
    answer, truth, baseline = charge.answer_min[rows], charge.truth_min[rows], charge.baseline_min[rows]
    top = max(float(np.nanmax(truth)), float(np.quantile(answer[:, 2], 0.97)), float(np.quantile(baseline, 0.97)), 1.0)
    frame = svg.Frame(52, 12, 420, 190, max(float(x[-1]), 0.1), top * 1.05)
    body = svg.axes(frame, svg.minute_ticks(frame.x_max, 6), svg.minute_ticks(frame.y_max, 5), "min charging", "min")
    body += svg.band(frame, x, answer[:, 0], answer[:, 2], "interval")
    body += svg.line(frame, x, baseline, "baseline") + svg.line(frame, x, truth, "truth")
    body += svg.line(frame, x, answer[:, 1], "answer")
    height = 234.0
    if len(charge.device_kind):
        body += svg.strip(frame, x, charge.device_kind[rows], STRIP_STYLES, 228, 8)
        body += '<text class="tick" x="46" y="236" text-anchor="end">device</text>'
        height = 242.0
    return svg.document(490, height, f"Minutes to full of {charge.session}: answered, true and baseline", body)


def thinned(x: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices of at most POINTS samples, first and last among them."""
    return np.unique(np.linspace(0, len(x) - 1, min(POINTS, len(x))).round().astype(np.intp))


def bin_means(values: NDArray[np.float64], rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Means of `values` from each index in `rows` up to the next: noise is averaged, not sampled."""
    return np.asarray(np.add.reduceat(values, rows) / np.diff(np.append(rows, len(values))))
