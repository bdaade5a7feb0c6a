"""Forests trained by two processes together: the same for the same parts, as good as those of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.scale.conftest import cluster
from tests.unit.train.fleet import charges
from train.answer_rules import EstimateRules
from train.cluster import Cluster
from train.config import Config
from train.features import AnswerRules
from train.features.build import build_features
from train.models import external
from train.models.answering import remaining_columns
from train.models.crossfit import load_forests
from train.models.external import train_stored_forests
from train.models.history import histories
from train.models.stored import StoredRows, load_stored, stored_batches
from train.sessions import parquet_store
from train.sessions.dataset import write_dataset

pytestmark = [pytest.mark.scale, pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]
DEVICES = ("device0", "device1", "device2")


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StoredRows:
    monkeypatch.setattr(parquet_store, "ROWS_A_GROUP", 100)
    monkeypatch.setattr(parquet_store, "ROWS_A_FILE", 2000)
    write_dataset(tmp_path / "data", charges(3, 10, 2), format="parquet")
    build_features(tmp_path / "data", tmp_path / "rows")
    return load_stored(tmp_path / "rows")


def test_a_killed_worker_begins_the_forest_anew(
    rows: StoredRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = external._wait_for_all
    units = rows.unit_keys
    (everything,) = stored_batches(rows, rows.parts_of(units), units, DEVICES)
    estimate = EstimateRules(histories(everything, len(DEVICES)))
    alone = train_stored_forests(rows, units, DEVICES, Config(), estimate, None)
    with cluster(tmp_path / "logs") as running:

        def kill_one(client: object, futures: list[object], workers: list[str]) -> None:
            running.workers[0].kill()
            wait(client, futures, workers)

        monkeypatch.setattr(external, "_wait_for_all", kill_one)
        joined = Cluster(scheduler=running.address)
        found = train_stored_forests(rows, units, DEVICES, Config(), estimate, joined)
    assert found == alone  # the one that was left has all parts


def test_two_processes(rows: StoredRows, tmp_path: Path) -> None:
    units = rows.unit_keys
    (everything,) = stored_batches(rows, rows.parts_of(units), units, DEVICES)
    estimate = EstimateRules(histories(everything, len(DEVICES)))
    alone = train_stored_forests(rows, units, DEVICES, Config(), estimate, None)
    with cluster(tmp_path / "logs") as running:
        joined = Cluster(scheduler=running.address)
        first, again = (train_stored_forests(rows, units, DEVICES, Config(), estimate, joined) for _ in range(2))
    assert first == again
    assert first != alone  # two sketches, merged
    known = remaining_columns(AnswerRules(3, estimate=estimate), everything.features, everything.device)
    errors = []
    for files in (alone, first):
        forests = load_forests(files, 3, everything.features.shape[1], "test")
        assert forests.device is not None
        wrong = np.mean(np.argmax(forests.device.margins(everything.features), axis=1) != everything.device)
        off_s = np.abs(forests.remaining.margins(known)[:, 1] - everything.remaining_s)
        errors.append((wrong, np.mean(off_s[everything.remaining_s >= 0])))
    assert errors[1][0] <= errors[0][0] + 0.02
    assert errors[1][1] <= errors[0][1] * 1.1
