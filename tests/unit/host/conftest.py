"""A board as a program, an artifact and a reference for whole runs of the command, with no compiler."""

from __future__ import annotations

import random
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.unit.host.fake_board import Values, expected_answers
from train.artifact import Artifact, write_artifact

ROOT = Path(__file__).resolve().parents[3]
FEATURES = ["elapsed_s", "voltage_mv", "current_ma"]
DEVICES = [f"device_{k}" for k in range(7)]

# By way of sh: the line after #! takes no path with a space in it.
START = """#!/bin/sh
exec "{python}" "$0.py" "$@"
"""
PROGRAM = """
import os, select, sys, termios, tty
sys.path.insert(0, {root!r})
from tests.unit.host.fake_board import FakeBoard, answer_of
import tests.unit.host.fake_board as fake
board = FakeBoard({model_hash!r})
{behaviour}
master, slave = os.openpty()
tty.setraw(slave)
print(os.ttyname(slave), flush=True)
os.write(master, board.hello(boot=0))
while True:
    ready, _, _ = select.select([master, 0], [], [])
    if 0 in ready and not os.read(0, 64):
        break
    if master in ready:
        reply = board.receive(os.read(master, 4096))
        if reply:
            os.write(master, reply)
"""
SILENT = "board.receive = lambda data: b''; board.hello = lambda boot: b''"
SLOW = "take = board.take\ndef slow(text):\n    import time; time.sleep(0.05); return take(text)\nboard.take = slow"
WRONG_AT_17 = """
def wrong(sequence, state):
    body = answer_of(sequence, state).split(",")
    if sequence == 17:
        body[5] = format(int(body[5], 16) + 1, "X")
    return ",".join(body)
fake.answer_of = wrong
"""


@dataclass(frozen=True)
class Bench:
    """What a run of `host verify` needs."""

    artifact: Artifact
    reference: Path
    program: Callable[..., Path]
    n_samples: int

    def arguments(self, program: Path | None = None, skip: str = "host-c,determinism,timing") -> list[str]:
        """Of the command; the artifact is no model that could be compiled, so C-on-host is left out."""
        firmware = program or self.program()
        settings = self.reference.with_name("no_settings.toml")  # the project's own have budgets
        settings.touch()
        return [
            *("verify", "--port", "sim", "--artifact", str(self.artifact.path)),
            *("--reference", str(self.reference), "--firmware", str(firmware), "--skip", skip),
            *("--config", str(settings)),
        ]


def charges() -> list[list[Values]]:
    source = random.Random(7)
    found = []
    for n in (40, 130, 25):
        t_ms = source.randrange(2**20)
        samples = []
        for _ in range(n):
            t_ms += 1_000
            samples.append((t_ms, source.randrange(4_000, 21_000), source.randrange(0, 3_000)))
        found.append(samples)
    return found


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    manifest = {
        "schema": 2,
        "kind": "forest",
        "name": "bench",
        "features_version": 2,
        "features": FEATURES,
        "devices": DEVICES,
        "device_model": {"file": "device.json", "output_scale_log2": 12},
        "softmax": {"multiplier": 1, "shift": 0},
        "unknown_below_permille": 300,
        "remaining_model": {"file": "remaining.json", "output_scale_log2": 6},
        "quantiles_permille": [100, 500, 900],
        "prototypes": None,
        "history": {device: {"duration_s": 3600, "charge_mah": 2000, "power_mw": 9000} for device in DEVICES},
        "remaining_baseline": None,
        "remaining_of_duration": False,
        "smoothing_s": 0,
        "interval": [[0, 0, 0]],
        "full_durations_s": {},
        "split": {"train": ["device_0/a"], "calibration": [], "held_out": ["device_1/b", "device_2/c"]},
        "data": {},
        "training": {},
        "versions": {},
    }
    folder = tmp_path_factory.mktemp("bench") / "artifact"
    return write_artifact(folder, manifest, {"device.json": b"{}", "remaining.json": b"{}"})


@pytest.fixture
def bench(artifact: Artifact, tmp_path: Path) -> Bench:
    data = charges()
    bodies = [body for samples in data for body in expected_answers(samples)]
    answers = np.array([[int(field, 16) for field in body.split(",")[2:]] for body in bodies], dtype=np.int64)
    columns = np.array([values for samples in data for values in samples], dtype=np.int64)
    offsets = np.cumsum([0, *map(len, data)])
    truth = np.concatenate([np.arange(len(samples))[::-1] for samples in data])
    reference = tmp_path / "reference.npz"
    np.savez(
        reference,
        model_hash=np.array(artifact.model_hash),
        device_names=np.array(DEVICES),
        sessions=np.array(["s0", "s1", "s2"]),
        session_devices=np.array(DEVICES[:3]),
        session_units=np.array(["a", "b", "c"]),
        offsets=offsets.astype(np.int64),
        t_ms=columns[:, 0].astype(np.uint32),
        voltage_mv=columns[:, 1].astype(np.int32),
        current_ma=columns[:, 2].astype(np.int32),
        features=columns.astype(np.int32),
        state_crc=answers[:, 6].astype(np.uint32),
        phase=np.zeros(len(bodies), np.uint8),
        true_remaining_s=truth.astype(np.int32),
        baseline_remaining_s=(truth + 120).astype(np.int32),
        device=answers[:, 0].astype(np.uint8),
        confidence_permille=answers[:, 1].astype(np.uint16),
        remaining_s=answers[:, 2:5].astype(np.int32),
        flags=answers[:, 5].astype(np.uint8),
    )

    def program(behaviour: str = "", model_hash: str = artifact.model_hash) -> Path:
        path = tmp_path / "program"
        text = PROGRAM.format(root=str(ROOT), behaviour=behaviour, model_hash=model_hash)
        path.with_name("program.py").write_text(text, encoding="utf-8")
        path.write_text(START.format(python=sys.executable), encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return Bench(artifact, reference, program, len(bodies))
