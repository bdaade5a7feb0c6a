"""A run that is over, to be scrubbed: what the board said at every moment of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from host.errors import HostError
from host.monitor.entries import worth_showing
from host.monitor.history import History
from host.monitor.names import Models
from host.monitor.run_file import Run
from host.monitor.snapshot import Snapshot
from host.monitor.tracker import SILENT_AFTER_S, Tracker


class Recording:
    """Positions 0 … len − 1, one a sample, event or log line; immutable. Raises HostError for an empty run."""

    def __init__(self, run: Run, models: Models) -> None:
        # Samples of a dataset may be a minute apart: without a clock no silence can be told.
        silent_after_s = SILENT_AFTER_S if run.wall_clock else float("inf")
        tracker = Tracker(models, run.source, wall_clock=run.wall_clock, silent_after_s=silent_after_s)
        self.source = run.source
        self._snapshots: list[Snapshot] = []
        self._histories: dict[int, History] = {}
        for entry, after in pairwise([*run.entries, None]):
            assert entry is not None  # noqa: S101 (only the last one is)
            tracker.take(entry)
            if worth_showing(entry, after):
                self._add(tracker, entry.at_s)
            if after is not None and after.at_s - entry.at_s > silent_after_s:
                self._add(tracker, entry.at_s + silent_after_s + 0.001)
        if not self._snapshots:
            raise HostError(f"{run.source}: nothing was recorded in this run")
        self._times = [snapshot.at_s for snapshot in self._snapshots]

    def __len__(self) -> int:
        return len(self._snapshots)

    @property
    def times(self) -> Sequence[float]:
        """`at_s` of each position."""
        return self._times

    def at(self, position: int) -> Snapshot:
        """What the board said there; positions beyond either end are the ends."""
        return self._snapshots[min(max(position, 0), len(self) - 1)]

    def position(self, at_s: float) -> int:
        """The latest position not after this time; 0 before the first."""
        return max(bisect_right(self._times, at_s) - 1, 0)

    def history(self, ordinal: int) -> History:
        """The whole course of a charge; readers cut it at the time they show."""
        return self._histories[ordinal]

    def _add(self, tracker: Tracker, at_s: float) -> None:
        snapshot = tracker.snapshot(at_s)
        if snapshot.charge is not None and tracker.history is not None:
            self._histories.setdefault(snapshot.charge.ordinal, tracker.history)
        self._snapshots.append(snapshot)
