"""Figures of a unit's later charges by a model of its first ones."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.unit.train.fleet import charge
from train.evaluate.metrics import ChargeAnswers
from train.models import few
from train.sessions.dataset import write_dataset
from train.sessions.simulator import simulate

ROOT = Path(__file__).resolve().parents[2]


def tool(name: str) -> ModuleType:
    """A script of tools/."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def test_later_charges_of_each_unit_are_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(few, "PRIOR_UNITS", 1)
    limited = replace(charge(0, 0, 14), ended="limit", full_t_ms=None)
    write_dataset(tmp_path / "mine", [*(charge(0, 0, n) for n in range(10, 14)), limited, charge(1, 0, 3)])
    arguments = [str(tmp_path / "mine"), "--charges", "3", "--out", str(tmp_path / "rows.json")]
    assert tool("own_device").main(arguments) == 2  # the one that is scored was stopped by a limit
    assert "no unit has a full charge" in capsys.readouterr().err
    write_dataset(tmp_path / "mine", [charge(0, 0, n) for n in range(10, 15)], force=True)
    assert tool("own_device").main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.rpartition("  ")[2] for line in lines] == ["3, none", "3, fleet --own-only"]
    rows = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))
    assert [row["baseline_overall"] for row in rows] == [rows[0]["baseline_overall"]] * 2  # of the same charges
    assert f"{rows[0]['off_overall'] / rows[0]['baseline_overall']:.2f} (" in lines[0]


def test_too_few_charges(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(tmp_path / "mine", [charge(0, 0, number) for number in range(3)])
    assert tool("own_device").main([str(tmp_path / "mine")]) == 2
    assert "no unit has more than 3 charges" in capsys.readouterr().err


def test_bounds_of_charges_of_a_steady_current() -> None:
    """1 A for 1000 to 4000 s: told the charge to go, nothing is left to guess."""
    own_bounds = tool("own_bounds")
    mine, answered = [], []
    for number, full_s in enumerate((1000, 2000, 4000)):
        t_s = np.arange(0, full_s + 1, 10)
        one = replace(charge(0, 0, 0), session=f"c{number}", t_ms=(1000 * t_s).astype(np.uint32))
        flat = np.full(len(t_s), 1000, np.int32)
        mine.append(replace(one, voltage_mv=5 * flat, current_ma=flat, full_t_ms=1000 * full_s))
        left = (full_s - t_s).astype(np.int32)
        none = np.zeros(len(t_s), np.int32)
        answered.append(
            ChargeAnswers(
                device=0, unit=one.unit_key, elapsed_ms=1000 * t_s, regular=none == 0, answer_device=none,
                unknown=none > 0, remaining_s=np.stack([none] * 3, axis=1), baseline_s=none, true_remaining_s=left,
                session=f"c{number}",
            )
        )  # fmt: skip
    found = own_bounds.bound_answers(answered[1:], [mine])
    assert set(found) == set(own_bounds.BOUNDS)
    off = {name: [item.remaining_s[0, 1] - item.true_remaining_s[0] for item in given] for name, given in found.items()}
    assert off == {"others": [500, -2500], "hindsight": [1000, -1000], "to go": [0, -2000]}
    for item in found["to go"]:
        known = item.true_remaining_s <= 2000  # another has been there
        assert np.array_equal(item.remaining_s[known, 1], item.true_remaining_s[known])
    assert own_bounds.bound_answers(answered[:1], [mine[:1]]) == {name: [] for name in own_bounds.BOUNDS}


def test_a_split_by_row_leaks() -> None:
    """The same charges and forest: only rows of a charge that was learnt from tell how long that one takes."""
    kinds = ["camera", "earbud_case"]
    charges = list(simulate(kinds, seed=3, units_per_device=1, charges_per_unit=8, period_ms=10_000))
    own_rows = tool("own_rows")
    right_by_row, off_by_row = own_rows.row_split(charges, kinds, "row")
    _, off_by_charge = own_rows.row_split(charges, kinds, "charge")
    assert right_by_row > 0.99
    assert off_by_row < off_by_charge / 2
