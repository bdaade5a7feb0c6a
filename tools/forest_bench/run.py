"""Measuring: every form of every model, on every target that this machine has."""

from __future__ import annotations

import ctypes
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen import measure as measuring
from codegen.errors import CompilerError
from codegen.ir.forest import FeatureType
from codegen.measure_subject import read_subject
from codegen.measure_targets import TARGETS
from forest_bench.forms import Emitted, Form, NotThereError, forms
from forest_bench.models import Model

FIRST_TARGET = "rv32imc"
LARGE_SPLITS = 4000  # other generators' branches of so many take a compiler minutes: once is enough


@dataclass(frozen=True)
class Job:
    """One form of one model; measured on several targets."""

    model: Model
    form: Form
    features: FeatureType
    targets: tuple[str, ...]


class Bench:
    """Runs jobs two at a time and collects rows; a form that cannot be had is a row that says why."""

    def __init__(self, work: Path, n_jobs: int) -> None:
        self.work = work
        self.n_jobs = n_jobs
        self.compiled_s: dict[str, float] = defaultdict(float)
        self.missing_targets: set[str] = set()
        self.done = 0

    def run(self, jobs: Sequence[Job]) -> list[dict[str, Any]]:
        """Rows of all jobs, in their order."""
        module: Any = measuring
        real = module.compile_object

        def timed(target: Any, source: Path, out: Path, arguments: Sequence[str]) -> None:
            started = time.monotonic()
            real(target, source, out, arguments)
            self.compiled_s[str(source.resolve().parent)] += time.monotonic() - started

        module.compile_object = timed
        try:
            with ThreadPoolExecutor(self.n_jobs) as pool:
                return [row for rows in pool.map(lambda job: self._job(job, len(jobs)), jobs) for row in rows]
        finally:
            module.compile_object = real

    def _job(self, job: Job, n_jobs: int) -> list[dict[str, Any]]:
        what = {"model": job.model.name, "form": job.form.name, "ours": job.form.ours, "features": job.features}
        folder = self.work / f"{job.model.name}_{job.features}_{job.form.name.replace(' ', '_')}"
        try:
            emitted = job.form.emit(job.model, job.features, folder)
            rows = list(self._measured(job, emitted, what))
        except (NotThereError, subprocess.TimeoutExpired) as error:
            rows = [{**what, "target": job.targets[0], "note": str(error)}]
        self.done += 1
        first = rows[0] if rows else {}
        said = first.get("note") or f"{first.get('flash_bytes')} bytes, {first.get('instructions_mean')} instructions"
        print(f"[{self.done}/{n_jobs}] {what['model']} {what['features']} {what['form']}: {said}", file=sys.stderr)
        return rows

    def _measured(self, job: Job, emitted: Emitted, what: dict[str, Any]) -> Iterator[dict[str, Any]]:
        rows = job.model.rows(job.features) if emitted.rows is None else emitted.rows
        inputs = emitted.folder.parent / f"{emitted.folder.name}.npz"
        np.savez(inputs, x=rows)
        wrong = None if emitted.wrong is None else emitted.wrong(answers(emitted.folder, rows))
        for target in job.targets:
            if target in self.missing_targets:
                continue
            before = self.compiled_s[str(emitted.folder.resolve())]
            try:
                cost = measuring.measure(emitted.folder, target=target, inputs=inputs)
            except CompilerError as error:
                if "not installed" not in str(error):
                    yield {**what, "target": target, "note": str(error)[:120]}
                else:
                    print(f"no figures for {target}: {error}", file=sys.stderr)
                    self.missing_targets.add(target)
                continue
            counted = cost["instructions"] or {"mean": None, "max": None}
            yield {
                **what,
                "target": target,
                "splits": emitted.n_splits,
                "flash_bytes": cost["flash_bytes"],
                "ram_bytes": cost["ram_bytes"],
                "stack_bytes": cost["stack_bytes"],
                "instructions_mean": counted["mean"],
                "instructions_max": counted["max"],
                "bytes_per_split": round(cost["flash_bytes"] / max(emitted.n_splits, 1), 2),
                "mismatches": wrong,
                "rows": len(rows),
                "error": emitted.error,
                "emit_s": round(emitted.emit_s, 2),
                "compile_s": round(self.compiled_s[str(emitted.folder.resolve())] - before, 2),
            }


def plan(models: Sequence[Model]) -> list[Job]:
    """All there is to measure, the longest first within a model."""
    jobs = []
    for model in models:
        large = model.source.forest.n_splits >= LARGE_SPLITS
        for form in forms():
            for features in form.features:
                first_only = features == "int32" or (large and not form.ours)
                targets = (FIRST_TARGET,) if first_only else (FIRST_TARGET, *(t for t in TARGETS if t != FIRST_TARGET))
                jobs.append(Job(model, form, features, targets))
    return jobs


def answers(folder: Path, rows: NDArray[np.float32]) -> NDArray[Any]:
    """What the C of a folder answers on this machine [n, n_outputs]; not optimised, to compile at once."""
    subject = read_subject(folder)
    library = folder.parent / f"{folder.name}.so"
    command = ["gcc", "-std=c11", "-O0", "-w", "-shared", "-fPIC", "-ffp-contract=off", f"-I{folder}"]
    subprocess.run([*command, *map(str, subject.sources), "-o", str(library), "-lm"], check=True, capture_output=True)
    dtype = np.dtype(subject.row_dtype)
    if dtype.kind == "f":
        table = rows.astype(dtype)
    else:
        limits = np.iinfo(dtype)
        table = np.where(np.isnan(rows), limits.min, rows.astype(np.float64).clip(limits.min, limits.max)).astype(dtype)
    out = np.zeros((len(rows), subject.output_width), dtype=subject.output_dtype)
    function = ctypes.CDLL(str(library))[subject.entry]
    function.restype = None
    for row, result in zip(table, out, strict=True):
        function(ctypes.c_void_p(row.ctypes.data), ctypes.c_void_p(result.ctypes.data))
    return out


def with_ratios(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with flash and instructions as shares of those of m2cgen's own export, of the same model and target."""
    reference = {
        (row["model"], row["target"]): row
        for row in rows
        if row["form"] == "m2cgen as shipped" and "flash_bytes" in row
    }
    complete = []
    for row in rows:
        other = reference.get((row["model"], row["target"]))
        if other is None or "flash_bytes" not in row:
            complete.append(row)
            continue
        ratios: dict[str, Any] = {"times_smaller": round(other["flash_bytes"] / row["flash_bytes"], 1)}
        if row["instructions_mean"] and other["instructions_mean"]:
            ratios["times_fewer_instructions"] = round(other["instructions_mean"] / row["instructions_mean"], 1)
        complete.append({**row, **ratios})
    return complete
