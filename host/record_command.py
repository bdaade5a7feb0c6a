"""`python -m host record`."""

from __future__ import annotations

import argparse
from pathlib import Path

from host.arguments import Subparsers, add_play, add_port, command, not_negative, positive

EXAMPLE = """\
python -m host record --device pixel_6_pro --unit alice --charger pd_30w --out my_charges --port /dev/ttyUSB0
meter | python -m host record --device tablet --out my_charges --from - --columns t=Time,voltage=Volts,current=Amps
python -m host record --device phone --out try --port sim --play fleet/*.csv --speed 600 --charges 3"""


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(sub, "record", _run, "record charges into a dataset folder as they happen", EXAMPLE)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="dataset folder; charges are added to it"
    )
    add_port(parser, required=False)
    parser.add_argument(
        "--from",
        dest="from_",
        metavar="SOURCE",
        help="instead of a board: - (standard input), a CSV file that is written, or socket://HOST:PORT with rows",
    )
    add_play(parser)
    _add_labels(parser)
    _add_course(parser)
    _add_layout(parser)
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def _add_labels(parser: argparse.ArgumentParser) -> None:
    labels = parser.add_argument_group("labels", "as in docs/dataset.md; at a terminal the first three are asked for")
    labels.add_argument("--device", metavar="NAME", help="the model of device, for instance pixel_6_pro")
    labels.add_argument("--unit", metavar="NAME", help="which one of this model (default: 1)")
    labels.add_argument("--charger", metavar="NAME", help="the power supply (default: unknown)")
    labels.add_argument("--sensor", metavar="NAME", help="what measures, for instance ina226")
    labels.add_argument("--ambient", type=float, metavar="°C", help="temperature of the room")
    labels.add_argument("--soh", type=float, metavar="%", help="battery health")
    labels.add_argument("--target-soc", type=float, metavar="%", help="the device stops there: the charge ends `limit`")
    labels.add_argument("--profile", metavar="TEXT", help="anything else")
    labels.add_argument(
        "--session", metavar="NAME", help="name of the charge and its file (default: from device and time)"
    )


def _add_course(parser: argparse.ArgumentParser) -> None:
    course = parser.add_argument_group("course")
    course.add_argument(
        "--charges", type=positive, default=1, metavar="N", help="so many, one after the other (default: 1)"
    )
    course.add_argument("--resume", action="store_true", help="go on with the charge that was interrupted")
    course.add_argument("--wait", type=not_negative, metavar="S", help="give up when no charge begins for so long")
    course.add_argument(
        "--patience", type=not_negative, default=600.0, metavar="S", help="wait so long for a lost board (default: 600)"
    )
    course.add_argument(
        "--artifact",
        type=Path,
        metavar="DIR",
        help="names the devices of the board's answers (default: artifacts/* and build/artifact)",
    )


def _add_layout(parser: argparse.ArgumentParser) -> None:
    rows = parser.add_argument_group("rows of --from", "without options t_ms,voltage_mv,current_ma as in a dataset")
    rows.add_argument(
        "--columns", metavar="t=…,voltage=…,current=…", help="each NAME or NAME:UNIT, as in train import csv (s, V, A)"
    )
    rows.add_argument("--separator", default=",", metavar="C", help="between fields; 'tab' for a tab (default: ,)")
    rows.add_argument("--decimal-comma", action="store_true", help="numbers are written 1,5 rather than 1.5")
    rows.add_argument(
        "--sign", choices=("positive", "negative"), default="positive", help="of charging current (default: positive)"
    )
    rows.add_argument(
        "--idle", type=not_negative, default=60.0, metavar="S", help="a file that long without a new row has ended (60)"
    )


def _run(args: argparse.Namespace) -> int:
    from host.record import run

    return run(args)
