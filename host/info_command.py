"""`python -m host info`."""

from __future__ import annotations

import argparse
from pathlib import Path

from host.arguments import Subparsers, add_port, command


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "ask a board who it is and for its counters (without --port the one that answers)"
    parser = command(sub, "info", _run, summary, "python -m host info --port sim")
    add_port(parser, required=False)
    parser.set_defaults(port="auto")
    parser.add_argument(
        "--artifact",
        type=Path,
        metavar="DIR",
        help="names the devices, if the board runs this model (default: artifacts/* and build/artifact)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _run(args: argparse.Namespace) -> int:
    from host.info import info

    return info(args)
