"""`python -m codegen measure`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from codegen.arguments import Subparsers, command


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    from codegen.measure_targets import TARGETS

    parser = command(
        sub,
        "measure",
        _run,
        "measure flash, RAM, stack (bytes) and executed instructions of generated C, as JSON",
        "python -m codegen measure build/model --target rv32imc --inputs build/reference.npz",
    )
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="what compile has written of a forest, a network or an artifact"
    )
    parser.add_argument("--target", choices=list(TARGETS), required=True, help="all but host run under QEMU")
    parser.add_argument(
        "--opt", nargs="?", default="-Os", metavar="-Os|-O2", help="optimise for size (default) or speed"
    )
    parser.add_argument("-O", dest="level", help=argparse.SUPPRESS)  # what argparse makes of the -O2 in `--opt -O2`
    parser.add_argument("--name", metavar="MODEL", help="which, where the folder holds several")
    parser.add_argument(
        "--inputs",
        type=Path,
        metavar="FILE",
        help=".npz to count instructions on: array x [rows, features], of a network [rows, input bytes], or for an "
        "artifact a reference's samples",
    )


def _run(args: argparse.Namespace) -> int:
    from codegen.measure import measure

    opt = f"-O{args.level}" if args.level else args.opt
    result = measure(args.folder, target=args.target, opt=opt, inputs=args.inputs, name=args.name)
    print(json.dumps(result, indent=1))
    return 0
