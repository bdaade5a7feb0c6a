"""What a stream shows on a terminal: the latest answers, how far it is, how long it takes."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from host.answers import device_text, minutes_text, phase_text
from host.messages import Prediction
from host.samples import SampleCharge
from host.session import Measurement

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN_ANSWERS = 12
SHOW_EVERY_S = 0.1
SHOW_EVERY_N = 50
"""Looking at the clock costs as well: beyond this rate it is looked at that often."""

_COLUMNS = (("elapsed", 9), ("V", 7), ("A", 7), ("device", 22), ("%", 4), ("left", 20), ("phase", 0))


def table_head() -> str:
    """The line above rows of `row_text`."""
    return "  ".join(name.ljust(width) for name, width in _COLUMNS).rstrip()


def row_text(_session: str, sample: Measurement, answer: Prediction, names: Sequence[str]) -> str:
    """A sample and its answer as a row of text."""
    cells = _cells(sample, answer, names)
    return "  ".join(cell.ljust(width) for cell, (_, width) in zip(cells, _COLUMNS, strict=True)).rstrip()


def _cells(sample: Measurement, answer: Prediction, names: Sequence[str]) -> tuple[str, ...]:
    seconds = sample.t_ms // 1000
    return (
        f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}",
        f"{sample.voltage_mv / 1000:.3f}",
        f"{sample.current_ma / 1000:.3f}",
        device_text(answer, names),
        f"{answer.confidence_permille / 10:.0f}",
        minutes_text(answer),
        phase_text(answer),
    )


class StreamScreen:
    """Redrawn a few times a second on a terminal; nothing anywhere else."""

    def __init__(self, charges: Sequence[SampleCharge], speed: float | None, names: Sequence[str]) -> None:
        self._total = sum(len(charge.samples) for charge in charges)
        self._real_s = sum((c.samples[-1].t_ms - c.samples[0].t_ms) / 1000 for c in charges)
        self._speed = speed
        self._names = names
        self._latest: deque[tuple[str, Measurement, Prediction]] = deque(maxlen=SHOWN_ANSWERS)
        self._n = 0
        self._began = self._drawn_at = time.monotonic()
        self._live: Any = None

    def __enter__(self) -> StreamScreen:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(
                console=Console(stderr=True, highlight=False), auto_refresh=False, transient=True, redirect_stdout=False
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def answer(self, session: str, sample: Measurement, answer: Prediction) -> None:
        """Take an answer."""
        if self._live is None:
            return
        self._n += 1
        self._latest.append((session, sample, answer))
        if self._n % SHOW_EVERY_N and self._speed is None:
            return
        if time.monotonic() - self._drawn_at >= SHOW_EVERY_S:
            self._live.update(self._picture(), refresh=True)
            self._drawn_at = time.monotonic()

    def _picture(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        table = Table(box=None, pad_edge=False, padding=(0, 2))
        for name, _ in _COLUMNS:
            table.add_column(name, justify="right" if name in ("V", "A", "%") else "left", no_wrap=True)
        for _, sample, answer in self._latest:
            table.add_row(*_cells(sample, answer, self._names))
        spent = time.monotonic() - self._began
        left = spent / max(self._n, 1) * (self._total - self._n)
        if self._speed is not None:
            left = max(0.0, self._real_s / self._speed - spent)
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            self._latest[-1][0],
            ProgressBar(total=self._total, completed=self._n, width=30),
            f"{self._n} of {self._total}",
            f"{int(left) // 60}:{int(left) % 60:02d} to go",
        )
        return Group(table, bar)
