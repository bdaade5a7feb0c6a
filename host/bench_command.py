"""`python -m host bench`."""

from __future__ import annotations

import argparse
from pathlib import Path

from host.arguments import Subparsers, add_pace, add_port, command, positive

EXAMPLE = """\
python -m host bench --port sim
python -m host bench --port socket://127.0.0.1:5555 --json
python -m host bench --port /dev/ttyUSB0 --data my_charges --session monday"""


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "time a board's answers by its own counters: instructions or µs, usual and longest"
    parser = command(sub, "bench", _run, summary, EXAMPLE)
    add_port(parser)
    add_pace(parser)
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="dataset folder to take a charge of (default: made up)"
    )
    parser.add_argument("--session", metavar="NAME", help="this charge of the dataset (default: its first)")
    parser.add_argument(
        "--samples",
        type=positive,
        default=600,
        metavar="N",
        help="answers to time, evenly over the charge (default: 600)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _run(args: argparse.Namespace) -> int:
    from host.bench_run import run

    return run(args)
