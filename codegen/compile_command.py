"""`python -m codegen compile`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from codegen.arguments import Subparsers, at_least_one, command
from codegen.errors import StyleError

EXAMPLE = """\
python -m codegen compile clf.json --emit fast --name clf --out c && cc -I c c/*.c main.c
  python -m codegen compile clf.json --emit auto --target cortex-m4 --budget-flash 60000 --out c
  python -m codegen compile net.tflite --emit aot --name net --out c
  python -m codegen compile --artifact build/artifact --emit device=small,remaining=fast --out build/model"""


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    from codegen.emit.styles import LEAF_BITS_DEFAULT, NETWORK_STYLES, STYLES
    from codegen.measure_targets import TARGETS

    parser = command(sub, "compile", _run, "emit the C of a model file or an artifact", EXAMPLE)
    parser.add_argument(
        "model",
        nargs="?",
        type=Path,
        metavar="MODEL",
        help="XGBoost 3 model, .json or .ubj, or an int8 network, .tflite",
    )
    parser.add_argument("--artifact", type=Path, metavar="DIR", help="an artifact in place of MODEL: the firmware's C")
    described = "; ".join(f"{style.name}: {style.summary}" for style in STYLES.values())
    networks = "; ".join(f"{name}: {summary}" for name, summary in NETWORK_STYLES.items())
    parser.add_argument(
        "--emit",
        metavar="STYLE",
        help=f"{described}; auto: the one a budget asks for, by measuring them all "
        "(default: exact, for int32 features and artifacts balanced). "
        f"Networks: {networks} (default: aot)",
    )
    parser.add_argument("--name", help="prefix of all names and files, a C identifier (default: MODEL's own name)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write into")
    parser.add_argument(
        "--features",
        choices=["float32", "int32"],
        help="float32 (default): any values; int32: whole-numbered features, and integer outputs",
    )
    parser.add_argument(
        "--leaf-bits",
        type=int,
        metavar="N",
        help=f"width of leaves, 2 to 16, in styles that quantise them (default: {LEAF_BITS_DEFAULT})",
    )
    parser.add_argument(
        "--inputs",
        type=Path,
        metavar="FILE",
        help=".npz with x [rows, features] to judge leaves and speed on, for a network's auto [rows, input bytes] "
        "(default: drawn rows)",
    )
    auto = parser.add_argument_group("with --emit auto")
    auto.add_argument("--target", choices=list(TARGETS), default="rv32imc", help="default: %(default)s")
    auto.add_argument("--budget-flash", type=at_least_one, metavar="B", help="most bytes of flash; alone: the fastest")
    auto.add_argument("--budget-ram", type=at_least_one, metavar="B", help="most bytes of RAM and stack")
    auto.add_argument("--budget-instructions", type=at_least_one, metavar="N", help="most instructions of any row")
    auto.add_argument("--json", action="store_true", help="print what each style costs as JSON")


def _run(args: argparse.Namespace) -> int:
    if (args.model is None) == (args.artifact is None):
        raise StyleError("name either a MODEL file or --artifact DIR")
    if args.emit != "auto" and (args.json or args.budget_flash or args.budget_ram or args.budget_instructions):
        raise StyleError("--json and budgets go with --emit auto")
    if args.artifact is not None:
        return _artifact(args)
    return _network(args) if args.model.suffix == ".tflite" else _model(args)


def _artifact(args: argparse.Namespace) -> int:
    from codegen.compile_forest import compile_artifact
    from codegen.emit.household import emit_household, is_household, read_household

    if args.name or args.features == "float32" or args.inputs:
        raise StyleError(
            "--artifact emits the firmware's own names and int32 features; leave --name, --features, --inputs"
        )
    if is_household(args.artifact):
        if args.emit or args.leaf_bits:
            raise StyleError(f"--artifact {args.artifact}: a household has tables, in one style; leave out --emit")
        emit_household(read_household(args.artifact), args.out)
        print(f"written: {args.out}/model.c and model.h")
        return 0
    compile_artifact(args.artifact, args.out, args.emit, args.leaf_bits)
    return 0


def _network(args: argparse.Namespace) -> int:
    from codegen.budget import Budget
    from codegen.compile_network import compile_network

    if args.features or args.leaf_bits:
        raise StyleError("--features and --leaf-bits are for XGBoost models; leave them out for a network")
    style = args.emit or "aot"
    if args.inputs and style != "auto":
        raise StyleError("--inputs goes with --emit auto for a network; its answers need no judging")
    compile_network(
        args.model,
        _name(args),
        args.out,
        style,
        args.inputs,
        args.target,
        Budget(args.budget_flash, args.budget_ram, args.budget_instructions),
        json_wanted=args.json,
    )
    return 0


def _name(args: argparse.Namespace) -> str:
    """The name given, or the model file's."""
    return args.name or re.sub(r"\W", "_", args.model.stem.lower(), flags=re.A)


def _model(args: argparse.Namespace) -> int:
    from codegen.budget import Budget
    from codegen.compile_forest import Wanted, compile_model

    compile_model(
        Wanted(
            args.model,
            _name(args),
            args.out,
            args.emit or ("balanced" if args.features == "int32" else "exact"),
            args.features or "float32",
            args.leaf_bits,
            args.inputs,
        ),
        args.target,
        Budget(args.budget_flash, args.budget_ram, args.budget_instructions),
        json_wanted=args.json,
    )
    return 0
