"""A real scheduler and two workers, each a process of its own, joined by address."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Running:
    address: str
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def cluster(folder: Path, n_workers: int = 2, tls: dict[str, Path] | None = None) -> Iterator[Running]:
    """Started as docs/scale.md shows it."""
    folder.mkdir(exist_ok=True)
    options = []
    for name, path in (tls or {}).items():
        options += [f"--tls-{name}", str(path)]
    scheme = "tls" if tls else "tcp"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": ""}
    processes: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> subprocess.Popen[bytes]:
        with (folder / f"log{len(processes)}.txt").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        processes.append(process)
        return process

    try:
        where = ["--host", f"{scheme}://127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"]
        start("distributed.cli.dask_scheduler", *where, *options)
        address = _said(folder / "log0.txt", rf"Scheduler at:\s+({scheme}://\S+)")
        common = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "1GB", *options]
        workers = [start("distributed.cli.dask_worker", address, *common) for _ in range(n_workers)]
        for number in range(n_workers):
            _said(folder / f"log{number + 1}.txt", "(Registered to)")
        yield Running(address, workers)
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def _said(log: Path, pattern: str) -> str:
    """What a process has said, waited for."""
    for _ in range(600):
        text = log.read_text(encoding="utf-8", errors="replace")
        if found := re.search(pattern, text):
            return found[1]
        time.sleep(0.1)
    pytest.fail(f"{pattern} is not in: {text}")
