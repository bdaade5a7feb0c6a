"""Forests trained on a few made-up charges, their C and the native firmware with it: built once a session."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from train.artifact import Artifact, load_artifact

ROOT = Path(__file__).resolve().parents[2]

DEVICES = {"phone": (3_000, 700, 900), "watch": (400, 500, 500), "laptop": (4_500, 900, 1_100)}
"""Current in mA at the start, time constant of the taper in s, seconds until it begins."""


def write_charge(path: Path, device: str, source: random.Random) -> None:
    """A charge with jitter, gaps and, on some meters, a sample every few seconds only."""
    nominal_ma, tau_s, nominal_s = DEVICES[device]
    start_ma, constant_s = nominal_ma * source.uniform(0.9, 1.1), nominal_s * source.uniform(0.4, 1.6)
    spacing_s = source.choice([1.0, 1.0, 1.0, 4.0])
    t_ms, rows = source.randrange(2**31), ["t_ms,voltage_mv,current_ma"]
    origin_ms = t_ms
    while True:
        elapsed_s = (t_ms - origin_ms) / 1000
        current_ma = start_ma * math.exp(-max(0.0, elapsed_s - constant_s) / tau_s)
        rows.append(f"{t_ms},{5_000 + source.randrange(-30, 30)},{max(0, round(current_ma + source.gauss(0, 8)))}")
        if current_ma < 0.03 * start_ma:
            break
        t_ms += round(spacing_s * 1000) + source.randrange(-40, 40) + (source.random() < 0.002) * 90_000
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("charges") / "data"
    folder.mkdir()
    rows = ["session,device,unit,charger,ended"]
    for device in DEVICES:
        for unit in range(6):
            for charge in range(2):
                session = f"{device}_{unit}_{charge}"
                write_charge(folder / f"{session}.csv", device, random.Random(session))
                rows.append(f"{session},{device},u{unit},bench,full")
    (folder / "sessions.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def run_module(*arguments: str | Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass(frozen=True)
class Trained:
    artifact: Artifact
    model: Path  # emitted C
    program: Path
    data: Path
    reference: Path  # held-out charges

    def arguments(self, program: Path | None = None) -> list[str]:
        return [
            *("verify", "--port", "sim", "--firmware", str(program or self.program)),
            *("--artifact", str(self.artifact.path), "--reference", str(self.reference)),
        ]


@pytest.fixture(scope="session")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    from tests.firmware.conftest import run_pio  # which imports this fixture

    folder = tmp_path_factory.mktemp("trained")
    artifact, model, reference = folder / "artifact", folder / "model", folder / "reference.npz"
    run_module("train", "fit", "--data", dataset, "--out", artifact)
    run_module("codegen", "compile", "--artifact", artifact, "--out", model)
    run_module("codegen", "reference", "--artifact", artifact, "--data", dataset, "--out", reference)
    done = run_pio("run", "-e", "native", build_dir=folder / "pio", WATTPRINT_MODEL_DIR=str(model))
    assert done.returncode == 0, done.stdout + done.stderr
    return Trained(load_artifact(artifact), model, folder / "pio" / "native" / "program", dataset, reference)
