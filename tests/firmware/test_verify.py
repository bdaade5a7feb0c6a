"""The whole proof on the real firmware: charges, forests, emitted C, PlatformIO's program, a pseudo-terminal."""

from __future__ import annotations

import json
import math
import random
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from codegen.emit.artifact import read_artifact_model
from codegen.emit.forest import forest_files
from codegen.ir.forest import Split, Tree
from host.board_sim import virtual_board
from host.cli import main
from host.messages import Prediction
from host.reference import load_reference
from host.session import Session
from host.transport import SerialLink
from tests.firmware.conftest import FLAGS, HEADERS, NATIVE, ROOT, sources
from tests.firmware.training import Trained
from tests.oracle.features import oracle_features

pytestmark = [pytest.mark.firmware, pytest.mark.xdist_group("trained")]


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
    # What the project's own budgets limit cannot be measured on a program of this machine.
    assert {check["group"] for check in report["checks"] if check["verdict"] != "PASS"} <= {"budget"}
    assert report["host_c"]["compiler"]
    assert report["determinism"]["reset_differ"] == 0
    assert report["quantisation"]["devices_differ"] == 0
    # Rounded to whole seconds, and before that each tree's leaf to the bits of its table.
    assert 0.4 < report["quantisation"]["remaining_s"]["largest"] < 20
    trained_error = report["quantisation"]["error"]["mae_minutes"]["overall"]
    assert report["error"]["mae_minutes"]["overall"] == pytest.approx(trained_error, abs=1 / 60)


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
    """The emitted C, and what it is with a root's threshold one further on, one that some verified sample equals."""
    with np.load(trained.reference) as file:
        features = file["features"]
    model = trained.artifact.remaining_model
    source = read_artifact_model(trained.artifact, model, 3)

    def emitted(trees: tuple[Tree, ...]) -> str:
        files, _ = forest_files(
            replace(source, forest=replace(source.forest, trees=trees)),
            "wp_remaining",
            file="remaining",
            style="balanced",
            feature_type="int32",
            output_scale_log2=model.output_scale_log2,
            leaf_bits=model.leaf_bits,
        )
        return files["remaining.c"]

    trees = source.forest.trees
    for index, tree in enumerate(trees):
        root = tree.root
        if isinstance(root, Split) and (features[:, root.feature] == math.ceil(root.threshold)).sum() > 3:
            moved = replace(tree, root=replace(root, threshold=math.ceil(root.threshold) + 1))
            return (
                trained.model / "remaining.c",
                emitted(trees),
                emitted((*trees[:index], moved, *trees[index + 1 :])),
            )
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
    parts = [Path(part) for part in sources(*NATIVE)] + list(trained.model.glob("*.c"))
    includes = [
        f"-I{folder}" for folder in (trained.model, *(ROOT / "firmware" / name for name in HEADERS), path.parent)
    ]
    program = tmp_path / "program"
    command = ["gcc", *FLAGS, *includes, *(str(changed if part == path else part) for part in parts)]
    subprocess.run([*command, "-o", str(program)], check=True, timeout=120)
    assert main(trained.arguments(program)) == code
    out = capsys.readouterr().out
    if code != 1:
        assert "first divergence" not in out
        return
    # The C on this machine is made from the artifact and the core as they are: it acquits them.
    assert "C on this machine answers as the reference: look at the board's build" in out
    (place,) = re.findall(r"^first divergence: (charge \S+, sample \d+)", out, re.MULTILINE)
    (again,) = re.findall(r"^  reproduce: (.+)$", out, re.MULTILINE)
    done = subprocess.run(again, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S602
    assert done.returncode == 1, done.stderr
    assert f"first divergence: {place}:" in done.stdout
