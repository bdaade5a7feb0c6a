"""Charges to play, and whole runs of `host record` to play them to."""

from __future__ import annotations

import os
import pty
import random
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.host.conftest import ROOT
from tests.unit.host.fake_board import Values
from train.sessions.types import Charge

PROGRAM = """#!/bin/sh
exec "{python}" "$0.py" "$@"
"""


LIVE = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.unit.host.record.live_board import Mishaps, main
main(sys.argv[1:], Mishaps({mishaps}), Path({sent!r}))
"""


Program = Callable[..., Path]


def charge(seed: int, n_flat: int = 120, n_rest: int = 150) -> list[Values]:
    """Full about a minute after it stops drawing; the device rests some time more before it is unplugged."""
    source = random.Random(seed)
    t_ms, values = source.randrange(1 << 20), []
    for k in range(n_flat + n_rest):
        t_ms += source.randrange(900, 1_100)
        current_ma = 1_500 + source.randrange(-20, 20) if k < n_flat else source.randrange(5, 15)
        values.append((t_ms, 5_000 + source.randrange(-50, 50), current_ma))
    return values


def write_rows(path: Path, values: list[Values]) -> Path:
    rows = "".join(f"{t},{v},{i}\n" for t, v, i in values)
    path.write_text("t_ms,voltage_mv,current_ma\n" + rows, encoding="ascii")
    return path


def values_of(charge: Charge) -> list[Values]:
    return list(zip(charge.t_ms.tolist(), charge.voltage_mv.tolist(), charge.current_ma.tolist(), strict=True))


def from_zero(values: list[Values]) -> list[Values]:
    return [(t - values[0][0], v, i) for t, v, i in values]


def live(program: Path, data: Path, *files: Path, speed: float = 0) -> list[str]:
    return [
        *("record", "--device", "phone", "--out", str(data), "--port", "sim", "--firmware", str(program)),
        *("--play", *map(str, files), "--speed", str(speed)),
    ]


def start(arguments: list[str], **streams: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "host", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **streams)


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def sent_so_far(tmp_path: Path) -> list[tuple[int, int, float]]:
    """Charge, sample and time of what the board has said."""
    path = tmp_path / "sent.txt"
    lines = path.read_text(encoding="ascii").splitlines(keepends=True) if path.exists() else []
    return [(int(c), int(k), float(t)) for c, k, t in (line.split() for line in lines if line.endswith("\n"))]


def at_a_terminal(arguments: list[str], answers: list[tuple[str, str]]) -> tuple[int, str]:
    """Exit code and what a terminal of 120 columns showed; each answer is typed when its question is there."""
    child, master = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="120", LINES="40")
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "host", *arguments])  # noqa: S606 (no shell is meant)
    shown, waiting = "", list(answers)
    while select.select([master], [], [], 30)[0]:
        try:
            shown += os.read(master, 4096).decode("utf-8", "replace")
        except OSError:
            break
        if waiting and waiting[0][0] in shown:
            os.write(master, waiting.pop(0)[1].encode() + b"\n")
    os.close(master)
    assert waiting == [], shown
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown
