"""Running another program, and letting it tidy up when the user interrupts."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

TOLD_BY_TERMINAL_S = 1.0
"""Ctrl-C in a terminal reaches the program as well; `kill -INT` of this process alone does not."""

TIDYING_S = 10.0
"""For a program that is deep in a computation: it sees the signal when that is done."""


def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
    """As subprocess.run without check, input or timeout, but an interrupted program is waited for.

    subprocess.run kills it a quarter of a second after Ctrl-C, half-written files and all.
    """
    program = subprocess.Popen(command, **options)
    try:
        output, errors = program.communicate()
    except KeyboardInterrupt:
        _end(program)
        raise
    return subprocess.CompletedProcess(command, program.returncode, output, errors)


def _end(program: subprocess.Popen[bytes]) -> None:
    """Wait for a program that has been or is now interrupted; kill it when it takes too long or the user insists."""
    try:
        with suppress(subprocess.TimeoutExpired):
            program.wait(TOLD_BY_TERMINAL_S)
            return
        program.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            program.wait(TIDYING_S)
    finally:
        if program.poll() is None:
            program.kill()
            program.wait()
