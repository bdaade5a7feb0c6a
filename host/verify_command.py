"""`python -m host verify`: from arguments to a report."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from host.arguments import DEFAULT_ARTIFACT, Subparsers, add_port, command, positive
from host.errors import HostError

if TYPE_CHECKING:
    from host.reference import Charge, Reference
    from host.verify import Report
    from train.artifact import Artifact

SIMULATED_SEED = 20_261
"""Far from the seeds a fleet is trained with, so that no verified charge was learnt from."""

SIMULATED_CHARGES = 6
"""Of as many devices; some 10 000 samples or more."""


def add_command(sub: Subparsers[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = command(
        sub,
        "verify",
        _run,
        "stream charges to a board and compare every answer with the reference",
        "python -m host verify --port sim --artifact build/artifact --data build/fleet --charges 6 --out verify.json",
    )
    add_port(parser)
    parser.add_argument(
        "--artifact",
        type=Path,
        metavar="DIR",
        default=DEFAULT_ARTIFACT,
        help="what the board's firmware was generated from (default: %(default)s)",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="dataset folder (default: simulate new charges)")
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FILE",
        help="answers of `codegen reference` (default: computed from the data)",
    )
    parser.add_argument("--charges", type=positive, metavar="N", help="at most so many charges (simulated: 6)")
    parser.add_argument(
        "--split",
        choices=("held-out", "all"),
        help="charges of units the model has not seen, or all (default: held-out of --data, all of --reference)",
    )
    parser.add_argument("--session", metavar="NAME", help="this charge only")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write the JSON report to a file")


def _run(args: argparse.Namespace) -> int:
    from train.artifact import ArtifactError

    try:
        return run(args)
    except ArtifactError as error:
        raise HostError(str(error)) from None


def run(args: argparse.Namespace) -> int:
    """Verify a board; returns 0 when every answer is equal, 1 when one is not."""
    from host.board import board_link
    from host.progress import counting
    from host.session import Session
    from host.verify import Verifier
    from train.artifact import load_artifact

    started = time.monotonic()
    artifact = load_artifact(args.artifact)
    with (
        tempfile.TemporaryDirectory(prefix="wattprint-") as folder,
        board_link(args.port, args.baud, args.firmware) as link,
    ):
        session = Session(link, model_hash=artifact.model_hash, on_log=_show_log)
        # The board is asked who it is before the reference is computed: a wrong one is known at once.
        hello = session.open()
        reference, charges = _charges(args, artifact, Path(folder))
        verifier = Verifier(session, hello, reference.device_names, artifact.features, reproducer(args))
        with counting("verifying", sum(len(charge.samples) for charge in charges)) as advance:
            report = verifier.run(charges, advance, started)
    _show(report, args)
    return 0 if report.passed else 1


def reproducer(args: argparse.Namespace) -> str:
    """The command that verifies the same charges on the same board again; `--session` is added to it."""
    command = ["python", "-m", "host", "verify", "--port", args.port]
    for option in ("baud", "artifact", "data", "reference", "split", "firmware"):
        value = getattr(args, option)
        if value is not None:
            command += [f"--{option}", str(value)]
    return shlex.join(command)


def _charges(args: argparse.Namespace, artifact: Artifact, folder: Path) -> tuple[Reference, tuple[Charge, ...]]:
    """The charges to verify, from the reference given or one that is made now, and already cut to `--split`."""
    from host.commands import run_module
    from host.progress import waiting
    from host.reference import chosen, load_reference

    path, held_out, n_charges = args.reference, args.split == "held-out", args.charges
    if path is None:
        path, held_out = folder / "reference.npz", False
        data, split = args.data, args.split or "held-out"
        if data is None:
            # Units simulated now are new to the model, whatever their names.
            data, split, n_charges = _simulate(folder), "all", n_charges or SIMULATED_CHARGES
        command = ["--artifact", str(artifact.path), "--data", str(data), "--out", str(path), "--split", split]
        if args.session is None and n_charges is not None:
            command += ["--charges", str(n_charges)]
        with waiting("answering with the reference"):
            run_module("codegen", ["reference", *command])
    reference = load_reference(path, artifact.model_hash)
    charges = chosen(reference, artifact.trained_units, held_out=held_out, session=args.session, n_charges=n_charges)
    return reference, charges


def _simulate(folder: Path) -> Path:
    from host.commands import run_module
    from host.progress import waiting

    data = folder / "fleet"
    with waiting("simulating charges"):
        run_module("train", ["simulate", str(data), "--seed", str(SIMULATED_SEED), "--units", "1", "--charges", "1"])
    return data


def _show(report: Report, args: argparse.Namespace) -> None:
    from host.report.terminal import verify_lines

    text = json.dumps(report.to_json(), indent=1) + "\n"
    if args.out is not None:
        _write(args.out, text)
    print(text if args.json else "\n".join(verify_lines(report, args.out)), end="" if args.json else "\n")


def _write(path: Path, text: str) -> None:
    """Write under a temporary name, then rename: a half-written report is never seen."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise HostError(f"--out {path}: cannot be written: {error.strerror}; name another file") from None


def _show_log(line: str) -> None:
    print(f"board: {line}", file=sys.stderr)
