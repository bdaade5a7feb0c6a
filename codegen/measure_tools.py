"""Running the compilers and emulators of a measurement."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from codegen.errors import CompilerError, DeadlineError

SECONDS_MAX = 600

_FAULT = re.compile(r"error: (?!ld returned)|undefined reference|truncated|overflowed by")


def call(command: Sequence[str], work: Path, packages: str) -> bytes:
    """Standard output of a command run in the folder `work`; `packages` are Debian's that hold it.

    Raises CompilerError when it is not installed or fails, DeadlineError when it hangs.
    """
    if shutil.which(command[0]) is None:
        raise CompilerError(f"{command[0]} is not installed; on Debian: apt-get install {packages}")
    try:
        done = subprocess.run(
            command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired:
        raise DeadlineError(
            f"{command[0]}: takes longer than {SECONDS_MAX} s; give a smaller model or --inputs"
        ) from None
    if done.returncode:
        errors = done.stderr.decode("utf-8", errors="replace").splitlines()
        if any("picolibc.specs" in line for line in errors):
            raise CompilerError(f"{command[0]} has no C library; on Debian: apt-get install {packages}")
        said = [line for line in errors if _FAULT.search(line)] or errors or ["no word"]
        raise CompilerError(f"{Path(command[0]).name} failed ({done.returncode}): {said[0]}")
    return done.stdout
