"""The charges to verify: of a reference, of a dataset, or simulated on the spot."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from host.commands import run_module
from host.progress import waiting
from host.reference import Charge, Reference, chosen, load_reference
from train.artifact import Artifact

SIMULATED_SEED = 20_261
"""Far from the seeds a fleet is trained with, so that no verified charge was learnt from."""

SIMULATED_CHARGES = 6
"""Of as many devices; some 10 000 samples or more."""


def charges_of(args: argparse.Namespace, artifact: Artifact, folder: Path) -> tuple[Reference, tuple[Charge, ...]]:
    """The charges to verify, from the reference given or one that is made now, and already cut to `--split`."""
    path, held_out, n_charges = args.reference, args.split == "held-out", args.charges
    if path is None:
        path, held_out = folder / "reference.npz", False
        data, split = args.data, args.split or ("held-out" if artifact.split["held_out"] else "all")
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
    if args.data is not None and all(charge.unit_key in artifact.trained_units for charge in charges):
        print("note: the model has been trained on each of these units; its error on them says little", file=sys.stderr)
    return reference, charges


def _simulate(folder: Path) -> Path:
    data = folder / "fleet"
    with waiting("simulating charges"):
        run_module("train", ["simulate", str(data), "--seed", str(SIMULATED_SEED), "--units", "1", "--charges", "1"])
    return data
