"""A teacher trained by two processes under ZeRO 2, killed, and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.unit.train.fleet import charges
from train.features.build import build_features
from train.models.distilled import read_labels
from train.models.stored import StoredRows, load_stored
from train.sessions.dataset import write_dataset
from train.teacher.settings import read_teacher

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.teacher, pytest.mark.slow]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> StoredRows:
    folder = tmp_path_factory.mktemp("fleet")
    write_dataset(folder / "data", charges(2, 5, 2), format="parquet")
    build_features(folder / "data", folder / "rows")
    return load_stored(folder / "rows")


def start(stored: StoredRows, out: Path, *more: str) -> subprocess.Popen[str]:
    command = ["teacher", "--rows", str(stored.table.path), "--out", str(out), "--epochs", "4", "--hidden", "16"]
    return subprocess.Popen(
        [sys.executable, "-m", "train", *command, "--batch-charges", "2", *more],
        cwd=ROOT, env={**os.environ, "PYTHONWARNINGS": ""}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_killed_teacher_goes_on_as_if_nothing_had_happened(stored: StoredRows, tmp_path: Path) -> None:
    whole = start(stored, tmp_path / "whole", "--json")
    broken = start(stored, tmp_path / "broken", "--labels-only")
    for _ in range(3000):
        if (tmp_path / "broken" / "fold0" / "epoch1").exists():
            break
        time.sleep(0.1)
    broken.send_signal(signal.SIGKILL)
    broken.communicate()
    shown, errors = whole.communicate()
    assert whole.returncode == 0, errors
    assert errors.count("\n") == 8, errors  # an epoch a line
    assert not (tmp_path / "broken" / "teacher.json").exists()
    again = start(stored, tmp_path / "broken", "--labels-only")
    _, errors = again.communicate()
    assert again.returncode == 0, errors
    assert "teacher 1 of 2: epoch 1 of 4" not in errors
    about = read_teacher(tmp_path / "broken")
    assert (about["processes"], about["zero_stage"]) == (2, 2)
    for part in stored.table.parts:
        labels = [read_labels(tmp_path / name, part.name) for name in ("whole", "broken")]
        assert labels[0].shape == (part.rows, 5)
        assert np.array_equal(labels[0], labels[1])
        assert labels[0][:, :2].sum(axis=1) == pytest.approx(1, abs=1e-5)
        assert np.all(np.diff(labels[0][:, 2:], axis=1) >= 0)
    figures = json.loads(shown)
    assert {"teacher", "student_with", "student_without"} < figures.keys()
    assert figures["about"]["zero_stage"] == 2
