"""Real input: recorded charges of cells the model has not seen, through the firmware, every answer equal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from host.cli import main
from tests.firmware.conftest import ROOT, run_pio
from train.artifact import load_artifact

pytestmark = [pytest.mark.recordings, pytest.mark.firmware, pytest.mark.slow]

DEVICE = "nasa_18650_2ah"
HELD_OUT = [f"{DEVICE}/B0033", f"{DEVICE}/B0042"]


def run_module(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_recorded_charges_of_unseen_cells(recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, artifact, model, place = (tmp_path / name for name in ("data", "artifact", "model", "verify.json"))
    run_module("train", "import", "nasa", recordings, data)
    run_module("train", "fit", "--data", data, "--out", artifact, "--hold-out", *HELD_OUT)
    run_module("codegen", "compile", "--artifact", artifact, "--out", model)
    done = run_pio("run", "-e", "native", build_dir=tmp_path / "pio", WATTPRINT_MODEL_DIR=str(model))
    assert done.returncode == 0, done.stdout + done.stderr

    program = str(tmp_path / "pio" / "native" / "program")
    arguments = ["verify", "--port", "sim", "--firmware", program, "--artifact", str(artifact), "--data", str(data)]
    assert main([*arguments, "--out", str(place)]) == 0

    report = json.loads(place.read_text(encoding="utf-8"))
    assert report["mismatches"] == 0
    assert report["samples"] > 10_000
    assert report["board"]["model_hash"] == load_artifact(artifact).model_hash
    assert {f"{charge['device']}/{charge['unit']}" for charge in report["charges"]} == set(HELD_OUT)
    # One device only: nothing to tell apart. How far off the minutes are is said beside the baseline, either way.
    assert report["error"]["accuracy"] == {}
    assert 0 < report["error"]["mae_minutes"]["overall"] < 60
    assert 0 < report["error"]["baseline_mae_minutes"]["overall"] < 60
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("PASS  ")
    assert any(line.startswith("  class median") for line in lines)
