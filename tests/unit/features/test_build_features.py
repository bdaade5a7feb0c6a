"""The feature folder: the rows of a dataset, whatever it lies in, however it is parted, and however often it stops."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.unit.train.fleet import charges
from train.cli import main
from train.errors import DatasetError
from train.features import dataset_rows
from train.features import part as part_module
from train.features.build import build_features
from train.features.table import iterate_rows, load_table
from train.sessions import parquet_store, partitions
from train.sessions.dataset import read_dataset, write_dataset
from train.sessions.place import place, remove_folder


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(parquet_store, "ROWS_A_GROUP", 100)
    monkeypatch.setattr(parquet_store, "ROWS_A_FILE", 1000)
    write_dataset(tmp_path / "fleet", charges(2, 3, 2), format="parquet")
    return tmp_path / "fleet"


def test_the_rows_are_those_of_the_dataset_in_memory(fleet: Path, tmp_path: Path) -> None:
    table = build_features(fleet, tmp_path / "rows").table
    dataset = read_dataset(fleet)
    assert len(table.parts) > 3
    assert table.data == {"hash": dataset.hash, "charges": 12, "units": 6, "source": "fleet"}
    want = dataset_rows(dataset.charges, dataset.devices)
    seen = 0
    for about, found in iterate_rows(table):
        for entry, session in enumerate(about.session):
            number = [charge.session for charge in dataset.charges].index(session)
            mine, whole = found.charge == entry, want.charge == number
            for name in ("x", "elapsed_s", "phase", "remaining_s"):
                assert np.array_equal(getattr(found, name)[mine], getattr(want, name)[whole]), name
            assert dataset.devices[int(want.device[whole][0])] == about.device[entry]
            assert about.full_s[entry] == dataset.charges[number].full_t_ms // 1000  # type: ignore[operator]
            seen += int(np.count_nonzero(mine))
    assert seen == len(want) == table.n_rows


def test_the_hash_does_not_depend_on_parts(fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "CSV_CHARGES", 5)
    write_dataset(tmp_path / "csv", reversed(charges(2, 3, 2)))
    monkeypatch.setattr(parquet_store, "ROWS_A_FILE", 10**6)
    write_dataset(tmp_path / "whole", charges(2, 3, 2), format="parquet")
    tables = [build_features(data, tmp_path / f"rows-{data.name}").table for data in (fleet, tmp_path / "csv")]
    tables.append(build_features(tmp_path / "whole", tmp_path / "rows").table)
    assert len({len(table.parts) for table in tables}) == 3
    assert len({table.hash for table in tables}) == 1
    other = charges(2, 3, 2)
    other[5].current_ma[7] += 1
    write_dataset(tmp_path / "other", other, format="parquet")
    assert build_features(tmp_path / "other", tmp_path / "rows-other").table.hash != tables[0].hash


def test_a_run_that_was_broken_off_goes_on(fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "rows"
    want = build_features(fleet, tmp_path / "want").table
    work, n_done = part_module.run_job, 0

    def stops(job: part_module.Job) -> part_module.Done:
        nonlocal n_done
        if n_done == 2:
            raise KeyboardInterrupt
        n_done += 1
        return work(job)

    monkeypatch.setattr("train.features.build.run_job", stops)
    with pytest.raises(KeyboardInterrupt):
        build_features(fleet, out)
    with pytest.raises(DatasetError, match=r"holds no complete features\.json"):
        load_table(out)
    (out / "charges" / "leftover.parquet").touch()
    monkeypatch.setattr("train.features.build.run_job", work)
    built = build_features(fleet, out)
    assert built.parts_kept == 2
    assert built.table.hash == want.hash
    assert {path.stem for path in (out / "charges").iterdir()} == {part.name for part in want.parts}
    assert build_features(fleet, out).parts_kept == len(want.parts)


def test_a_damaged_part_is_made_again(fleet: Path, tmp_path: Path) -> None:
    table = build_features(fleet, tmp_path / "rows").table
    (tmp_path / "rows" / "charges" / f"{table.parts[0].name}.parquet").write_bytes(b"PAR1")
    again = build_features(fleet, tmp_path / "rows")
    assert again.parts_kept == len(table.parts) - 1
    assert again.table == table


def test_in_an_object_store(fleet: Path, tmp_path: Path) -> None:
    url = place("memory://wattprint-rows/fleet")
    try:
        write_dataset(url, read_dataset(fleet).charges, format="parquet")
        assert main(["features", str(url), f"{url}-rows"]) == 0
        assert load_table(place(f"{url}-rows")).hash == build_features(fleet, tmp_path / "rows").table.hash
    finally:
        remove_folder(place("memory://wattprint-rows"))


def test_faulty_charges(fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import pyarrow
    from pyarrow import parquet as pq

    path = fleet / "samples" / "device=device1" / "part-0.parquet"
    table = pq.read_table(path).to_pydict()
    table["voltage_mv"][3:5] = [2_000_000, 2_000_000]
    pq.write_table(pyarrow.table(table), path)
    assert main(["features", str(fleet), str(tmp_path / "rows")]) == 2
    assert "part-0.parquet session d1u0c0 row 4: voltage_mv is 2000000" in capsys.readouterr().err
    for kept in (0, len(partitions.index_dataset(fleet).partitions)):
        assert main(["features", str(fleet), str(tmp_path / "rows"), "--on-fault", "carry-on", "--json"]) == 0
        shown = capsys.readouterr()
        summary = json.loads(shown.out)
        assert summary["charges"] == 11
        assert summary["bad_rows"] == {"samples/device=device1/part-0.parquet": 2}
        assert summary["parts_kept"] == kept
        assert summary["peak_bytes"] > 10_000_000
        assert "left out: samples/device=device1/part-0.parquet: 2 bad rows, the first: " in shown.err


def test_only_a_feature_folder_is_written_into(fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    assert main(["features", str(fleet), str(tmp_path / "mine"), "--force"]) == 2
    assert "is not a feature folder and not empty" in capsys.readouterr().err
    assert main(["features", str(fleet), str(tmp_path / "rows"), "--workers", "2"]) == 2
    assert "are for --engine dask" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scheduler", "tcp://x:1", "--workers", "2"], "give one of them"),
        (["--workers", "0"], "must lie within 1 to 1024"),
        (["--scheduler", "tls://x:1"], "needs --tls-ca, --tls-cert and --tls-key"),
        (["--scheduler", "tcp://x:1", "--tls-ca", "a", "--tls-cert", "b", "--tls-key", "c"], "TLS needs --scheduler"),
    ],
)
def test_cluster_options(fleet: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str) -> None:
    assert main(["features", str(fleet), "unused", "--engine", "dask", *options]) == 2
    assert message in capsys.readouterr().err
