"""Command line of the host tool: `python -m host`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from host.errors import HostError

DESCRIPTION = """\
Talk to a board, or to the virtual one, and prove that it answers what was trained.

  python -m host verify --port sim                      the virtual board, on freshly simulated charges
  python -m host verify --port /dev/ttyUSB0 --data DIR  a real one, on your own charges
  python -m host info --port /dev/ttyUSB0               which model is on it, what happened since it started
  python -m host ports                                  where a board may be
"""
EPILOG = """\
exit codes: 0 pass, 1 mismatch, 2 usage or bad input, 3 no device or busy, 4 another model or protocol on the board,
6 firmware not built, 7 timeout, 130 interrupted
"""
PORT_HELP = "sim (the native firmware behind a pseudo-terminal), a device such as /dev/ttyUSB0, or socket://HOST:PORT"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code of docs/design.md."""
    args = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = args.func
    try:
        return command(args)
    except HostError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone, as with `| head`; nothing to tell it
        return 0
    except KeyboardInterrupt:
        print("interrupted; the port is released", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m host",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sub = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_verify(sub)
    info = _command(sub, "info", _info, "ask a board who it is and for its counters", "python -m host info --port sim")
    _add_port(info)
    info.add_argument("--json", action="store_true", help="print one JSON object")
    ports = _command(sub, "ports", _ports, "list serial ports, likely boards first", "python -m host ports --json")
    ports.add_argument("--json", action="store_true", help="print one JSON array")
    return parser


def _add_verify(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _command(
        sub,
        "verify",
        _verify,
        "stream charges to a board and compare every answer with the reference",
        "python -m host verify --port sim --artifact build/artifact --data build/fleet --charges 6 --out verify.json",
    )
    _add_port(parser)
    parser.add_argument(
        "--artifact",
        type=Path,
        metavar="DIR",
        default=Path("artifacts/default"),
        help="what the board's firmware was generated from (default: %(default)s)",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="dataset folder (default: simulate new charges)")
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FILE",
        help="answers of `codegen reference` (default: computed from the data)",
    )
    parser.add_argument("--charges", type=_positive, metavar="N", help="at most so many charges (simulated: 6)")
    parser.add_argument(
        "--split",
        choices=("held-out", "all"),
        help="charges of units the model has not seen, or all (default: held-out of --data, all of --reference)",
    )
    parser.add_argument("--session", metavar="NAME", help="this charge only")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the JSON report to a file")


def _add_port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", required=True, help=PORT_HELP)
    parser.add_argument(
        "--baud", type=_positive, default=115_200, metavar="BIT/S", help="rate of a serial port (default: %(default)s)"
    )
    parser.add_argument(
        "--firmware",
        type=Path,
        metavar="PROGRAM",
        help="native firmware of the virtual board (default: .pio/build/native/program, built where it is missing)",
    )


def _command(
    sub: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    example: str,
) -> argparse.ArgumentParser:
    parser = sub.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}\n\n{EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=run)
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return value


def _verify(args: argparse.Namespace) -> int:
    from host import verify_command
    from train.artifact import ArtifactError

    try:
        return verify_command.run(args)
    except ArtifactError as error:
        raise HostError(str(error)) from None


def _info(args: argparse.Namespace) -> int:
    from host.info import info

    return info(args)


def _ports(args: argparse.Namespace) -> int:
    from host.info import ports

    return ports(args)
