"""What to ask a board that is only watched, and when. No port: it returns messages."""

from __future__ import annotations

from host.messages import LIVE, AskHello, AskStatistics, HostMessage, Mode
from host.monitor.snapshot import Status
from host.monitor.tracker import Tracker

HELLO_EVERY_S = 1.0
COUNTERS_EVERY_S = 2.0
"""An unplugged board says nothing by itself: its counters show that it is there."""
LIVE_EVERY_S = 5.0
FAULT_EVERY_S = 10.0
"""The end of a fault is said once and may be lost; behind a hello the board says again what is wrong."""

_NEVER = float("-inf")


class Asker:
    """Asks for the hello until there is one, then for the counters; ends injected mode where it finds it."""

    def __init__(self, opened_at_s: float) -> None:
        self._opened_at_s = opened_at_s
        self._hello_at_s = self._counters_at_s = self._live_at_s = _NEVER

    def due(self, at_s: float, tracker: Tracker, status: Status) -> list[HostMessage]:
        """The questions to send now."""
        greeted = tracker.hello_at_s is not None and tracker.hello_at_s >= self._opened_at_s
        asks: list[HostMessage] = []
        hello_every_s = HELLO_EVERY_S if not greeted or status is Status.SILENT else FAULT_EVERY_S
        if (not greeted or status in (Status.SILENT, Status.FAULT)) and at_s - self._hello_at_s >= hello_every_s:
            self._hello_at_s = at_s
            asks.append(AskHello())
        if greeted and at_s - self._counters_at_s >= COUNTERS_EVERY_S:
            self._counters_at_s = at_s
            asks.append(AskStatistics())
        if greeted and tracker.injected and at_s - self._live_at_s >= LIVE_EVERY_S:
            self._live_at_s = at_s
            asks.append(Mode(LIVE))
        return asks
