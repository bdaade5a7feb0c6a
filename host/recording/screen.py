"""What a recording shows on a terminal; anywhere else only what the user has to know, line by line, on stderr."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from host.answers import Names, car_sentence, sentence
from host.recording.folder import VEHICLE

if TYPE_CHECKING:
    from rich.console import RenderableType

    from host.recording.recorder import Recorder

SHOW_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands around the charge: where it goes, which one of how many, the device names of a model hash."""

    place: str
    source: str
    n_charges: int
    device_names: Names


class Screen:
    """A few lines that are rewritten; notes scroll above them."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._live: Any = None
        self._drawn_at = 0.0

    def __enter__(self) -> Screen:
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

    def note(self, text: str) -> None:
        """Say something that stays."""
        if self._live is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._live.console.print(text, style="dim", markup=False)

    def ended(self, text: str) -> None:
        """Say, on a terminal, what has come of a charge while others follow."""
        if self._live is not None and self._shown.n_charges > 1:
            self.note(text)

    def log(self, line: str) -> None:
        """Show what the board logs."""
        self.note(f"board: {line}")

    def show(self, recorder: Recorder, n_done: int) -> None:
        """Draw, at most a few times a second."""
        if self._live is not None and time.monotonic() - self._drawn_at >= SHOW_EVERY_S:
            self._live.update(self._table(recorder, n_done), refresh=True)
            self._drawn_at = time.monotonic()

    def _table(self, recorder: Recorder, n_done: int) -> RenderableType:
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim")
        table.add_column()
        which = f" ({n_done + 1} of {self._shown.n_charges})" if self._shown.n_charges > 1 else ""
        if recorder.session is None:
            waiting = (
                "this one is full: unplug it, the next one follows" if recorder.is_full else "waiting for a charge"
            )
            table.add_row("record", f"{waiting}{which}")
            table.add_row("from", self._shown.source)
        else:
            for name, text in self._charge(recorder, which):
                table.add_row(name, text)
        table.add_row("", "[dim]Ctrl-C ends the recording; what is there is kept[/]")
        return table

    def _charge(self, recorder: Recorder, which: str) -> list[tuple[str, str]]:
        flow, rule, labels = recorder.flow, recorder.rule, recorder.labels
        _, voltage_mv, current_ma = flow.latest
        lines = [
            ("record", f"{recorder.session}{which} → {self._shown.place}"),
            ("labels", f"{labels.device}, unit {labels.unit}, charger {labels.charger}"),
            ("elapsed", f"{duration(flow.elapsed_s)}, {flow.n_samples} samples{_gap(flow.longest_gap_ms)}"),
            (
                "now",
                f"{voltage_mv / 1000:.2f} V  {current_ma / 1000:.3f} A  {flow.power_mw / 1000:.2f} W",
            ),
            ("so far", f"{flow.energy_mwh / 1000:.2f} Wh  {flow.charge_mah:.0f} mAh"),
        ]
        if rule.mean_ma is not None:
            lines.append(("until full", f"60 s mean {rule.mean_ma:.0f} mA, full at {rule.limit_ma:.0f} mA for 60 s"))
        if recorder.answer is not None:
            names = self._shown.device_names(recorder.model_hash)
            vehicle = labels.profile == VEHICLE
            said = car_sentence(recorder.answer, names) if vehicle else sentence(recorder.answer, names)
            lines.append(("the board", said))
        return lines


def duration(seconds: float) -> str:
    """As 1:02:03."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _gap(longest_ms: int) -> str:
    return f", longest gap {longest_ms / 1000:.0f} s" if longest_ms >= 5000 else ""
