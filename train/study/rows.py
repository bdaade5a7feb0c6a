"""One row of the table: a technique run, its C measured, its answers scored; kept on disk as soon as it is done."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from train.compress.forest_task import KINDS, CompressedForest, ForestTask, Kind, forest_task
from train.compress.technique import Technique
from train.compress.techniques import find_technique
from train.config import Config
from train.study import score
from train.study.cost import deflated, forest_cost
from train.study.data import StudyData

if TYPE_CHECKING:
    from train.models.forest import ForestModel

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
        same = row.get("fingerprint") == self.fingerprint(find_technique(job.technique))
        return row if same and self.row_path(job).with_suffix(".npz").exists() else None

    def task(self, kind: Kind) -> ForestTask:
        """The task of a forest; its uncompressed one is trained once for all rows."""
        task = forest_task(self.data.train, kind, len(self.data.devices), self.config)
        digest = hashlib.sha256(self.about.encode()).hexdigest()[:16]
        path = self.folder / f"uncompressed-{kind}-{digest}.json"
        if not path.exists():
            write_atomically(path, task.uncompressed)
        return forest_task(self.data.train, kind, len(self.data.devices), self.config, known=path.read_bytes())


def make_row(workshop: Workshop, job: Job) -> dict[str, Any]:
    """Run the job and keep its row; raises TrainError where codegen refuses or a compiler fails."""
    technique = find_technique(job.technique)
    started = time.monotonic()
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
        "seconds_in_all": round(time.monotonic() - started, 1),
        "parts": parts,
    }
    path = workshop.row_path(job)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.stem}.", dir=path.parent)
    with os.fdopen(handle, "wb") as stream:
        np.savez(stream, allow_pickle=False, **scores)
    Path(temporary).replace(path.with_suffix(".npz"))
    write_atomically(path, json.dumps(score.rounded(row), indent=1).encode())
    return row


def _forest_parts(
    workshop: Workshop, technique: Technique, job: Job
) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    parts: dict[str, Any] = {}
    scores: dict[str, NDArray[np.float64]] = {}
    for kind in KINDS:
        if kind in job.settings:
            started = time.monotonic()
            compressed = technique.compress(workshop.task(kind), **job.settings[kind])
            seconds = round(time.monotonic() - started, 1)
            found, own = _forest_scores(workshop.data, kind, compressed)
            rows = workshop.data.forest_rows(kind)
            cost = forest_cost(compressed.model, kind, compressed.style, compressed.leaf_bits, rows)
            parts[kind] = {**cost, **found, "train_seconds": seconds}
            scores |= own
    return parts, scores


def _forest_scores(
    data: StudyData, kind: Kind, compressed: CompressedForest
) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """Size of the forest, and its score on each charge."""
    from train.models.forest import load_forest

    n_outputs = len(data.devices) if kind == "device" else 3
    model = load_forest(
        compressed.model,
        where=kind,
        objective=OBJECTIVES[kind],
        n_features=len(data.features),
        n_outputs=n_outputs,
    )
    scale = model.trees.scale_log2(compressed.leaf_bits)
    about = {"n_splits": model.trees.n_splits, "deflated_bytes": deflated(_ubj(model))}
    if kind == "device":
        output = model.outputs(data.scored.features[data.scored.at_60s], scale, compressed.leaf_bits)
        return about, {"correct_60s": score.device_scores(data.scored, output)}
    output = model.outputs(data.scored.features, scale, compressed.leaf_bits)
    calibrating = model.outputs(data.calibration.features, scale, compressed.leaf_bits)
    offsets = score.interval_offsets(data.calibration, calibrating, scale)
    error, covered = score.remaining_scores(data.scored, output, scale, offsets)
    return about, {"error_min": error, "covered": covered}


def _ubj(model: ForestModel) -> bytes:
    return bytes(model.booster.save_raw("ubj"))


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
