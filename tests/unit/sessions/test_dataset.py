"""The dataset folder: what is written is read, in either form; what is wrong is named by file and line."""

from __future__ import annotations

import gc
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sessions.making import charge
from train.errors import DatasetError
from train.sessions.dataset import dataset_hash, inspect_dataset, read_dataset, write_dataset
from train.sessions.types import ENDED, Charge

Form = Literal["csv", "parquet"]

names = st.from_regex(r"[A-Za-z0-9_]([A-Za-z0-9 _.+()-]{0,10}[A-Za-z0-9_.+()-])?", fullmatch=True)


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    n = draw(st.integers(10, 30))
    gaps = draw(st.lists(st.integers(1, 10**8), min_size=n, max_size=n))
    numbers = st.lists(st.integers(-524_287, 524_287), min_size=n - 1, max_size=n - 1)
    soc = draw(st.none() | st.lists(st.floats(0, 100, width=32), min_size=n, max_size=n))
    warm = draw(st.none() | st.lists(st.integers(-2731, 2**31 - 1), min_size=n, max_size=n))
    return Charge(
        session=draw(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,12}", fullmatch=True)),
        device=draw(names),
        unit=draw(names),
        charger=draw(names),
        ended=draw(st.sampled_from(ENDED)),
        t_ms=np.cumsum(gaps).astype(np.uint32),
        voltage_mv=np.array([*draw(st.lists(st.integers(100, 10**6), min_size=n, max_size=n))], dtype=np.int32),
        current_ma=np.array([20, *draw(numbers)], dtype=np.int32),
        full_t_ms=draw(st.none() | st.integers(0, 2**32 - 1)),
        details=draw(st.dictionaries(st.sampled_from(["soh_pct", "target_soc_pct"]), st.just("80.5"))),
        soc_pct=None if soc is None else np.array(soc, dtype=np.float32),
        temperature_decidegc=None if warm is None else np.array(warm, dtype=np.int32),
    )


def same(a: Charge, b: Charge) -> bool:
    for name in Charge.__dataclass_fields__:
        left, right = getattr(a, name), getattr(b, name)
        if isinstance(left, np.ndarray):
            if left.dtype != right.dtype or not np.array_equal(left, right):
                return False
        elif left != right:
            return False
    return True


@settings(max_examples=40, deadline=None)
@given(some=st.lists(charges(), min_size=1, max_size=4, unique_by=lambda one: one.session.casefold()))
def test_written_charges_are_read(tmp_path_factory: pytest.TempPathFactory, some: list[Charge]) -> None:
    some = [one for one in some if one.session.lower() != "sessions"] or [charge()]
    folder = tmp_path_factory.mktemp("data")
    expected = sorted(some, key=lambda one: one.session)
    hashes = set()
    for form in ("csv", "parquet"):
        assert write_dataset(folder / form, reversed(some), format=form) == len(some)
        data = read_dataset(folder / form)
        assert all(same(a, b) for a, b in zip(data.charges, expected, strict=True))
        hashes.add(data.hash)
    assert hashes == {dataset_hash(some)}


def test_hash_sees_every_value() -> None:
    base = charge("a", soc_pct=[50.0] * 20)
    changed = [
        charge("b", soc_pct=[50.0] * 20),
        charge("a", soc_pct=[50.0] * 19 + [50.1]),
        charge("a", soc_pct=[50.0] * 20, device="other"),
        charge("a", soc_pct=[50.0] * 20, full_t_ms=5),
        charge("a", soc_pct=[50.0] * 20, details={"sensor": "x"}),
        charge("a", soc_pct=[50.0] * 20, current_ma=[2000] * 19 + [2001]),
        charge("a"),
    ]
    assert len({dataset_hash([one]) for one in [base, *changed]}) == len(changed) + 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_dataset(tmp_path / "data", [charge("a"), charge("b")])
    return tmp_path / "data"


