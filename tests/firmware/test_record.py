"""Recording from the real firmware's own sensor, and the closed loop: record, fit, compile, flash, verify."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from host.cli import main
from tests.firmware.conftest import ROOT, run_pio
from train.sessions.dataset import read_dataset
from train.sessions.labels import full_t_ms
from train.sessions.types import Charge

pytestmark = pytest.mark.firmware

DEVICES = ("iphone_13", "redmi_9a")
N_UNITS, N_CHARGES = 3, 4
SEED = 5


def run_module(*arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Devices to plug in: charges for the virtual board's sensor to measure."""
    folder = tmp_path_factory.mktemp("shelf") / "shelf"
    run_module(
        *("train", "simulate", folder, "--seed", str(SEED), "--devices", ",".join(DEVICES)),
        *("--units", str(N_UNITS), "--charges", str(N_CHARGES), "--format", "csv"),
    )
    return folder


def played(shelf: Path, device: str, unit: int) -> list[Path]:
    return sorted(shelf.glob(f"{device}_s{SEED}u{unit:02d}_*.csv"))


def record(program: Path, data: Path, files: list[Path], *extra: str) -> list[str]:
    return [
        *("record", "--port", "sim", "--firmware", str(program), "--out", str(data)),
        *("--play", *map(str, files), "--charges", str(len(files)), *extra),
    ]


def energy_mwh(charge: Charge) -> float:
    power_mw = charge.voltage_mv.astype(float) * charge.current_ma / 1000
    return float(np.sum((power_mw[1:] + power_mw[:-1]) / 2 * np.diff(charge.t_ms.astype(float))) / 3_600_000)


def whole(charge: Charge, full: int) -> bool:
    return int(charge.t_ms[-1]) - full >= 120_000


def pairs(shelf: Path, data: Path) -> Iterator[tuple[Charge, Charge]]:
    """What was played and what was recorded, told by the name given."""
    recorded = {charge.session: charge for charge in read_dataset(data).charges}
    for charge in read_dataset(shelf).charges:
        if charge.session in recorded:
            yield charge, recorded[charge.session]


def test_what_is_recorded_is_what_was_plugged_in(
    native_board: Path, shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    for file in played(shelf, "iphone_13", 0):
        arguments = record(native_board, data, [file], "--device", "iphone_13", "--session", file.stem)
        assert main([*arguments, "--speed", "0", "--json"]) == 0
        (told,) = json.loads(capsys.readouterr().out)["charges"]
        assert told["session"] == file.stem
    n_full = 0
    for original, copy in pairs(shelf, data):
        # The board's clock ticks whole seconds from its first sample; the recording's has jitter.
        full = full_t_ms(original)
        if full is not None and whole(original, full):
            n_full += 1
            assert copy.full_t_ms is not None
            assert copy.full_t_ms == full_t_ms(copy)
            assert abs(copy.full_t_ms - full) <= 5_000
            assert copy.t_ms[-1] - copy.full_t_ms == 60_000
            assert copy.ended == "full"
        elif full is None:
            assert abs(int(copy.t_ms[-1]) - int(original.t_ms[-1] - original.t_ms[0])) <= 10_000
            assert energy_mwh(copy) == pytest.approx(energy_mwh(original), rel=0.01)
    assert n_full >= 1


def test_killed_and_begun_again(native_board: Path, shelf: Path, tmp_path: Path) -> None:
    """The samples on the disk are those an undisturbed recording has at the same place."""
    (file, *_), data = played(shelf, "redmi_9a", 0), tmp_path / "data"
    arguments = record(native_board, data, [file], "--device", "redmi_9a", "--session", "s")
    command = [sys.executable, "-m", "host", *arguments, "--speed", "60"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 30
        while not (data / "s.csv").exists() or len((data / "s.csv").read_bytes()) < 1_500:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
    (killed,) = read_dataset(data).charges
    assert killed.ended == "unknown"
    assert len(killed.t_ms) > 80
    assert main([*record(native_board, tmp_path / "other", [file], "--device", "redmi_9a"), "--speed", "0"]) == 0
    (undisturbed,) = read_dataset(tmp_path / "other").charges
    n = len(killed.t_ms)
    assert killed.current_ma.tolist() == undisturbed.current_ma[:n].tolist()
    assert killed.t_ms.tolist() == undisturbed.t_ms[:n].tolist()
    assert main([*arguments[:-2], "--speed", "0", "--resume"]) == 0
    ended = {charge.session: charge.ended for charge in read_dataset(data).charges}
    assert ended.pop("s") == "unknown"
    assert [*ended.values()] == [undisturbed.ended]


@pytest.mark.slow
def test_the_closed_loop(native_board: Path, shelf: Path, tmp_path: Path) -> None:
    """The five commands of the README, on the virtual board, with charges faster than in life."""
    data, artifact, model = tmp_path / "my_charges", tmp_path / "artifact", tmp_path / "model"
    for device in DEVICES:
        for unit in range(N_UNITS):
            labels = ["--device", device, "--unit", f"unit_{unit}", "--charger", "bench", "--sensor", "played"]
            files = played(shelf, device, unit)
            run_module("host", *record(native_board, data, files, *labels, "--speed", "0", "--wait", "20"))
    run_module("train", "validate", data)
    with (data / "sessions.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == len(DEVICES) * N_UNITS * N_CHARGES
    assert {(row["device"], row["unit"], row["charger"], row["sensor"]) for row in rows} == {
        (device, f"unit_{unit}", "bench", "played") for device in DEVICES for unit in range(N_UNITS)
    }
    assert sum(row["ended"] == "full" for row in rows) >= 7
    run_module("train", "fit", "--data", data, "--out", artifact)
    run_module("codegen", "compile", "--artifact", artifact, "--out", model)
    done = run_pio("run", "-e", "native", build_dir=tmp_path / "pio", WATTPRINT_MODEL_DIR=str(model))
    assert done.returncode == 0, done.stdout + done.stderr
    program = tmp_path / "pio" / "native" / "program"
    verdict = run_module(
        *("host", "verify", "--port", "sim", "--firmware", program, "--artifact", artifact, "--data", data)
    ).splitlines()[-1]
    assert verdict.startswith("PASS"), verdict
    assert " 0 mismatches" in verdict
