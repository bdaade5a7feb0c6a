"""Command line of the host tool: `python -m host`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from host import (
    bench_command,
    doctor_command,
    info_command,
    ports_command,
    record_command,
    settings_command,
    stream_command,
    verify_command,
)
from host.arguments import EXIT_CODES
from host.bridge import command as bridge_command
from host.errors import HostError
from host.monitor import command as monitor_command
from host.output import readers_may_leave

DESCRIPTION = """\
Talk to a board, or to the virtual one, and prove that it answers what was trained.

  python -m host verify --port sim                      the virtual board, on freshly simulated charges
  python -m host verify --port /dev/ttyUSB0 --data DIR  a real one, on your own charges
  python -m host record --port /dev/ttyUSB0 --device my_phone --out my_charges
                                                        a charge from its sensor into a dataset
  python -m host stream charge.csv --port sim           the board's answer to each sample
  python -m host info                                   which model is on it, what happened since it started
  python -m host doctor                                 no board? what is wrong, and the cure
"""

COMMANDS = (
    verify_command,
    record_command,
    stream_command,
    monitor_command,
    bridge_command,
    bench_command,
    doctor_command,
    info_command,
    settings_command,
    ports_command,
)
"""One module a command, in the order of the help; each has `add_command(subparsers)` and imports its work when run."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code of docs/design.md."""
    with readers_may_leave():
        args = _parser().parse_args(argv)
        return _run(args.func, args)


def _run(command: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    try:
        return command(args)
    except HostError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; the port is released", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m host",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.add_command(sub)
    return parser
