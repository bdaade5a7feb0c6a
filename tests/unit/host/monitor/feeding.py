"""A tracker that is told a story, line by line, with its times."""

from __future__ import annotations

from host.monitor.entries import Entry, Kind
from host.monitor.names import Model
from host.monitor.snapshot import Snapshot
from host.monitor.tracker import Tracker
from tests.unit.host.monitor import live_board as board

NAMES = tuple(f"device_{k}" for k in range(board.DEVICES))
MODELS = {board.HASH: Model("bench", NAMES)}
START_S = 1_764_000_000.0


class Story:
    """Time stands still unless told to pass."""

    def __init__(self, tracker: Tracker | None = None) -> None:
        self.tracker = tracker or Tracker(MODELS, "/dev/ttyUSB0")
        self.at_s = START_S
        self.entries: list[Entry] = []

    def opened(self) -> Story:
        return self._take(Kind.OPENED, b"/dev/ttyUSB0")

    def lost(self, why: str = "the cable is out") -> Story:
        return self._take(Kind.LOST, why.encode())

    def asks(self) -> Story:
        return self._take(Kind.SENT, board.line("H"))

    def says(self, *lines: bytes) -> Story:
        for line in lines:
            self._take(Kind.RECEIVED, line)
        return self

    def passes(self, seconds: float) -> Story:
        self.at_s += seconds
        return self

    def greeted(self, *state: bytes) -> Story:
        """The usual beginning."""
        return self.opened().asks().says(board.hello(), board.credit(), *state)

    def charges(self, first: int, last: int, **answered: object) -> Story:
        for k in range(first, last):
            self.passes(1.0).says(board.sample(k, 1_000 * k), board.answer(k, **answered))  # type: ignore[arg-type]
        return self

    @property
    def now(self) -> Snapshot:
        return self.tracker.snapshot(self.at_s)

    def _take(self, kind: Kind, line: bytes) -> Story:
        entry = Entry(self.at_s, kind, line)
        self.entries.append(entry)
        self.tracker.take(entry)
        return self
