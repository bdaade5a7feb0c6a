"""Imports: a meter's export in many dialects, and NASA's set with the traps its files have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from train.errors import ConfigError, DatasetError
from train.sessions.importers.meter_csv import Identity, parse_format, read_meter_csv
from train.sessions.importers.nasa import read_nasa

WHO = Identity("phone", "u1", "pd", "full")
PLAIN = "t=time,voltage=volt,current=amp"


def write(path: Path, header: str, rows: list[str], encoding: str = "utf-8") -> Path:
    path.write_bytes(("\n".join([header, *rows]) + "\n").encode(encoding))
    return path


def plain_rows(n: int = 12) -> list[str]:
    return [f"{k + 5}.5,9.05,2.125" for k in range(n)]


def test_seconds_volts_amperes(tmp_path: Path) -> None:
    one = read_meter_csv(write(tmp_path / "m 1.csv", "time,volt,amp", plain_rows()), parse_format(PLAIN), WHO)
    assert (one.session, one.device, one.unit, one.charger, one.ended) == ("m_1", "phone", "u1", "pd", "full")
    assert one.t_ms.tolist() == list(range(0, 12_000, 1000))
    assert set(one.voltage_mv) == {9050}
    assert set(one.current_ma) == {2125}
    assert one.soc_pct is None


def test_a_german_windows_export(tmp_path: Path) -> None:
    rows = [f"23.11.2026 23:59:{50 + k}".replace(":60", ":59") + f";9,05;-2125;{k},5" for k in range(10)]
    header = "# Gerät\nZeit;U (V);I, Gerät (mA);Füllstand"
    path = write(tmp_path / "m.csv", header, rows, encoding="cp1252")
    layout = parse_format(
        "t=Zeit,voltage=U (V):V,current=I, Gerät (mA):mA,soc=Füllstand",
        separator=";",
        decimal_comma=True,
        negative=True,
        time_format="%d.%m.%Y %H:%M:%S",
        skip_lines=1,
    )
    one = read_meter_csv(path, layout, WHO)
    assert one.t_ms.tolist() == list(range(0, 10_000, 1000))
    assert set(one.current_ma) == {2125}
    assert one.soc_pct is not None
    assert one.soc_pct.tolist() == [k + 0.5 for k in range(10)]


def test_units_of_the_option_and_of_a_column(tmp_path: Path) -> None:
    rows = [f"{k},9050000,2125" for k in range(12)]
    layout = parse_format("t=time,voltage=volt:uV,current=amp", units="min,V,mA")
    one = read_meter_csv(write(tmp_path / "m.csv", "time,volt,amp", rows), layout, WHO)
    assert one.t_ms[1] == 60_000
    assert set(one.voltage_mv) == {9050}
    assert set(one.current_ma) == {2125}


def test_clock_without_a_date_passes_midnight(tmp_path: Path) -> None:
    seconds = [(86_390 + k) % 86_400 for k in range(20)]
    rows = [f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d},9,2" for s in seconds]
    layout = parse_format(PLAIN, time_format="%H:%M:%S")
    one = read_meter_csv(write(tmp_path / "m.csv", "time,volt,amp", rows), layout, WHO)
    assert one.t_ms.tolist() == list(range(0, 20_000, 1000))


def test_iso_times_and_repeated_seconds(tmp_path: Path) -> None:
    rows = [f"2026-11-23T10:00:{k // 2:02d}+01:00,9,{2 + k % 2}" for k in range(24)]
    layout = parse_format(PLAIN, time_format="iso")
    one = read_meter_csv(write(tmp_path / "m.csv", "time,volt,amp", rows), layout, WHO)
    assert one.t_ms.tolist() == list(range(0, 12_000, 1000))
    assert set(one.current_ma) == {2000}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("9.5,nan,2", "m.csv:6: volt is 'nan', not a number"),
        ("9.5,,2", "m.csv:6: volt is '', not a number"),
        ('9.5,"9,1",2', r"m.csv:6: volt is '9,1', not a number \(--decimal-comma\?\)"),
        ("9.5,9", "m.csv:6: has 2 fields, the header has 3"),
        ("2.5,9,2", "m.csv:6: t_ms runs backwards"),
        ("9.5,9000,2", "m.csv:6: voltage_mv is 9000000, outside"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, row: str, message: str) -> None:
    rows = plain_rows()
    rows[4] = row
    with pytest.raises(DatasetError, match=message):
        read_meter_csv(write(tmp_path / "m.csv", "time,volt,amp", rows), parse_format(PLAIN), WHO)


@pytest.mark.parametrize(
    ("header", "row", "hint"),
    [
        ("time;volt;amp", "1;2;3", r"the file has 'time;volt;amp' \(--separator ';'\?\)"),
        ("time\tvolt\tamp", "1\t2\t3", r"\(--separator tab\?\)"),
        ("time,volt,amp", "07.03.2026 23:30:00,5.0,1.0", r"not a number \(a clock\? give --time-format\)"),
        ("time,volt,amp", "23:30:05,5.0,1.0", r"a clock\? give --time-format"),
        ("time,volt,amp", '"0,5",5.0,1.0', r"not a number \(--decimal-comma\?\)"),
    ],
)
def test_the_option_that_is_missing_is_named(tmp_path: Path, header: str, row: str, hint: str) -> None:
    path = write(tmp_path / "m.csv", header, [row] * 12)
    with pytest.raises(DatasetError, match=hint):
        read_meter_csv(path, parse_format("t=time,voltage=volt,current=amp"), Identity("d"))


def test_wrong_sign_and_wrong_units_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", "time,volt,amp", plain_rows())
    with pytest.raises(DatasetError, match=r"never positive.*--sign"):
        read_meter_csv(path, parse_format(PLAIN, negative=True), WHO)
    with pytest.raises(DatasetError, match=r"looks like volts.*--units"):
        read_meter_csv(path, parse_format(PLAIN, units="s,mV,A"), WHO)
    with pytest.raises(DatasetError, match=r"m\.csv:1: column 'V' is missing; the file has 'time', 'volt', 'amp'"):
        read_meter_csv(path, parse_format("t=time,voltage=V,current=amp"), WHO)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_meter_csv(tmp_path / "absent.csv", parse_format(PLAIN), WHO)
    with pytest.raises(DatasetError, match="has no rows"):
        read_meter_csv(write(tmp_path / "e.csv", "time,volt,amp", []), parse_format(PLAIN), WHO)


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ("t=a,voltage=b", {}, "current is missing"),
        ("t=a,voltage=b,amps=c", {}, "current is missing"),
        ("time=a", {}, "'time=a' is not t=NAME"),
        ("t=a,t=b,voltage=b,current=c", {}, "t is there twice"),
        ("t=a,voltage=b,current=c", {"units": "s,V"}, "must name three units"),
        ("t=a,voltage=b,current=c", {"units": "s,kV,A"}, "'kV' is no unit of voltage"),
        ("t=a,voltage=b,current=c", {"separator": ";;"}, "one character"),
        ("t=a,voltage=b,current=c", {"decimal_comma": True}, "separated by commas too"),
        ("t=a,voltage=b,current=c", {"skip_lines": -1}, "must not be negative"),
    ],
)
def test_formats_that_make_no_sense(columns: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_format(columns, **options)  # type: ignore[arg-type]


NASA_HEADER = "Voltage_measured,Current_measured,Temperature_measured,Current_charge,Voltage_charge,Time"


def nasa_file(rest_rows: int, end_a: float = 0.02) -> list[str]:
    """Rest, a discharge transient, 1.5 A for 20 rows, 0.5 A, end_a, and a rest; steps of 2.5 s and 11 s."""
    currents = [0.0, -4.036, *[1.5] * 20, 0.5, end_a, *[0.0] * rest_rows]
    voltages = [0.003, 1.57, *[4.7] * 22, *[0.003] * rest_rows]
    times = np.cumsum([0.0, *[2.5 if k % 2 else 11.0 for k in range(len(currents) - 1)]])
    return [f"4.0,{i},24.5,{i},{v},{t}" for i, v, t in zip(currents, voltages, times, strict=True)]


@pytest.fixture
def nasa(tmp_path: Path) -> Path:
    root = tmp_path / "recordings" / "nasa_liion"
    (root / "charge").mkdir(parents=True)
    write(root / "charge" / "B0005_t000.csv", NASA_HEADER, nasa_file(rest_rows=400))
    write(root / "charge" / "B0042_t018.csv", NASA_HEADER, nasa_file(rest_rows=0, end_a=0.3))
    write(root / "charges.csv", "file,cell,ambient_C,cap_Ah_next_discharge", ["B0005_t000.csv,B0005,24,1.8564"])
    return root


def test_nasa_trims_rest_and_transient(nasa: Path) -> None:
    for folder in (nasa, nasa.parent):
        first, second = read_nasa(folder)
        assert (first.session, first.unit, first.device) == ("B0005_t000", "B0005", "nasa_18650_2ah")
        assert first.current_ma.tolist() == [1500] * 20 + [500, 20]
        assert set(first.voltage_mv) == {4700}
        assert first.t_ms[:3].tolist() == [0, 11_000, 13_500]
        assert first.ended == "full"
        assert first.details == {"sensor": "bench", "ambient_decidegc": "240", "soh_pct": "92.8"}
        assert second.ended == "unknown"
        assert second.details == {"sensor": "bench"}


def test_nasa_without_the_table_of_charges(nasa: Path) -> None:
    table = nasa / "charges.csv"
    table.write_text(table.read_text().replace("1.8564", "0.2"))  # a discharge broken off says nothing of the cell
    assert next(read_nasa(nasa)).details == {"sensor": "bench", "ambient_decidegc": "240"}
    table.unlink()
    assert [one.unit for one in read_nasa(nasa)] == ["B0005", "B0042"]


def test_nasa_faults_are_named(nasa: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has no folder charge"):
        read_nasa(tmp_path)
    file = nasa / "charge" / "B0005_t000.csv"
    text = file.read_text()
    for old, new, message in (
        ("Voltage_charge", "Voltage", r"B0005_t000\.csv: column Voltage_charge is missing"),
        (",4.7,13.5", ",nan,13.5", r"B0005_t000\.csv:4: Voltage_charge is 'nan', not a number"),
        (",4.7,24.5", ",4.7,1.5", r"B0005_t000\.csv: Time is repeated or runs backwards"),
        ("1.5", "0.0", r"B0005_t000\.csv: current flows in 2 rows"),
    ):
        assert old in text
        file.write_text(text.replace(old, new))
        with pytest.raises(DatasetError, match=message):
            list(read_nasa(nasa))
    file.rename(file.with_name("cell5.csv"))
    with pytest.raises(DatasetError, match="is not named"):
        list(read_nasa(nasa))
