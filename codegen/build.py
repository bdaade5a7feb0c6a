"""`python -m codegen build`: from charges to a proved board, in one go (docs/design.md)."""

from __future__ import annotations

import argparse
import errno
import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codegen.build_proof import prove, python
from codegen.build_report import asked_for, budget_of, budget_rows, build_report, check_budgets, costs
from codegen.errors import BudgetError, CodegenError
from codegen.front import Point, Refused, choose_point, read_study
from codegen.steps import Steps

if TYPE_CHECKING:
    from codegen.build_styles import Plan
    from train.artifact import Artifact

ROOT = Path(__file__).resolve().parent.parent


def run(args: argparse.Namespace) -> int:
    """Build as asked; returns the exit code. A disk that fills up while logs or report are written is one line."""
    try:
        return _build(args)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG):
            raise
        raise CodegenError(f"--out {args.out}: cannot be written: {error.strerror}; name another folder") from None


def _build(args: argparse.Namespace) -> int:
    from codegen.build_household import build_household, household_steps, is_of_vehicles, looks_of_vehicles
    from codegen.emit.household import is_household
    from codegen.emit.styles import find_network_style, find_style

    out: Path = args.out
    of_vehicles = args.artifact is not None and is_household(args.artifact)
    _check_profile(args, of_vehicles=of_vehicles)
    n_steps = 8 + (args.data is None) + (args.artifact is None) + (args.emit is None)
    n_steps = household_steps(args) if looks_of_vehicles(args) else n_steps
    steps = Steps(out / "log", total=n_steps, quiet=args.json)
    new_folder(out, ("report.json", "report.html"))
    kind = args.model or "forest"
    if args.artifact and not of_vehicles:  # refused before anything long begins
        kind = _kind_given(args)
    for part in args.emit.split(",") if args.emit else ():
        (find_style if kind == "forest" else find_network_style)(part.rpartition("=")[2])
    settings = settings_of(steps, args)
    settings["profile"] = args.profile or settings["profile"]
    if is_of_vehicles(args, settings):
        return build_household(args, settings, steps)
    if args.household is not None:
        raise CodegenError("--household: is of electric vehicles; give --profile ev with it")
    study = read_study(ROOT)
    point = _point(study, args, settings) if kind == "forest" else None
    data = args.data or simulate(steps, out, settings)
    artifact, plan, point = _trained(steps, out, data, args, settings, study, point)
    evaluation = steps.run_json(
        "evaluate on unseen units",
        python("train", "evaluate", "--model", artifact.path, "--data", data, "--split", _split(artifact), "--json"),
    )
    model = out / "model"
    _emit(steps, artifact, model, plan.styles)
    cost = steps.call("measure bytes and instructions", lambda: costs(model, out / "reference.npz"))
    verify = prove(steps, artifact.path, model, out)
    report = build_report(artifact, evaluation, cost, verify, settings, plan, study)
    report["provenance"]["flags"]["point"] = None if point is None else point.as_json()
    report["budgets"] = budget_rows(args, settings, cost)
    _write_json(out / "report.json", report)
    steps.run("report", python("train", "report", out))
    check_budgets(report["budgets"], artifact.kind)
    if args.install and verify["verdict"] == "PASS":
        _install(artifact, model)
    return _verdict(args, artifact, report, out)


def _check_profile(args: argparse.Namespace, *, of_vehicles: bool) -> None:
    """What cannot go together is told before anything long begins; raises CodegenError."""
    if args.profile is not None and args.artifact is not None and (args.profile == "ev") != of_vehicles:
        what = "a household's" if of_vehicles else "a charger's"
        raise CodegenError(f"--profile {args.profile}: {args.artifact} is {what}; leave out one of the two")
    if args.profile == "ev" and args.model is not None:
        raise CodegenError(f"--model {args.model}: is for chargers' boards; a household has tables, leave it out")
    if args.household is not None and args.artifact is not None:
        raise CodegenError(f"--household: {args.artifact} is enrolled already; leave out one of the two")


def _kind_given(args: argparse.Namespace) -> str:
    from codegen.emit.artifact import read_artifact

    kind = read_artifact(args.artifact).kind
    if args.model not in (None, kind):
        raise CodegenError(f"--model {args.model}: {args.artifact} is a {kind}; leave out one of the two")
    return kind


def new_folder(out: Path, verdicts: Sequence[str]) -> None:
    """Make the folder and remove an earlier run's verdicts: whatever fails now, none is left that says PASS."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for stale in verdicts:
            (out / stale).unlink(missing_ok=True)
    except OSError as error:
        raise CodegenError(f"--out {out}: cannot be written: {error.strerror}; name another folder") from None


def settings_of(steps: Steps, args: argparse.Namespace) -> dict[str, Any]:
    """The configuration in force, by `train config`."""
    extra = ["--config", str(args.config)] if args.config else []
    return steps.run_json("settings", python("train", "config", *extra, "--json"))


def simulate(steps: Steps, out: Path, settings: Mapping[str, Any]) -> Path:
    """The built-in fleet, made anew below `out`."""
    fleet, folder = settings["fleet"], out / "fleet"
    shutil.rmtree(folder, ignore_errors=True)
    steps.run(
        "simulate the built-in fleet",
        python(
            "train", "simulate", folder, "--seed", fleet["seed"], "--units", fleet["units_per_device"],
            "--charges", fleet["charges_per_unit"], "--format", "parquet",
        ),
    )  # fmt: skip
    return folder


def _point(
    study: Mapping[str, Any] | None,
    args: argparse.Namespace,
    settings: Mapping[str, Any],
    refused: Sequence[Refused] = (),
) -> Point | None:
    """The point of the study's front that a budget given for this build asks for; refused before anything long."""
    if study is None or args.artifact or not asked_for(args):
        return None
    choice = choose_point(study, budget_of(args, settings), refused)
    if not args.json:
        print(f"point: {choice.text}", file=sys.stderr)
    return choice.point


