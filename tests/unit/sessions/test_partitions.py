"""Parquet datasets in parts, read lazily, wherever they lie."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet as pq

from tests.unit.sessions.making import charge
from train.cli import main
from train.errors import DatasetError
from train.sessions import parquet_files, parquet_store
from train.sessions.dataset import Format, read_charges, read_dataset, scan_dataset, write_dataset
from train.sessions.faults import Fault
from train.sessions.partitions import index_parquet, read_partition
from train.sessions.place import place, remove_folder
from train.sessions.types import Charge


@pytest.fixture
def bucket() -> Iterator[Path]:
    url = place("memory://wattprint-test/bucket")
    yield url
    remove_folder(url)


def sessions(found: Iterator[Charge | Fault]) -> list[str]:
    return sorted(one.session for one in found if isinstance(one, Charge))


def by_month(folder: Path, files: dict[str, list[tuple[str, slice]]]) -> None:
    """Lay the samples of a dataset out anew: rows of sessions by file, in the folder samples."""
    parts = [pq.read_table(path) for path in sorted((folder / "samples").glob("**/*.parquet"))]
    table = pyarrow.concat_tables([part.cast(parts[0].schema) for part in parts]).unify_dictionaries()
    names = np.array(table.column("session").to_pylist())
    remove_folder(folder / "samples")
    for name, pieces in files.items():
        path = folder / "samples" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = np.concatenate([np.flatnonzero(names == session)[part] for session, part in pieces])
        pq.write_table(table.take(rows), path)


WHOLE = slice(None)


def test_parts_are_what_shares_a_charge(tmp_path: Path) -> None:
    some = [charge(name, device=device) for name, device in zip("abcde", ["x", "x", "y", "y", "z"], strict=True)]
    write_dataset(tmp_path / "data", some, format="parquet")
    want = read_dataset(tmp_path / "data").hash
    by_month(
        tmp_path / "data",
        {
            "month=2026-01/a.parquet": [("a", WHOLE), ("b", slice(0, 9))],
            "month=2026-02/a.parquet": [("c", WHOLE)],
            "month=2026-02/b.parquet": [("d", slice(12, 20)), ("b", slice(9, 20)), ("d", slice(0, 12))],
            "month=2026-03/a.parquet": [("e", WHOLE)],
        },
    )
    index = index_parquet(tmp_path / "data")
    assert index.faults == ()
    assert index.n_charges == 5
    assert [[Path(file).name for file in part.files] for part in index.partitions] == [
        ["a.parquet", "b.parquet"],
        ["a.parquet"],
        ["a.parquet"],
    ]
    assert [sorted(part.rows) for part in index.partitions] == [["a", "b", "d"], ["c"], ["e"]]
    assert [part.scattered for part in index.partitions] == [{"b": 2, "d": 2}, {}, {}]
    found = [sessions(read_partition(tmp_path / "data", part)) for part in index.partitions]
    assert found == [["a", "b", "d"], ["c"], ["e"]]
    assert read_dataset(tmp_path / "data").hash == want


def test_a_device_goes_on_in_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_store, "ROWS_A_GROUP", 30)
    monkeypatch.setattr(parquet_store, "ROWS_A_FILE", 50)
    some = [charge(f"{k:02}", device="x y") for k in range(10)]
    write_dataset(tmp_path / "one", some, format="parquet")
    files = sorted((tmp_path / "one" / "samples" / "device=x%20y").iterdir())
    assert [pq.read_table(path).num_rows for path in files] == [80, 80, 40]
    assert len(index_parquet(tmp_path / "one").partitions) == 3
    assert len(read_dataset(tmp_path / "one").charges) == 10


def test_only_a_batch_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred times the charges, no more memory."""
    monkeypatch.setattr(parquet_files, "ROWS_A_BATCH", 8192)
    peaks = []
    for n_charges in (2, 200):
        folder = tmp_path / f"{n_charges}"
        write_dataset(folder, (charge(f"c{k}", n=2_000) for k in range(n_charges)), format="parquet")
        tracemalloc.start()
        n_samples = sum(len(one.t_ms) for one in read_charges(folder))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert n_samples == 2_000 * n_charges
    assert peaks[1] < 200 * 2_000 * 12 / 4  # of the samples alone


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_dataset_in_an_object_store(
    tmp_path: Path, bucket: Path, form: Format, capsys: pytest.CaptureFixture[str]
) -> None:
    some = [charge("a"), charge("b", device="x y", soc_pct=[1.5] * 20)]
    write_dataset(tmp_path / "local", some)
    write_dataset(bucket, iter(some), format=form)
    assert read_dataset(bucket).hash == read_dataset(tmp_path / "local").hash
    assert main(["validate", str(bucket)]) == 0
    assert f"PASS: {bucket}: 2 charges" in capsys.readouterr().out
    with pytest.raises(DatasetError, match="already holds a dataset"):
        write_dataset(bucket, some)
    write_dataset(bucket, [charge("c")], format="parquet", force=True)
    assert [one.session for one in read_dataset(bucket).charges] == ["c"]


