"""The course of the mean state of charge over a night by each plan, as an SVG that needs no style sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from train.advice.nights import PLANS, STEP_S, Night
from train.report.svg import Frame, axes, document, line, minute_ticks

STYLE = """<style>text{font:12px system-ui,sans-serif;fill:#444}.title{font-weight:600;fill:#222}
.grid{stroke:#ddd}.high{stroke:#999;stroke-dasharray:3 3}polyline{fill:none;stroke-width:2}
.p0{stroke:#555}.p1{stroke:#c2410c}.p2{stroke:#1d4ed8}.p3{stroke:#15803d}.p4{stroke:#a21caf}</style>"""
WIDTH, HEIGHT, TOP, LEFT = 420.0, 250.0, 40.0, 52.0


def picture(nights: Mapping[str, Sequence[Night]]) -> str:
    """A panel a group of nights ("phones", "cars"), side by side, with one legend."""
    panels = [_panel(name, group, k) for k, (name, group) in enumerate(nights.items())]
    width = len(nights) * (WIDTH + 90) + 150
    return document(
        width,
        HEIGHT + 70,
        "Mean state of charge over a night, by plan",
        STYLE + "".join(panels) + _legend(width - 150),
    )


def _panel(name: str, nights: Sequence[Night], place: int) -> str:
    n = len(nights[0].soc)
    hours = np.arange(n) * STEP_S / 3600
    frame = Frame(LEFT + place * (WIDTH + 90), TOP, WIDTH, HEIGHT, float(n * STEP_S / 3600), 100.0)
    ticks = [minutes / 60 for minutes in minute_ticks(frame.x_max * 60, 7)]
    parts = [axes(frame, ticks, [0, 20, 40, 60, 80, 100], "h", "%")]
    y = frame.y(80)
    parts.append(f'<line class="high" x1="{frame.left:g}" x2="{frame.left + WIDTH:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
    for k, plan in enumerate(PLANS):
        mean = np.mean([night.soc for night in nights if night.plan == plan], axis=0) * 100
        parts.append(line(frame, hours, mean, f"p{k}"))
    count = len(nights) // len(PLANS)
    parts.append(f'<text class="title" x="{frame.left:g}" y="24">{name}: mean of {count} nights</text>')
    return "".join(parts)


def _legend(left: float) -> str:
    parts = []
    for k, plan in enumerate(PLANS):
        y = TOP + 12 + 22 * k
        parts.append(f'<polyline class="p{k}" points="{left:g},{y:g} {left + 24:g},{y:g}"/>')
        parts.append(f'<text x="{left + 32:g}" y="{y + 4:g}">{plan}</text>')
    return "".join(parts)
