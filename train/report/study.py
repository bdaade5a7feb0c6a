"""The study's page: plots of bytes against quality, the table, and a paragraph in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

from train.report.build import _write
from train.report.svg import document, number
from train.study import words

TEMPLATE = Path(__file__).parent / "study.html.j2"
COLUMNS = (
    "technique", "bytes", "times smaller", "deflated", "RAM", "instr. mean", "instr. worst",
    "right at 60 s, %", "points lost", "minutes", "change, %", "in 10–90 %, %", "interval, min", "training, s",
)  # fmt: skip
WIDTH, HEIGHT, LEFT, TOP, BOTTOM, RIGHT = 560, 340, 52, 12, 40, 14


def write_page(result: Mapping[str, Any], path: Path) -> Path:
    """Render compression.json as one self-contained file; raises TrainError where it cannot be written."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    plots = [
        {"title": title, "svg": Markup(plot(result, quality, scale, unit, higher=higher))}  # noqa: S704
        for title, quality, scale, unit, higher in (
            ("device right after 60 s, %", "accuracy", 100.0, "%", True),
            ("minutes to full: mean error", "mae_minutes", 1.0, "min", False),
        )
    ]
    page = {
        "paragraph": words.paragraph(result),
        "target": result["target"],
        "plots": plots,
        "goals": [_goal(goal) for goal in words.goals(result)],
        "columns": COLUMNS,
        "tables": _tables(result),
        "command": result["command"],
        "commit": result["commit"],
        "data_hash": result["data_hash"],
    }
    return _write(path, environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(page))


def _goal(goal: Mapping[str, Any]) -> dict[str, Any]:
    limit = f"{100 * goal['limit']:.0f} %" if goal["kind"] == "remaining" else f"{goal['limit']:g}"
    return {
        "text": f"{words.NAMES[goal['kind']]}: {goal['goal_ratio']:.0f} × smaller, at most {limit} {goal['words']}",
        "ratio": "–" if goal["ratio"] is None else f"{goal['ratio']:.1f} ×",
        "bytes": "–" if goal["bytes"] is None else goal["bytes"],
        "met": goal["met"],
        "by": "" if goal["row"] is None else f": {goal['row']}{goal['beside']}",
    }


