"""`host stream` of vehicles' charges to a charge point's board."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from host.cli import main
from host.stream_vehicles import cars_text
from host.vehicle_samples import holds_vehicles, load_vehicle_charges
from host.vehicle_session import VehicleMeasurement
from tests.unit.host.bridge.ocpp.vehicle_board import vehicle_board

AC = "t_ms,voltage_mv_l1,voltage_mv_l2,voltage_mv_l3,current_ma_l1,current_ma_l2,current_ma_l3,pilot_da,energy_wh\n"
TABLE = "session,device,unit,charger,ended,profile\n"


def write_ac(path: Path, n: int = 5) -> Path:
    rows = "".join(f"{10_000 * k},230000,231000,232000,16000,15900,15800,160,{30 * k}\n" for k in range(n))
    path.write_text(AC + rows)
    return path


def write_dataset(folder: Path) -> Path:
    folder.mkdir()
    write_ac(folder / "one.csv")
    (folder / "two.csv").write_text("t_ms,voltage_mv,current_ma,soc_pct\n0,400000,90000,12.5\n1000,401000,91000,13\n")
    (folder / "phone.csv").write_text("t_ms,voltage_mv,current_ma\n0,5000,900\n")
    (folder / "sessions.csv").write_text(
        TABLE + "one,zoe,1,box,full,ev\ntwo,zoe,1,dc,full,ev\nphone,pixel,1,usb,full,\n"
    )
    return folder


def test_samples_of_ac_and_dc(tmp_path: Path) -> None:
    one, two = load_vehicle_charges(write_dataset(tmp_path / "set"), None, None)
    assert one.samples[1] == VehicleMeasurement(10_000, 230_000, 231_000, 232_000, 16_000, 15_900, 15_800, 160, 30, -1)
    assert two.samples[0] == VehicleMeasurement(0, 400_000, 0, 0, 90_000, 0, 0, -1, -1, 12)
    assert holds_vehicles(tmp_path / "set")
    assert holds_vehicles(tmp_path / "set" / "one.csv")
    assert not holds_vehicles(tmp_path / "set" / "phone.csv")
    assert not holds_vehicles(tmp_path)


def test_parquet_holds_what_csv_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from train.sessions.dataset import read_dataset, write_dataset

    folder = tmp_path / "csv"
    folder.mkdir()
    write_ac(folder / "ac.csv", 12)
    rows = "".join(f"{1000 * k},{400_000 + k},{90_000 + k},{k / 2}\n" for k in range(12))
    (folder / "dc.csv").write_text("t_ms,voltage_mv,current_ma,soc_pct\n" + rows)
    (folder / "sessions.csv").write_text(TABLE + "ac,zoe,1,box,full,ev\ndc,zoe,1,dc,full,ev\n")
    stored = tmp_path / "parquet"
    write_dataset(stored, read_dataset(folder).charges, format="parquet")
    assert holds_vehicles(stored)
    expected = {charge.session: list(charge.samples) for charge in load_vehicle_charges(folder, None, None)}
    assert {charge.session: list(charge.samples) for charge in load_vehicle_charges(stored, None, None)} == expected
    assert [charge.session for charge in load_vehicle_charges(stored, "dc", None)] == ["dc"]
    for path in (stored / "samples").rglob("*.parquet"):
        path.write_bytes(b"no parquet")
    assert main(["stream", str(stored), "--port", "sim"]) == 2
    said = capsys.readouterr().err
    assert "cannot be read" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("cars", "text"),
    [
        (("zoe",), "zoe"),
        (("zoe", "id3"), "zoe or id3"),
        (("mg_zs", "smart_eq_3_6kw", "taycan_turbo"), "mg_zs or 2 more"),
        (("a_very_long_name_of_a_car", "zoe"), "a_very_long_n… or 1 more"),
        (("a_very_long_name_of_a_car",), "a_very_long_name_of_a_c…"),
        ((), "none"),
    ],
)
def test_a_set_fits_its_column(cars: tuple[str, ...], text: str) -> None:
    assert cars_text(cars, 24) == text


def test_a_row_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "answers.csv"
    with vehicle_board() as board:
        source = str(write_ac(tmp_path / "charge.csv"))
        assert main(["stream", source, "--port", board.port, "--out", str(out)]) == 0
    head, first, *_, last, summary = capsys.readouterr().out.splitlines()
    assert head.split() == ["elapsed", "kW", "car", "%", "left", "phase"]
    assert first.split("  ")[0] == "0:00:00"
    assert "11.02" in first
    assert "car 2 or car 0" in first
    assert "car 2  " in last
    assert "120 min (60 to 180)" in last
    assert summary.startswith("5 samples of 1 charge answered in")
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["cars"] for row in rows] == ["car 0 car 2", "car 0 car 2", "car 2", "car 2", "car 2"]
    assert (rows[0]["done_50_s"], rows[0]["target_50_s"], rows[0]["energy_to_go_wh"]) == ("7200", "", "20000")
    assert [row["state_crc"] for row in rows] == [f"{10_000 * k:08x}" for k in range(5)]


def test_json_and_one_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with vehicle_board() as board:
        source = str(write_dataset(tmp_path / "set"))
        assert main(["stream", source, "--session", "two", "--port", board.port, "--json"]) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [line.get("session") for line in lines] == ["two", "two", None]
        assert lines[0]["cars"] == ["car 0", "car 2"]
        assert lines[0]["power_w"] == 36_000
        assert lines[-1]["summary"]["samples"] == 2
        assert main(["stream", source, "--session", "phone", "--port", board.port]) == 2
        assert "lists no vehicle's charge of that name" in capsys.readouterr().err


def test_a_chargers_board_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with vehicle_board() as board:
        board.protocol = 1
        assert main(["stream", str(write_ac(tmp_path / "charge.csv")), "--port", board.port]) == 4
    said = capsys.readouterr().err
    assert "a charger's" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (AC, "has no samples"),
        (AC + "0,1,2,3,4,5,6,7,x\n", ":2: is no sample of a charge point"),
        (AC + "0,1,2\n", ":2: is no sample of a charge point"),
        (AC + "5,1,1,1,1,1,1,1,1\n5,1,1,1,1,1,1,1,1\n", ":3: t_ms is 5 after 5"),
        (AC + "5,1,1,1,1,1,1,1,99999999999\n", ":2: a value is out of range"),
        ("t_ms,pilot_da\n0,160\n", ":2: is no sample of a charge point"),
    ],
)
def test_files_that_are_none(text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "charge.csv"
    path.write_text(text)
    assert main(["stream", str(path), "--port", "sim"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
