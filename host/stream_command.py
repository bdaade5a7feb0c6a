"""`python -m host stream`, also called `replay`."""

from __future__ import annotations

import argparse
from pathlib import Path

from host.arguments import Subparsers, add_pace, add_port, command, positive, speed

EXAMPLE = """\
python -m host stream charge.csv --port /dev/ttyUSB0 --speed 60
python -m host stream my_charges --session monday --port sim --out answers.csv"""


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "send recorded charges to a board and show its answer to each sample"
    parser = command(sub, "stream", _run, summary, EXAMPLE, aliases=("replay",))
    parser.add_argument("source", type=Path, metavar="FILE|DATASET", help="CSV file of samples, or a dataset folder")
    add_port(parser)
    add_pace(parser)
    parser.add_argument(
        "--speed",
        type=speed,
        default=None,
        metavar="1|60|max",
        help="so many times real time, or as fast as the line takes it (default: max)",
    )
    parser.add_argument("--session", metavar="NAME", help="this charge of the dataset only")
    parser.add_argument("--charges", type=positive, metavar="N", help="at most so many charges")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the answers as CSV")
    parser.add_argument("--json", action="store_true", help="print a JSON object a line: each answer, then the summary")
    parser.add_argument("--summary", action="store_true", help="print the summary only")
    parser.add_argument(
        "--artifact",
        type=Path,
        metavar="DIR",
        help="names the devices, if the board runs this model (default: artifacts/* and build/artifact)",
    )


def _run(args: argparse.Namespace) -> int:
    from host.stream import run

    return run(args)
