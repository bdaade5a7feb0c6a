"""`python -m host settings`."""

from __future__ import annotations

import argparse
from pathlib import Path

from host.arguments import Subparsers, add_port, command

EXAMPLE = """\
python -m host settings                                             all of them, of the board that answers
python -m host settings sensor=ina226 address=0x41 shunt_uohm=10000
python -m host settings current_gain_ppm=-4200 current_offset_ua=1500
python -m host settings meter_address=2 meter_baud=19200 period_s=10       of a charge point's board
python -m host settings advice=later+slowly ready_in_min=480               be ready eight hours after the plug"""


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "show what a board keeps about its sensor or meter, calibration and advice, or change it"
    parser = command(sub, "settings", _run, summary, EXAMPLE)
    parser.add_argument(
        "changes",
        nargs="*",
        metavar="NAME=VALUE",
        help="each is kept in flash before the next; a charge in progress ends with it",
    )
    add_port(parser, required=False)
    parser.set_defaults(port="auto")
    parser.add_argument("--file", type=Path, metavar="FILE", help="where --port sim keeps its settings")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _run(args: argparse.Namespace) -> int:
    from host.settings import settings

    return settings(args)
