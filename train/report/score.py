"""Charts of an evaluation: figures over the time gone by, how far to trust the confidence, the worst charges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from train.report import svg
from train.report.charges import RIGHT, UNKNOWN, WRONG, Replayed, remaining_chart

TIME_TICKS = ((1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h"), (10800, "3 h"))


def curve_charts(evaluation: Mapping[str, Any]) -> list[dict[str, str]]:
    """Device right, minutes off and coverage over the time gone by, with bands of 95 %; those that have any figure."""
    curves = evaluation.get("curves") or {}
    elapsed = np.array(curves.get("elapsed_s") or [], dtype=np.float64)
    charts = (
        ("Device right", "%", (("accuracy", "answer"),), "of charges still running; the band is 95 %"),
        (
            "Minutes to full: mean error",
            "min",
            (("baseline_mae_minutes", "baseline"), ("mae_minutes", "answer")),
            "the answer beside the baseline; late, only long charges are left",
        ),
        ("Truth within 10–90 %", "%", (("coverage", "answer"),), "80 % is right"),
    )
    found = []
    for title, unit, series, text in charts:
        drawn = [(curves.get(key) or {}, style) for key, style in series]
        if len(elapsed) and any(value is not None for values, _ in drawn for value in values.get("mean") or []):
            chart = _curves(elapsed, drawn, title, unit)
            found.append({"svg": chart, "title": title, "text": text})
    return found


def calibration_chart(evaluation: Mapping[str, Any]) -> dict[str, str] | None:
    """Share right over confidence, a disc a bin, its area the number of charges; None without any."""
    bins = (evaluation.get("calibration") or {}).get("bins") or []
    if not bins:
        return None
    frame = svg.Frame(46, 10, 290, 170, 100, 100)
    ticks = [0.0, 25.0, 50.0, 75.0, 100.0]
    body = svg.axes(frame, ticks, ticks, "% sure", "%")
    ends = np.array([0.0, 100.0])
    body += svg.line(frame, ends, ends, "truth")
    most = max(row["charges"] for row in bins)
    for row in bins:
        radius = 3 + 8 * float(np.sqrt(row["charges"] / most)) if most else 3
        x, y = frame.x(100 * row["confidence"]), frame.y(100 * row["right"])
        body += f'<circle class="bin" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'
    return {
        "svg": svg.document(360, 212, "Share of devices right over the confidence of the answer", body),
        "title": "Is the confidence worth its name?",
        "text": f"share right over confidence, {evaluation['calibration'].get('at', '')} into a charge; on the dashed "
        "line it is; larger discs are more charges",
    }


def worst_charts(evaluation: Mapping[str, Any]) -> list[dict[str, str]]:
    """The charges whose minutes were furthest off, as the board answered them."""
    charts = []
    for course in evaluation.get("worst_charges") or []:
        device = str(course["unit"]).partition("/")[0]
        taken = "" if course["answered"] == device else f", taken for {course['answered']}"
        special = f"; {', '.join(course['slices'])}" if course["slices"] else ""
        charts.append(
            {
                "svg": remaining_chart(_replayed(course, device)),
                "title": f"{device}{taken}",
                "text": f"{course['session']}: {course['mae_minutes']:.1f} min off on average, the baseline "
                f"{course['baseline_mae_minutes']:.1f}; ended: {course['ended']}{special}",
            }
        )
    return charts


def _replayed(course: Mapping[str, Any], device: str) -> Replayed:
    right, unknown = np.array(course["right"], np.bool_), np.array(course["unknown"], np.bool_)
    kind = np.where(unknown, UNKNOWN, np.where(right, RIGHT, WRONG)).astype(np.intp)
    minutes = np.array(course["elapsed_s"], np.float64) / 60
    nothing = np.zeros(len(minutes))
    return Replayed(
        session=str(course["session"]),
        device=device,
        unit=str(course["unit"]),
        minutes=minutes,
        power_w=nothing,
        voltage_v=nothing,
        truth_min=np.array(course["true_remaining_s"], np.float64) / 60,
        answer_min=np.array(course["remaining_s"], np.float64) / 60,
        baseline_min=np.array(course["baseline_s"], np.float64) / 60,
        device_kind=kind,
    )


def _curves(
    elapsed: NDArray[np.float64], series: Sequence[tuple[Mapping[str, Any], str]], label: str, unit: str
) -> str:
    """Curves over the logarithm of time, each with its band."""
    times = 100.0 if unit == "%" else 1.0
    bounds = [
        {key: times * np.array(values.get(key) or [None] * len(elapsed), np.float64) for key in ("mean", "low", "high")}
        for values, _ in series
    ]
    tops = np.concatenate([np.concatenate([part["mean"], part["high"]]) for part in bounds])
    frame = svg.Frame(46, 10, 300, 170, float(np.log10(elapsed[-1])), 100.0 if unit == "%" else float(np.nanmax(tops)))
    x = np.log10(elapsed)
    body = svg.axes(frame, [], svg.nice_ticks(frame.y_max, 5), "", unit)
    for second, text in TIME_TICKS:
        if second <= elapsed[-1]:
            at = frame.x(float(np.log10(second)))
            body += f'<text class="tick" x="{at:.1f}" y="196" text-anchor="middle">{text}</text>'
    for part, (_, style) in zip(bounds, series, strict=True):
        known = ~np.isnan(part["low"]) & ~np.isnan(part["high"])
        if known.any():
            body += svg.band(frame, x[known], part["low"][known], part["high"][known], f"{style}-band")
        body += svg.line(frame, x, part["mean"], style)
    return svg.document(360, 212, f"{label} over the time gone by", body)
