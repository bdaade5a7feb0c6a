"""What a recorder makes of events: charges in a folder that training reads, whatever happens in between."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from host.errors import HostError
from host.recording import charge_file, folder
from host.recording.charge_file import ChargeFile
from host.recording.events import Begun, Ended, Measured, Restarted, SourceEvent
from host.recording.folder import Labels, prepare
from host.recording.note import Origin
from host.recording.recorder import Recorded, Recorder
from host.recording.resuming import find_interrupted, take_up
from tests.unit.test_unwritable import full_disk
from train.sessions.dataset import inspect_dataset, read_dataset
from train.sessions.labels import full_t_ms
from train.sessions.types import Charge

LABELS = Labels("phone", "alice", "pd_30w", sensor="ina226", ambient_decidegc="215")
Samples = list[tuple[int, int, int]]


def samples(n: int, start_ms: int = 0, current_ma: int = 1_000) -> Samples:
    return [(start_ms + 1_000 * k, 5_000 + k % 7, current_ma - k % 5) for k in range(n)]


FULL: Samples = samples(200) + [(1_000 * k, 5_000, 20) for k in range(200, 500)]
"""Full at about 257 s."""


class Bench:
    """A recorder whose clock is that of the samples."""

    def __init__(self, place: Path, speed: float | None = 1.0, source: str = "board") -> None:
        self.place = place
        self.now = 100.0
        self.n_names = 0
        prepare(place)
        self.recorder = Recorder(place, LABELS, source, speed, self.name)
        self.ended: list[Recorded] = []

    def name(self) -> str:
        self.n_names += 1
        return f"s{self.n_names}"

    def take(self, *events: SourceEvent, step_s: float = 0.0) -> None:
        for event in events:
            self.now += step_s
            recorded = self.recorder.take(event, self.now)
            self.recorder.sync(self.now)
            if recorded is not None:
                self.ended.append(recorded)

    def measure(self, values: Samples, first: int = 0) -> None:
        for k, sample in enumerate(values):
            self.take(Measured(first + k, *sample), step_s=1.0)

    def kept(self) -> dict[str, Samples]:
        return {charge.session: samples_of(charge) for charge in read_dataset(self.place).charges}


def samples_of(charge: Charge) -> Samples:
    return list(zip(charge.t_ms.tolist(), charge.voltage_mv.tolist(), charge.current_ma.tolist(), strict=True))


def test_a_charge_until_it_is_full(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    bench.take(Begun(1, "ab"))
    bench.measure(FULL)
    bench.take(Ended("unplugged"))
    (recorded,) = bench.ended
    charge = read_dataset(bench.place).charges[0]
    assert (charge.device, charge.unit, charge.charger, charge.ended) == ("phone", "alice", "pd_30w", "full")
    assert charge.details == {"sensor": "ina226", "ambient_decidegc": "215"}
    assert charge.full_t_ms == recorded.full_t_ms
    assert bench.kept()["s1"] == FULL[: recorded.samples]
    # It ended by itself, with the sample that decided it; and training, were it not told, would say the same.
    assert charge.t_ms[-1] - charge.full_t_ms == 60_000
    charge_untold = type(charge)(**{name: getattr(charge, name) for name in charge.__slots__} | {"full_t_ms": None})
    assert full_t_ms(charge_untold) == recorded.full_t_ms
    assert sorted(path.name for path in bench.place.iterdir()) == ["s1.csv", "sessions.csv"]


def test_a_charge_that_is_unplugged(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    bench.take(Begun(1))
    bench.measure(samples(50))
    bench.take(Ended("unplugged"))
    assert bench.ended[0].ended == "unplugged"
    assert bench.ended[0].full_t_ms is None
    assert read_dataset(bench.place).charges[0].ended == "unplugged"


def test_a_target_makes_the_end_a_limit(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    bench.recorder = Recorder(bench.place, Labels("phone", target_soc_pct="80"), "board", 1.0, bench.name)
    bench.measure(FULL)
    charge = read_dataset(bench.place).charges[0]
    assert (charge.ended, charge.details) == ("limit", {"target_soc_pct": "80"})


def test_several_charges_one_after_the_other(tmp_path: Path) -> None:
    """What a device draws after it is full belongs to no charge."""
    bench = Bench(tmp_path / "data")
    for number in (1, 2, 3):
        bench.take(Begun(number))
        bench.measure(FULL)
        bench.take(Ended("unplugged"))
    assert [recorded.ended for recorded in bench.ended] == ["full"] * 3
    assert len(set(map(tuple, bench.kept().values()))) == 1
    assert list(bench.kept()) == ["s1", "s2", "s3"]


@pytest.mark.parametrize("lost", ["unplug", "plug", "both"])
def test_lost_events_do_not_join_two_charges(tmp_path: Path, lost: str) -> None:
    bench = Bench(tmp_path / "data")
    bench.take(Begun(1))
    bench.measure(samples(30))
    if lost == "plug":
        bench.take(Ended("unplugged"))
    if lost == "unplug":
        bench.take(Begun(2))
    bench.measure(samples(40, current_ma=700))
    bench.take(Ended("unplugged"))
    assert [(recorded.samples, recorded.ended) for recorded in bench.ended] == [
        (30, "unplugged" if lost == "plug" else "unknown"),
        (40, "unplugged"),
    ]


def test_another_number_is_another_charge(tmp_path: Path) -> None:
    """Its first samples were lost as well: sequence and clock would pass for those of the charge before."""
    bench = Bench(tmp_path / "data")
    bench.take(Begun(1))
    bench.measure(samples(12))
    bench.take(Begun(2))
    bench.measure(samples(40)[20:], first=20)
    bench.take(Ended("unplugged"))
    assert [recorded.samples for recorded in bench.ended] == [12, 20]


def test_a_full_device_whose_unplugging_was_lost(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    bench.take(Begun(1))
    bench.measure(FULL)
    bench.measure(samples(20))
    bench.take(Ended("unplugged"))
    assert [recorded.samples for recorded in bench.ended][1:] == [20]


def test_a_repeated_plug_changes_nothing(tmp_path: Path) -> None:
    """As the board says it again to every host that asks."""
    bench = Bench(tmp_path / "data")
    bench.take(Begun(1))
    bench.measure(samples(30))
    bench.take(Begun(1))
    bench.measure(samples(60)[30:], first=30)
    bench.take(Ended("unplugged"))
    assert bench.kept() == {"s1": samples(60)}


def test_a_gap_shows_in_the_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    both = samples(20) + samples(20, start_ms=95_000)
    bench.measure(both)
    bench.take(Ended("unplugged"))
    assert bench.kept() == {"s1": both}
    assert bench.ended[0].longest_gap_s == 76


def test_a_board_that_starts_anew_goes_on_with_the_charge(tmp_path: Path) -> None:
    """Its clock and numbers begin again; the host's clock says how long it was away."""
    bench = Bench(tmp_path / "data")
    bench.take(Begun(3))
    bench.measure(samples(30))
    bench.take(Restarted(), Begun(1))
    bench.now += 7.0
    bench.measure(samples(30))
    bench.take(Ended("unplugged"))
    (recorded,) = bench.ended
    times = [t_ms for t_ms, _, _ in bench.kept()["s1"]]
    assert times == [*range(0, 30_000, 1_000), *range(29_000 + 8_000, 29_000 + 38_000, 1_000)]
    assert recorded.longest_gap_s == 8


