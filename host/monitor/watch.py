"""The loop: what happens on the link goes to the tracker, what the tracker makes of it to the views."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from itertools import pairwise
from typing import Protocol

from host.monitor.entries import Entry, worth_showing
from host.monitor.history import History
from host.monitor.live import Batches
from host.monitor.snapshot import Snapshot
from host.monitor.tracker import Tracker


class View(Protocol):
    """One way of showing a snapshot. It may raise Quit; it may not wait."""

    def show(self, snapshot: Snapshot, history: History | None) -> None:
        """Show it; called again with the same one while nothing happens."""


class Quit(Exception):  # noqa: N818 (no error: the user has seen enough)
    """The user wants no more."""


def watch(
    batches: Batches,
    tracker: Tracker,
    clock: Callable[[], float],
    *,
    of_each: Sequence[View] = (),
    of_latest: Sequence[View] = (),
    on_batch: Callable[[Iterable[Entry]], None] = lambda _: None,
) -> None:
    """Run until a view quits. `of_each` see every sample, event and log line; `of_latest` what a batch leaves."""
    with closing(batches):
        try:
            for batch in batches:
                on_batch(batch)
                for entry, after in pairwise([*batch, None]):
                    assert entry is not None  # noqa: S101 (only the last one is)
                    tracker.take(entry)
                    if of_each and worth_showing(entry, after):
                        _show(of_each, tracker, entry.at_s)
                _show((*of_each, *of_latest), tracker, clock())
        except Quit:
            return


def _show(views: Sequence[View], tracker: Tracker, at_s: float) -> None:
    snapshot = tracker.snapshot(at_s)
    for view in views:
        view.show(snapshot, tracker.history)
