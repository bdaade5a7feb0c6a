"""The search: Optuna draws architectures and steps together; each trial is a measured row like any other.

Three objectives: quality on the scored charges, measured flash of the emitted C, measured instructions of its dearest
row. NSGA-II draws in batches of a fixed size that are asked for together and told in order, so what is drawn depends on
the seed alone, not on how many processes work or which ends first; a search that is taken up again draws the same and
finds its finished rows on disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from train.errors import TrainError
from train.study.rows import Job

if TYPE_CHECKING:
    from train.study.runner import Runner

BATCH = 8
KNOWN: dict[str, tuple[dict[str, Any], ...]] = {
    "device": (
        {
            "rounds": 12,
            "max_depth": 5,
            "eta": 0.5,
            "max_bin": 128,
            "gamma": 0.3,
            "min_child_weight": 0.1,
            "leaf_bits": 6,
        },
        {
            "rounds": 16,
            "max_depth": 5,
            "eta": 0.4,
            "max_bin": 256,
            "gamma": 0.3,
            "min_child_weight": 0.1,
            "leaf_bits": 8,
        },
    ),
    "remaining": (
        {"rounds": 25, "max_depth": 5, "eta": 0.3, "max_bin": 256, "tails": 0.08, "refined": True, "leaf_bits": 7},
        {"rounds": 22, "max_depth": 5, "eta": 0.35, "max_bin": 128, "tails": 0.1, "refined": True, "leaf_bits": 6},
    ),
}
"""Where each search begins, as far as it is told: what by hand was good."""
QUALITY = {"device": "correct_60s", "remaining": "error_min"}


def search(runner: Runner, n_trials: Mapping[str, int], seed: int) -> list[dict[str, Any]]:
    """Rows of so many trials for each kind of model: device, remaining, network. Their batches run side by side."""
    wanted = {kind: n for kind, n in n_trials.items() if n}
    studies = {kind: _study(kind, seed) for kind in wanted}
    rows: dict[str, list[dict[str, Any]]] = {kind: [] for kind in wanted}
    for first in range(0, max(wanted.values(), default=0), BATCH):
        asked = {kind: [studies[kind].ask() for _ in range(min(BATCH, n - first))] for kind, n in wanted.items()}
        drawn = [(kind, trial) for kind, trials in asked.items() for trial in trials]
        numbers = [first + number for trials in asked.values() for number in range(len(trials))]
        jobs = [_job(kind, number, trial) for (kind, trial), number in zip(drawn, numbers, strict=True)]
        for (kind, trial), row in zip(drawn, runner.run(jobs), strict=True):
            studies[kind].tell(trial, _objectives(runner, kind, row))
            rows[kind].append(row)
    return [row for found in rows.values() for row in found]


def _study(kind: str, seed: int) -> Any:
    optuna = _optuna()
    sampler = optuna.samplers.NSGAIISampler(seed=seed, population_size=2 * BATCH)
    study = optuna.create_study(directions=["maximize", "minimize", "minimize"], sampler=sampler)
    for known in KNOWN.get(kind, ()):
        study.enqueue_trial(known)
    return study


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise TrainError("the search needs Optuna: pip install optuna, or leave it out with --trials 0") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _job(kind: str, number: int, trial: Any) -> Job:
    if kind == "network":
        return Job("network_search", f"trial {number}", {kind: network_settings(trial)})
    return Job("forest_combination", f"searched for {kind}, {number}", {kind: forest_settings(trial, kind)})


def forest_settings(trial: Any, kind: str) -> dict[str, Any]:
    """Settings of train.compress.forest_combination."""
    device = kind == "device"
    settings: dict[str, Any] = {
        "rounds": trial.suggest_int("rounds", *((3, 16) if device else (8, 40))),
        "max_depth": trial.suggest_int("max_depth", 3, 6),
        "eta": round(trial.suggest_float("eta", 0.25, 0.8), 2),
        "max_bin": trial.suggest_categorical("max_bin", [32, 64, 128, 256]),
        "gamma": round(trial.suggest_float("gamma", 0.0, 1.0), 2),
        "min_child_weight": round(
            trial.suggest_float("min_child_weight", *((0.05, 0.5) if device else (1.0, 10.0))), 2
        ),
        "leaf_bits": trial.suggest_int("leaf_bits", 5, 12),
    }
    if trial.suggest_categorical("prune", [False, True]):
        settings["keep"] = round(trial.suggest_float("keep", 0.3, 0.9), 2)
    if trial.suggest_float("reuse", 0.0, 1.0) > 0.75:
        settings["penalty"] = round(trial.suggest_float("penalty", 0.05, 1.0, log=True), 2)
    if trial.suggest_categorical("share", [False, True]):
        settings["thresholds"] = round(trial.suggest_float("thresholds", 0.3, 0.9), 2)
    if not device:
        settings["tails"] = round(trial.suggest_float("tails", 0.05, 0.4, log=True), 2)
    settings["refined"] = trial.suggest_categorical("refined", [False, True])
    settings["style"] = trial.suggest_categorical("style", ["small", "balanced"])
    return settings


def network_settings(trial: Any) -> dict[str, Any]:
    """Settings of train.compress.network_search."""
    return {
        "units": trial.suggest_int("units", 8, 64, step=4),
        "hidden": trial.suggest_int("hidden", 8, 32, step=4),
        "technique": trial.suggest_categorical("technique", ["post_training", "aware", "unit_pruning", "distilled"]),
    }


def _objectives(runner: Runner, kind: str, row: dict[str, Any]) -> tuple[float, float, float]:
    import numpy as np

    from train.study.table import charge_scores

    scores = charge_scores(row, runner.workshop.folder)
    part = row["parts"][kind]
    if kind == "network":
        quality = float(np.nanmean(scores["correct_60s"]) - np.nanmean(scores["error_min"]) / 100)
    else:
        quality = float(np.nanmean(scores[QUALITY[kind]])) * (1 if kind == "device" else -1)
    return quality, float(part["flash_bytes"]), float(part["instructions_max"] or 0)