def edit(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def lines(file: str, *rows: str) -> Callable[[Path], None]:
    return raw(file, ("\n".join(rows) + "\n").encode())


def raw(file: str, data: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / file).write_bytes(data)

    return change


HEADER = "t_ms,voltage_mv,current_ma"
BAD = {
    "a charge of 3 samples": (lines("b.csv", HEADER, "0,9000,1", "1000,9000,1", "2000,9000,1"), "b.csv: has 3 samples"),
    "missing column": (edit("b.csv", "voltage_mv", "volts"), "b.csv:1: column voltage_mv is missing"),
    "column twice": (edit("b.csv", HEADER, "t_ms,t_ms,current_ma"), "b.csv:1: column"),
    "NaN": (edit("b.csv", "4000,9000,", "4000,nan,"), "b.csv:6: voltage_mv is 'nan', not a whole number"),
    "empty field": (edit("b.csv", "4000,9000,", "4000,,"), "b.csv:6: voltage_mv is '', not a whole number"),
    "text": (edit("b.csv", "4000,9000,2000", "4000,9000,x"), "b.csv:6: current_ma is 'x', not a whole number"),
    "decimals": (edit("b.csv", "4000,9000,", "4000,9000.5,"), "b.csv:6: voltage_mv is '9000.5', not a whole number"),
    "short row": (edit("b.csv", "4000,9000,2000", "4000,9000"), "b.csv:6: has 2 fields, the header has 3"),
    "time backwards": (edit("b.csv", "4000,9", "2500,9"), "b.csv:6: t_ms runs backwards: 2500 after 3000"),
    "time repeated": (edit("b.csv", "4000,9", "3000,9"), "b.csv:6: t_ms is repeated: 3000 after 3000"),
    "time negative": (edit("b.csv", "0,9", "-1,9"), "b.csv:2: t_ms is -1, outside 0"),
    "after blank lines": (edit("b.csv", "3000,9000,2000\n4000", "3000,9000,2000\n\n\n2000"), "b.csv:8: t_ms runs"),
    "microvolts": (edit("b.csv", "4000,9000,", "4000,9000000,"), "b.csv:6: voltage_mv is 9000000, outside"),
    "volts": (lines("b.csv", HEADER, *(f"{k}000,9,2000" for k in range(20))), "b.csv:2: voltage_mv looks like volts"),
    "volts with decimals": (
        lines("b.csv", HEADER, *(f"{k}000,9.05,2000" for k in range(20))),
        "b.csv:2: voltage_mv looks like volts: its median is 9.05",
    ),
    "amperes": (lines("b.csv", HEADER, *(f"{k}000,9000,2" for k in range(20))), "b.csv:2: current_ma looks like amp"),
    "sign": (
        lines("b.csv", HEADER, *(f"{k}000,9000,-200" for k in range(20))),
        "b.csv:2: current_ma is never positive",
    ),
    "no current": (lines("b.csv", HEADER, *(f"{k}000,9000,0" for k in range(20))), "b.csv:2: current_ma is 0 through"),
    "empty sample file": (lines("b.csv"), "b.csv: has no samples"),
    "not text": (raw("b.csv", b"\xff\xfe\x00"), "b.csv: cannot be read"),
    "sample file missing": (lambda folder: (folder / "b.csv").unlink(), "b.csv: not found, but sessions.csv lists it"),
    "sample file not listed": (
        edit("sessions.csv", "b,phone,u1,pd,full\n", ""),
        "b.csv: is not listed in sessions.csv",
    ),
    "duplicate session": (edit("sessions.csv", "b,", "a,"), "sessions.csv:3: session 'a' is already in line 2"),
    "same but for case": (edit("sessions.csv", "b,", "A,"), "sessions.csv:3: session 'A' is already in line 2"),
    "session column missing": (edit("sessions.csv", "device", "model"), "sessions.csv:1: column device is missing"),
    "no device": (edit("sessions.csv", "b,phone", "b,"), "sessions.csv:3: device is empty"),
    "unknown end": (
        edit("sessions.csv", "b,phone,u1,pd,full", "b,phone,u1,pd,done"),
        "sessions.csv:3: ended is 'done'",
    ),
    "unsafe name": (edit("sessions.csv", "b,", "../b,"), "sessions.csv:3: session '../b' cannot name a file"),
    "reserved name": (edit("sessions.csv", "b,", "sessions,"), "sessions.csv:3: session 'sessions' cannot name a file"),
    "slash in device": (edit("sessions.csv", "b,phone", "b,pho/ne"), "sessions.csv:3: device 'pho/ne' has a character"),
    "no sessions": (lines("sessions.csv", "session,device,unit,charger,ended"), "sessions.csv: lists no charge"),
    "empty sessions.csv": (lines("sessions.csv"), "sessions.csv: lists no charge"),
}


@pytest.mark.parametrize("name", BAD)
def test_every_fault_is_named(folder: Path, name: str) -> None:
    spoil, message = BAD[name]
    spoil(folder)
    with pytest.raises(DatasetError) as caught:
        read_dataset(folder)
    assert str(caught.value).startswith(f"{folder}/{message}")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_all_faults_are_listed(folder: Path) -> None:
    edit("a.csv", "4000,9000,", "4000,nan,")(folder)
    edit("a.csv", "7000,9000,", "7000,,")(folder)
    edit("b.csv", "4000,9", "3000,9")(folder)
    usable, faults = inspect_dataset(folder)
    assert usable == ()
    assert [fault.place for fault in faults] == ["a.csv:6", "a.csv:9", "b.csv:6"]
    with pytest.raises(DatasetError, match=r"a\.csv:6: .* \(and 2 more; list them with: python -m train validate "):
        read_dataset(folder)


def test_what_spreadsheets_do_is_taken(folder: Path) -> None:
    want = read_dataset(folder).hash
    text = (folder / "b.csv").read_text(encoding="utf-8")
    for odd in ("\ufeff" + text, text.replace("\n", "\r\n"), text.replace(",", " , "), "\n" + text + "\n\n"):
        (folder / "b.csv").write_text(odd, encoding="utf-8", newline="")
        assert read_dataset(folder).hash == want
    extra = "\n".join(f"{row},note" if k == 0 else f"{row},x" for k, row in enumerate(text.splitlines()))
    (folder / "b.csv").write_text(extra, encoding="utf-8")
    assert read_dataset(folder).hash == want


def test_empty_and_absent_folders(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"is empty; make a dataset with: python -m train simulate"):
        read_dataset(tmp_path)
    with pytest.raises(DatasetError, match="is not a folder"):
        read_dataset(tmp_path / "absent")
    (tmp_path / "other.txt").touch()
    with pytest.raises(DatasetError, match=r"has no sessions\.csv"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_nothing_half_written(tmp_path: Path, form: Form) -> None:
    def some() -> list[Charge]:
        return [charge("a"), charge("b", n=3)]

    with pytest.raises(DatasetError, match="b: has 3 samples"):
        write_dataset(tmp_path / "data", some(), format=form)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DatasetError, match="two charges have this session name"):
        write_dataset(tmp_path / "data", [charge("a"), charge("A")], format=form)
    with pytest.raises(DatasetError, match="no charge to write"):
        write_dataset(tmp_path / "data", [], format=form)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def full_disk(n_bytes: int) -> Iterator[None]:
    """No file may grow beyond n_bytes: the error a full disk gives, at the same calls."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize("n_bytes", [0, 100, 500])
@pytest.mark.filterwarnings("error")  # a writer that fails again when it is collected
def test_a_full_disk_is_one_line(tmp_path: Path, form: Form, n_bytes: int) -> None:
    data = tmp_path / "data"
    with full_disk(n_bytes), pytest.raises(DatasetError, match=r"data: cannot be written: .*; name another folder"):
        write_dataset(data, [charge("a", n=300), charge("b", n=300)], format=form)
    gc.collect()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_place_that_cannot_be_made_is_one_line(tmp_path: Path, form: Form) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match=r"data: cannot be written: "):
        write_dataset(tmp_path / "file" / "data", [charge("a")], format=form)


def test_only_a_dataset_is_replaced_and_only_when_told(tmp_path: Path) -> None:
    data, other = tmp_path / "data", tmp_path / "other"
    write_dataset(data, [charge("a")])
    with pytest.raises(DatasetError, match="--force"):
        write_dataset(data, [charge("b")])
    write_dataset(data, [charge("b")], format="parquet", force=True)
    assert [one.session for one in read_dataset(data).charges] == ["b"]
    other.mkdir()
    (other / "thesis.txt").touch()
    for force in (False, True):
        with pytest.raises(DatasetError, match="not empty and not a dataset"):
            write_dataset(other, [charge("a")], force=force)
    assert (other / "thesis.txt").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"data", "other"}


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    write_dataset(tmp_path / "data", [charge("a"), charge("b", soc_pct=[1.5] * 20)], format="parquet")
    return tmp_path / "data"


def test_parquet_faults(parquet: Path) -> None:
    import pyarrow
    from pyarrow import parquet as pq

    file = parquet / "samples" / "device=phone" / "part-0.parquet"
    table = pq.read_table(file).to_pydict()

    def spoiled(**columns: object) -> str:
        pq.write_table(pyarrow.table({**table, **columns}), file)
        with pytest.raises(DatasetError) as caught:
            read_dataset(parquet)
        return str(caught.value)

    times = list(table["t_ms"])
    times[23] = times[22]
    assert "part-0.parquet session b row 4: t_ms is repeated: 2000 after 2000" in spoiled(t_ms=times)
    assert "column voltage_mv is double, not whole numbers" in spoiled(voltage_mv=[9.05] * 40)
    assert "column current_ma has 1 empty rows" in spoiled(current_ma=[None] + [2000] * 39)
    without = {"soc_pct": [None] * 40, "t_ms": list(range(40))}
    assert "session 'c' is not listed in" in spoiled(session=["a"] * 10 + ["b"] * 20 + ["c"] * 10, **without)
    assert "has no samples of session 'b'" in spoiled(session=["a"] * 40, **without)
    file.write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match=r"part-0\.parquet: cannot be read"):
        read_dataset(parquet)


def test_parquet_in_any_order_of_files(parquet: Path) -> None:
    from pyarrow import parquet as pq

    want = read_dataset(parquet).hash
    file = parquet / "samples" / "device=phone" / "part-0.parquet"
    table = pq.read_table(file)
    for name, rows in (("z", table.slice(0, 25)), ("y", table.slice(25))):
        pq.write_table(rows, file.with_name(f"{name}.parquet"))
    file.unlink()
    assert read_dataset(parquet).hash == want


def test_both_forms_at_once_are_refused(folder: Path, tmp_path: Path) -> None:
    write_dataset(tmp_path / "other", [charge("a")], format="parquet")
    shutil.copy(tmp_path / "other" / "sessions.parquet", folder)
    with pytest.raises(DatasetError, match="holds both"):
        read_dataset(folder)
