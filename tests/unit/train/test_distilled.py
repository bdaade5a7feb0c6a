"""What a teacher says becomes rows of a forest: shares of weight, and labels where there was none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from tests.unit.train.fleet import charges
from train.cli import main
from train.config import Config
from train.features import AnswerRules
from train.features.build import build_features
from train.features.table import iterate_rows
from train.models import distilled
from train.models.answering import remaining_columns
from train.models.crossfit import load_forests
from train.models.distilled import device_rows, remaining_rows
from train.models.external import train_stored_forests
from train.models.quality import Errors, differences, errors_of, gathered_rows, sampled_estimate
from train.models.rows import TrainingRows
from train.models.split import split_units
from train.models.stored import StoredRows, load_stored
from train.models.students import compare_students
from train.sessions.dataset import write_dataset
from train.teacher.settings import TEACHER, labels_file

DEVICES = ("device0", "device1")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> StoredRows:
    folder = tmp_path_factory.mktemp("fleet")
    write_dataset(folder / "data", charges(2, 5, 2), format="parquet")
    build_features(folder / "data", folder / "rows")
    return load_stored(folder / "rows")


def rows(n: int) -> TrainingRows:
    return TrainingRows(
        features=np.arange(2.0 * n, dtype=np.float32).reshape(n, 2),
        device=np.arange(n, dtype=np.int32) % 3,
        remaining_s=np.array([100 * k if k % 2 else -1 for k in range(n)], np.int32),
        charge=np.arange(n),
        unit=np.zeros(n, np.intp),
        elapsed_s=np.zeros(n, np.int32),
        phase=np.zeros(n, np.uint8),
        units=("u",),
    )


def test_a_row_is_shared_out_among_the_devices_it_may_be() -> None:
    weight = np.array([1, 2, 4], np.float32)
    labels = np.array([[0.6, 0.4, 0.0], [0.0, 1.0, 0.0], [0.001, 0.0, 0.999]], np.float32)
    features, device, share = device_rows(rows(3), labels, weight)
    found = {(int(x[0]) // 2, int(d)): float(w) for x, d, w in zip(features, device, share, strict=True)}
    assert found == pytest.approx({(0, 0): 0.8, (0, 1): 0.2, (1, 1): 2.0, (2, 2): 4.0})


def test_quantiles_stand_for_what_the_teacher_thinks_possible() -> None:
    weight = np.array([1, 2], np.float32)
    labels = np.array([[-5, 50, 90], [10, 20, 30.4]], np.float32)
    features, seconds, share = remaining_rows(rows(2), labels, weight)
    found = [(int(x[0]) // 2, float(s), float(w)) for x, s, w in zip(features, seconds, share, strict=True)]
    want = [(0, 0, 0.3), (0, 50, 0.4), (0, 90, 0.3), (1, 10, 0.3), (1, 20, 0.4), (1, 30, 0.3), (1, 100, 1.0)]
    assert [pytest.approx(row) for row in want] == sorted(found)


def _teach(stored: StoredRows, folder: Path, *, right: bool) -> None:
    """A teacher that knows everything, or gets every device wrong and promises 10 h."""
    about = {"rows_hash": stored.table.hash, "devices": DEVICES, "zero_stage": 2, "versions": {}}
    about |= dict.fromkeys(("epochs", "hidden", "layers", "parameters", "processes", "seconds"), 1)
    about["held_out"] = split_units(stored.unit_keys, 0.2, 0.2, 1).held_out
    (folder / "labels").mkdir(parents=True)
    for part, (about_charges, found) in zip(stored.table.parts, iterate_rows(stored.table), strict=True):
        device = np.array([DEVICES.index(name) for name in about_charges.device])[found.charge]
        left = found.remaining_s.astype(np.float32) if right else np.full(len(device), 36_000, np.float32)
        p = (device == 1) == right
        columns = [(1 - p).astype(np.float32), p.astype(np.float32), left - 10, left, left + 10]
        table = pyarrow.table([column.astype(np.float32) for column in columns], names=list("abcde"))
        parquet.write_table(table, labels_file(folder, part.name))
    (folder / TEACHER).write_text(json.dumps(about), encoding="utf-8")


def test_a_student_learns_what_it_is_taught(stored: StoredRows, tmp_path: Path) -> None:
    _teach(stored, tmp_path / "wrong", right=False)
    parts = split_units(stored.unit_keys, 0.2, 0.2, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distilled, "SHARE", 0.9)
        estimate = sampled_estimate(stored, parts.train, DEVICES)
        files = train_stored_forests(stored, parts.train, DEVICES, Config(), estimate, None, tmp_path / "wrong")
    held = gathered_rows(stored, parts.held_out, DEVICES)
    forests = load_forests(files, 2, held.features.shape[1], "test")
    assert forests.device is not None
    assert np.mean(np.argmax(forests.device.margins(held.features), axis=1) != held.device) > 0.9
    columns = remaining_columns(AnswerRules(2, estimate=estimate), held.features, held.device)
    assert np.median(forests.remaining.margins(columns)[:, 1]) > 10_000


def test_teacher_and_students_side_by_side(stored: StoredRows, tmp_path: Path) -> None:
    _teach(stored, tmp_path / "right", right=True)
    found = compare_students(stored, tmp_path / "right", Config())
    assert found.teacher.wrong_share == 0
    assert found.teacher.mae_minutes == pytest.approx(0, abs=1e-6)
    figures = found.as_json()
    assert figures["student_without"]["less_student_without"] == {"wrong_share": (0, 0), "mae_minutes": (0, 0)}
    assert figures["teacher"]["less_student_without"]["mae_minutes"][1] < 0
    assert figures["student_with"]["mae_minutes"] < 2 * figures["student_without"]["mae_minutes"] + 1
    assert str(found).splitlines()[0].startswith("teacher  ")


def test_errors_are_weighed_by_charge() -> None:
    of = rows(4)
    of = TrainingRows(of.features, of.device, np.array([60, 60, 60, -1], np.int32), np.array([0, 0, 1, 2]),
                      np.array([0, 0, 0, 1]), of.elapsed_s, of.phase, ("a", "b"))  # fmt: skip
    scores = np.eye(3)[[0, 2, 2, 1]]
    found = errors_of(scores, np.array([60, 120, 240, 7.0]), of)
    assert found.wrong_share == pytest.approx((0.5 + 0 + 1) / 3)
    assert found.mae_minutes == pytest.approx((0.5 * 1 + 3) / 2)
    assert isinstance(found, Errors)
    assert differences(found, found) == {"wrong_share": (0, 0), "mae_minutes": (0, 0)}


def test_what_a_teacher_needs(stored: StoredRows, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    command = ["teacher", "--rows", str(stored.table.path), "--out", str(tmp_path / "t")]
    monkeypatch.setattr("train.teacher.launch.PYTHON", tmp_path / "python")
    assert main(command) == 2
    assert "an environment of their own: make teacher" in capsys.readouterr().err
    assert main([*command, "--epochs", "0"]) == 2
    assert "--epochs 0: must lie within 1 to 100000" in capsys.readouterr().err
    assert main(["fit", "--data", "x", "--out", "y", "--teacher", "z"]) == 2
    assert "--teacher needs --rows" in capsys.readouterr().err
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "thesis.txt").touch()
    assert main([*command, "--force"]) == 2
    assert "is not a teacher's folder and not empty" in capsys.readouterr().err
