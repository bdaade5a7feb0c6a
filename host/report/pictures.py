"""The pictures of report.html."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from host.bench import Timing
from host.field_error import HORIZONS_S, OVERALL
from host.reference import ANSWER_FIELDS, Charge
from host.report.svg import Frame, axes, band, bars, document, line, mark, spread_over
from host.soak import Memory
from host.verify import Rows
from host.verify_float import Distribution, Price
from host.verify_report import Report

if TYPE_CHECKING:
    from markupsafe import Markup

    from host.verify_run import Evidence

_LOW, _MIDDLE, _HIGH = (ANSWER_FIELDS.index(f"remaining_{percent}_s") for percent in (10, 50, 90))
_STRIP = 8.0


def answers(report: Report, evidence: Evidence) -> list[dict[str, Any]]:
    """The charge with the median error and the one with the largest; of a divergence, that charge."""
    marked = {}
    if (first := report.first_divergence) is not None:
        marked[first.session] = first.sample
    errors = [charge.error.mae_minutes.get(OVERALL, -1.0) for charge in report.charges]
    order = sorted(range(len(errors)), key=errors.__getitem__)
    chosen = [(order[len(order) // 2], "a typical charge"), (order[-1], "the one it is farthest off")]
    if len(order) == 1:
        chosen = [(0, "the charge")]
    names = [charge.session for charge in report.charges]
    chosen = [(names.index(session), "the charge that diverged") for session in marked] + chosen
    shown: dict[int, str] = {}
    for index, word in chosen:
        shown.setdefault(index, word)
    return [
        _answer(evidence.charges[k], evidence.answers[k], evidence.device_names, errors[k], word, marked.get(names[k]))
        for k, word in list(shown.items())[:2]
    ]


def _answer(
    charge: Charge, rows: Rows, devices: Sequence[str], error: float, word: str, marked: int | None
) -> dict[str, Any]:
    t_ms = np.array([sample.t_ms for sample in charge.samples], dtype=np.int64)
    minutes = np.cumsum(np.diff(t_ms, prepend=t_ms[:1]) % 2**32) / 60_000
    at = spread_over(len(minutes))
    x = minutes[at].tolist()
    low, middle, high = (rows[at][:, k] / 60 for k in (_LOW, _MIDDLE, _HIGH))
    known = [k for k in at if charge.true_remaining_s[k] >= 0]
    top = float(max(np.percentile(high, 98), middle.max(), charge.true_remaining_s.max() / 60, 1.0)) * 1.05
    strip = len(devices) > 1
    frame = Frame(x1=float(minutes[-1]) or 1.0, y1=top, bottom=34 + (_STRIP + 6 if strip else 0), height=250)
    body = axes(frame, "minutes since plugged in", "minutes to full")
    body += band(frame, x, low.clip(0, top).tolist(), high.clip(0, top).tolist(), "interval")
    body += line(frame, x, (charge.baseline_remaining_s[at] / 60).clip(0, top).tolist(), "baseline")
    body += line(frame, minutes[known].tolist(), (charge.true_remaining_s[known] / 60).tolist(), "truth")
    body += line(frame, x, middle.clip(0, top).tolist(), "answer")
    if strip:
        body += _strip(frame, charge, rows, devices, minutes.tolist())
    if marked is not None:
        body += mark(frame, float(minutes[marked]), "marked", f"sample {marked}")
    off = "its end is not known" if error < 0 else f"{error:.1f} min off on average"
    return {
        "svg": _markup(document(frame, f"Minutes to full as the board answers them, charge {charge.session}", body)),
        "title": f"{charge.device}, {word}",
        "text": f"{charge.session}: {off}",
    }


def _strip(frame: Frame, charge: Charge, rows: Rows, devices: Sequence[str], minutes: Sequence[float]) -> str:
    """Under the chart: was the device right, wrong, or unknown?"""
    right = rows[:, 0] == (devices.index(charge.device) if charge.device in devices else -1)
    kinds = np.where(rows[:, ANSWER_FIELDS.index("flags")] & 1, 2, np.where(right, 0, 1))
    starts = np.flatnonzero(np.diff(kinds, prepend=-1)).tolist()
    top = frame.height - frame.bottom + 20
    parts = []
    for start, end in zip(starts, [*starts[1:], len(kinds) - 1], strict=True):
        left, stop = frame.x(minutes[start]), frame.x(minutes[end])
        style = ("right", "wrong", "unsure")[kinds[start]]
        size = f'width="{max(stop - left, 0.7):.1f}" height="{_STRIP:g}"'
        parts.append(f'<rect class="{style}" x="{left:.1f}" y="{top:g}" {size}/>')
    return "".join(parts)


def error_by_horizon(report: Report) -> Any:
    """Mean error of board and baseline at each horizon, side by side; None where no truth is known."""
    keys = [key for key in (*HORIZONS_S, OVERALL) if key in report.error.mae_minutes]
    if not keys:
        return None
    values = [(report.error.mae_minutes[key], report.error.baseline_mae_minutes.get(key, 0.0)) for key in keys]
    frame = Frame(x1=float(len(keys)), y1=max(max(pair) for pair in values) * 1.08 or 1.0, height=200)
    ticks = [(k + 0.5, key.replace("1800s", "30 min").replace("300s", "5 min")) for k, key in enumerate(keys)]
    body = axes(frame, "after charging for", "minutes off", ticks)
    for k, (board, baseline) in enumerate(values):
        body += bars(frame, (k + 0.14, k + 0.49), (board,), "answer-bar")
        body += bars(frame, (k + 0.52, k + 0.87), (baseline,), "baseline-bar")
    return _markup(document(frame, "Mean error in minutes by time charged, board beside baseline", body))


def price(found: Price) -> list[dict[str, Any]]:
    """Histograms of what the integers change."""
    shown = [("seconds to full, integers less float", found.remaining_s, "s")]
    if found.confidence_permille is not None:
        shown.append(("confidence, integers less float", found.confidence_permille, "‰"))
    if found.margin is not None:
        shown.append(("margin of a class, integers less float", found.margin, ""))
    return [
        {
            "svg": _markup(_histogram(distribution, unit, title)),
            "title": title,
            "text": ", ".join(
                f"{share} within {value:.2g} {unit}".rstrip()
                for share, value in (
                    ("half", distribution.p50),
                    ("99 %", distribution.p99),
                    ("all", distribution.largest),
                )
            ),
        }
        for title, distribution, unit in shown
    ]


def _histogram(found: Distribution, unit: str, title: str) -> str:
    frame = Frame(
        x0=found.edges[0], x1=found.edges[-1], y1=max(found.counts) * 1.05, height=150, left=14, top=8, bottom=32
    )
    body = axes(frame, unit, "", y_numbers=False) + bars(frame, found.edges, found.counts, "answer-bar")
    return document(frame, title, body)


def timing(found: Timing) -> Any:
    """A histogram of answer times."""
    spread = found.finest
    frame = Frame(x0=spread.edges[0], x1=spread.edges[-1], y1=max(spread.counts) * 1.05, height=170)
    body = axes(frame, f"{spread.unit} an answer", "answers") + bars(frame, spread.edges, spread.counts, "answer-bar")
    body += mark(frame, spread.p99, "marked", "99 %")
    return _markup(document(frame, f"Answer times in {spread.unit}", body))


def soak(report: Report) -> Any:
    """Memory of both sides over the soak; None without one."""
    if report.soak is None:
        return None
    sides = [(side, memory) for side, memory in (("host", report.soak.host), ("board", report.soak.board)) if memory]
    return [
        {"svg": _markup(_memory(memory)), "title": f"memory of the {side}", "text": _slope(memory)}
        for side, memory in sides
    ]


def _memory(memory: Memory) -> str:
    at = spread_over(len(memory.samples))
    x, y = [memory.samples[k] / 1000 for k in at], [memory.rss_bytes[k] / 1e6 for k in at]
    frame = Frame(x1=x[-1] or 1.0, y1=max(y) * 1.1, height=150)
    body = axes(frame, "thousand samples", "MB") + line(frame, x, y, "answer")
    return document(frame, "Resident memory over the soak", body)


def _slope(memory: Memory) -> str:
    return f"fitted slope {memory.slope_bytes_per_1000_samples:+.1f} bytes in 1000 samples"


def _markup(svg: str) -> Markup:
    from markupsafe import Markup

    return Markup(svg)  # noqa: S704 (texts in it are escaped where it is made)
