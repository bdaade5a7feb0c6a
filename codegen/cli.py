"""Command line of the code generator: `python -m codegen`."""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from codegen import build
from codegen.errors import CodegenError, StyleError
from codegen.ir.forest import FeatureType

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

DESCRIPTION = """\
Trained models in, C for a microcontroller out.

  python -m codegen build                                    the whole way: train, emit, build, prove, report
  python -m codegen compile --artifact build/artifact --out build/model     C for the firmware
  python -m codegen compile clf.json --name clf --out c      C of one XGBoost model, for any program
  python -m codegen measure c --target rv32imc               its bytes of flash and RAM, its instructions
  python -m codegen reference --artifact build/artifact --data build/fleet --out build/reference.npz
                                                             the answers the board must give
"""
EXIT_CODES = "exit codes: 0 done, 1 mismatch, 2 bad input, 6 compiler missing or failed, 7 timeout, 8 over budget"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code of docs/design.md."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.func
    try:
        return command(arguments)
    except CodegenError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m codegen",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    build.add_command(subparsers)
    _add_compile(subparsers)
    _add_reference(subparsers)
    _add_measure(subparsers)
    return parser


def _command(
    subparsers: Subparsers, name: str, summary: str, example: str, func: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(func=func)
    return parser


def _add_compile(subparsers: Subparsers) -> None:
    parser = _command(
        subparsers,
        "compile",
        "emit the C of a model file or an artifact",
        "python -m codegen compile clf.json --emit m2cgen --features int32 --name clf --out c && cc -I c c/*.c main.c",
        _compile,
    )
    parser.add_argument("model", nargs="?", type=Path, metavar="MODEL", help="XGBoost 3 model, .json or .ubj")
    parser.add_argument("--artifact", type=Path, metavar="DIR", help="an artifact in place of MODEL: the firmware's C")
    parser.add_argument("--emit", default="m2cgen", metavar="STYLE", help="style of the C: m2cgen (default)")
    parser.add_argument("--name", help="prefix of all names and files, a C identifier (default: MODEL's own name)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write into")
    parser.add_argument(
        "--features",
        choices=["float32", "int32"],
        help="float32 (default): any values, margins bit-equal to XGBoost's; int32: integer features and outputs",
    )
    parser.add_argument("--leaf-bits", type=int, metavar="N", help="width of leaves, in styles that quantise them")


def _compile(args: argparse.Namespace) -> int:
    if (args.model is None) == (args.artifact is None):
        raise StyleError("name either a MODEL file or --artifact DIR")
    if args.artifact is not None:
        from codegen.emit.artifact import emit_artifact, read_artifact

        if args.name or args.features == "float32":
            raise StyleError("--artifact emits the firmware's own names and int32 features; leave --name, --features")
        emit_artifact(read_artifact(args.artifact), args.out, style=args.emit)
        print(f"written: {args.out}/model.c and what it includes")
        return 0
    from codegen.emit.forest import check_leaf_bits, check_name, emit_forest
    from codegen.emit.styles import find_style
    from codegen.readers.xgboost import read_model

    name = args.name or re.sub(r"\W", "_", args.model.stem.lower(), flags=re.A)
    check_leaf_bits(find_style(args.emit), args.leaf_bits)
    check_name(name)
    source = read_model(args.model)
    features: FeatureType = args.features or "float32"
    emitted = emit_forest(
        source, name, args.out, style=args.emit, feature_type=features, leaf_bits=args.leaf_bits
    ).forest
    print(
        f"written: {args.out / name}.c and .h: {len(emitted.trees)} trees, {emitted.n_splits} splits, "
        f"{emitted.n_features} features, {emitted.n_outputs} outputs"
    )
    return 0


def _add_reference(subparsers: Subparsers) -> None:
    parser = _command(
        subparsers,
        "reference",
        "write the answers a board must give to recorded charges",
        "python -m codegen reference --artifact build/artifact --data build/fleet --charges 14 --out reference.npz",
        _reference,
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


def _reference(args: argparse.Namespace) -> int:
    from codegen.emit.artifact import read_artifact
    from codegen.reference_file import predict, write_reference

    if (args.data is None) == (args.predictions is None):
        raise CodegenError("name either --data DIR or --predictions FILE")
    artifact = read_artifact(args.artifact)
    if args.predictions is not None:
        n_samples, n_charges = write_reference(artifact, args.predictions, args.out)
    else:
        with tempfile.TemporaryDirectory(prefix="wattprint-") as folder:
            predictions = Path(folder) / "predictions.npz"
            predict(artifact, args.data, predictions, n_charges=args.charges, split=args.split)
            n_samples, n_charges = write_reference(artifact, predictions, args.out)
    print(f"written: {args.out}: {n_samples} answers of {n_charges} charges")
    return 0


def _add_measure(subparsers: Subparsers) -> None:
    from codegen.measure_targets import TARGETS

    parser = _command(
        subparsers,
        "measure",
        "measure flash, RAM, stack (bytes) and executed instructions of generated C, as JSON",
        "python -m codegen measure build/model --target rv32imc --inputs build/reference.npz",
        _measure,
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="what compile has written: a forest, or an artifact's")
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
        help=".npz to count instructions on: array x [rows, features], or for an artifact a reference's samples",
    )


def _measure(args: argparse.Namespace) -> int:
    from codegen.measure import measure

    print(
        json.dumps(
            measure(
                args.folder,
                target=args.target,
                opt=f"-O{args.level}" if args.level else args.opt,
                inputs=args.inputs,
                name=args.name,
            ),
            indent=1,
        )
    )
    return 0
