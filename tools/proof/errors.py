"""What ends `make prove`."""

from __future__ import annotations

EXIT_ALARM, EXIT_USAGE, EXIT_TOOLS, EXIT_INTERRUPTED = 1, 2, 6, 130


class ProveError(Exception):
    """Nothing could be proved; carries the exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
