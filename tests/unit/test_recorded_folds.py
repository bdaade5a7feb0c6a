"""Figures over all units of a dataset, each left out in turn."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.unit.train.fleet import dataset

ROOT = Path(__file__).resolve().parents[2]


def loaded() -> ModuleType:
    """The tool."""
    spec = importlib.util.spec_from_file_location("recorded_folds", ROOT / "tools" / "recorded_folds.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(arguments: list[str]) -> int:
    """Run the tool; returns its exit code."""
    code: int = loaded().main(arguments)
    return code


def figures(line: str) -> list[float]:
    """Minutes off at each horizon, of a line."""
    return [float(part.partition("/")[0]) for part in line.split() if part[0].isdigit() and "/" in part]


def test_each_unit_is_left_out_once_and_all_are_put_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(dataset(tmp_path / "data", n_devices=1, n_units=3, n_charges=2))]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.rpartition("  ")[2] for line in lines] == ["device0/u0", "device0/u1", "device0/u2", "all together"]
    *folds, pooled = map(figures, lines)
    assert len(pooled) == 7
    for horizon, value in enumerate(pooled):  # of as many charges each
        assert value == pytest.approx(sum(fold[horizon] for fold in folds) / 3, abs=0.011)


@pytest.mark.parametrize("arguments", [["--leave", "2"], ["--leave", "0"]])
def test_something_must_be_left(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(dataset(tmp_path / "data", n_devices=1, n_units=2)), *arguments]) == 2
    assert "of 2 units" in capsys.readouterr().err


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_small_simulated_sets(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    tool = loaded()
    monkeypatch.setattr(tool, "SMALL_SETS", ((("earbud_case",), 2, "built-in"),))
    monkeypatch.setattr(tool, "SMALL_CHARGES", 3)
    assert tool.main(["--simulated"]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.rpartition("  ")[2] for line in lines] == [
        "earbud_case/s77u00",
        "earbud_case/s77u01",
        "all together: 2 units of earbud_case, built-in",
    ]


def test_a_folder_or_simulated_sets() -> None:
    with pytest.raises(SystemExit) as raised:
        main([])
    assert raised.value.code == 2
