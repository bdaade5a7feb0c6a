"""The best point of the compression study's front within a budget, and the study's rows for report.json.

artifacts/compression.json is what `python -m train compare --install` leaves. A point is a forest for the device and
one for the remaining time; what they cost adds up with the rest of an answer, which the study has measured too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from codegen.budget import Budget, excesses, nothing_fits, spent
from codegen.errors import BudgetError, ModelError

STUDY_FILE = "compression.json"
SCHEMA = 1
KINDS = ("device", "remaining")
MINUTES_OF_A_POINT = 0.05  # share of the error in minutes that weighs as much as a point of accuracy
KB = 1024
_ROW_KEYS = (
    "technique", "family", "title", "label", "raw_bytes", "deflated_bytes", "ratio", "ram_bytes", "instructions_mean",
    "instructions_max", "accuracy", "accuracy_lost_points", "mae_minutes", "mae_change", "coverage",
    "interval_minutes", "train_seconds", "note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """Two forests of the front, and what a whole answer costs and is worth with them."""

    models: Mapping[str, Mapping[str, Any]]  # by kind: technique, settings, label
    flash_bytes: int
    ram_and_stack_bytes: int
    instructions_mean: float | None
    instructions_max: int | None
    accuracy: float
    mae_minutes: float

    @property
    def label(self) -> str:
        """What messages call it."""
        return ", ".join(f"{kind}: {model['title']} ({model['label']})" for kind, model in self.models.items())

    def loss(self, best_mae_minutes: float) -> float:
        """Points of accuracy lost, minutes counted as such: what the best has least of."""
        return 100 * (1 - self.accuracy) + (self.mae_minutes / best_mae_minutes - 1) / MINUTES_OF_A_POINT

    def as_json(self) -> dict[str, Any]:
        """What `train fit --point` reads."""
        return {
            kind: {"technique": model["technique"], "settings": dict(model["settings"])}
            for kind, model in self.models.items()
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """The point taken, and what a KB more of flash would buy."""

    point: Point
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A point that was over the budget once built: on other data, or of other devices, forests grow otherwise."""

    point: Point
    error: BudgetError


def read_study(root: Path) -> dict[str, Any] | None:
    """The committed study of a checkout, or None; raises ModelError for a file that is none."""
    path = root / "artifacts" / STUDY_FILE
    try:
        study: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if study["schema"] != SCHEMA:
            raise ValueError(f"schema {study['schema']}, this version reads {SCHEMA}")
        _ = study["front"], study["rows"], study["data_hash"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: is no compression study: {error}; make it with: python -m train compare") from None
    return study


def compression_rows(study: Mapping[str, Any] | None, data_hash: str) -> list[dict[str, Any]]:
    """`compression` of report.json: the study's rows with its commit and data hash, stale where data is another."""
    if study is None:
        return []
    about = {"commit": study["commit"], "data_hash": study["data_hash"], "command": study["command"]}
    stale = study["data_hash"] != data_hash
    return [{key: row.get(key) for key in _ROW_KEYS} | about | {"stale": stale} for row in study["rows"]]


def choose_point(study: Mapping[str, Any], budget: Budget, refused: Sequence[Refused] = ()) -> Choice:
    """The point that loses least within the budget; raises BudgetError saying which bound nothing meets.

    refused  points that were over the budget once built: a point must be smaller by as much, where each was over
    """
    points = [point for point in front_points(study) if all(_smaller_where_over(point, earlier) for earlier in refused)]
    if not points and refused:
        raise BudgetError(f"{refused[-1].error}; no point of the study is smaller", refused[-1].error.over)
    if not points:
        raise BudgetError("the compression study has no front to choose from; run: python -m train compare --install")
    taken = _best(points, budget)
    if taken is None:
        raise nothing_fits(points, budget, str(study["target"]))
    text = f"{taken.label}; the study has it at {_figures(taken)}"
    if budget.flash_bytes is not None:
        text += f"; {_one_kb_more(points, budget, taken)}"
    return Choice(taken, text)


def _smaller_where_over(point: Point, refused: Refused) -> bool:
    has, had = spent(point), spent(refused.point)
    return all((has[what] or 0) <= (had[what] or 0) - (value - limit) for what, value, limit in refused.error.over)


def front_points(study: Mapping[str, Any]) -> list[Point]:
    """All pairs of the fronts of both kinds."""
    core = study.get("core") or {"flash_bytes": 0, "ram_bytes": 0, "instructions_max": 0}
    return [
        Point(
            models=dict(zip(KINDS, pair, strict=True)),
            flash_bytes=core["flash_bytes"] + sum(model["flash_bytes"] for model in pair) - _shared_bytes(core, pair),
            ram_and_stack_bytes=core["ram_bytes"] + max(model["ram_bytes"] for model in pair),
            instructions_mean=sum(model["instructions_mean"] for model in pair),
            instructions_max=core["instructions_max"] + sum(model["instructions_max"] for model in pair),
            accuracy=pair[0]["accuracy"],
            mae_minutes=pair[1]["mae_minutes"],
        )
        for pair in product(*(study["front"][kind] for kind in KINDS))
    ]


def _shared_bytes(core: Mapping[str, Any], pair: Sequence[Mapping[str, Any]]) -> int:
    """What both models' bytes count and a build has once: the walk through packed tables."""
    styles = {model.get("style") for model in pair}
    shared: int = core.get("shared_bytes", {}).get(styles.pop(), 0) if len(styles) == 1 else 0
    return shared


def _best(points: Sequence[Point], budget: Budget) -> Point | None:
    fitting = [point for point in points if not excesses(point, budget)]
    least_mae = min(point.mae_minutes for point in points)
    return min(fitting, key=lambda point: (point.loss(least_mae), point.flash_bytes), default=None)


def _figures(point: Point) -> str:
    return (
        f"{point.flash_bytes} bytes of flash, {point.instructions_max} instructions, "
        f"{100 * point.accuracy:.1f} % right at 60 s, {point.mae_minutes:.1f} minutes off"
    )


def _one_kb_more(points: Sequence[Point], budget: Budget, taken: Point) -> str:
    """What the next KB of flash buys, all other bounds held; or where the next better point stands."""
    better = _best(points, replace(budget, flash_bytes=(budget.flash_bytes or 0) + KB))
    if better is not None and better != taken:
        return f"1 KB more of flash buys {_bought(better, taken)}"
    least_mae = min(point.mae_minutes for point in points)
    others = [
        point
        for point in points
        if not excesses(point, replace(budget, flash_bytes=None)) and point.loss(least_mae) < taken.loss(least_mae)
    ]
    if not others:
        return "1 KB more of flash buys nothing, nor does any more within the other bounds"
    following = min(others, key=lambda point: point.flash_bytes)
    return f"1 KB more of flash buys nothing; {following.flash_bytes} bytes buy {_bought(following, taken)}"


def _bought(better: Point, taken: Point) -> str:
    accuracy = 100 * (better.accuracy - taken.accuracy)
    minutes = better.mae_minutes - taken.mae_minutes
    return f"{accuracy:+.2f} points of accuracy and {minutes:+.2f} minutes of error"
