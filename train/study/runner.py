"""Jobs on several processes, with progress and time left; a row that is done stays done whatever happens next."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from train.config import Config
from train.study import data as study_rows
from train.study.rows import Job, Workshop, make_row

_workshop: Workshop | None = None  # of this worker process


class Runner:
    """Runs jobs in processes of their own, `n_jobs` at a time. What libraries mutter goes to workers.log."""

    def __init__(self, workshop: Workshop, rows_file: Path, n_jobs: int, *, quiet: bool) -> None:
        self.workshop = workshop
        self.quiet = quiet
        self.n_jobs = n_jobs
        self.expected = 0
        self.done = 0
        self.made = 0
        self.started = time.monotonic()
        self._pool: Any = None
        self._start = (workshop.folder, rows_file, workshop.config, workshop.about)

    @contextmanager
    def at_work(self) -> Iterator[Runner]:
        """Worker processes for as long as the block lasts; an interrupted one ends them at once."""
        self._pool = get_context("spawn").Pool(self.n_jobs, _begin, self._start)
        try:
            yield self
        finally:
            self._pool.terminate()
            self._pool.join()

    def run(self, jobs: Sequence[Job]) -> list[dict[str, Any]]:
        """The rows of the jobs, in their order; those finished before are read, not run."""
        rows: dict[str, dict[str, Any]] = {}
        left: list[Job] = []
        for job in jobs:
            finished = self.workshop.finished(job)
            if finished is not None:
                rows[job.key] = finished
                self._tell(job, None)
            elif job.key not in {other.key for other in left}:
                left.append(job)
        for job, row in self._pool.imap_unordered(_work, left):
            rows[job.key] = row
            self._tell(job, row)
        return [rows[job.key] for job in jobs]

    def _tell(self, job: Job, row: dict[str, Any] | None) -> None:
        """A line for each row made, with the time left if the others take as long."""
        self.done += 1
        if self.quiet or row is None:
            return
        spent = time.monotonic() - self.started
        self.made += 1
        left_s = spent / self.made * max(0, self.expected - self.done)
        text = f"[{self.done}/{self.expected}] {job.technique}: {job.label}  {row['seconds_in_all']:.0f} s"
        print(f"{text}  (about {left_s / 60:.0f} min left)", file=sys.stderr, flush=True)


def _begin(folder: Path, rows_file: Path, config: Config, about: str) -> None:
    """Start a worker: interrupts are the parent's to deal with, and TensorFlow takes one core of those there are."""
    global _workshop  # noqa: PLW0603
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    log = os.open(folder / "workers.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 2)
    _workshop = Workshop(folder, study_rows.load(rows_file), config, about)


def _work(job: Job) -> tuple[Job, dict[str, Any]]:
    if _workshop is None:
        raise RuntimeError("a worker was not started")
    return job, make_row(_workshop, job)
