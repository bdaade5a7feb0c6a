"""Which charges of a dataset are streamed where nobody says: those of unseen units, where the artifact keeps any."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from host import verify_charges
from tests.unit.host.conftest import DEVICES, Bench

ALL_TRAINED = {"train": [f"{device}/{unit}" for device, unit in zip(DEVICES, "abc", strict=False)]}


@pytest.mark.parametrize(
    ("held_out", "asked", "taken"),
    [
        (["device_9/z"], None, "held-out"),
        ([], None, "all"),
        ([], "held-out", "held-out"),
        (["device_9/z"], "all", "all"),
    ],
)
def test_charges_of_units_the_model_knows(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    held_out: list[str],
    asked: str | None,
    taken: str,
) -> None:
    commands: list[list[str]] = []

    def answer(_: str, command: list[str]) -> None:
        commands.append(command)
        shutil.copy(bench.reference, command[command.index("--out") + 1])

    monkeypatch.setattr(verify_charges, "run_module", answer)
    split: dict[str, Any] = {**ALL_TRAINED, "calibration": [], "held_out": held_out}
    args = argparse.Namespace(reference=None, data=Path("mine"), split=asked, charges=None, session=None)
    (work := tmp_path / "work").mkdir()
    _, charges = verify_charges.charges_of(args, replace(bench.artifact, split=split), work)
    assert commands[0][commands[0].index("--split") + 1] == taken
    assert len(charges) == 3
    assert capsys.readouterr().err.startswith("note: the model has been trained on each of these units")


def test_no_note_on_units_it_has_not_seen(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = argparse.Namespace(reference=bench.reference, data=Path("x"), split=None, charges=None, session=None)
    _, charges = verify_charges.charges_of(args, bench.artifact, tmp_path)
    assert [charge.unit for charge in charges] == ["a", "b", "c"]
    assert capsys.readouterr().err == ""
