"""The live terminal screen at work: it draws, reads keys, and gives the terminal back as it was."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from host.monitor.history import History
from host.monitor.keys import Keys, pressed_keys
from host.monitor.recording import Recording
from host.monitor.screen import Size, screen
from host.monitor.scrubber import KEYS_HELP, Scrubber
from host.monitor.snapshot import Snapshot
from host.monitor.watch import Quit
from host.monitor.wording import duration

REDRAW_S = 0.2
IDLE_REDRAW_S = 1.0
"""Also when nothing happens: `nothing heard for 12 s` counts on, and the window may have another size."""


class TerminalScreen:
    """A view: draws a snapshot when it is new, at most five times a second."""

    def __init__(self, live: Live, keys: Keys, hint: str) -> None:
        self._live = live
        self._keys = keys
        self._hint = hint
        self._drawn_at_s = 0.0
        self._drawn_version = -1

    def show(self, snapshot: Snapshot, history: History | None) -> None:
        """Draw it and obey keys; raises Quit."""
        if "q" in self._keys(0.0):
            raise Quit
        age_s = time.monotonic() - self._drawn_at_s
        if age_s < (REDRAW_S if snapshot.version != self._drawn_version else IDLE_REDRAW_S):
            return
        self._drawn_at_s, self._drawn_version = time.monotonic(), snapshot.version
        self._live.update(screen(snapshot, history, _size(self._live.console), Text(self._hint, "dim")), refresh=True)


@contextmanager
def terminal_screen(hint: str) -> Iterator[TerminalScreen]:
    """The terminal's other screen, until the block is left."""
    with _full_screen() as live, pressed_keys() as keys:
        yield TerminalScreen(live, keys, hint)


def scrub(recording: Recording, hint: str) -> None:
    """Show a recorded run until the user quits."""
    scrubber = Scrubber(recording)
    with _full_screen() as live, pressed_keys() as keys:
        before = time.monotonic()
        while True:
            snapshot = recording.at(scrubber.position)
            history = None if snapshot.charge is None else recording.history(snapshot.charge.ordinal)
            size = _size(live.console)
            live.update(screen(snapshot, history, size, scrub_bar(recording, scrubber, size.width, hint)), refresh=True)
            for key in keys(REDRAW_S if scrubber.playing else IDLE_REDRAW_S):
                if key == "q":
                    return
                scrubber.key(key)
            now = time.monotonic()
            scrubber.advance(now - before)
            before = now


def scrub_bar(recording: Recording, scrubber: Scrubber, width: int, hint: str) -> Text:
    """Two lines: where in the run this is, and the keys."""
    times = recording.times
    at_ms, total_ms = (round((at_s - times[0]) * 1000) for at_s in (times[scrubber.position], times[-1]))
    state = f"▶ × {scrubber.speed}" if scrubber.playing else "⏸"
    label = f" {duration(at_ms)} of {duration(total_ms)} {state} "
    room = max(width - len(label) - 1, 10)
    filled = min(round(at_ms / max(total_ms, 1) * room), room - 1)
    bar = Text.assemble(("━" * filled, "cyan"), ("●", "bold cyan"), ("─" * (room - filled - 1), "dim"), label)
    return Text.assemble(bar, "\n", (hint or KEYS_HELP, "dim"), no_wrap=True, overflow="ellipsis")


@contextmanager
def _full_screen() -> Iterator[Live]:
    with Live(console=Console(), screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        yield live


def _size(console: Console) -> Size:
    return Size(console.size.width, console.size.height)
