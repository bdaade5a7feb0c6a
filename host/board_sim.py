"""The virtual board: the native firmware as a process of its own, behind a real pseudo-terminal."""

from __future__ import annotations

import selectors
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from host.errors import FirmwareBuildError, HostError, PortError

DEFAULT_PROGRAM = Path(".pio/build/native/program")
BUILD_COMMAND = ("tools/pio.py", "run", "-e", "native")
START_TIMEOUT_S = 10.0
END_TIMEOUT_S = 2.0
SESSIONS = "sessions.csv"
SLOWEST, FASTEST = 0.001, 100_000.0


@dataclass(frozen=True, slots=True)
class Play:
    """What the virtual board's sensor measures: sample files of a dataset (docs/dataset.md), one charge each.

    `speed` is so many times real time, 0 as fast as the line takes it; `fault` is KIND@SECONDS into each charge.
    """

    files: tuple[Path, ...]
    speed: float = 1.0
    fault: str | None = None

    def arguments(self) -> list[str]:
        """The native firmware's options; raises HostError for a file that is not there, and a speed it does not do."""
        if self.speed and not SLOWEST <= self.speed <= FASTEST:
            raise HostError(f"--speed {self.speed:g}: the virtual board plays at {SLOWEST:g} to {FASTEST:g}, or at 0")
        for path in self.files:
            if not path.is_file():
                raise HostError(f"--play {path}: not found; name sample files of a dataset (docs/dataset.md)")
        options = ["--sensor", *(str(path.resolve()) for path in self.files), "--speed", f"{self.speed:g}"]
        return options if self.fault is None else [*options, "--fault", self.fault]


def play_of(files: Sequence[Path], speed: float = 1.0, fault: str | None = None) -> Play | None:
    """A sensor that plays files, None without any; a table of charges among them, as `*.csv` gives it, is left out."""
    charges = tuple(path for path in files if path.name != SESSIONS)
    return Play(charges, speed, fault) if charges else None


def find_program(program: Path | None) -> Path:
    """The native firmware: the one named, else the default one, which is built where it is missing.

    Raises PortError when a named program is absent, FirmwareBuildError when the build fails.
    """
    if program is not None:
        if not program.is_file():
            raise PortError(f"--firmware {program}: not found; build it with: python tools/pio.py run -e native")
        return program
    if not DEFAULT_PROGRAM.is_file():
        print(f"{DEFAULT_PROGRAM} is missing: building it (python {' '.join(BUILD_COMMAND)})", file=sys.stderr)
        _build()
    return DEFAULT_PROGRAM


@contextmanager
def virtual_board(
    program: Path,
    play: Play | None = None,
    on_start: Callable[[int], None] = lambda _: None,
    settings: Path | None = None,
) -> Iterator[str]:
    """Start the program and yield the path of its pseudo-terminal; the process is gone when the block is left.

    With `play` it has a sensor, and starts in live mode. `on_start` is told the process's number. Its settings are kept
    in a file, or lost with the process.
    """
    options = [] if play is None else play.arguments()
    options += [] if settings is None else ["--settings", str(settings.resolve())]
    try:
        process = subprocess.Popen(
            [str(program.resolve()), "--pty", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the host, which then ends the board
        )
    except OSError as error:
        raise PortError(f"{program}: cannot be started: {error.strerror}; build it again") from None
    try:
        on_start(process.pid)
        yield _first_line(process, program, sensor=play is not None)
    finally:
        _end(process)


def _build() -> None:
    if not Path(BUILD_COMMAND[0]).is_file():
        raise FirmwareBuildError(f"{BUILD_COMMAND[0]}: not found; run this in the project's folder, or name --firmware")
    done = subprocess.run([sys.executable, *BUILD_COMMAND], capture_output=True, text=True, check=False)
    if done.returncode or not DEFAULT_PROGRAM.is_file():
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()] or ["no message"]
        raise FirmwareBuildError(f"native firmware: not built: {lines[-1]}; try: python {' '.join(BUILD_COMMAND)}")


def _first_line(process: subprocess.Popen[bytes], program: Path, *, sensor: bool) -> str:
    assert process.stdout is not None  # noqa: S101 (it was asked for)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline().decode("utf-8", "replace").strip() if selector.select(START_TIMEOUT_S) else ""
    if not line.startswith("/"):
        said = repr(line) if line else "nothing"
        what = "a native firmware that can play a sensor" if sensor else "the native firmware"
        raise PortError(f"{program}: said {said} instead of the path of its line; is it {what}?")
    return line


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close its input, at which it ends by itself; insist where it does not."""
    with suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    try:
        process.wait(timeout=END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
