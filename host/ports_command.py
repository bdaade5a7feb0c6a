"""`python -m host ports`."""

from __future__ import annotations

import argparse

from host.arguments import DEFAULT_BAUD, Subparsers, command, positive


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "list serial ports, likely boards first, and who has them open"
    parser = command(sub, "ports", _run, summary, "python -m host ports --ask")
    parser.add_argument("--ask", action="store_true", help="ask each free USB port whether a board is there")
    parser.add_argument(
        "--baud", type=positive, default=DEFAULT_BAUD, metavar="BIT/S", help="rate to ask at (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON array")


def _run(args: argparse.Namespace) -> int:
    from host.info import ports

    return ports(args)
