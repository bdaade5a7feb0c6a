"""`python -m codegen reference`."""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

from codegen.arguments import Subparsers, command
from codegen.errors import CodegenError


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(
        sub,
        "reference",
        _run,
        "write the answers a board must give to recorded charges",
        "python -m codegen reference --artifact build/artifact --data build/fleet --charges 14 --out reference.npz",
    )
    parser.add_argument("--artifact", type=Path, required=True, metavar="DIR", help="artifact folder")
    parser.add_argument("--data", type=Path, metavar="DIR", help="dataset folder; XGBoost predicts it first")
    parser.add_argument(
        "--predictions", type=Path, metavar="FILE", help="in place of --data: of python -m train predict"
    )
    parser.add_argument("--charges", type=int, metavar="N", help="at most N charges of --data")
    parser.add_argument(
        "--split",
        choices=["held-out", "all"],
        default="held-out",
        help="of --data: charges of units the model has not seen (default), or all",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=".npz file to write")


def _run(args: argparse.Namespace) -> int:
    from codegen.emit.artifact import read_artifact
    from codegen.emit.household import is_household, read_household
    from codegen.reference_file import predict, write_reference
    from codegen.reference_household_file import write_household_reference

    if (args.data is None) == (args.predictions is None):
        raise CodegenError("name either --data DIR or --predictions FILE")
    if is_household(args.artifact):
        write = partial(write_household_reference, read_household(args.artifact))
    else:
        write = partial(write_reference, read_artifact(args.artifact))
    if args.predictions is not None:
        n_samples, n_charges = write(args.predictions, args.out)
    else:
        with tempfile.TemporaryDirectory(prefix="wattprint-") as folder:
            predictions = Path(folder) / "predictions.npz"
            predict(args.artifact, args.data, predictions, n_charges=args.charges, split=args.split)
            n_samples, n_charges = write(predictions, args.out)
    print(f"written: {args.out}: {n_samples} answers of {n_charges} charges")
    return 0
