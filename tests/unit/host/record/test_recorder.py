"""What a recorder makes of events: charges in a folder that training reads, whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from host.errors import HostError
from host.recording.events import Begun, Ended, Measured, Restarted
from host.recording.folder import Labels, prepare
from host.recording.recorder import Recorder
from host.recording.resuming import find_interrupted
from tests.unit.host.record.bench import FULL, Bench, Samples, samples
from train.sessions.dataset import read_dataset
from train.sessions.labels import full_t_ms


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
