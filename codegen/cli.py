"""Command line of the code generator: `python -m codegen`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from codegen import (
    build_command,
    compare_command,
    compile_command,
    health_command,
    measure_command,
    package_command,
    reference_command,
)
from codegen.errors import CodegenError
from codegen.output import readers_may_leave

DESCRIPTION = """\
Trained models in, C for a microcontroller out.

  python -m codegen build                                    the whole way: train, emit, build, prove, report
  python -m codegen compare                                  forest and networks side by side, quality and cost
  python -m codegen compile --artifact build/artifact --out build/model     C for the firmware
  python -m codegen compile clf.json --name clf --out c      C of one XGBoost model, for any program
  python -m codegen compile clf.json --emit auto --budget-flash 60000 --out c
                                                             the same, in the style that fits best
  python -m codegen measure c --target rv32imc               its bytes of flash and RAM, its instructions
  python -m codegen package arduino build/wattprint           core and model as a library for your own project
  python -m codegen reference --artifact build/artifact --data build/fleet --out build/reference.npz
                                                             the answers the board must give
"""
EXIT_CODES = "exit codes: 0 done, 1 mismatch, 2 bad input, 6 compiler missing or failed, 7 timeout, 8 over budget"

COMMANDS = (
    build_command,
    compare_command,
    compile_command,
    health_command,
    package_command,
    reference_command,
    measure_command,
)
"""One module a command, in the order of the help; each has `add_command(subparsers)` and imports its work when run."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code of docs/design.md."""
    with readers_may_leave():
        arguments = _parser().parse_args(argv)
        return _run(arguments.func, arguments)


def _run(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    try:
        return command(arguments)
    except CodegenError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m codegen",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.add_command(sub)
    return parser