def _tables(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    tables = [
        {
            "title": "All techniques",
            "text": "Forests: both models, which device and minutes to full. Click a heading to sort.",
            "rows": [_cells(row) for row in result["rows"]],
        }
    ]
    if result["trials"]:
        text = "One model each, drawn by Optuna (NSGA-II): what the front was looked for in."
        tables.append({"title": "Searched", "text": text, "rows": [_cells(row) for row in result["trials"]]})
    return tables


def is_study(row: Mapping[str, Any]) -> bool:
    """Whether a row is the published combination."""
    return bool(row["technique"] == "magnitude_pruning" and "study" in row["label"])


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    lost, change = row.get("accuracy_lost_points"), row.get("mae_change")
    ratio = row.get("ratio") or (next(iter(row["parts"].values())).get("ratio") if len(row["parts"]) == 1 else None)
    cells = [
        {"text": f"{row['title']}: {row['label']}", "value": f"{row['title']} {row['label']}", "note": row["note"]},
        _cell(row["raw_bytes"], "d"),
        _cell(ratio, ".1f"),
        _cell(row["deflated_bytes"], "d"),
        _cell(row["ram_bytes"], "d"),
        _cell(row["instructions_mean"], ".0f"),
        _cell(row["instructions_max"], "d"),
        _cell(row["accuracy"], ".2f", 100),
        _interval(lost, 1.0, "+.2f"),
        _cell(row["mae_minutes"], ".2f"),
        _interval(change, 100.0, "+.1f"),
        _cell(row["coverage"], ".1f", 100),
        _cell(row.get("interval_minutes"), ".1f"),
        _cell(row["train_seconds"], ".0f"),
    ]
    return {"cells": cells, "study": is_study(row)}


def _cell(value: float | None, form: str, scale: float = 1) -> dict[str, Any]:
    if value is None:
        return {"text": "", "value": "", "note": ""}
    shown = int(value * scale) if form == "d" else value * scale
    return {"text": f"{shown:{form}}", "value": value * scale, "note": ""}


def _interval(value: Mapping[str, float] | None, scale: float, form: str) -> dict[str, Any]:
    if not value or value["value"] is None:
        return {"text": "", "value": "", "note": ""}
    low, middle, high = (scale * value[key] for key in ("low", "value", "high"))
    return {"text": f"{middle:{form}} ({low:{form}} … {high:{form}})", "value": middle, "note": "95 % interval"}


def plot(result: Mapping[str, Any], quality: str, scale: float, unit: str, *, higher: bool) -> str:
    """Bytes (logarithmic) against a quality: a dot a row, a colour a family, the front of each kind dashed."""
    kind = "device" if quality == "accuracy" else "remaining"
    found = ((row, _dot(row, kind, quality, scale)) for row in words.rows_of(result))
    dots = [(row, dot[0], dot[1]) for row, dot in found if dot is not None]
    if not dots:
        return document(WIDTH, HEIGHT, "nothing to show", "")
    frame = _Frame([dot[1] for dot in dots], [dot[2] for dot in dots], higher=higher)
    parts = [frame.axes(unit)]
    for family in ("forest", "network"):
        own = sorted((x, y) for row, x, y in dots if row["family"] == family)
        parts.append(frame.staircase(own, higher=higher))
    trials = {id(row) for row in result["trials"]}
    for row, x, y in dots:
        style = f"{row['family']} trial" if id(row) in trials else row["family"]
        text = escape(f"{row['title']}: {row['label']}, {x:.0f} B, {y:.2f} {unit}")
        parts.append(
            f'<circle class="{style}" cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="4"><title>{text}</title></circle>'
        )
        if is_study(row):
            parts.append(f'<circle class="study" cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="9"/>')
            label = f'<text class="study-text" x="{frame.x(x) + 12:.1f}" y="{frame.y(y) + 16:.1f}">published</text>'
            parts.append(label)
    return document(WIDTH, HEIGHT, f"{quality} against bytes", "".join(parts))


def _dot(row: Mapping[str, Any], kind: str, quality: str, scale: float) -> tuple[float, float] | None:
    part = row["parts"].get("network") or row["parts"].get(kind)
    if part is None or row[quality] is None:
        return None
    return float(part["flash_bytes"]), scale * float(row[quality])


class _Frame:
    """The plotting area; ordinates run over the best three quarters, what is worse sits on the edge."""

    def __init__(self, xs: Sequence[float], ys: Sequence[float], *, higher: bool) -> None:
        self.x_low, self.x_high = math.log10(min(xs)) - 0.05, math.log10(max(xs)) + 0.05
        ranked = sorted(ys, reverse=higher)
        edge = ranked[int(0.85 * (len(ranked) - 1))]
        pad = max(abs(ranked[0] - edge), 1e-9) * 0.08
        self.y_low, self.y_high = min(ranked[0], edge) - pad, max(ranked[0], edge) + pad

    def x(self, value: float) -> float:
        share = (math.log10(value) - self.x_low) / max(self.x_high - self.x_low, 1e-9)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        limited = min(max(value, self.y_low), self.y_high)
        return TOP + (1 - (limited - self.y_low) / (self.y_high - self.y_low)) * (HEIGHT - TOP - BOTTOM)

    def axes(self, unit: str) -> str:
        parts = []
        step = 10.0 ** math.floor(math.log10((self.y_high - self.y_low) / 2))
        step *= next(factor for factor in (1, 2, 5, 10) if (self.y_high - self.y_low) / (step * factor) <= 7)
        value = math.ceil(self.y_low / step) * step
        while value <= self.y_high:
            y = self.y(value)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{number(round(value, 6))}</text>')
            value += step
        for exponent in range(math.floor(self.x_low), math.ceil(self.x_high) + 1):
            for factor in (1, 2, 5):
                at = factor * 10.0**exponent
                if self.x_low <= math.log10(at) <= self.x_high:
                    text = f"{at / 1000:g} KB" if at >= 1000 else f"{at:g} B"
                    x = self.x(at)
                    parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
                    parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{text}</text>')
        parts.append(f'<text x="{LEFT}" y="{HEIGHT - 6}">{unit}; bytes are logarithmic</text>')
        return "".join(parts)

    def staircase(self, points: Sequence[tuple[float, float]], *, higher: bool) -> str:
        best: list[tuple[float, float]] = []
        for x, y in points:
            if not best or (y > best[-1][1] if higher else y < best[-1][1]):
                best.append((x, y))
        if len(best) < 2:
            return ""
        corners = [f"{self.x(best[0][0]):.1f},{self.y(best[0][1]):.1f}"]
        for (_, y_before), (x, y) in pairwise(best):
            corners += [f"{self.x(x):.1f},{self.y(y_before):.1f}", f"{self.x(x):.1f},{self.y(y):.1f}"]
        return f'<polyline class="front" points="{" ".join(corners)}"/>'