@pytest.mark.parametrize("away_s", [61.0, 4_000.0])
def test_a_board_that_was_away_for_long_begins_another(tmp_path: Path, away_s: float) -> None:
    bench = Bench(tmp_path / "data")
    bench.take(Begun(1))
    bench.measure(samples(30))
    bench.now += away_s
    bench.take(Restarted(), Begun(1))
    bench.measure(samples(30))
    bench.take(Ended("unplugged"))
    assert [recorded.samples for recorded in bench.ended] == [30, 30]


def test_a_line_lost_for_a_while_is_a_gap(tmp_path: Path) -> None:
    """The board went on measuring: same charge, later sequence, and its clock fits the host's."""
    bench = Bench(tmp_path / "data")
    bench.take(Begun(2))
    bench.measure(samples(30))
    bench.now += 300.0
    bench.take(Restarted(), Begun(2))
    bench.measure(samples(20, start_ms=330_000), first=330)
    bench.take(Ended("unplugged"))
    assert bench.kept() == {"s1": samples(30) + samples(20, start_ms=330_000)}


def test_another_charge_with_the_same_number_is_told_by_its_clock(tmp_path: Path) -> None:
    """The board was switched off and on while the line was lost: charge 1 again, further on than the first one."""
    bench = Bench(tmp_path / "data")
    bench.take(Begun(1))
    bench.measure(samples(30))
    bench.now += 3_000.0
    bench.take(Restarted(), Begun(1))
    bench.measure(samples(20, start_ms=90_000), first=90)
    bench.take(Ended("unplugged"))
    assert [recorded.samples for recorded in bench.ended] == [30, 20]


