"""The whole way with a network that keeps a state: trained, converted, compiled, run by the virtual board, proved."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.firmware.training import ROOT

SETTINGS = """
[network]
topology = "gru"
epochs = 4
distil = 0.0
[network.gru]
inputs = 16
units = 8
hidden = 8
tick_s = 20
[forest.device]
rounds = 3
[forest.remaining]
rounds = 3
[split]
enough_calibration_units = 0
[verify]
charges = 2
"""


@pytest.mark.firmware
@pytest.mark.network
@pytest.mark.slow
def test_a_build_with_a_network_is_proved(dataset: Path, tmp_path: Path) -> None:
    """Every answer over the serial line, state and its CRC, again after a reset; and a report a person can open."""
    config, out = tmp_path / "gru.toml", tmp_path / "build"
    config.write_text(SETTINGS, encoding="utf-8")
    command = [sys.executable, "-m", "codegen", "build", "--data", dataset, "--config", config, "--out", out]
    command += ["--model", "network", "--budget-flash", "40000", "--json"]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["model"]["kind"] == "network"
    assert (report["verify"]["verdict"], report["verify"]["mismatches"]) == ("PASS", 0)
    assert report["verify"]["samples"] > 1000
    checks = {check["group"]: check["verdict"] for check in report["verify"]["checks"]}
    assert {checks[group] for group in ("board", "codegen", "platform", "repeatable", "reset")} == {"PASS"}
    assert next(row["style"] for row in report["styles"] if row["chosen"]) in ("aot", "aot-fast")
    assert "on calibration units: device right" in report["evaluation"]["notes"][0]
    assert "network" in (out / "report.html").read_text(encoding="utf-8")
