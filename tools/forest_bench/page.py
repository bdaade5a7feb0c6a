"""The measurements as a page: bytes against instructions of every form, and the table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

TARGET = "rv32imc"
LABEL = 130  # the width of a long one
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 560, 360, 62, 44, 14, 120

HEAD = Path(__file__).with_name("page_head.html")

COLUMNS = (
    ("flash_bytes", "flash, B", "d"),
    ("stack_bytes", "stack, B", "d"),
    ("instructions_mean", "instructions", ".0f"),
    ("instructions_max", "worst", "d"),
    ("bytes_per_split", "B/split", ".1f"),
    ("mismatches", "wrong rows", "d"),
    ("error", "leaf error", ".2g"),
    ("emit_s", "emit, s", ".1f"),
    ("compile_s", "compile, s", ".1f"),
    ("times_smaller", "× smaller", ".1f"),
    ("times_fewer_instructions", "× fewer instr.", ".1f"),
)


def write_page(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """One file that needs nothing else."""
    plotted = [row for row in rows if row["target"] == TARGET and row.get("instructions_mean")]
    figures = []
    for group in dict.fromkeys((row["model"], row["features"]) for row in plotted):
        members = [row for row in plotted if (row["model"], row["features"]) == group]
        title = f"{group[0]}: {max(row['splits'] for row in members if row['ours'])} splits, {group[1]} features"
        figures.append(f"<figure><figcaption>{escape(title)}</figcaption>{plot(members, title)}</figure>")
    tables = []
    for model, features, target in dict.fromkeys((row["model"], row["features"], row["target"]) for row in rows):
        members = [row for row in rows if (row["model"], row["features"], row["target"]) == (model, features, target)]
        tables.append(f"<h2>{escape(f'{model}, {features} features, {target}')}</h2>{_table(members)}")
    body = f'<h2>On {TARGET}</h2><div class="plots">{"".join(figures)}</div>{"".join(tables)}'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEAD.read_text(encoding='utf-8')}{body}\n</body></html>\n", encoding="utf-8")


def plot(rows: Sequence[dict[str, Any]], title: str) -> str:
    """Bytes against instructions, a dot a form, as SVG."""
    x = _Axis([row["flash_bytes"] for row in rows], LEFT, WIDTH - RIGHT)
    y = _Axis([row["instructions_mean"] for row in rows], HEIGHT - BOTTOM, TOP)
    parts = []
    for tick in x.ticks():
        parts.append(f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(_text(x(tick), HEIGHT - BOTTOM + 16, _short(tick), "tick", "middle"))
    for tick in y.ticks():
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(_text(LEFT - 6, y(tick) + 4, _short(tick), "tick", "end"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "bytes of flash", "tick", "middle"))
    parts.append(_text(LEFT - 6, TOP - 2, "instructions", "tick", "end"))
    taken: list[tuple[float, float]] = []
    for row in sorted(rows, key=lambda row: -row["instructions_mean"]):
        dot = (x(row["flash_bytes"]), y(row["instructions_mean"]))
        kind = "ours" if row["ours"] else "other"
        parts.append(f'<circle class="{kind}" cx="{dot[0]:.1f}" cy="{dot[1]:.1f}" r="5"/>')
        at = dot[1] + 4
        while any(abs(at - y_other) < 12 and abs(dot[0] - x_other) < LABEL for x_other, y_other in taken):
            at += 3
        taken.append((dot[0], at))
        parts.append(_text(dot[0] + 9, at, row["form"].removesuffix(", a forest of its own"), "label", "start"))
    label = escape(f"{title}: bytes of flash against instructions", quote=True)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join(parts)}</svg>"
    )


class _Axis:
    """A logarithmic axis from `start` to `end` pixels that holds the values with some room."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low, self.high = math.log10(min(values) / 1.25), math.log10(max(values) * 1.25)
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        return self.start + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """1, 2 and 5 times powers of ten."""
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        wanted = (factor * 10.0**power for power in powers for factor in (1, 2, 5))
        return [value for value in wanted if self.low <= math.log10(value) <= self.high]


def _text(x: float, y: float, text: str, kind: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def _table(rows: Sequence[dict[str, Any]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in ("form", *(title for _, title, _ in COLUMNS)))
    lines = []
    for row in rows:
        if "note" in row:
            cells = f'<td class="note" colspan="{len(COLUMNS)}">{escape(row["note"])}</td>'
        else:
            values = ("" if row.get(key) is None else f"{row[key]:{form}}" for key, _, form in COLUMNS)
            cells = "".join(f"<td>{value}</td>" for value in values)
        lines.append(f"<tr{' class=ours' if row['ours'] else ''}><td>{escape(row['form'])}</td>{cells}</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
