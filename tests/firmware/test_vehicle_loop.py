"""The closed loop at a charge point: record, fit, build, answer; each by its command, on boards without hardware."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from codegen.emit.household import emit_household
from tests.firmware.conftest import ROOT, run_pio
from tests.unit.codegen.drawn_household import write_household
from tests.unit.host.bridge.test_evcc import ask

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("firmware")]

CARS = {"small_one": (15_800, 0, 0), "large_one": (15_700, 15_700, 15_600)}


def write_charge(path: Path, amps: tuple[int, ...], minutes: int) -> Path:
    """A wait, a plateau, a staircase, and three minutes at the end."""
    rows, energy = [], 0.0
    header = (
        "t_ms,voltage_mv_l1,voltage_mv_l2,voltage_mv_l3,current_ma_l1,current_ma_l2,current_ma_l3,pilot_da,energy_wh"
    )
    for t_s in range(0, 60 * minutes + 480, 5):
        taper = max(t_s - 60 * minutes, 0) // 60
        flows = [0 if t_s < 30 or taper >= 5 else current * (5 - taper) // 5 for current in amps]
        volts = [230_500 + t_s % 97, 229_800, 231_200]
        rows.append([t_s * 1000, *volts, *flows, 160, int(energy)])
        energy += sum(v * i for v, i in zip(volts, flows, strict=True)) / 1e6 * 5 / 3600
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="ascii")
    return path


def run(*arguments: object, cwd: Path, **variables: str) -> str:
    """What a command of this project prints; it has to succeed."""
    command = [sys.executable, "-m", *map(str, arguments)]
    world = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    done = subprocess.run(command, cwd=cwd, env=world, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(model: Path, out: Path) -> Path:
    done = run_pio("run", "-e", "native", build_dir=out, WATTPRINT_MODEL_DIR=str(model))
    assert done.returncode == 0, done.stdout + done.stderr
    return out / "native" / "program"


def test_record_fit_build_answer(tmp_path: Path) -> None:
    """A board that knows other cars records these; one that is built of the recordings tells them apart."""
    emit_household(write_household(tmp_path / "other", 3, n_cars=2), tmp_path / "other_c")
    first = build(tmp_path / "other_c", tmp_path / "pio")
    for car, amps in CARS.items():
        files = [write_charge(tmp_path / f"{car}_{k}.csv", amps, minutes) for k, minutes in enumerate((40, 55, 70))]
        board = ("--port", "sim", "--firmware", first, "--play", *files, "--speed", 0, "--charges", 3)
        said = run(
            "host", "record", *board, "--device", car, "--charger", "home", "--out", "cars", "--json", cwd=tmp_path
        )
        assert [charge["ended"] for charge in json.loads(said)["charges"]] == ["full"] * 3
    assert "PASS" in run("train", "validate", "cars", cwd=tmp_path)
    run("train", "fit", "--profile", "ev", "--data", "cars", "--out", "household", cwd=tmp_path)
    run("codegen", "compile", "--artifact", "household", "--out", "household_c", cwd=tmp_path)
    second = build(tmp_path / "household_c", tmp_path / "pio")
    for car, amps in CARS.items():
        again = write_charge(tmp_path / "again.csv", amps, 50)
        assert _cars_seen(second, again, tmp_path) == [car]
    _evcc_names(second, again, tmp_path, car)


def _cars_seen(program: Path, recording: Path, folder: Path) -> list[str]:
    """The cars that are possible in the midst of a charge, as `host monitor` has them."""
    board = ("--port", "sim", "--firmware", program, "--play", recording, "--speed", 600)
    command = [sys.executable, "-m", "host", "monitor", *map(str, board), "--artifact", "household", "--json"]
    world = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=folder, env=world, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                said: dict[str, Any] = json.loads(line)
                vehicle = said["vehicle"]
                if vehicle and vehicle["answer"] and said["reading"]["t_ms"] > 900_000:
                    assert not vehicle["answer"]["unknown"]
                    cars: list[str] = vehicle["answer"]["cars"]
                    return cars
        finally:
            process.terminate()
            process.wait(20)
    raise AssertionError("the monitor ended before the charge's middle")


def _evcc_names(program: Path, recording: Path, folder: Path, car: str) -> None:
    """`host bridge evcc` on that board: within the charge it has the car alone, its minutes and its energy."""
    board = ("--port", "sim", "--firmware", program, "--play", recording, "--speed", 200)
    command = [sys.executable, "-m", "host", "bridge", "evcc", "--http-port", "0", *map(str, board)]
    world = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*command, "--artifact", "household"], cwd=folder, env=world, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            url = process.stderr.readline().split()[2].rstrip(";")
            for _ in range(300):
                time.sleep(0.1)
                code, state = ask(url)
                if code == 200 and state["identify"] and state["status"] == "C":
                    break
            assert (state["identify"], state["vehicles"], state["status"]) == (car, [car], "C")
            assert 0 <= state["remainingMinutesAtLeast"] <= state["remainingMinutes"] <= state["remainingMinutesAtMost"]
            assert state["energyToGo"] > 0
            assert state["finishTime"] is not None
        finally:
            process.terminate()
            process.wait(20)
