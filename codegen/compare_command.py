"""`python -m codegen compare`."""

from __future__ import annotations

import argparse
from pathlib import Path

from codegen.arguments import Subparsers, at_least_one, command

TOPOLOGIES = ("dense", "conv", "separable", "gru")


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(
        sub,
        "compare",
        _run,
        "train the forest and the networks on the same units, and put quality and cost side by side",
        "python -m codegen compare --data build/fleet --topologies dense,gru --out build/compare",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="dataset folder (default: the built-in fleet)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (default: wattprint.toml, if there)")
    parser.add_argument(
        "--topologies",
        metavar="A,B",
        default=",".join(TOPOLOGIES),
        help="networks to train (default: %(default)s)",
    )
    budgets = parser.add_argument_group("budgets, on rv32imc (default: those of the configuration)")
    budgets.add_argument("--budget-flash", type=at_least_one, metavar="B", help="most bytes of flash, model and core")
    budgets.add_argument("--budget-ram", type=at_least_one, metavar="B", help="most bytes of static RAM and stack")
    budgets.add_argument("--budget-instructions", type=at_least_one, metavar="N", help="most instructions an answer")
    parser.add_argument("--out", type=Path, default=Path("build/compare"), metavar="DIR", help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print compare.json and nothing else")
    parser.set_defaults(func=_run)


def _run(args: argparse.Namespace) -> int:
    from codegen.compare import compare
    from codegen.errors import StyleError

    topologies = [name.strip() for name in args.topologies.split(",") if name.strip()]
    if strange := [name for name in topologies if name not in TOPOLOGIES]:
        raise StyleError(f"--topologies {strange[0]}: not there; existing: {','.join(TOPOLOGIES)}")
    compare(args, topologies)
    return 0
