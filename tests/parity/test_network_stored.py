"""Networks from stored rows: the artifact of rows in memory while these fit, and no more memory when they do not."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from tests.parity.test_network_artifact import config_of
from tests.unit.train.fleet import stored_fleet
from train.artifact import load_artifact
from train.artifact_network import NetworkInput
from train.config import Config, Split
from train.errors import ConfigError
from train.features import encode
from train.features.table import read_part_rows
from train.models import stored as stored_rows
from train.models.fit import fit
from train.models.network.spool import spooled
from train.models.stored import load_stored, stored_batches
from train.teacher.settings import labels_file

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.xdist_group("network")]

DEVICES = ("device0", "device1", "device2")
INPUTS = (NetworkInput(0, 0, 64, 4), NetworkInput(2, 100, 127, 8))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset in thirty parts, and its rows."""
    return stored_fleet(tmp_path_factory.mktemp("fleet"))


def _config(**changes: object) -> Config:
    return replace(config_of("dense", distil=0.5, epochs=3, **changes), split=Split(enough_calibration_units=0))


def test_the_artifact_is_that_of_rows_in_memory(fleet: Path, tmp_path: Path) -> None:
    for name, rows in (("memory", None), ("stored", fleet / "rows")):
        fit(fleet / "data", tmp_path / name, _config(), kind="network", name="m", rows=rows)
    want, found = (load_artifact(tmp_path / name).manifest for name in ("memory", "stored"))
    assert {key: (want[key], found[key]) for key in want if want[key] != found[key]} == {}


def test_rows_of_many_buckets_train_the_same_network_twice(
    fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_rows, "BATCH_ROWS", 300)
    for name in ("a", "b"):
        fit(fleet / "data", tmp_path / name, _config(), kind="network", name="m", rows=fleet / "rows")
    first, again = (load_artifact(tmp_path / name) for name in ("a", "b"))
    assert first.hash == again.hash


def test_an_epoch_takes_every_row_from_everywhere(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts hold one device each: a bucket must hold all of them, and an epoch every row but a rest of each bucket."""
    rows = load_stored(fleet / "rows")
    units = rows.unit_keys
    (every,) = stored_batches(rows, rows.parts_of(units), units, DEVICES)
    wanted = np.unique(encode(every.whole_features(), INPUTS), axis=0, return_counts=True)
    monkeypatch.setattr(stored_rows, "BATCH_ROWS", len(every) // 4)
    with spooled(rows, units, DEVICES, INPUTS, _config(), None) as spool:
        assert (len(spool.buckets), sum(spool.counts)) == (5, len(every))
        records = [np.fromfile(path, spool.record) for path in spool.buckets]
        assert all(set(one["device"]) == {0, 1, 2} for one in records)
        found = np.unique(np.concatenate([one["inputs"] for one in records]), axis=0, return_counts=True)
        assert all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(wanted, found, strict=True))
        epochs = [list(spool.batches(16, np.random.default_rng(seed))) for seed in (1, 1, 2)]
        assert [len(batches) for batches in epochs] == [spool.n_steps(16)] * 3
        first, again, other = (np.concatenate([batch["root"] for batch in batches]) for batches in epochs)
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)
        weights = np.concatenate([one["device_weight"] for one in records]) / spool.mean_weights["device_weight"]
        assert float(weights.mean()) == pytest.approx(1, abs=1e-5)
    assert not spool.buckets[0].exists()


def test_a_teachers_labels_stand_beside_their_rows(fleet: Path, tmp_path: Path) -> None:
    """Each row's labels are made from its own remaining time: after all the sorting and dealing they still fit."""
    rows = load_stored(fleet / "rows")
    for part in rows.table.parts:
        seconds = read_part_rows(rows.table.path, part.name, rows.table.features).remaining_s
        columns = [0.25 + 0 * seconds, 0.75 + 0 * seconds, 0 * seconds, seconds, 2 * seconds, 3 * seconds]
        path = labels_file(tmp_path, part.name)
        path.parent.mkdir(exist_ok=True)
        parquet.write_table(pyarrow.table([column.astype(np.float32) for column in columns], list("abcdef")), path)
    with spooled(rows, rows.unit_keys, DEVICES, INPUTS, _config(), tmp_path) as spool:
        records = np.fromfile(spool.buckets[0], spool.record)
        (batch, *_) = spool.batches(16, np.random.default_rng(1))
    assert np.array_equal(records["taught_roots"], np.outer(records["remaining_s"], [1, 2, 3]))
    assert np.allclose(np.exp(records["taught_logits"]), [0.25, 0.75, 1e-4])
    assert np.array_equal(batch["taught_roots"][:, 0], batch["root"])


def test_what_sees_between_the_rows_is_refused(fleet: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"network.topology conv: sees moments between the stored rows; leave --rows"):
        fit(fleet / "data", tmp_path / "a", config_of("conv"), kind="network", rows=fleet / "rows")
    with pytest.raises(ConfigError, match=r"network.distil 0: nothing would be learnt from --teacher"):
        fit(fleet / "data", tmp_path / "a", config_of("dense"), kind="network", rows=fleet / "rows", teacher=tmp_path)


PEAK = """
import resource, sys
from dataclasses import replace
from pathlib import Path
from train.artifact_network import NetworkInput
from train.config import Config
from train.models import stored
from train.models.network.layers import Shape
from train.models.network.learn import learn
from train.models.network.spool import spooled

stored.BATCH_ROWS = 16384
rows = stored.load_stored(Path(sys.argv[1]))
settings = replace(Config().network, epochs=2, batch=4096)
inputs = tuple(NetworkInput(k, 0, 64, 4) for k in range(16))
with spooled(rows, rows.unit_keys, ("device0", "device1", "device2"), inputs, Config(), None) as spool:
    learn(Shape("dense", 16, 0, 0, 3, 8, 8, 0, 0), spool, settings, 0.0, lambda _: None)
    print(sum(spool.counts), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_rows(fleet: Path, tmp_path: Path) -> None:
    """Twelve times as many rows, 60 MB of features more: the peak of the process stays where it was."""
    (n_rows, peak_mb), (n_more, peak_of_more_mb) = (
        _peak(_repeated(fleet / "rows", tmp_path / f"{n}", n)) for n in (12, 150)
    )
    assert 2 * n_more == 25 * n_rows > 900_000
    assert peak_of_more_mb - peak_mb < 35


def _peak(rows: Path) -> tuple[int, int]:
    """Rows learnt from, and the largest resident MB of a process that does."""
    done = subprocess.run([sys.executable, "-c", PEAK, str(rows)], capture_output=True, text=True, check=True)
    n_rows, peak_mb = done.stdout.split()
    return int(n_rows), int(peak_mb)


def _repeated(rows: Path, out: Path, times: int) -> Path:
    """A feature folder that has each part of another several times."""
    about = json.loads((rows / "features.json").read_text())
    parts = [{**part, "name": f"{part['name']}-{k}"} for k in range(times) for part in about["parts"]]
    for kind in ("rows", "charges"):
        (out / kind).mkdir(parents=True)
        for part in parts:
            (out / kind / f"{part['name']}.parquet").symlink_to(rows / kind / f"{part['name'].split('-')[0]}.parquet")
    (out / "features.json").write_text(json.dumps({**about, "parts": parts}))
    return out
