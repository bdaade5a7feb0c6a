"""The commands that make and check datasets, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.sessions.making import charge
from train.cli import main
from train.sessions.dataset import read_dataset, write_dataset


def test_simulate_then_validate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "fleet"
    options = ["--units", "1", "--charges", "2", "--devices", "earbud_case,ereader", "--seed", "7"]
    assert main(["simulate", str(out), *options]) == 0
    *_, rate, verdict = capsys.readouterr().out.splitlines()
    assert "charges/s" in rate
    assert verdict.startswith("4 charges (")
    assert verdict.endswith(f"→ {out}")
    assert {one.unit for one in read_dataset(out).charges} == {"s7u00"}
    assert main(["validate", str(out)]) == 0
    assert capsys.readouterr().out.startswith(f"PASS: {out}: 4 charges")
    assert main(["simulate", str(out), *options]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["simulate", str(out), *options, "--force", "--format", "csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["units"] == {"earbud_case": 1, "ereader": 1}
    assert (out / "sessions.csv").exists()


def test_list_devices_and_wrong_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--list-devices"]) == 0
    assert "iphone_13" in capsys.readouterr().out.splitlines()
    assert main(["simulate"]) == 2
    assert main(["simulate", str(tmp_path / "x"), "--devices", "iphone_13,toaster"]) == 2
    assert capsys.readouterr().err.splitlines()[1].startswith("error: device 'toaster' is not in")
    assert list(tmp_path.iterdir()) == []


def test_validate_prints_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    write_dataset(data, [charge("a"), charge("b")])
    text = (data / "b.csv").read_text()
    (data / "b.csv").write_text(text.replace("\n5000,9000", "\n5000,nan"))
    assert main(["validate", str(data)]) == 2
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [f"{data}/b.csv:7: voltage_mv is 'nan', not a whole number"]
    assert shown.out == f"FAIL: {data}: 1 fault; 1 charges could be used\n"
    assert main(["validate", str(data), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["faults"] == ["b.csv:7: voltage_mv is 'nan', not a whole number"]


def test_import_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / "monday.csv", tmp_path / "tuesday.csv"]
    for path in files:
        path.write_text("s;V;A\n" + "".join(f"{k};9,05;-2,0\n" for k in range(15)), encoding="utf-8")
    out = tmp_path / "mine"
    options = ["--device", "pixel", "--unit", "alice", "--ended", "full", "--separator", ";", "--decimal-comma"]
    options += ["--columns", "t=s,voltage=V,current=A", "--sign", "negative"]
    assert main(["import", "csv", *map(str, files), str(out), *options]) == 0
    assert capsys.readouterr().out.endswith(
        f"2 charges (0 with a known end) of 1 unit of 1 device, 30 samples → {out}\n"
    )
    charges = read_dataset(out).charges
    assert [one.session for one in charges] == ["monday", "tuesday"]
    assert charges[0].current_ma.tolist() == [2000] * 15
    assert main(["import", "csv", *map(str, files), str(tmp_path / "other"), *options[:-2]]) == 2
    assert "monday.csv:2: current_ma is never positive" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_imports_add_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("monday", "tuesday"):
        (tmp_path / f"{name}.csv").write_text("s,V,A\n" + "".join(f"{k},9.05,2\n" for k in range(15)), encoding="utf-8")
    out = tmp_path / "mine"

    def add(name: str, device: str, *more: str) -> int:
        options = ["--columns", "t=s,voltage=V,current=A", "--device", device, *more]
        return main(["import", "csv", str(tmp_path / f"{name}.csv"), str(out), *options])

    assert add("monday", "pixel", "--add") == 0  # nothing there yet
    assert add("tuesday", "lamp") == 2
    assert "--add" in capsys.readouterr().err
    assert add("tuesday", "lamp", "--add", "--force") == 2
    assert add("tuesday", "lamp", "--add") == 0
    assert "2 charges (0 with a known end) of 2 units of 2 devices" in capsys.readouterr().out
    before = read_dataset(out)
    assert [(one.session, one.device) for one in before.charges] == [("monday", "pixel"), ("tuesday", "lamp")]
    assert add("monday", "pixel", "--add") == 2
    assert "monday: two charges have this session name" in capsys.readouterr().err
    assert read_dataset(out).hash == before.hash
