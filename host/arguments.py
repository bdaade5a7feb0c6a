"""What the commands' arguments have in common. A command module holds arguments and imports its work when it runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

EXIT_CODES = """\
exit codes: 0 pass, 1 mismatch, 2 usage or bad input, 3 no device or busy, 4 another model or protocol on the board,
5 the line cannot carry the samples, 6 firmware not built, 7 timeout, 8 over budget, 130 interrupted
"""
PORT_HELP = (
    "sim (the native firmware behind a pseudo-terminal), a device such as /dev/ttyUSB0, socket://HOST:PORT, "
    "or auto (the one board that answers)"
)
DEFAULT_BAUD = 115_200
AS_FAST_AS_IT_GOES = "max"
DEFAULT_ARTIFACT = Path("artifacts/default")

Subparsers = argparse._SubParsersAction  # what `add_subparsers` returns; it has no public name


def budget(text: str) -> int:
    """A budget: a whole number above zero; 8k is 8 · 1024."""
    factor = 1024 if text[-1:] in "kK" and len(text) > 1 else 1
    return factor * positive(text[:-1] if factor > 1 else text)


def command(
    sub: Subparsers[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    example: str,
    *,
    aliases: Sequence[str] = (),
) -> argparse.ArgumentParser:
    """Add a command; `run` takes its arguments and returns the exit code, `example` stands at the end of its help."""
    indented = "\n".join(f"  {line}" for line in example.splitlines())
    parser = sub.add_parser(
        name,
        aliases=aliases,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n{indented}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=run)
    return parser


def add_port(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add `--port`, `--baud` and `--firmware`."""
    parser.add_argument("--port", required=required, help=PORT_HELP)
    parser.add_argument(
        "--baud",
        type=positive,
        default=DEFAULT_BAUD,
        metavar="BIT/S",
        help="rate of a serial port (default: %(default)s)",
    )
    parser.add_argument(
        "--firmware",
        type=Path,
        metavar="PROGRAM",
        help="native firmware of the virtual board (default: .pio/build/native/program, built where it is missing)",
    )


def add_play(parser: argparse.ArgumentParser) -> None:
    """Add `--play` and `--speed`, for commands that take a board in live mode."""
    parser.add_argument(
        "--play",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="what the sensor of --port sim measures: sample files of a dataset, one charge each",
    )
    parser.add_argument(
        "--speed",
        type=not_negative,
        default=1.0,
        metavar="N",
        help="so many times real time for --play; 0 as fast as the line takes it (default: 1)",
    )


def add_pace(parser: argparse.ArgumentParser) -> None:
    """Add `--pace`."""
    parser.add_argument(
        "--pace",
        type=positive,
        metavar="BIT/S",
        help="let sim or a socket carry no more than a real line of that rate would, each way: 10 bits a byte",
    )


def speed(text: str) -> float | None:
    """So many times real time, None for `max`; raises what argparse turns into a usage error."""
    if text == AS_FAST_AS_IT_GOES:
        return None
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is neither a positive number nor {AS_FAST_AS_IT_GOES}")
    return value


def not_negative(text: str) -> float:
    """A number from 0 on; raises what argparse turns into a usage error."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 on")
    return value


def positive(text: str) -> int:
    """A whole number from 1 on; raises what argparse turns into a usage error."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return value
