"""report.json of a build (docs/design.md, Report): cost, provenance and budgets beside quality and proof."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codegen.budget import Budget
from codegen.errors import BudgetError, CompilerError
from codegen.front import compression_rows

if TYPE_CHECKING:
    from codegen.build_styles import Plan
    from train.artifact import Artifact

ROOT = Path(__file__).resolve().parent.parent

SMALLER = {
    "forest": "lower rounds or max_depth in wattprint.toml",
    "network": "lower inputs, units or hidden of [network.*] in wattprint.toml",
    "household": "enrol fewer cars",
}
"""What makes a model of each kind smaller."""


def costs(model: Path, inputs: Path) -> dict[str, Any]:
    """Cost of a whole answer (features, models, post-processing, state CRC) on each target this machine has."""
    from codegen.measure import measure
    from codegen.measure_targets import TARGETS

    measured: dict[str, Any] = {}
    for target in TARGETS:
        try:
            cost = measure(model, target=target, inputs=inputs)
            cost["instructions_per_sample"] = cost.pop("instructions")
            measured[target] = cost
        except CompilerError as error:
            print(f"no figures for {target}: {error}", file=sys.stderr)
    return measured


def build_report(
    artifact: Artifact,
    evaluation: Mapping[str, Any],
    cost: Mapping[str, Any],
    verify: Mapping[str, Any],
    settings: Mapping[str, Any],
    plan: Plan,
    study: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """report.json, docs/design.md; an empty object stands for what was not measured."""
    manifest = artifact.manifest
    return {
        "title": artifact.name,
        "model": {
            "hash": artifact.model_hash,
            "kind": manifest["kind"],
            "features": list(artifact.features),
            "classes": list(artifact.devices),
        },
        "data": manifest["data"],
        "split": {part: len(units) for part, units in artifact.split.items()},
        "quality": evaluation["quality"],
        "evaluation": evaluation,
        "cost": cost,
        "styles": list(plan.table),
        "compression": compression_rows(study, manifest["data"]["hash"]),
        "verify": verify,
        "provenance": {
            "commit": commit_of(),
            "data_hash": manifest["data"]["hash"],
            "versions": manifest["versions"],
            "flags": {"emit": dict(plan.styles), "why": plan.why, "features": "int32"},
            "settings": settings,
        },
    }


def commit_of() -> str:
    """The checkout's commit, with `+` when files differ from it; empty outside git."""

    def git(*arguments: str) -> str:
        try:
            done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        except OSError:
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "--short=12", "HEAD")
    return commit + "+" if commit and git("status", "--porcelain") else commit


def asked_for(args: argparse.Namespace) -> bool:
    """Whether a budget was given for this build, not only in the configuration."""
    return any(limit is not None for limit in (args.budget_flash, args.budget_ram, args.budget_instructions))


def budget_of(args: argparse.Namespace, settings: Mapping[str, Any]) -> Budget:
    """The limits given for this build where there is any, else those of the configuration."""
    if asked_for(args):
        return Budget(args.budget_flash, args.budget_ram, args.budget_instructions)
    configured = settings["budget"]
    return Budget(configured["flash_bytes"], configured["ram_bytes"], configured["instructions"])


def budget_rows(args: argparse.Namespace, settings: Mapping[str, Any], cost: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Limits beside what was measured, on rv32imc where it can be; `value` is None when it cannot.

    Where rv32imc cannot be measured only limits given for this build count, against this machine's bytes.
    """
    target = "rv32imc" if "rv32imc" in cost else "host"
    if target == "host" and not asked_for(args):
        return []
    spent, budget = cost.get(target, {}), budget_of(args, settings)
    rows = (
        ("flash bytes", budget.flash_bytes, spent.get("flash_bytes")),
        ("RAM and stack bytes", budget.ram_bytes, spent["ram_bytes"] + spent["stack_bytes"] if spent else None),
        (
            "instructions of the dearest answer",
            budget.instructions,
            (spent.get("instructions_per_sample") or {}).get("max"),
        ),
    )
    return [
        {"what": what, "target": target, "limit": limit, "value": value}
        for what, limit, value in rows
        if limit is not None
    ]


def check_budgets(budgets: Sequence[Mapping[str, Any]], kind: str) -> None:
    """Raise BudgetError for the first budget that is exceeded or cannot be checked."""
    for row in budgets:
        what = f"{row['what']} on {row['target']}"
        if row["value"] is None:
            raise BudgetError(f"{what}: cannot be measured here, so the budget of {row['limit']} cannot be checked")
        if row["value"] > row["limit"]:
            raise BudgetError(
                f"{what}: {row['value']}, {row['value'] - row['limit']} over the budget of {row['limit']}: "
                f"{SMALLER[kind]}"
            )
