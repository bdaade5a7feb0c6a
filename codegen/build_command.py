"""`python -m codegen build`."""

from __future__ import annotations

import argparse
from pathlib import Path

from codegen.arguments import Subparsers, at_least_one

EPILOG = """\
examples:
  python -m codegen build                            train on the built-in fleet
  python -m codegen build --data my_charges          train on a dataset folder
  python -m codegen build --artifact artifacts/default    train nothing, prove what is there
  python -m codegen build --budget-flash 12k --budget-ram 1k --budget-instructions 20000
                                                     the best models of the compression study that fit, core included
  python -m codegen build --model network            an int8 network in place of the forests (needs TensorFlow)
  python -m codegen build --profile ev --data my_cars --household garage
                                                     a charge point's board: which of the cars, how long

Everything is left in build/: artifact/ (the trained model), model/ (its C), report.html, report.json, log/;
no artifact/ with --artifact. Of a household (docs/vehicle.md) --emit, --model, --hold-out and --install do not apply.
Exit codes: 0 pass, 1 a board's answer differs, 2 bad input, 6 a compiler failed, 8 over budget, 130 interrupted.
"""


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = sub.add_parser(
        "build",
        help="train, emit C, build the virtual board and prove it, with a report",
        description="Trains a model, emits its C, builds the native firmware, streams held-out charges through a "
        "serial line and compares every answer with an independent reference.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--artifact", type=Path, metavar="DIR", help="use this trained artifact: nothing is trained")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="a dataset folder to train on (with --artifact: to verify on)"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default: wattprint.toml, if there)")
    parser.add_argument("--profile", choices=["phone", "ev"], help="what is charged, in place of the configuration's")
    parser.add_argument(
        "--household",
        metavar="NAME",
        help="ev: whose cars of --data, by the name their chargers have in brackets (default: the only one)",
    )
    parser.add_argument("--model", choices=["forest", "network"], help="kind of model to train (default: forest)")
    parser.add_argument("--hold-out", metavar="DEVICE/UNIT", nargs="+", default=[], help="units to keep for verifying")
    parser.add_argument("--emit", metavar="STYLE", help="style of the C, or one for each: device=small,remaining=fast")
    budgets = parser.add_argument_group("budgets, on rv32imc (default: those of the configuration)")
    budgets.add_argument("--budget-flash", type=at_least_one, metavar="B", help="most bytes of flash, model and core")
    budgets.add_argument("--budget-ram", type=at_least_one, metavar="B", help="most bytes of static RAM and stack")
    budgets.add_argument("--budget-instructions", type=at_least_one, metavar="N", help="most instructions an answer")
    parser.add_argument("--install", action="store_true", help="update artifacts/default and firmware/lib/model")
    parser.add_argument("--out", type=Path, default=Path("build"), metavar="DIR", help="default: build")
    parser.add_argument("--json", action="store_true", help="print report.json and nothing else")
    parser.set_defaults(func=_run)


def _run(args: argparse.Namespace) -> int:
    from codegen.build import run

    return run(args)
