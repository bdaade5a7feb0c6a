"""What a teacher is trained with, and what it leaves: plain JSON between the two environments."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from train.errors import TrainError

SETTINGS = "settings.json"  # written by the launcher before the workers start
TEACHER = "teacher.json"  # written by the workers when all labels are there
N_FOLDS = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one teacher; units are `device/unit`."""

    rows: str  # feature folder or URL
    rows_hash: str
    devices: tuple[str, ...]
    folds: tuple[tuple[str, ...], ...]  # units in training; each is labelled by the teacher that has not seen it
    held_out: tuple[str, ...]
    epochs: int
    hidden: int
    layers: int
    batch_charges: int  # a process
    learning_rate: float
    seed: int
    launcher_pid: int = 0  # the workers end when it does


def read_settings(folder: Path) -> Settings:
    """The settings the launcher has left."""
    values: dict[str, Any] = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    values["devices"], values["held_out"] = tuple(values["devices"]), tuple(values["held_out"])
    values["folds"] = tuple(tuple(fold) for fold in values["folds"])
    return Settings(**values)


def write_settings(folder: Path, settings: Settings) -> None:
    """Leave settings for the workers."""
    (folder / SETTINGS).write_text(json.dumps(asdict(settings), indent=1) + "\n", encoding="utf-8")


def without_pid(settings: Settings) -> dict[str, Any]:
    """What must be the same for a run to go on."""
    return {key: value for key, value in asdict(settings).items() if key != "launcher_pid"}


def read_teacher(folder: Path) -> dict[str, Any]:
    """What a complete teacher says of itself; raises TrainError if it is not complete."""
    try:
        teacher: dict[str, Any] = json.loads((folder / TEACHER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise TrainError(f"{folder}: holds no complete {TEACHER}; train one with: python -m train teacher") from None
    return teacher


def labels_file(folder: Path, part: str) -> Path:
    """Where the labels of a part's rows lie: one row each, in their order."""
    return folder / "labels" / f"{part}.parquet"