def _trained(
    steps: Steps,
    out: Path,
    data: Path,
    args: argparse.Namespace,
    settings: Mapping[str, Any],
    study: Mapping[str, Any] | None,
    point: Point | None,
) -> tuple[Artifact, Plan, Point | None]:
    """The artifact and the styles it is built in; where a point's own forests are over the budget, the next point's."""
    from codegen.emit.artifact import read_artifact

    refused: list[Refused] = []
    while True:
        artifact = read_artifact(args.artifact or _fit(steps, out, data, args, point))
        _reference(steps, artifact, data, out, settings)
        try:
            return artifact, _plan(steps, artifact, out, args, settings), point
        except BudgetError as error:
            if point is None or not error.over:
                raise
            refused.append(Refused(point, error))
        if not args.json:
            print(f"point: its forests are larger on this data: {refused[-1].error}", file=sys.stderr)
        point = _point(study, args, settings, refused)
        steps.total += 3


def _fit(steps: Steps, out: Path, data: Path, args: argparse.Namespace, point: Point | None) -> Path:
    extra = ["--config", str(args.config)] if args.config else []
    extra += ["--name", model_name(data)]
    if args.hold_out:
        extra += ["--hold-out", *args.hold_out]
    if point is not None:
        _write_json(out / "point.json", point.as_json())
        extra += ["--point", str(out / "point.json")]
    title = "train the forests"
    if args.model == "network":
        title = "train the network"
        extra += ["--kind", "network"]
    steps.run(title, python("train", "fit", "--data", data, "--out", out / "artifact", *extra))
    return out / "artifact"


def model_name(data: Path) -> str:
    """A C identifier from the name of the data's folder."""
    name = re.sub(r"\W", "_", data.resolve().name, flags=re.A).lower()
    return name if name[:1].isalpha() else f"on_{name}"


def _split(artifact: Artifact) -> str:
    return "held-out" if artifact.split["held_out"] else "all"


def _plan(steps: Steps, artifact: Artifact, out: Path, args: argparse.Namespace, settings: Mapping[str, Any]) -> Plan:
    """The styles asked for, or those that the budgets do."""
    from codegen.build_styles import Plan, plan_styles
    from codegen.emit.artifact import model_kinds, parse_styles

    if args.emit:
        return Plan(parse_styles(args.emit, model_kinds(artifact)), "as asked for")
    samples, budget = out / "reference.npz", budget_of(args, settings)
    plan = steps.call(
        "choose styles by measuring them", lambda: plan_styles(artifact, samples, budget, asked=asked_for(args))
    )
    for note in () if args.json else plan.notes:
        print(f"note: {note}", file=sys.stderr)
    return plan


def _emit(steps: Steps, artifact: Artifact, model: Path, styles: Mapping[str, str]) -> None:
    from codegen.emit.artifact import emit_artifact

    steps.call("emit C", lambda: emit_artifact(artifact, model, style=styles))


def _reference(steps: Steps, artifact: Artifact, data: Path, out: Path, settings: Mapping[str, Any]) -> None:
    steps.run(
        "answer with the reference",
        python(
            "codegen", "reference", "--artifact", artifact.path, "--data", data, "--split", _split(artifact),
            "--charges", settings["verify"]["charges"], "--out", out / "reference.npz",
        ),
    )  # fmt: skip


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8", newline="\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _install(artifact: Artifact, model: Path) -> None:
    """Copy the artifact to artifacts/default and its C to firmware/lib/model: they go together."""
    for source, target in (
        (artifact.path, ROOT / "artifacts" / "default"),
        (model, ROOT / "firmware" / "lib" / "model"),
    ):
        if source.resolve() == target.resolve():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.new")
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(source, temporary)
        shutil.rmtree(target, ignore_errors=True)
        temporary.replace(target)


def quality_line(quality: Mapping[str, Any]) -> str:
    """How good the model is, in a line: PASS says only that the board is equal to it."""
    accuracy = (quality.get("accuracy") or {}).get("60s")
    mae, baseline = ((quality.get(key) or {}).get("overall") for key in ("mae_minutes", "baseline_mae_minutes"))
    parts = [] if accuracy is None else [f"device right at 60 s: {100 * accuracy:.1f} %"]
    if mae is not None:
        beside = "" if baseline is None else f", the baseline {baseline:.1f}"
        parts.append(f"minutes to full: {mae:.1f} off{beside}")
    return "; ".join(parts) or "no charge with a known end to judge the model by"


def _verdict(args: argparse.Namespace, artifact: Artifact, report: Mapping[str, Any], out: Path) -> int:
    verify = report["verify"]
    passed = verify["verdict"] == "PASS"
    if args.json:
        print(json.dumps(report, indent=1))
        return 0 if passed else 1
    target = "rv32imc" if "rv32imc" in report["cost"] else "host"
    size = f", {report['cost'][target]['flash_bytes']} bytes on {target}" if target in report["cost"] else ""
    n_devices = len(artifact.devices)
    for note in report["evaluation"].get("notes") or []:
        print(f"note: {note}")
    print(quality_line(report["quality"]))
    print(
        f"{verify['verdict']}  {artifact.kind} of {n_devices} device{'s' if n_devices > 1 else ''}{size}: "
        f"{verify['samples']} samples verified, {verify['mismatches']} mismatches  (report: {out / 'report.html'})"
    )
    return 0 if passed else 1
