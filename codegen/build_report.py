"""report.json of a build (docs/design.md, Report): cost, provenance and budgets beside quality and proof."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codegen.errors import BudgetError, CompilerError

if TYPE_CHECKING:
    from train.artifact import Artifact

ROOT = Path(__file__).resolve().parent.parent
TARGETS = ("host", "rv32imc")


def costs(model: Path, inputs: Path) -> dict[str, Any]:
    """Cost of a whole answer (features, models, post-processing, state CRC) on each target this machine has."""
    from codegen.measure import measure

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
        "compression": [],
        "verify": verify,
        "provenance": {
            "commit": _commit(),
            "data_hash": manifest["data"]["hash"],
            "versions": manifest["versions"],
            "flags": {"emit": "m2cgen", "features": "int32"},
            "settings": settings,
        },
    }


def _commit() -> str:
    """The checkout's commit, with `+` when files differ from it; empty outside git."""

    def git(*arguments: str) -> str:
        try:
            done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        except OSError:
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "--short=12", "HEAD")
    return commit + "+" if commit and git("status", "--porcelain") else commit


def budget_rows(args: argparse.Namespace, settings: Mapping[str, Any], cost: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was asked for beside what was measured, on rv32imc where it can be; `value` is None when it cannot."""
    target = "rv32imc" if "rv32imc" in cost else "host"
    spent = cost.get(target, {})
    ram = spent["ram_bytes"] + spent["stack_bytes"] if spent else None
    budget = settings["budget"]
    rows = (
        ("flash bytes", args.budget_flash, budget["flash_bytes"], spent.get("flash_bytes")),
        ("RAM and stack bytes", args.budget_ram, budget["ram_bytes"], ram),
        (
            "instructions of the dearest answer",
            args.budget_instructions,
            budget["instructions"],
            (spent.get("instructions_per_sample") or {}).get("max"),
        ),
    )
    return [
        {"what": what, "target": target, "limit": default if asked is None else asked, "value": value}
        for what, asked, default, value in rows
        if asked is not None or default is not None
    ]


def check_budgets(budgets: Sequence[Mapping[str, Any]]) -> None:
    """Raise BudgetError for the first budget that is exceeded or cannot be checked."""
    for row in budgets:
        what = f"{row['what']} on {row['target']}"
        if row["value"] is None:
            raise BudgetError(f"{what}: cannot be measured here, so the budget of {row['limit']} cannot be checked")
        if row["value"] > row["limit"]:
            raise BudgetError(
                f"{what}: {row['value']}, budget {row['limit']}: lower rounds or max_depth in wattprint.toml"
            )