def test_values_no_dataset_takes_are_left_out(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    odd: Samples = [(20_000, 1 << 20, 1), (21_000, 5_000, -(1 << 19)), (1 << 32, 5_000, 1)]
    bench.measure(samples(20) + odd + samples(5, start_ms=30_000))
    bench.take(Ended("unplugged"))
    assert bench.kept() == {"s1": samples(20) + samples(5, start_ms=30_000)}
    assert bench.ended[0].left_out == 3


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (samples(9), "9 samples are no charge"),
        (samples(50, current_ma=10), "never passes 20 mA"),
        ([(t, v, -i) for t, v, i in samples(50)], "is its sign turned"),
        ([(t, 5, i) for t, _, i in samples(50)], "is it in volts"),
    ],
)
def test_what_is_no_charge_is_not_one_of_the_dataset(tmp_path: Path, values: Samples, why: str) -> None:
    bench = Bench(tmp_path / "data")
    bench.measure(samples(20))
    bench.take(Ended("unplugged"), Begun(2))
    bench.measure(values)
    bench.take(Ended("unplugged"))
    assert why in bench.ended[1].objection
    assert list(bench.kept()) == ["s1"]
    left = bench.place / "s2.rejected"
    assert left.exists() == (len(values) > 9)  # a few samples are nothing; fifty may be mended by hand
    if left.exists():
        assert len(left.read_text(encoding="ascii").splitlines()) == 51


