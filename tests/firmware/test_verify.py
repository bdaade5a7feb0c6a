"""The whole proof on the real firmware: charges, forests, emitted C, PlatformIO's program, a pseudo-terminal."""

from __future__ import annotations

import json
import math
import random
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from host.board_sim import virtual_board
from host.cli import main
from host.messages import Prediction
from host.reference import load_reference
from host.session import Session
from host.transport import SerialLink
from tests.firmware.conftest import FLAGS, ROOT, run_pio, sources
from tests.oracle.features import oracle_features
from train.artifact import Artifact, load_artifact

pytestmark = pytest.mark.firmware

INCLUDES = ("lib/core/include", "ports")
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
    folder = tmp_path_factory.mktemp("trained")
    artifact, model, reference = folder / "artifact", folder / "model", folder / "reference.npz"
    run_module("train", "fit", "--data", dataset, "--out", artifact)
    run_module("codegen", "compile", "--artifact", artifact, "--out", model)
    run_module("codegen", "reference", "--artifact", artifact, "--data", dataset, "--out", reference)
    done = run_pio("run", "-e", "native", build_dir=folder / "pio", WATTPRINT_MODEL_DIR=str(model))
    assert done.returncode == 0, done.stdout + done.stderr
    return Trained(load_artifact(artifact), model, folder / "pio" / "native" / "program", dataset, reference)


def test_every_answer_of_unseen_units_is_equal(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = trained.arguments()[:-2]  # no reference: made from the data
    assert main([*arguments, "--data", str(trained.data), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["samples"] > 4_000
    assert report["mismatches"] == report["link"]["resets"] == 0
    assert report["board"]["model_hash"] == trained.artifact.model_hash
    assert report["board"]["answered"] == report["samples"]
    seen = {f"{charge['device']}/{charge['unit']}" for charge in report["charges"]}
    assert seen
    assert seen <= set(trained.artifact.split["held_out"])
    assert report["error"]["mae_minutes"].keys() == report["error"]["baseline_mae_minutes"].keys()
    assert "overall" in report["error"]["mae_minutes"]


def test_the_reference_has_the_oracle_s_features(trained: Trained) -> None:
    with np.load(trained.reference) as file:
        end = int(file["offsets"][1])
        measured = [file[key][:end].tolist() for key in ("t_ms", "voltage_mv", "current_ma")]
        rows, _, phases = oracle_features(*measured)
        assert file["features"][:end].tolist() == rows
        assert file["phase"][:end].tolist() == phases


def test_a_board_with_another_model_is_refused(
    trained: Trained, native_board: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(trained.arguments(native_board)) == 4
    assert trained.artifact.model_hash in capsys.readouterr().err


class DamagedLink(SerialLink):
    """A serial line on which bytes are lost and bits flip, both ways."""

    def __init__(self, port: str, seed: int) -> None:
        super().__init__(port, 115_200)
        self.random = random.Random(seed)

    def damage(self, data: bytes) -> bytes:
        changed = bytearray(data)
        for _ in range(len(data)):
            if changed and self.random.random() < 0.0005:
                at = self.random.randrange(len(changed))
                if self.random.random() < 0.5:
                    del changed[at : at + self.random.randrange(1, 41)]
                else:
                    changed[at] ^= 1 << self.random.randrange(8)
        return bytes(changed)

    def send(self, data: bytes) -> None:
        super().send(self.damage(data))

    def receive(self, timeout_s: float) -> bytes:
        return self.damage(super().receive(timeout_s))


def test_a_bad_line_loses_and_changes_nothing(trained: Trained) -> None:
    charges = load_reference(trained.reference, trained.artifact.model_hash).charges
    charge = min(charges, key=lambda charge: len(charge.samples))
    answers: dict[int, Prediction] = {}

    def keep(index: int, answer: Prediction) -> None:
        assert answers.setdefault(index, answer) == answer

    with virtual_board(trained.program) as path, DamagedLink(path, seed=1) as link:
        session = Session(link, model_hash=trained.artifact.model_hash)
        session.open()
        session.replay(charge.samples, keep)
        counters = session.counters
    assert [answers[k] for k in range(len(charge.samples))] == charge.expected
    assert counters.damaged > 3
    assert counters.resent > 10
    assert counters.resets == 0


def split_that_is_met(trained: Trained) -> tuple[Path, str, str]:
    """A root split of the emitted C whose threshold some verified sample equals, and the same one further on."""
    with np.load(trained.reference) as file:
        features = file["features"]
    path = trained.model / "remaining.c"
    for match in re.finditer(r"int32_t var0;\n    if \(high\[(\d+)\] < (-?\d+)\)", path.read_text(encoding="utf-8")):
        feature, threshold = int(match.group(1)), int(match.group(2))
        if (features[:, feature] == threshold).sum() > 3:
            return path, match.group(), match.group().replace(f"< {threshold})", f"< {threshold + 1})")
    raise AssertionError("no root threshold is met exactly")


def core_constant(name: str, old: str, new: str) -> Callable[[Trained], tuple[Path, str, str]]:
    return lambda _: (ROOT / "firmware" / "lib" / "core" / "src" / name, old, new)


@pytest.mark.parametrize(
    ("find", "code"),
    [
        pytest.param(split_that_is_met, 1, id="threshold"),
        pytest.param(core_constant("features.c", "{5000u,", "{5001u,"), 1, id="filter"),
        # With another CRC the board takes every line for damaged, and is silent.
        pytest.param(core_constant("crc32.c", "0xEDB88320u", "0xEDB88321u"), 7, id="crc"),
    ],
)
def test_a_constant_off_by_one_is_noticed(
    trained: Trained,
    find: Callable[[Trained], tuple[Path, str, str]],
    code: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, old, new = find(trained)
    text = path.read_text(encoding="utf-8")
    assert old in text
    changed = tmp_path / path.name
    changed.write_text(text.replace(old, new, 1), encoding="utf-8")
    parts = [Path(part) for part in sources("src", "ports/native", "lib/core/src")] + list(trained.model.glob("*.c"))
    includes = [
        f"-I{folder}" for folder in (trained.model, *(ROOT / "firmware" / name for name in INCLUDES), path.parent)
    ]
    program = tmp_path / "program"
    command = ["gcc", *FLAGS, *includes, *(str(changed if part == path else part) for part in parts)]
    subprocess.run([*command, "-o", str(program)], check=True, timeout=120)
    assert main(trained.arguments(program)) == code
    assert ("first divergence" in capsys.readouterr().out) == (code == 1)
