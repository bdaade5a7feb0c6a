"""How much memory this process and all it has started take together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

import psutil

EVERY_S = 0.25


class PeakMemory:
    """Measures while it is entered; `bytes` is the peak of the sum over the process tree.

    Shared pages count once for every process that maps them where the system tells no more than resident sizes; on
    Linux they are shared out among these (proportional set size). A limit calls `exceeded` once, from a thread.
    """

    def __init__(self, limit_bytes: int | None = None, exceeded: Callable[[int], None] | None = None) -> None:
        self.bytes = 0
        self._limit, self._exceeded = limit_bytes, exceeded
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        root = psutil.Process()
        while True:
            self.bytes = max(self.bytes, tree_bytes(root, above=self.bytes))
            if self._limit is not None and self.bytes > self._limit and self._exceeded is not None:
                self._exceeded(self.bytes)
                self._exceeded = None
            if self._stop.wait(EVERY_S):
                return


def tree_bytes(root: psutil.Process, above: int = 0) -> int:
    """Memory of a process and its descendants now; 0 where it is certainly not above some amount.

    Sharing is costly to find out, and is asked for only where the sum of resident sizes is more than that.
    """
    try:
        processes = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    resident = {process: _resident(process) for process in processes}
    if sum(resident.values()) <= above:
        return 0
    return sum(_proportional(process) or size for process, size in resident.items())


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # gone, or not ours
        return 0


def _proportional(process: psutil.Process) -> int:
    try:
        return int(getattr(process.memory_full_info(), "pss", 0))
    except psutil.Error:
        return 0
