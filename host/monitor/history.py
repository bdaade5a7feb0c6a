"""The course of one charge for plots, in bounded memory."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from typing import NamedTuple

MAX_POINTS = 8192
"""Of as many points every second one is forgotten: 2 h at one a second, then one in two seconds is kept, and so on."""

NONE = -1
"""In the answer's columns: this sample has no answer."""


class Point(NamedTuple):
    """One sample and its answer; `elapsed_ms` since the first sample of the charge, which never wraps."""

    elapsed_ms: int
    voltage_mv: int
    current_ma: int
    remaining_10_s: int = NONE
    remaining_50_s: int = NONE
    remaining_90_s: int = NONE
    confidence_permille: int = NONE
    device: int = NONE
    unknown: int = NONE


class Cursor(NamedTuple):
    """How far a reader has come; the first one is Cursor()."""

    generation: int = -1
    position: int = 0


class History:
    """Points of one charge in the order of time. One thread appends, others read."""

    def __init__(self, max_points: int = MAX_POINTS) -> None:
        if max_points % 2:
            raise ValueError(f"max_points {max_points} is odd")
        self._max_points = max_points
        self._columns = tuple(array("q") for _ in Point._fields)
        self._stride = 1
        self._until_kept = 1
        self._generation = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._columns[0])

    def append(self, point: Point) -> None:
        """Take the next point; only every `stride`-th is kept."""
        with self._lock:
            self._until_kept -= 1
            if self._until_kept:
                return
            self._until_kept = self._stride
            for column, value in zip(self._columns, point, strict=True):
                column.append(value)
            if len(self._columns[0]) >= self._max_points:
                # Of an even number the last one goes, so the next to keep is one old stride away, not two.
                self._columns = tuple(column[::2] for column in self._columns)
                self._until_kept = self._stride
                self._stride *= 2
                self._generation += 1

    def since(self, cursor: Cursor) -> tuple[Cursor, bool, tuple[array[int], ...]]:
        """What a reader has not seen yet, column by column, and whether it must forget all that it has."""
        with self._lock:
            fresh = cursor.generation != self._generation
            start = 0 if fresh else cursor.position
            columns = tuple(column[start:] for column in self._columns)
            return Cursor(self._generation, len(self._columns[0])), fresh, columns

    def column(self, name: str, until_ms: int | None = None) -> list[int]:
        """The values of one field, as far as a time of the charge (`elapsed_ms`)."""
        with self._lock:
            end = None if until_ms is None else bisect_right(self._columns[0], until_ms)
            return self._columns[Point._fields.index(name)][:end].tolist()
