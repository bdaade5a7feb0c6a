"""How long a row took: by the clock, and in CPU seconds, which a loaded machine does not stretch."""

from __future__ import annotations

import os
import time


class Watch:
    """Time since it was made: by the clock, and of this process with the compilers and emulators it waited for."""

    def __init__(self) -> None:
        self.started = time.monotonic(), _cpu_seconds()

    def seconds(self, began_with: float = 0.0) -> dict[str, float]:
        """Both; `began_with` CPU seconds were spent on what was taken ready, once for all rows."""
        wall, cpu = time.monotonic() - self.started[0], _cpu_seconds() - self.started[1]
        return {"train_seconds": round(wall + began_with, 1), "train_cpu_seconds": round(cpu + began_with, 1)}


def _cpu_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
