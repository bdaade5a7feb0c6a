"""One row of the table: a technique run, its C measured, its answers scored; kept on disk as soon as it is done."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from train.answer_rules import HISTORY_FEATURES, EstimateRules
from train.compress.forest_task import KINDS, QUANTILES, CompressedForest, ForestTask, Kind, forest_task
from train.compress.technique import Technique
from train.compress.techniques import find_technique
from train.config import Config
from train.features import AnswerRules
from train.models.answering import remaining_columns
from train.models.crossfit import with_history
from train.study import score
from train.study.cost import deflated, forest_cost
from train.study.data import StudyData
from train.study.watch import Watch

if TYPE_CHECKING:
    from train.models.forest import ForestModel

N_MEASURED = 2000
OBJECTIVES = {"device": "multi:softprob", "remaining": "reg:quantileerror"}


@dataclass(frozen=True, slots=True)
class Job:
    """A row to make: a technique with its settings, for both forests, one of them, or a network."""

    technique: str
    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)  # by kind: device, remaining, network

    @property
    def key(self) -> str:
        """Its file's name: the same settings are the same row."""
        digest = hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()[:10]
        return f"{self.technique}-{digest}"


@dataclass(frozen=True)
class Workshop:
    """All that rows are made from."""

    folder: Path
    data: StudyData
    config: Config
    about: str  # what every row depends on: data, core, configuration

    def fingerprint(self, technique: Technique) -> str:
        """What a row of that technique was made from; another one makes it stale."""
        digest = hashlib.sha256(self.about.encode())
        for path in technique.sources:
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def row_path(self, job: Job) -> Path:
        """Where the job's row is kept."""
        return self.folder / "rows" / f"{job.key}.json"

    def finished(self, job: Job) -> dict[str, Any] | None:
        """The job's row, if it has been made of the same."""
        try:
            row: dict[str, Any] = json.loads(self.row_path(job).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        technique = find_technique(job.technique)
        same = row.get("fingerprint") == self.fingerprint(technique)
        if not same or not self.row_path(job).with_suffix(".npz").exists():
            return None
        return {**row, "title": technique.title, "label": job.label}  # as they are called now

    @cached_property
    def estimate(self) -> EstimateRules:
        """The estimate of the forests, as `fit` has it before the interval is calibrated."""
        return self.data.estimate(self.config.forest.smoothing_s)

    def task(self, kind: Kind) -> ForestTask:
        """The task of a forest; its uncompressed one is trained once for all rows."""
        task = self._tasks[kind]
        path = self._kept(f"uncompressed-{kind}", "json")
        if not path.exists():
            started = time.process_time()
            model = task.uncompressed
            write_atomically(path.with_suffix(".seconds"), f"{time.process_time() - started:.1f}\n".encode())
            write_atomically(path, model)
        return replace(task, known=path.read_bytes())

    def uncompressed_seconds(self, kind: Kind) -> float:
        """CPU seconds that training the uncompressed forest took; 0 before it has been."""
        try:
            return float(self._kept(f"uncompressed-{kind}", "seconds").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0.0

    @cached_property
    def _tasks(self) -> dict[Kind, ForestTask]:
        rows = {"device": self.data.train, "remaining": with_history(self.data.train, self.estimate)}
        return {kind: forest_task(rows[kind], kind, len(self.data.devices), self.config) for kind in KINDS}

    @cached_property
    def asked(self) -> dict[str, Asked]:
        """What models are asked at the rows that calibrate and those that score.

        The remaining model is told the history of the answered device. That is answered by the uncompressed forest for
        all rows of the table, so that the two models of a row stand alone and a build may pair any two.
        """
        path = self._kept("answered", "npz")
        data = self.data
        if not path.exists():
            model = _loaded(self.task("device").uncompressed, "device", data)
            scale = model.trees.scale_log2()
            answers = {
                name: model.outputs(rows.features, scale).argmax(axis=1)
                for name, rows in (("calibration", data.calibration), ("scored", data.scored))
            }
            write_arrays(path, answers)
        with np.load(path, allow_pickle=False) as file:
            devices = {name: file[name] for name in file.files}
        rules = AnswerRules(len(data.devices), estimate=self.estimate)
        return {
            name: Asked(devices[name], remaining_columns(rules, rows.features, devices[name]))
            for name, rows in (("calibration", data.calibration), ("scored", data.scored))
        }

    def measured_rows(self, kind: Kind) -> NDArray[np.float32]:
        """Rows to measure instructions on: spread evenly over the scored ones."""
        rows = self.data.scored.features if kind == "device" else self.asked["scored"].columns
        return np.asarray(rows[np.linspace(0, len(rows) - 1, min(len(rows), N_MEASURED)).astype(int)])

    def _kept(self, name: str, ending: str) -> Path:
        return self.folder / f"{name}-{hashlib.sha256(self.about.encode()).hexdigest()[:16]}.{ending}"


@dataclass(frozen=True, slots=True)
class Asked:
    """Answered devices [n], and the rows [n, n_features + 3] of the remaining model with their histories."""

    device: NDArray[np.intp]
    columns: NDArray[np.float32]


def make_row(workshop: Workshop, job: Job) -> dict[str, Any]:
    """Run the job and keep its row; raises TrainError where codegen refuses or a compiler fails."""
    technique = find_technique(job.technique)
    watch = Watch()
    if technique.family == "forest":
        parts, scores = _forest_parts(workshop, technique, job)
    else:
        from train.study.network_rows import network_parts

        parts, scores = network_parts(workshop, technique, job)
    row = {
        "technique": technique.name,
        "family": technique.family,
        "title": technique.title,
        "label": job.label,
        "key": job.key,
        "settings": dict(job.settings),
        "fingerprint": workshop.fingerprint(technique),
        "commit": os.environ.get("WATTPRINT_STUDY_COMMIT", ""),
        "seconds_in_all": watch.seconds()["train_seconds"],
        "cpu_seconds_in_all": watch.seconds()["train_cpu_seconds"],
        "parts": parts,
    }
    path = workshop.row_path(job)
    write_arrays(path.with_suffix(".npz"), scores)
    write_atomically(path, json.dumps(score.rounded(row), indent=1).encode())
    return row


def _forest_parts(
    workshop: Workshop, technique: Technique, job: Job
) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    parts: dict[str, Any] = {}
    scores: dict[str, NDArray[np.float64]] = {}
    for kind in KINDS:
        if kind in job.settings:
            task = workshop.task(kind)
            watch = Watch()
            compressed = technique.compress(task, **job.settings[kind])
            began_with = workshop.uncompressed_seconds(kind) if "uncompressed" in vars(task) else 0.0
            seconds = watch.seconds(began_with)
            found, own = _forest_scores(workshop, kind, compressed)
            rows = workshop.measured_rows(kind)
            cost = forest_cost(compressed.model, kind, compressed.style, compressed.leaf_bits, rows)
            parts[kind] = {**cost, **found, **seconds, "style": compressed.style}
            scores |= own
    return parts, scores


def _forest_scores(
    workshop: Workshop, kind: Kind, compressed: CompressedForest
) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """Size of the forest, and its score on each charge."""
    data = workshop.data
    model = _loaded(compressed.model, kind, data)
    scale = model.trees.scale_log2(compressed.leaf_bits)
    about = {"n_splits": model.trees.n_splits, "deflated_bytes": deflated(_ubj(model))}
    if kind == "device":
        output = model.outputs(data.scored.features[data.scored.at_60s], scale, compressed.leaf_bits)
        return about, {"correct_60s": score.device_scores(data.scored, output)}
    outputs = {
        name: (asked.device, model.outputs(asked.columns, scale, compressed.leaf_bits), scale)
        for name, asked in workshop.asked.items()
    }
    estimate = score.calibrated(workshop.estimate, data.calibration, *outputs["calibration"])
    seconds = score.answered_seconds(estimate, data.scored, *outputs["scored"])
    return about, score.remaining_scores(data.scored, seconds)


def _loaded(model: bytes, kind: Kind, data: StudyData) -> ForestModel:
    from train.models.forest import load_forest

    told = len(HISTORY_FEATURES) if kind == "remaining" else 0
    return load_forest(
        model,
        where=kind,
        objective=OBJECTIVES[kind],
        n_features=len(data.features) + told,
        n_outputs=len(data.devices) if kind == "device" else len(QUANTILES),
    )


def _ubj(model: ForestModel) -> bytes:
    return bytes(model.booster.save_raw("ubj"))


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """An .npz, written as write_atomically does."""
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    write_atomically(path, stream.getvalue())


def write_atomically(path: Path, data: bytes) -> None:
    """Write under a temporary name, then rename; nothing half-written is ever seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
