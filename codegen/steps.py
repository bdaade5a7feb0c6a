"""Running the steps of a build: one line each, logs kept, the failing step's own words on top."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any, TypeVar

from codegen import process
from codegen.errors import StepError

T = TypeVar("T")


class Steps:
    """Runs named steps in order; each is one line on stderr with its time, a moving one on a terminal."""

    def __init__(self, log_folder: Path, *, total: int, quiet: bool = False) -> None:
        self.log_folder = log_folder
        self.total = total
        self.quiet = quiet
        self.number = 0
        self.seconds: dict[str, float] = {}

    @contextmanager
    def _shown(self, title: str) -> Iterator[None]:
        self.number += 1
        label = f"[{self.number}/{self.total}] {title}"
        started = time.monotonic()
        if not self.quiet and sys.stderr.isatty():
            from rich.console import Console

            with Console(stderr=True).status(label):
                yield
        else:
            yield
        self.seconds[title] = round(time.monotonic() - started, 1)
        if not self.quiet:
            print(f"{label:<60} {self.seconds[title]:>6.1f} s", file=sys.stderr, flush=True)

    def call(self, title: str, work: Callable[[], T]) -> T:
        """Run a function of this package as a step."""
        with self._shown(title):
            return work()

    def run(
        self,
        title: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (0,),
        exit_code: int | None = None,
    ) -> str:
        """Run a process as a step and return its standard output.

        Both streams go to a log; an exit code not in `accept` raises StepError with that code, or with `exit_code`,
        what the process said of it and the log's name.
        """
        self.log_folder.mkdir(parents=True, exist_ok=True)
        log = self.log_folder / f"{self.number + 1:02d}-{title.split()[0]}.log"
        with self._shown(title), log.open("w", encoding="utf-8") as stream:
            done = process.run(command, stdin=DEVNULL, stdout=PIPE, stderr=stream, env=environment)
            output = done.stdout.decode("utf-8", errors="replace")
            stream.write(output)
        if done.returncode not in accept:
            code = done.returncode if exit_code is None else exit_code
            raise StepError(f"{title}: {_complaint(log)} (log: {log})", code)
        return output

    def run_json(self, title: str, command: Sequence[str], *, accept: tuple[int, ...] = (0,)) -> dict[str, Any]:
        """Run a process that prints one JSON object."""
        output = self.run(title, command, accept=accept)
        try:
            result = json.loads(output)
        except json.JSONDecodeError:
            raise StepError(f"{title}: printed no JSON (logs: {self.log_folder})", 1) from None
        if not isinstance(result, dict):
            raise StepError(f"{title}: printed no JSON object (logs: {self.log_folder})", 1)
        return result


def _complaint(log: Path) -> str:
    """The first line that names an error, as compilers and our own commands write it; else the last line."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    named = [line for line in lines if re.search(r"\berror: ", line)]
    return (named or lines[-1:] or ["failed without a word"])[0].removeprefix("error: ")[:300]
