"""`train compare`: run what is not run yet, put it side by side, and say what came of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from train.compress.forest_task import SMALL, UNCOMPRESSED
from train.compress.technique import Setting, Technique
from train.compress.techniques import find_techniques
from train.config import Config
from train.errors import TrainError
from train.study import cost, markdown, score, table
from train.study.data import study_data
from train.study.rows import Job, Workshop, write_atomically
from train.study.runner import Runner
from train.study.search import search

ROOT = Path(__file__).resolve().parents[2]
STUDY_FILE = "compression.json"
SCHEMA = 1
TRIALS = {"device": 16, "remaining": 16, "network": 4}
QUICK_TRIALS = {"device": 4, "remaining": 4, "network": 0}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to compare, on what, and where to keep it."""

    data: Path
    unseen: tuple[Path, ...]
    out: Path
    techniques: tuple[Technique, ...]
    n_jobs: int
    quick: bool
    trials: dict[str, int]
    command: str  # as it was called, for the record
    only_finished: bool = False  # make no row, report those that are there


def wanted(
    data: Path,
    unseen: Sequence[Path],
    out: Path,
    names: list[str] | None,
    *,
    n_jobs: int,
    quick: bool,
    trials: int | None,
    command: str,
    only_finished: bool = False,
) -> Wanted:
    """The request, checked: all techniques and the search without `names`; `trials` a kind of model, 0 for none."""
    if n_jobs < 1:
        raise TrainError(f"--jobs {n_jobs}: must be at least 1")
    techniques = find_techniques(names)
    counts = dict(QUICK_TRIALS if quick else TRIALS) if names is None else dict.fromkeys(TRIALS, 0)
    trials = 0 if only_finished else trials
    if trials is not None:
        counts = dict.fromkeys(TRIALS, trials)
    families = {technique.family for technique in techniques}
    if "network" not in families:
        counts["network"] = 0
    if "forest" not in families:
        counts["device"] = counts["remaining"] = 0
    return Wanted(data, tuple(unseen), out, techniques, n_jobs, quick, counts, command, only_finished)


def compare(request: Wanted, config: Config, *, quiet: bool) -> dict[str, Any]:
    """Make the rows and return compression.json, written to the folder with its page.

    Raises BuildError where nothing can be measured, TrainError for data the study cannot use.
    """
    cost.check_compiler()
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainError(f"{request.out}: cannot be written: {error.strerror}; name another folder") from None
    rows_file, data = study_data(request.data, request.unseen, config, request.out, quick=request.quick)
    parameters = [asdict(found) for found in (UNCOMPRESSED, *SMALL.values())]
    about = json.dumps([rows_file.name, config.forest.seed, config.forest.smoothing_s, parameters], sort_keys=True)
    os.environ["WATTPRINT_STUDY_COMMIT"] = commit()
    workshop = Workshop(request.out, data, config, about)
    runner = Runner(workshop, rows_file, request.n_jobs, quiet=quiet)
    jobs = jobs_of(request.techniques, quick=request.quick)
    if request.only_finished:
        jobs = [job for job in jobs if workshop.finished(job) is not None]
        if not jobs:
            raise TrainError(f"{request.out}: holds no finished row of this data; leave out --finished")
    runner.expected = len(jobs) + sum(request.trials.values())
    with runner.at_work():
        first = [job for job in jobs if (job.technique, job.label) in (table.REFERENCE, table.NETWORK_REFERENCE)]
        runner.run(first)  # what the others start from
        runner.done = 0
        made = runner.run(jobs)
        searched = search(runner, request.trials, config.forest.seed)
    rows = table.finished_rows([*made, *searched], request.out, data.scored.unit)
    result: dict[str, Any] = score.rounded(_result(request, config, data.about, rows, len(made)))
    write_atomically(request.out / STUDY_FILE, (json.dumps(result, indent=1) + "\n").encode())
    from train.report.study import write_page

    write_page(result, request.out / "compression.html")
    write_atomically(request.out / "compression.md", markdown.tables(result).encode())
    return result


def jobs_of(techniques: Sequence[Technique], *, quick: bool) -> list[Job]:
    """A job for each setting, in the order of the table."""
    return [
        job_of(technique, setting)
        for technique in techniques
        for setting in technique.settings
        if setting.quick or not quick
    ]


def job_of(technique: Technique, setting: Setting) -> Job:
    """The job of one setting."""
    kinds = ("device", "remaining") if technique.family == "forest" else ("network",)
    return Job(technique.name, setting.label, {kind: setting.of(kind) for kind in kinds})


def _result(
    request: Wanted, config: Config, about: dict[str, Any], rows: list[table.Row], n_techniques: int
) -> dict[str, Any]:
    fronts = {
        "device": table.front(rows, "device", "accuracy", higher=True),
        "remaining": table.front(rows, "remaining", "mae_minutes", higher=False),
        "network": table.front(rows, "network", "accuracy", higher=True),
    }
    return {
        "schema": SCHEMA,
        "commit": os.environ["WATTPRINT_STUDY_COMMIT"],
        "command": request.command,
        "quick": request.quick,
        "seed": config.forest.seed,
        "configured": asdict(config.forest),  # what builds make that are told nothing else
        "data_hash": about["data_hash"],
        "about": about,
        "target": cost.TARGET,
        "cpu_minutes": sum(row["cpu_seconds_in_all"] for row in rows) / 60,
        "rows": rows[:n_techniques],
        "trials": rows[n_techniques:],
        "front": fronts,
        "core": cost.core_cost(request.data),
    }


def commit() -> str:
    """The checkout's commit, with `+` when files differ from it; empty outside git."""
    done = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return ""
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() + ("+" if changed.stdout.strip() else "")
