"""Other packages' commands, started as processes: packages meet in files, not in imports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from host.errors import CommandError

_DOCUMENTED = frozenset((1, 2, 3, 4, 5, 6, 7, 8, 130))


def run_module(module: str, arguments: Sequence[str]) -> None:
    """Run `python -m module …`; raises CommandError with its last line and exit code when it fails."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()] or ["no message"]
    code = done.returncode if done.returncode in _DOCUMENTED else 2
    raise CommandError(f"python -m {module} {arguments[0]} failed: {lines[-1].strip().removeprefix('error: ')}", code)
