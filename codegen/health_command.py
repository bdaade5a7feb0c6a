"""`python -m codegen health`."""

from __future__ import annotations

import argparse
from pathlib import Path

from codegen.arguments import Subparsers, command

EXAMPLE = """\
python -m train health fit --data build/nasa --rated-mah 2000 --out build/health.json
  python -m codegen health build/health.json --out build/health     health_model.c and .h, for firmware/lib/health"""


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(sub, "health", _run, "C tables of a battery's health, for one number on a board", EXAMPLE)
    parser.add_argument("model", type=Path, metavar="MODEL", help="JSON file of train health fit")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write into")
    parser.add_argument("--name", default="health_model", help="of the files and the table (default: %(default)s)")


def _run(args: argparse.Namespace) -> int:
    from codegen.emit.health import emit_health

    device = emit_health(args.model, args.out, args.name)
    print(f"written: {args.out / args.name}.c and .h: health of {device}, for wp/health.h")
    return 0
