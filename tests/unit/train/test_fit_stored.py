"""Training on stored rows: the same artifact, and no more memory than a batch of rows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.train.fleet import charges, stored_fleet
from train.answer_rules import EstimateRules
from train.artifact import load_artifact
from train.cli import main
from train.config import Config
from train.errors import DatasetError
from train.features import AnswerRules
from train.features.build import build_features
from train.models import stored
from train.models.answering import remaining_columns
from train.models.crossfit import DEVICE_FILE, REMAINING_FILE, train_forests
from train.models.external import train_stored_forests
from train.models.history import histories
from train.models.rows import TrainingRows
from train.models.split import split_units
from train.models.stored import load_stored, sample_charges, stored_batches
from train.sessions.dataset import write_dataset
from train.sessions.types import Charge


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset and its rows, in thirty parts."""
    return stored_fleet(tmp_path_factory.mktemp("fleet"))


@pytest.mark.slow
def test_the_artifact_is_that_of_the_dataset_in_memory(fleet: Path, tmp_path: Path) -> None:
    command = ["fit", "--data", str(fleet / "data"), "--name", "m", "--out"]
    assert main([*command, str(tmp_path / "memory")]) == 0
    assert main([*command, str(tmp_path / "stored"), "--rows", str(fleet / "rows")]) == 0
    want, found = (load_artifact(tmp_path / name).manifest for name in ("memory", "stored"))
    assert {key: (want[key], found[key]) for key in want if want[key] != found[key]} == {}


@pytest.mark.slow
def test_pages_give_nearly_the_same_forests(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quantile sketches of pages, merged, are not that of all rows: thresholds differ, answers hardly."""
    rows = load_stored(fleet / "rows")
    parts = split_units(rows.unit_keys, 0.2, 0.2, 1)
    devices = ("device0", "device1", "device2")
    whole = list(stored_batches(rows, rows.parts_of(parts.train), parts.train, devices))
    assert len(whole) == 1
    estimate = EstimateRules(histories(whole[0], len(devices)))
    want = train_forests(whole[0], devices, Config(), estimate)
    assert train_stored_forests(rows, parts.train, devices, Config(), estimate, None, sample=whole[0]) == want
    monkeypatch.setattr(stored, "BATCH_ROWS", 200)
    assert len(list(stored_batches(rows, rows.parts_of(parts.train), parts.train, devices))) > 5
    first, again = (
        train_stored_forests(rows, parts.train, devices, Config(), estimate, None, sample=whole[0]) for _ in range(2)
    )
    assert first == again
    for file, column in ((DEVICE_FILE, "device"), (REMAINING_FILE, "remaining_s")):
        errors = [_error(data[file], whole[0], column, estimate) for data in (want, first)]
        assert errors[1] <= errors[0] * 1.1 + 0.02


def _error(data: bytes, rows: TrainingRows, column: str, estimate: EstimateRules) -> float:
    import xgboost as xgb

    features = rows.features
    if column == "remaining_s":
        features = remaining_columns(AnswerRules(3, estimate=estimate), features, rows.device)
    margin = xgb.Booster(model_file=bytearray(data)).predict(xgb.DMatrix(features), output_margin=True)
    if column == "device":
        return float(np.mean(np.argmax(margin, axis=1) != rows.device))
    known = rows.remaining_s >= 0
    return float(np.mean(np.abs(margin[known, 1] - rows.remaining_s[known])))


def test_rows_of_some_units(fleet: Path) -> None:
    rows = load_stored(fleet / "rows")
    units = ("device0/u3", "device2/u1")
    (found,) = stored_batches(rows, rows.parts_of(units), units, ("device0", "device2"))
    assert len(np.unique(found.charge)) == 4
    assert set(found.unit) == {0, 1}
    assert np.array_equal(found.device, found.unit)  # device0/u3 and device2/u1 stand in that order
    assert found.weight().sum() == pytest.approx(4)
    ranks = [rows.parts_of(rows.unit_keys, rank, 3) for rank in range(3)]
    assert sorted(part for rank in ranks for part in rank) == list(range(len(rows.table.parts)))


def test_a_sample_of_whole_charges(fleet: Path) -> None:
    rows = load_stored(fleet / "rows")
    found = sample_charges(rows, fleet / "data", rows.unit_keys, 7)
    assert [len([one for one in found if one.unit_key == key]) for key in {one.unit_key for one in found}] == [2, 2, 2]
    assert len(sample_charges(rows, fleet / "data", rows.unit_keys)) == 60


def test_rows_of_another_dataset(fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = charges(3, 10, 2)
    other[-1].current_ma[3] += 1
    write_dataset(tmp_path / "changed", other)
    rows = load_stored(fleet / "rows")
    with pytest.raises(DatasetError, match="session d2u9c1 is not as the rows have it"):
        sample_charges(rows, tmp_path / "changed", rows.unit_keys)
    write_dataset(tmp_path / "less", other[:-1])
    with pytest.raises(DatasetError, match="has no session d2u9c1, but the rows have"):
        sample_charges(rows, tmp_path / "less", rows.unit_keys)
    command = ["fit", "--data", str(fleet / "data"), "--out", str(tmp_path / "m")]
    assert main([*command, "--engine", "dask"]) == 2
    assert "--engine dask needs --rows" in capsys.readouterr().err
    text = json.loads((fleet / "rows" / "features.json").read_text())
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "features.json").write_text(json.dumps({**text, "features_version": 0}))
    assert main([*command, "--rows", str(tmp_path / "old")]) == 2
    assert "was made with features version 0" in capsys.readouterr().err


def test_nobody_gets_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(tmp_path / "data", [_cut(one) for one in charges(1, 3, 1)])
    build_features(tmp_path / "data", tmp_path / "rows")
    command = ["fit", "--data", str(tmp_path / "data"), "--rows", str(tmp_path / "rows"), "--out", str(tmp_path / "m")]
    assert main(command) == 2
    assert "no charge to train on gets full" in capsys.readouterr().err


def _cut(charge: Charge) -> Charge:
    n = 30
    short = {name: getattr(charge, name)[:n] for name in ("t_ms", "voltage_mv", "current_ma")}
    return replace(charge, full_t_ms=None, ended="unplugged", **short)


def test_durations_of_many_charges(monkeypatch: pytest.MonkeyPatch, fleet: Path) -> None:
    data = stored.open_stored_dataset(fleet / "data", fleet / "rows")
    every = data.full_durations_s(data.unit_keys, ("device0", "device1", "device2"))
    assert [len(values) for values in every.values()] == [20, 20, 20]
    monkeypatch.setattr(stored, "DURATIONS_MAX", 5)
    few = data.full_durations_s(data.unit_keys, ("device0", "device1", "device2"))
    assert few["device0"] == every["device0"][2::4]
