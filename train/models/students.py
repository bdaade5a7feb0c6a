"""A teacher beside its students: forests trained with and without its labels, on the same units."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from train.config import Config
from train.errors import TrainError
from train.models.distilled import labelled_batches
from train.models.external import train_stored_forests
from train.models.quality import (
    Errors,
    differences,
    errors_of,
    errors_of_forests,
    gathered_rows,
    line_of,
    sampled_estimate,
)
from train.models.split import split_units
from train.models.stored import StoredRows
from train.teacher.settings import read_teacher

_ABOUT = ("epochs", "hidden", "layers", "parameters", "processes", "zero_stage", "seconds", "versions")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Errors on held-out units."""

    teacher: Errors
    student_with: Errors
    student_without: Errors
    about: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Figures under stable keys; intervals are of the difference to the student without a teacher."""
        named = {name: getattr(self, name) for name in ("teacher", "student_with", "student_without")}
        return {
            **{
                name: {
                    "wrong_share": errors.wrong_share,
                    "mae_minutes": errors.mae_minutes,
                    "less_student_without": differences(errors, self.student_without),
                }
                for name, errors in named.items()
            },
            "about": self.about,
        }

    def __str__(self) -> str:
        rows = ("teacher", self.teacher), ("student with it", self.student_with)
        lines = [line_of(name, errors, self.student_without) for name, errors in rows]
        lines.append(line_of("student without", self.student_without, self.student_without))
        return "\n".join(lines)


def compare_students(stored: StoredRows, teacher: Path, config: Config) -> Comparison:
    """Train both students and score all three; raises TrainError if the teacher is of other rows or another split."""
    about = read_teacher(teacher)
    parts = split_units(stored.unit_keys, config.split.calibration, config.split.held_out, config.split.seed)
    if about["rows_hash"] != stored.table.hash or tuple(about["held_out"]) != parts.held_out:
        raise TrainError(f"{teacher}: is of other rows or another split; train it again")
    if not parts.held_out:
        raise TrainError("no unit is held out: a teacher and its students cannot be compared; raise split.held_out")
    devices = tuple(about["devices"])
    held_out = frozenset(parts.held_out)
    held = gathered_rows(stored, held_out, devices)
    batches = labelled_batches(stored, stored.parts_of(held_out), held_out, devices, teacher)
    labels = np.concatenate([found for _, found in batches])
    estimate = sampled_estimate(stored, parts.train, devices)

    def student(taught: Path | None = None) -> Errors:
        files = train_stored_forests(stored, parts.train, devices, config, estimate, None, taught)
        return errors_of_forests(files, held, len(devices), estimate)

    return Comparison(
        teacher=errors_of(labels[:, : len(devices)], labels[:, -2], held),
        student_with=student(teacher),
        student_without=student(),
        about={key: about[key] for key in _ABOUT},
    )
