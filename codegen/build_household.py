"""`python -m codegen build` of a charge point: from a household's charges to a proved board."""

from __future__ import annotations

import argparse
import json
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codegen.build_proof import prove, python
from codegen.build_report import asked_for, budget_rows, check_budgets, commit_of, costs
from codegen.errors import CodegenError
from codegen.steps import Steps

if TYPE_CHECKING:
    from train.artifact_household import Household

SIMULATED_HOUSEHOLDS, SIMULATED_HOUSEHOLD = 3, "s1h000"


DEFAULT_CONFIG = Path("wattprint.toml")


def looks_of_vehicles(args: argparse.Namespace) -> bool:
    """The same as is_of_vehicles before the configuration is read and checked, to count steps by."""
    path = args.config or DEFAULT_CONFIG
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        settings = {}  # the step that reads it says what is wrong
    return is_of_vehicles(args, settings)


def is_of_vehicles(args: argparse.Namespace, settings: Mapping[str, Any]) -> bool:
    """Whether the build is a charge point's: by its artifact, or without one by the configuration."""
    from codegen.emit.household import is_household

    if args.artifact is None:
        return (args.profile or settings.get("profile")) == "ev" and args.model is None
    return is_household(args.artifact)


def household_steps(args: argparse.Namespace) -> int:
    """How many steps the build of a charge point has."""
    return 8 + (args.data is None) + (args.artifact is None)


def build_household(args: argparse.Namespace, settings: Mapping[str, Any], steps: Steps) -> int:
    """Build as asked, behind the settings' step; returns the exit code. Raises CodegenError."""
    from codegen.emit.household import emit_household, read_household

    if given := [name for name in ("emit", "model", "install", "hold_out") if getattr(args, name)]:
        raise CodegenError(
            f"--{given[0].replace('_', '-')}: is for chargers' models; a household has tables, in C of one form"
        )
    out: Path = args.out
    data = args.data or _simulate(steps, out)
    artifact = args.artifact or _fit(steps, out, data, args, simulated=args.data is None)
    household = read_household(artifact)
    evaluation = _evaluate(steps, household, data)
    model, reference = out / "model", out / "reference.npz"
    steps.run(
        "answer with the reference",
        python(
            "codegen", "reference", "--artifact", artifact, "--data", data, "--split", "all",
            "--charges", settings["verify"]["charges"], "--out", reference,
        ),
    )  # fmt: skip
    shutil.rmtree(model, ignore_errors=True)
    steps.call("emit C", lambda: emit_household(household, model))
    cost = steps.call("measure bytes and instructions", lambda: costs(model, reference))
    verify = prove(steps, household.path, model, out)
    report = _report(household, evaluation, cost, verify, settings)
    report["budgets"] = budget_rows(args, settings, cost)
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8", newline="\n")
    steps.run("report", python("train", "report", out))
    if asked_for(args):
        check_budgets(report["budgets"], "household")
    return _verdict(args, household, report)


def _simulate(steps: Steps, out: Path) -> Path:
    folder = out / "fleet"
    shutil.rmtree(folder, ignore_errors=True)
    options = ["--profile", "ev", "--households", SIMULATED_HOUSEHOLDS, "--period-ms", 30_000]
    steps.run("simulate households", python("train", "simulate", folder, *options))
    return folder


def _fit(steps: Steps, out: Path, data: Path, args: argparse.Namespace, *, simulated: bool) -> Path:
    extra: list[object] = ["--config", args.config] if args.config else []
    chosen = args.household or (SIMULATED_HOUSEHOLD if simulated else None)
    extra += [] if chosen is None else ["--household", chosen]
    steps.run(
        "enrol the cars", python("train", "fit", "--profile", "ev", "--data", data, "--out", out / "artifact", *extra)
    )
    return out / "artifact"


def _evaluate(steps: Steps, household: Household, data: Path) -> dict[str, Any]:
    """Figures on charges that the cars were not enrolled with; empty where the data has none of this household."""
    command = python("train", "evaluate", "--model", household.path, "--data", data, "--json")
    said = steps.run("evaluate on later charges", command, accept=(0, 2))
    try:
        found: dict[str, Any] = json.loads(said)
    except ValueError:
        return {}
    return found


def _report(
    household: Household,
    evaluation: Mapping[str, Any],
    cost: Mapping[str, Any],
    verify: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """report.json, docs/design.md, with a household's own evaluation."""
    manifest = household.manifest
    return {
        "title": household.name,
        "model": {
            "hash": household.model_hash,
            "kind": "household",
            "features": [],
            "classes": list(household.cars),
            "units": list(manifest["training"]["units"]),
        },
        "household": {"enrolled": len(manifest["split"]["train"]), "tables": manifest["tables"]},
        "data": manifest["data"],
        "quality": {},
        "evaluation": dict(evaluation),
        "cost": dict(cost),
        "compression": [],
        "verify": dict(verify),
        "provenance": {
            "commit": commit_of(),
            "data_hash": manifest["data"]["hash"],
            "versions": manifest["versions"],
            "flags": {"profile": "ev"},
            "settings": dict(settings),
        },
    }


def quality_line(evaluation: Mapping[str, Any]) -> str:
    """How good the answers are on charges that the cars were not enrolled with; what they do not show is left out."""
    which, ac = evaluation.get("which") or {}, evaluation.get("ac_minutes")
    told = []
    if ramp := which.get("60s_after_ramp"):
        right, holds, size = (ramp[key][0] for key in ("accuracy", "set_holds_truth", "set_size"))
        told.append(
            f"car right {100 * right:.1f} %, set of {size:.2f} cars holds it {100 * holds:.1f} %, 60 s after the ramp"
        )
    if ac:
        off, linear, covers = (ac[key][0] for key in ("mae_minutes", "linear_mae_minutes", "coverage"))
        told.append(f"AC {off:.1f} min off (linear formula {linear:.1f}), interval covers {100 * covers:.0f} %")
    if not told:
        return "quality: no later charge of these cars to tell it from"
    return f"quality on {which['charges']} later charges: {'; '.join(told)}"


def _verdict(args: argparse.Namespace, household: Household, report: Mapping[str, Any]) -> int:
    verify = report["verify"]
    passed = verify["verdict"] == "PASS"
    if args.json:
        print(json.dumps(report, indent=1))
        return 0 if passed else 1
    target = "rv32imc" if "rv32imc" in report["cost"] else "host"
    size = f", {report['cost'][target]['flash_bytes']} bytes on {target}" if target in report["cost"] else ""
    n_cars = len(household.cars)
    print(quality_line(report["evaluation"]))
    print(
        f"{verify['verdict']}  household of {n_cars} car{'s' if n_cars > 1 else ''}{size}: "
        f"{verify['samples']} samples verified, {verify['mismatches']} mismatches  (report: {args.out / 'report.html'})"
    )
    return 0 if passed else 1
