"""`python -m host ports`."""

from __future__ import annotations

import argparse

from host.arguments import Subparsers, command


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(sub, "ports", _run, "list serial ports, likely boards first", "python -m host ports --json")
    parser.add_argument("--json", action="store_true", help="print one JSON array")


def _run(args: argparse.Namespace) -> int:
    from host.info import ports

    return ports(args)
