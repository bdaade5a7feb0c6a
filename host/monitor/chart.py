"""A curve in characters: columns of eighths of a block."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

EIGHTHS = " ▁▂▃▄▅▆▇█"


def columns(values: Sequence[int], width: int) -> list[float]:
    """The values as `width` means of neighbours at most, in order."""
    n = min(len(values), width)
    edges = [len(values) * k // n for k in range(n + 1)] if n else [0]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]


def chart(values: Sequence[int], width: int, height: int, low: float, high: float) -> list[str]:
    """Lines of text, the top one first; low is one eighth high, high leaves one free, so that charts do not touch."""
    steps = height * 8 - 1
    span = max(high - low, 1e-9)
    levels = [min(max(round((value - low) / span * (steps - 1)) + 1, 1), steps) for value in columns(values, width)]
    rows = []
    for row in reversed(range(height)):
        rows.append("".join(EIGHTHS[min(max(level - 8 * row, 0), 8)] for level in levels))
    return rows