def test_nothing_is_left_in_an_object_store_by_a_bad_charge(bucket: Path) -> None:
    with pytest.raises(DatasetError, match="b: has 3 samples"):
        write_dataset(bucket, [charge("a"), charge("b", n=3)], format="parquet")
    assert not bucket.exists()


def test_local_urls(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data", [charge("a")], format="parquet")
    assert [one.session for one in read_charges(place(f"file://{tmp_path}/data"))] == ["a"]
    assert place("some/folder") == Path("some/folder")


def test_places_that_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["validate", "nowhere://bucket/fleet"])
    error = capsys.readouterr().err.splitlines()[-1]
    assert "nowhere://bucket/fleet: Unsupported filesystem: 'nowhere'" in error
    assert main(["validate", "memory://nothing/here"]) == 2
    assert "memory://nothing/here: is not a folder" in capsys.readouterr().err


def test_bad_rows_are_counted_by_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    write_dataset(data, [charge("a"), charge("b", device="x"), charge("c")], format="parquet")
    for device, rows in (("phone", [3, 7, 8]), ("x", [5])):
        path = data / "samples" / f"device={device}" / "part-0.parquet"
        table = pq.read_table(path).to_pydict()
        for row in rows:
            table["voltage_mv"][row] = table["current_ma"][row] = 2_000_000
        pq.write_table(pyarrow.table(table), path)
    assert sessions(scan_dataset(data)) == ["c"]
    assert main(["validate", str(data)]) == 2
    shown = capsys.readouterr()
    assert len(shown.err.splitlines()) == 8
    lines = shown.out.splitlines()
    assert lines[0].startswith("samples/device=phone/part-0.parquet: 3 bad rows, the first: ")
    assert lines[1].startswith("samples/device=x/part-0.parquet: 1 bad row, the first: ")
    assert lines[2] == f"FAIL: {data}: 8 faults; 1 charges could be used"
    assert main(["validate", str(data), "--on-fault", "stop"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_import_carries_on_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("t,v,a\n" + "".join(f"{k},9,2\n" for k in range(15)), encoding="utf-8")
    bad.write_text("t,v,a\n" + "".join(f"{k},{9 if k < 12 else 9000000},2\n" for k in range(15)), encoding="utf-8")
    command = ["import", "csv", str(bad), str(good), str(tmp_path / "out"), "--device", "d", "--columns"]
    command.append("t=t,voltage=v,current=a")
    assert main(command) == 2
    assert not (tmp_path / "out").exists()
    capsys.readouterr()
    assert main([*command, "--on-fault", "carry-on"]) == 0
    shown = capsys.readouterr()
    assert f"left out: {bad}: 3 bad rows: " in shown.err
    assert "1 file left out for 3 bad rows" in shown.out
    assert [one.session for one in read_dataset(tmp_path / "out").charges] == ["good"]
