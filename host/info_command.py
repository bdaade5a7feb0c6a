"""`python -m host info`."""

from __future__ import annotations

import argparse

from host.arguments import Subparsers, add_port, command


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    example = "python -m host info --port sim"
    parser = command(sub, "info", _run, "ask a board who it is and for its counters", example)
    add_port(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _run(args: argparse.Namespace) -> int:
    from host.info import info

    return info(args)
