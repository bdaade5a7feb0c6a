"""How long a row took: by the clock, and in seconds of this process that a loaded machine does not stretch."""

from __future__ import annotations

import time


class Watch:
    """Seconds since it was made, by the clock and of this process: the second does not count what others compute."""

    def __init__(self) -> None:
        self.started = time.monotonic(), time.process_time()

    def seconds(self, began_with: float = 0.0) -> dict[str, float]:
        """Both; `began_with` were spent on what was taken ready, here once for all rows."""
        wall, cpu = time.monotonic() - self.started[0], time.process_time() - self.started[1]
        return {"train_seconds": round(wall + began_with, 1), "train_cpu_seconds": round(cpu + began_with, 1)}