def test_a_table_made_by_hand_keeps_what_it_holds(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir()
    rows = "t_ms,voltage_mv,current_ma\n" + "".join(f"{t},{v},{i}\n" for t, v, i in samples(12))
    (place / "mine.csv").write_text(rows, encoding="ascii")
    table = "\ufeffdevice,session,colour,unit,charger,ended\r\nfön,mine,red,1,c,full\r\n".replace("fön", "fan")
    (place / "sessions.csv").write_text(table, encoding="utf-8", newline="")
    bench = Bench(place)
    bench.measure(samples(30))
    bench.take(Ended("unplugged"))
    assert (place / "sessions.csv").read_text(encoding="utf-8").splitlines() == [
        "device,session,colour,unit,charger,ended,sensor,ambient_decidegc",
        "fan,mine,red,1,c,full,,",
        "phone,s1,,alice,pd_30w,unplugged,ina226,215",
    ]
    assert len(read_dataset(place).charges) == 2


def test_two_recorders_in_one_folder(tmp_path: Path) -> None:
    first, second = Bench(tmp_path / "data"), Bench(tmp_path / "data")
    second.n_names = 10
    for k in range(30):
        first.take(Measured(k, *samples(30)[k]))
        second.take(Measured(k, *samples(30, current_ma=500)[k]))
        assert find_interrupted(first.place) == []  # both are at it
    for bench in (first, second):
        bench.take(Ended("unplugged"))
    assert first.kept() == {"s1": samples(30), "s11": samples(30, current_ma=500)}


# A recorder that is killed: everything it holds in memory is gone, its locks too.


def test_from_the_tenth_sample_on_the_dataset_holds_all_of_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    for k, sample in enumerate(samples(40)):
        bench.take(Measured(k, *sample))
        if k >= 9:
            charges, faults = inspect_dataset(bench.place)
            assert faults == []
            assert [len(charge.t_ms) for charge in charges] == [k + 1]
            assert charges[0].ended == "unknown"
        else:
            assert list(bench.place.glob("*.csv")) == []
    bench.recorder.close()


def resumed(place: Path, speed: float | None = 1.0, source: str = "board") -> Bench:
    bench = Bench(place, speed, source)
    bench.n_names = 50
    (stopped, *others) = find_interrupted(place)
    assert others == []
    found = take_up(place, stopped)
    assert found is not None
    bench.recorder.resume(found)
    return bench


@pytest.mark.parametrize("n_before", [3, 30])
def test_an_interrupted_charge_goes_on(tmp_path: Path, n_before: int) -> None:
    bench = Bench(tmp_path / "data")
    bench.take(Begun(1, "ab"))
    bench.measure(samples(n_before))
    bench.recorder.close()
    stopped = time.time() - (50 - n_before)
    os.utime(bench.place / (".s1.part" if n_before < 10 else "s1.csv"), (stopped, stopped))
    bench = resumed(bench.place)
    bench.take(Begun(1, "ab"))
    bench.measure(samples(20, start_ms=50_000), first=50)
    bench.take(Ended("unplugged"))
    assert bench.kept() == {"s1": samples(n_before) + samples(20, start_ms=50_000)}
    assert bench.ended[0].charge_mah == pytest.approx((50 + 19) / 3.6, rel=0.01)
    assert find_interrupted(bench.place) == []


def test_interrupted_after_the_board_had_started_anew(tmp_path: Path) -> None:
    """The charge has another number and another clock by then, and goes on all the same."""
    bench = Bench(tmp_path / "data")
    bench.take(Begun(3))
    bench.measure(samples(30))
    bench.take(Restarted(), Begun(1))
    bench.measure(samples(10))
    bench.recorder.close()
    bench = resumed(bench.place)
    bench.take(Begun(1))
    bench.measure(samples(20)[10:], first=10)
    bench.take(Ended("unplugged"))
    assert [t_ms for t_ms, _, _ in bench.kept()["s1"]] == [*range(0, 50_000, 1_000)]


def test_the_end_is_found_across_an_interruption(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    bench.take(Begun(1))
    bench.measure(FULL[:300])
    bench.recorder.close()
    bench = resumed(bench.place)
    bench.take(Begun(1))
    bench.measure(FULL[300:], first=300)
    other = Bench(tmp_path / "other")
    other.measure(FULL)
    assert bench.ended[0].full_t_ms == other.ended[0].full_t_ms
    assert bench.kept() == other.kept()


@pytest.mark.parametrize(
    ("number", "model", "start_ms", "stopped_ago_s"),
    [(2, "ab", 50_000, 20), (1, "cd", 50_000, 20), (1, "ab", 10_000, 0), (1, "ab", 50_000, 4_000)],
    ids=["number", "model", "clock runs back", "clock does not fit"],
)
def test_what_is_another_charge_is_not_joined(
    tmp_path: Path, number: int, model: str, start_ms: int, stopped_ago_s: float
) -> None:
    bench = Bench(tmp_path / "data")
    bench.take(Begun(1, "ab"))
    bench.measure(samples(30))
    bench.recorder.close()
    stopped = time.time() - stopped_ago_s
    os.utime(bench.place / "s1.csv", (stopped, stopped))
    bench = resumed(bench.place)
    bench.take(Begun(number, model))
    bench.measure(samples(20, start_ms=start_ms), first=50)
    bench.take(Ended("unplugged"))
    assert {name: len(values) for name, values in bench.kept().items()} == {"s1": 30, "s51": 20}
    assert {charge.session: charge.ended for charge in read_dataset(bench.place).charges}["s1"] == "unknown"


def test_a_file_is_read_again_from_its_start(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data", speed=None, source="meter.csv")
    bench.measure(samples(30))
    bench.recorder.close()
    bench = resumed(bench.place, speed=None, source="meter.csv")
    bench.measure(samples(60))
    bench.take(Ended("unknown"))
    assert bench.kept() == {"s1": samples(60)}
    assert bench.ended[0].left_out == 0


def test_half_a_row_at_the_end_is_cut_off(tmp_path: Path) -> None:
    """As some file systems leave it when the power goes; it would be read as another value."""
    bench = Bench(tmp_path / "data")
    bench.measure(samples(30))
    bench.recorder.close()
    path = bench.place / "s1.csv"
    path.write_bytes(path.read_bytes()[:-2])
    bench = resumed(bench.place)
    bench.measure(samples(60)[30:], first=30)
    bench.take(Ended("unplugged"))
    assert bench.kept() == {"s1": samples(29) + samples(60)[30:]}


class Killed(BaseException):
    """The process is gone."""


def killed_at(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """Let the n-th change of the disk from now on be the last thing that does not happen."""
    left = n

    def guarded(target: Any, name: str) -> None:
        original = getattr(target, name)

        def change(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return original(*args, **kwargs)

        monkeypatch.setattr(target, name, change)

    for target, name in ((os, "write"), (os, "fsync"), (os, "ftruncate"), (Path, "replace"), (Path, "unlink")):
        guarded(target, name)
    monkeypatch.setattr(folder, "write_synced", writer := folder.write_synced)
    monkeypatch.setattr(charge_file, "write_synced", writer)


def course() -> Iterator[SourceEvent]:
    yield Begun(1)
    for k, sample in enumerate(samples(14)):
        yield Measured(k, *sample)
    yield Ended("unplugged")


@pytest.mark.parametrize("n", range(60))
def test_killed_at_every_change_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    place = tmp_path / "data"
    before = Bench(place)
    before.n_names = 90
    before.measure(samples(12))
    before.take(Ended("unplugged"))
    bench = Bench(place)
    said = 0
    with monkeypatch.context() as patch:
        killed_at(patch, n)
        try:
            for event in course():
                bench.take(event, step_s=1.0)
                said += isinstance(event, Measured)
        except Killed:
            pass
        else:
            assert n > 40
    bench.recorder.close()
    faults = inspect_dataset(place)[1]
    # Two renames make a charge public; between them it is there and not listed. Nothing else is ever seen.
    assert faults == [] or [str(fault) for fault in faults] == ["s1.csv: is not listed in sessions.csv"]
    for stopped in find_interrupted(place):
        found = take_up(place, stopped)
        assert found is not None
        found.end()
    kept = {charge.session: len(charge.t_ms) for charge in read_dataset(place).charges}
    assert kept.pop("s91") == 12
    assert kept.get("s1", 0) >= said if said >= 10 else kept.get("s1", 0) in (0, 10)
    assert list(place.glob(".*.recording")) == []


def test_a_second_at_most_is_not_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a power cut takes: samples written and not yet synced."""
    synced: list[int] = []
    bench = Bench(tmp_path / "data")
    real = os.fsync

    def sync(descriptor: int) -> None:
        real(descriptor)
        synced.append(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    for k, sample in enumerate(samples(100)):
        synced.clear()
        bench.take(Measured(k, *sample), step_s=1.0)
        assert synced, k
    fast = Bench(tmp_path / "fast")
    n_synced = 0
    for k in range(1_000):
        synced.clear()
        fast.take(Measured(k, *(k, 5_000, 1_000)), step_s=0.01)
        n_synced += bool(synced)
    assert 18 <= n_synced <= 30  # every half a second, however many samples come
    for each in (bench, fast):
        each.recorder.close()


def test_a_full_disk_keeps_whole_rows_and_can_be_resumed(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    bench.measure(samples(12))
    with full_disk(), pytest.raises(HostError, match="data: cannot be written: File too large; free the disk"):
        bench.measure(samples(30)[12:], first=12)
    bench.recorder.close()
    assert bench.kept() == {"s1": samples(12)}
    bench = resumed(bench.place)
    bench.measure(samples(30)[12:], first=12)
    bench.take(Ended("unplugged"))
    assert bench.kept() == {"s1": samples(30)}


def test_a_row_that_fits_in_part_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path / "data")
    bench.measure(samples(12))
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:4]))
        with pytest.raises(HostError, match=os.strerror(errno.ENOSPC)):
            bench.measure(samples(30)[12:], first=12)
    bench.recorder.close()
    assert bench.kept() == {"s1": samples(12)}


def test_a_folder_that_is_replaced_is_noticed(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    bench.measure(samples(12))
    bench.place.rename(tmp_path / "elsewhere")
    with pytest.raises(HostError, match=r"s1\.csv: was replaced or removed by another program"):
        bench.measure(samples(30)[12:], first=12)
    bench.recorder.close()


def test_names_are_held_by_their_recorder(tmp_path: Path) -> None:
    prepare(tmp_path)
    first = ChargeFile.create(tmp_path, "s", LABELS, Origin("board"))
    assert ChargeFile.reopen(tmp_path, "s") is None
    with pytest.raises(HostError, match="another recorder holds it"):
        ChargeFile.create(tmp_path, "s", LABELS, Origin("board"))
    first.close()


def test_a_note_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / ".s.recording").write_text("{", encoding="ascii")
    (tmp_path / ".s.part").touch()
    with pytest.raises(HostError, match=r"\.s\.recording: cannot be read; delete it"):
        find_interrupted(tmp_path)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"sessions.parquet": ""}, "in Parquet"),
        ({"notes.txt": ""}, "not empty and not a dataset"),
        ({"sessions.csv": "a,b\n1,2\n"}, "no table of charges"),
        ({"sessions.csv": "session,device,unit,charger,ended\nx,y\n"}, "no table of charges"),
        ({"sessions.csv": "\0\xff"}, "cannot be read"),
    ],
)
def test_a_folder_that_is_no_dataset(tmp_path: Path, files: dict[str, str], why: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(HostError, match=why):
        prepare(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostError, match="cannot be written"):
        prepare(tmp_path / "file" / "data")
