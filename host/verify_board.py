"""The board under test: a link that can start its board anew, and go on as if it were the same link."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType

from host.errors import HostError, PortError
from host.transport import SerialLink

POWER = "power"
COMMAND = "command"
LINES = "lines"

REOPEN_S = 5.0
"""So long a port may be gone after a reset: a board's own USB is plugged in anew."""

COMMAND_S = 60.0

Opener = Callable[[], AbstractContextManager[SerialLink]]


class BoardUnderTest:
    """A Link to a board, opened by `opener`; `reset` starts the board anew.

    The virtual board (`virtual`) is ended and started again, any other by `command`, where there is one, else by the
    port's DTR and RTS, as most development boards are wired. What was on its way is lost, as it is when a board resets.
    """

    def __init__(self, opener: Opener, *, virtual: bool, command: str | None = None) -> None:
        self._opener = opener
        self._command = command
        self._stack = ExitStack()
        self._link: SerialLink | None = None
        self.how = COMMAND if command is not None else POWER if virtual else LINES
        self.n_resets = 0

    def __enter__(self) -> BoardUnderTest:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def send(self, data: bytes) -> None:
        """Send all of it; raises PortError when the port is gone."""
        self._current().send(data)

    def receive(self, timeout_s: float) -> bytes:
        """What has arrived, waiting at most timeout_s for something; empty when nothing did."""
        return self._current().receive(timeout_s)

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def reset(self) -> bool:
        """Start the board anew; False where its port has no lines that could. Raises HostError when the command fails.

        True says that it was asked for: whether it happened, the board's counters tell.
        """
        self.n_resets += 1
        if self.how == POWER:
            self._stack.close()
            self._open()
            return True
        if self._command is not None:
            _run(self._command)
        elif not self._current().pulse_reset():
            return False
        self._find_again()
        return True

    def _current(self) -> SerialLink:
        if self._link is None:
            raise PortError("the board's port is not open")
        return self._link

    def _open(self) -> None:
        self._link = self._stack.enter_context(self._opener())

    def _find_again(self) -> None:
        """Open the port anew where it went away with the board."""
        try:
            self._current().receive(0.5)
        except PortError:
            deadline = time.monotonic() + REOPEN_S
            self._stack.close()
            while True:
                try:
                    self._open()
                    return
                except PortError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.2)


def _run(command: str) -> None:
    try:
        done = subprocess.run(
            shlex.split(command),
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, ValueError) as error:
        raise HostError(f"--reset-command {command}: cannot be run: {error}") from None
    except subprocess.TimeoutExpired:
        raise HostError(f"--reset-command {command}: takes longer than {COMMAND_S:.0f} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise HostError(f"--reset-command {command}: failed with {done.returncode}: {said[-1] if said else 'no word'}")
