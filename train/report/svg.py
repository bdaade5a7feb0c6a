"""Small charts as SVG text; colours are CSS classes, so that one file serves light, dark and print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """A plotting area in pixels and the data ranges, from zero, that fill it."""

    left: float
    top: float
    width: float
    height: float
    x_max: float
    y_max: float

    def x(self, value: float) -> float:
        """Pixel of a data abscissa."""
        return self.left + self.width * value / self.x_max

    def y(self, value: float) -> float:
        """Pixel of a data ordinate, limited to the frame."""
        return self.top + self.height * (1 - min(max(value, 0.0), self.y_max) / self.y_max)


def nice_ticks(maximum: float, n_wanted: int) -> list[float]:
    """Round tick values from 0 up to `maximum`: steps of 1, 2 or 5 times a power of ten, about `n_wanted` of them."""
    if maximum <= 0:
        return [0.0]
    raw = maximum / max(1, n_wanted)
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    return [float(step * index) for index in range(int(maximum / step + 1e-9) + 1)]


def minute_ticks(maximum: float, n_wanted: int) -> list[float]:
    """Tick values in minutes from 0 up to `maximum`: steps that divide hours."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
    step = next((step for step in steps if maximum / step <= n_wanted), 2880 * int(np.ceil(maximum / 2880 / n_wanted)))
    return [float(step * index) for index in range(int(maximum / step + 1e-9) + 1)]


def number(value: float) -> str:
    """A tick's text: no trailing zeros."""
    return f"{value:.6g}"


def axes(frame: Frame, x_ticks: Sequence[float], y_ticks: Sequence[float], x_unit: str, y_unit: str) -> str:
    """Horizontal grid lines, tick labels, and the unit on the last label of each axis."""
    parts = []
    bottom = frame.top + frame.height
    for value in y_ticks:
        y = frame.y(value)
        parts.append(
            f'<line class="grid" x1="{frame.left:g}" x2="{frame.left + frame.width:g}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        text = number(value) + (f" {y_unit}" if value == y_ticks[-1] else "")
        parts.append(
            f'<text class="tick" x="{frame.left - 6:g}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>'
        )
    for value in x_ticks:
        x, text = frame.x(value), number(value) + (f" {x_unit}" if value == x_ticks[-1] else "")
        parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 16:g}" text-anchor="middle">{escape(text)}</text>')
    return "".join(parts)


def line(frame: Frame, x: NDArray[np.float64], y: NDArray[np.float64], style: str) -> str:
    """A polyline through points [n]; NaN ordinates break it."""
    parts = []
    for run in _runs(~np.isnan(y)):
        points = " ".join(f"{frame.x(a):.1f},{frame.y(b):.1f}" for a, b in zip(x[run], y[run], strict=True))
        parts.append(f'<polyline class="{style}" points="{points}"/>')
    return "".join(parts)


def band(frame: Frame, x: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64], style: str) -> str:
    """The area between two curves over x [n]."""
    upper = [f"{frame.x(a):.1f},{frame.y(b):.1f}" for a, b in zip(x, high, strict=True)]
    lower = [f"{frame.x(a):.1f},{frame.y(b):.1f}" for a, b in zip(x[::-1], low[::-1], strict=True)]
    return f'<polygon class="{style}" points="{" ".join(upper + lower)}"/>'


def strip(
    frame: Frame, x: NDArray[np.float64], kind: NDArray[np.intp], styles: Sequence[str], top: float, height: float
) -> str:
    """A strip under a chart, coloured by `kind` [n] of each point until the next one."""
    parts = []
    starts = np.flatnonzero(np.diff(kind, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(kind) - 1], strict=True):
        left, right = frame.x(float(x[start])), frame.x(float(x[end]))
        parts.append(
            f'<rect class="{styles[int(kind[start])]}" x="{left:.1f}" y="{top:g}" '
            f'width="{max(right - left, 0.5):.1f}" height="{height:g}"/>'
        )
    return "".join(parts)


def document(width: float, height: float, label: str, body: str) -> str:
    """An SVG element that scales with its container; `label` is read out by screen readers."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label, quote=True)}" '
        f'xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )


def _runs(mask: NDArray[np.bool_]) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]])))
    return [slice(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
