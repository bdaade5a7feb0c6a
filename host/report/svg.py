"""Small charts as SVG text. Colours are CSS classes, so that one page serves light, dark and print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

POINTS_MAX = 400
"""Points of a drawn line; a screen shows no more."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A chart's area: data from x0 … x1 and y0 … y1 within margins of a width × height picture."""

    x1: float
    y1: float
    x0: float = 0.0
    y0: float = 0.0
    width: float = 440.0
    height: float = 220.0
    left: float = 40.0
    right: float = 12.0
    top: float = 24.0
    bottom: float = 34.0

    def x(self, value: float) -> float:
        """Of a value, in the picture."""
        span = (self.x1 - self.x0) or 1.0
        return self.left + (value - self.x0) / span * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        """Of a value, in the picture."""
        span = (self.y1 - self.y0) or 1.0
        return self.height - self.bottom - (value - self.y0) / span * (self.height - self.top - self.bottom)


def nice_ticks(low: float, high: float, n: int = 5) -> list[float]:
    """About n round values from low to high."""
    raw = max(high - low, 1e-9) / n
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def axes(
    frame: Frame,
    x_title: str,
    y_title: str,
    x_ticks: Sequence[tuple[float, str]] | None = None,
    *,
    y_numbers: bool = True,
) -> str:
    """Grid, numbers and titles; `x_ticks` (value, word) in place of round numbers, `y_numbers` False: heights alone."""
    right, base = frame.width - frame.right, frame.height - frame.bottom
    parts = []
    for value in nice_ticks(frame.y0, frame.y1, 4) if y_numbers else (frame.y0,):
        y = frame.y(value)
        parts.append(f'<line class="grid" x1="{frame.left:g}" x2="{right:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        if y_numbers:
            parts.append(_text(frame.left - 6, y + 4, _number(value), "end"))
    if x_ticks is None:
        x_ticks = [(value, _number(value)) for value in nice_ticks(frame.x0, frame.x1)]
    parts += [_text(frame.x(value), base + 15, word, "middle") for value, word in x_ticks]
    parts.append(_text((frame.left + right) / 2, frame.height - 4, x_title, "middle"))
    if y_title:
        parts.append(_text(2, 12, y_title, "start"))
    return "".join(parts)


def line(frame: Frame, x: Sequence[float], y: Sequence[float], style: str) -> str:
    """A line through points."""
    points = " ".join(f"{frame.x(a):.1f},{frame.y(b):.1f}" for a, b in zip(x, y, strict=True))
    return f'<polyline class="{style}" points="{points}"/>'


def band(frame: Frame, x: Sequence[float], low: Sequence[float], high: Sequence[float], style: str) -> str:
    """The area between two lines."""
    points = [(a, b) for a, b in zip(x, high, strict=True)] + [(a, b) for a, b in zip(x[::-1], low[::-1], strict=True)]
    text = " ".join(f"{frame.x(a):.1f},{frame.y(b):.1f}" for a, b in points)
    return f'<polygon class="{style}" points="{text}"/>'


def bars(frame: Frame, edges: Sequence[float], counts: Sequence[float], style: str) -> str:
    """A histogram: `counts` [n] between `edges` [n + 1]; a count above 0 is at least a pixel high."""
    parts = []
    base = frame.y(frame.y0)
    for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True):
        if count:
            height = max(base - frame.y(count), 1.0)
            a, b = frame.x(left), frame.x(right)
            parts.append(
                f'<rect class="{style}" x="{a:.1f}" y="{base - height:.1f}" width="{max(b - a - 0.6, 0.6):.1f}" '
                f'height="{height:.1f}"/>'
            )
    return "".join(parts)


def mark(frame: Frame, value: float, style: str, word: str) -> str:
    """An upright line at a value of x, with a word."""
    x = frame.x(value)
    anchor, shift = ("end", -4) if x > frame.width * 0.7 else ("start", 4)
    upright = (
        f'<line class="{style}" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.top:g}" y2="{frame.height - frame.bottom:g}"/>'
    )
    return upright + _text(x + shift, frame.top + 10, word, anchor)


def document(frame: Frame, label: str, body: str) -> str:
    """An SVG element that scales with its container; `label` is read out by screen readers."""
    return (
        f'<svg viewBox="0 0 {frame.width:g} {frame.height:g}" role="img" aria-label="{escape(label, quote=True)}" '
        f'xmlns="http://www.w3.org/2000/svg">{body}</svg>'
    )


def spread_over(n: int, most: int = POINTS_MAX) -> list[int]:
    """At most `most` indexes of n, first and last among them."""
    if n <= most:
        return list(range(n))
    return [round(k * (n - 1) / (most - 1)) for k in range(most)]


def _text(x: float, y: float, word: str, anchor: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(word)}</text>'


def _number(value: float) -> str:
    text = f"{value:.6g}"
    return f"{value:,.0f}".replace(",", "\u202f") if abs(value) >= 10_000 else text
