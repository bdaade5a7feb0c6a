"""`python -m train leaves`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

EXAMPLE = "example:\n  python -m train leaves --model build/artifact --data build/fleet --leaf-bits 12 8 6"


def add_command(sub: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    summary = "score an artifact with narrower and narrower leaves: what leaf_bits of wattprint.toml costs"
    parser = sub.add_parser(
        "leaves",
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", type=Path, required=True, metavar="ARTIFACT", help="artifact folder")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="dataset folder")
    parser.add_argument("--split", choices=("held-out", "all"), default="held-out", help="default: units not seen yet")
    parser.add_argument("--leaf-bits", type=int, nargs="+", metavar="N", help="widths, 2 to 16 (default: 16 … 2)")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    parser.set_defaults(func=_run)


def _run(args: argparse.Namespace) -> None:
    from train.compress.leaf_bits import DEFAULT_BITS, leaf_bits_table, table_text

    rows = leaf_bits_table(args.model, args.data, args.split, args.leaf_bits or DEFAULT_BITS)
    print(json.dumps(rows, indent=1) if args.json else table_text(rows))
